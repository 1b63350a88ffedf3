"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Call it for the time (aware, UTC); `advance` moves it."""

    def __init__(self, start: datetime = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def now(self) -> datetime:
        return self._now

    def advance(self, delta: timedelta | None = None, **parts: float) -> datetime:
        """`advance(days=2)` or `advance(timedelta(days=2))`; returns the new time."""
        self._now += (delta or timedelta()) + timedelta(**parts)
        return self._now

    def set(self, to: datetime) -> None:
        self._now = to
