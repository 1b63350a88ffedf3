"""Hints that something is new: the database is the truth, a hint only saves waiting for the next look at it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

import structlog

from integrations.ports import Bus, Json

_TOPIC = "hints"
_log = structlog.get_logger(__name__)

STAFF = "staff"
OUTBOX = "outbox"


def conversation_key(conversation_id: str) -> str:
    """The key under which a conversation's new messages are hinted."""
    return f"conversation:{conversation_id}"


def delivery_key(channel: str) -> str:
    """The key under which a push channel's queued messages are hinted."""
    return f"delivery:{channel}"


class Listener:
    """What was hinted since the last look, oldest first and each once. Bounded: hints may be lost, rows may not."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._hints: dict[str, Json] = {}

    def put(self, hint: Json) -> None:
        """Add a hint; one that says the same replaces the earlier."""
        if len(self._hints) < 1000:
            self._hints[str(sorted(hint.items()))] = hint
        self._event.set()

    async def wait(self, timeout: float) -> list[Json]:  # noqa: ASYNC109 (a silence is an answer here, no error)
        """The hints there are, or an empty list after `timeout` seconds of silence."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        self._event.clear()
        found, self._hints = list(self._hints.values()), {}
        return found


class Hints:
    """Hints within this process at once, and to the other workers over the bus: one subscription a process."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to hear the other workers."""
        self._task = asyncio.create_task(self._receive(), name="hints")

    async def stop(self) -> None:
        """Stop hearing."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.asynccontextmanager
    async def listen(self, key: str) -> AsyncIterator[Listener]:
        """Collects the hints of `key` from the moment the block is entered."""
        listener = Listener()
        self._listeners[key].add(listener)
        try:
            yield listener
        finally:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key]

    async def give(self, key: str, hint: Json | None = None) -> None:
        """Hint here and, when the bus is there, everywhere."""
        self._put(key, hint or {})
        try:
            await self._bus.publish(_TOPIC, {"key": key, "hint": hint or {}})
        except Exception as error:
            # Nothing is lost: listeners look at the database from time to time anyway.
            _log.warning("hint_not_published", topic=key.partition(":")[0], error=repr(error))

    def _put(self, key: str, hint: Json) -> None:
        for listener in self._listeners.get(key, ()):
            listener.put(hint)

    async def _receive(self) -> None:
        while True:
            try:
                async with self._bus.subscribe(_TOPIC) as messages:
                    async for message in messages:
                        self._put(str(message["key"]), dict(message["hint"]))
            except Exception as error:
                _log.warning("hints_interrupted", error=repr(error))
            await asyncio.sleep(1)
