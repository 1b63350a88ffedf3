"""The bus on Redis.

While Redis is away nothing here raises and nobody waits for it: publish reaches the subscribers of this process, rate
limits count per process, and a lock excludes within this process only. Two workers may then work on one conversation;
the version of its state in the database decides between them (StaleState) and the loser's transaction leaves nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

import structlog
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from integrations.ports import Json
from integrations.redis.local import Hub, Locks, Windows
from integrations.redis.urls import Client

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PREFIX: Final = "jzt"
# One channel for all topics: one subscription a process, nothing to add or drop while it is read.
_CHANNEL: Final = f"{_PREFIX}:bus"
_FAILURES: Final = (RedisError, OSError, TimeoutError)
# After a failure Redis is left alone so long; a dead host must not cost every message a connect time-out.
_REST_SECONDS: Final = 1.0
_LOCK_POLL_SECONDS: Final = 0.05
_SUBSCRIBE_SECONDS: Final = 3.0

# Redis' own clock, so that workers with different clocks count alike. Microseconds fit a double exactly.
_ALLOW: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local window = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
return 1
"""


class RedisBus:
    """integrations.ports.Bus shared by all workers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._allow = client.register_script(_ALLOW)
        self._hub = Hub()
        self._locks = Locks()
        self._windows = Windows()
        self._away_until = 0.0
        self._listener: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    @asynccontextmanager
    async def lock(self, key: str, *, ttl: float = 30.0) -> AsyncIterator[None]:
        # The local lock first: tasks of one process queue in order and only one of them asks Redis.
        async with self._locks.hold(key):
            lock = self._client.lock(
                f"{_PREFIX}:lock:{key}", timeout=ttl, sleep=_LOCK_POLL_SECONDS, thread_local=False
            )
            taken = await self._or_without("lock", lock.acquire)
            renewal = asyncio.create_task(self._renew(lock, key, ttl)) if taken else None
            try:
                yield
            finally:
                if renewal is not None:
                    renewal.cancel()
                    # Redis gone or the lock lost: it ends by its ttl, and was logged when it happened.
                    with suppress(LockError, *_FAILURES):
                        await lock.release()

    async def allow(self, key: str, *, limit: int, window: float) -> bool:
        async def ask() -> bool:
            answer = await self._allow(
                keys=[f"{_PREFIX}:rate:{key}"], args=[limit, int(window * 1_000_000), uuid.uuid4().hex]
            )
            return bool(answer)

        answer = await self._or_without("allow", ask)
        return self._windows.allow(key, limit, window) if answer is None else answer

    async def give_back(self, key: str) -> None:
        async def take() -> bool:
            await self._client.zpopmax(f"{_PREFIX}:rate:{key}")
            return True

        if await self._or_without("give_back", take) is None:
            self._windows.give_back(key)

    async def publish(self, topic: str, message: Json) -> None:
        envelope = json.dumps({"topic": topic, "message": message})

        async def send() -> bool:
            await self._client.publish(_CHANNEL, envelope)
            return True

        if await self._or_without("publish", send) is None:
            self._hub.publish(topic, message)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[AsyncIterator[Json]]:
        async with self._hub.subscribe(topic) as messages:
            if self._listener is None:
                self._listener = asyncio.create_task(self._listen(), name="redis-bus")
            # Without Redis the block is entered all the same; it is subscribed when Redis comes.
            with suppress(TimeoutError):
                async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                    await self._listening.wait()
            yield messages

    async def ready(self) -> bool:
        try:
            await self._client.ping()
        except _FAILURES:
            return False
        self._away_until = 0.0
        return True

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
        await self._client.aclose()

    async def _or_without(self, what: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Redis' answer, or None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return await ask()
        except _FAILURES as error:
            self._away_until = time.monotonic() + _REST_SECONDS
            log.warning("redis is away, going on within this process", what=what, error=type(error).__name__)
            return None

    async def _renew(self, lock: Lock, key: str, ttl: float) -> None:
        while True:
            await asyncio.sleep(ttl / 3)
            try:
                await lock.reacquire()
            except LockError:
                log.warning("a lock was lost while held; the database's versions decide", lock=key)
                return
            except _FAILURES as error:
                log.warning("a lock could not be renewed", lock=key, error=type(error).__name__)

    async def _listen(self) -> None:
        """Hear the channel for as long as the bus lives, through every absence of Redis."""
        while True:
            pubsub = self._client.pubsub()
            try:
                await pubsub.subscribe(_CHANNEL)
                while True:
                    # The time-out lets redis-py send its health check on a silent connection.
                    message = await pubsub.get_message(timeout=5)
                    if message is None:
                        continue
                    if message["type"] == "subscribe":
                        self._listening.set()
                    elif message["type"] == "message":
                        self._deliver(message["data"])
            except _FAILURES as error:
                log.warning("redis subscription interrupted", error=type(error).__name__)
            finally:
                self._listening.clear()
                with suppress(*_FAILURES):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated
            await asyncio.sleep(_REST_SECONDS / 4)

    def _deliver(self, data: str) -> None:
        try:
            envelope = json.loads(data)
            self._hub.publish(str(envelope["topic"]), dict(envelope["message"]))
        except (ValueError, TypeError, KeyError):
            log.warning("something else is published on our channel", channel=_CHANNEL)
