"""The clock that is handed to everything that asks for the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, timezone-aware UTC."""
    return datetime.now(UTC)


class MovedClock:
    """The system's clock plus whatever a script waited (`/wait 2d`)."""

    def __init__(self) -> None:
        self._moved = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self._moved

    def move(self, by: timedelta) -> None:
        """Let `by` pass."""
        self._moved += by
