"""The brake on guessing the password."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta


class SignIns:
    """Failed sign-ins by address: five in five minutes, then wait."""

    def __init__(self, clock: Callable[[], datetime], *, limit: int = 5, window: float = 300.0) -> None:
        self._clock = clock
        self._limit = limit
        self._window = timedelta(seconds=window)
        self._failed: dict[str, deque[datetime]] = defaultdict(deque)

    def allowed(self, address: str) -> bool:
        """Whether this address may try now."""
        failed = self._failed[address]
        while failed and self._clock() - failed[0] > self._window:
            failed.popleft()
        if not failed:
            del self._failed[address]
        return len(failed) < self._limit

    def failed(self, address: str) -> None:
        """One more wrong password."""
        self._failed[address].append(self._clock())
