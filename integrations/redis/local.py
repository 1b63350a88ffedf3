"""The bus within one process. Also what the Redis bus falls back on while Redis is away."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from integrations.ports import Json

# Hints a subscriber may lag behind before the oldest are dropped: they are hints, the database has the rows.
_BACKLOG = 1000
_SWEEP_EVERY = 1000


class Hub:
    """Publish/subscribe within the process."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, set[asyncio.Queue[Json]]] = defaultdict(set)

    def publish(self, topic: str, message: Json) -> None:
        for queue in self._queues.get(topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[AsyncIterator[Json]]:
        queue: asyncio.Queue[Json] = asyncio.Queue(_BACKLOG)
        self._queues[topic].add(queue)
        try:
            yield _drain(queue)
        finally:
            self._queues[topic].discard(queue)
            if not self._queues[topic]:
                del self._queues[topic]


async def _drain(queue: asyncio.Queue[Json]) -> AsyncIterator[Json]:
    while True:
        yield await queue.get()


class Locks:
    """Named locks, first come first served; a name nobody holds or waits for takes no memory."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            _, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)


class Windows:
    """Sliding windows. `clock`: seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: dict[str, tuple[float, deque[float]]] = {}
        self._until_sweep = _SWEEP_EVERY

    def allow(self, key: str, limit: int, window: float) -> bool:
        now = self._clock()
        _, calls = self._calls.get(key, (window, deque()))
        while calls and calls[0] <= now - window:
            calls.popleft()
        allowed = len(calls) < limit
        if allowed:
            calls.append(now)
        self._calls[key] = (window, calls)
        self._sweep(now)
        return allowed

    def give_back(self, key: str) -> None:
        _, calls = self._calls.get(key, (0.0, deque()))
        if calls:
            calls.pop()

    def _sweep(self, now: float) -> None:
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._until_sweep = _SWEEP_EVERY
            self._calls = {
                key: (window, calls)
                for key, (window, calls) in self._calls.items()
                if calls and calls[-1] > now - window
            }


class LocalBus:
    """integrations.ports.Bus for a service of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = Hub()
        self._locks = Locks()
        self._windows = Windows(clock)

    def lock(self, key: str, *, ttl: float = 30.0) -> AbstractAsyncContextManager[None]:
        """`ttl` has no meaning here: a lock within the process dies with it."""
        return self._locks.hold(key)

    async def allow(self, key: str, *, limit: int, window: float) -> bool:
        return self._windows.allow(key, limit, window)

    async def give_back(self, key: str) -> None:
        self._windows.give_back(key)

    async def publish(self, topic: str, message: Json) -> None:
        self._hub.publish(topic, message)

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[Json]]:
        return self._hub.subscribe(topic)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        """Nothing to close."""
