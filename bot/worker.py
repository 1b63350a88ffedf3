"""Who works when: conversations at the same time, the messages of one conversation strictly one after the other.

The lock spares double work. What keeps the order when the lock fails (Redis away, a worker frozen past its lease)
is the state's version: of two workers on one conversation, one saves and the other starts over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from contextlib import AbstractAsyncContextManager

import structlog

from bot import metrics
from bot.submission import SubmissionInvalid
from bot.turn import Turns
from integrations.ports import Bus, MessageRow, StaleState, Storage, StorageUnavailable

_log = structlog.get_logger(__name__)

# A message found again after a crash is tried this often; then it is taken for the cause of the crash.
MAX_ATTEMPTS = 3


class Worker:
    """Works accepted messages, and finds those that a crash or an outage left behind."""

    def __init__(
        self,
        storage: Storage,
        bus: Bus,
        turns: Turns,
        *,
        sweep_seconds: float,
        at_once: int = 32,
    ) -> None:
        """`sweep_seconds`: how often abandoned work is looked for. `at_once`: conversations."""
        self._storage = storage
        self._bus = bus
        self._turns = turns
        self._sweep_seconds = sweep_seconds
        self._places = asyncio.Semaphore(at_once)
        self._wanted: set[str] = set()
        self._fresh: defaultdict[str, set[str]] = defaultdict(set)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin, with what was left behind first."""
        self._sweeper = asyncio.create_task(self._sweep(), name="sweeper")

    async def stop(self) -> None:
        """Finish the messages in hand, leave the rest to the next start."""
        self._stopping = True
        if self._sweeper:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def wake(self, conversation_id: str, *, fresh: MessageRow | None = None) -> None:
        """There is work. `fresh`: a message this process has just accepted, so no crash can be its fault."""
        if fresh:
            self._fresh[conversation_id].add(fresh.id)
        self._wanted.add(conversation_id)
        if conversation_id not in self._tasks and not self._stopping:
            task = asyncio.create_task(self._drain(conversation_id), name=f"conversation {conversation_id}")
            self._tasks[conversation_id] = task

    async def idle(self) -> None:
        """Wait until nothing is in hand in this process."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def alone(self, conversation_id: str) -> AbstractAsyncContextManager[None]:
        """Hold the conversation against every other worker."""
        return self._bus.lock(f"conversation:{conversation_id}")

    async def _drain(self, conversation_id: str) -> None:
        try:
            async with self._places:
                while conversation_id in self._wanted and not self._stopping:
                    self._wanted.discard(conversation_id)
                    async with self.alone(conversation_id):
                        async with self._storage.read() as tx:
                            pending = await tx.messages.pending(conversation_id)
                        for message in pending:
                            if self._stopping:
                                return
                            await self._work(message)
        except StorageUnavailable:
            _log.warning(
                "storage_unavailable", conversation_id=conversation_id, consequence="tried again soon"
            )
        except Exception:
            _log.exception("conversation_not_worked", conversation_id=conversation_id)
        finally:
            del self._tasks[conversation_id]
            self._fresh.pop(conversation_id, None)

    async def _work(self, message: MessageRow) -> None:
        ids = {"conversation_id": message.conversation_id, "message_id": message.id}
        with structlog.contextvars.bound_contextvars(**ids):
            if message.id not in self._fresh[message.conversation_id]:
                async with self._storage.begin() as tx:
                    attempts = await tx.messages.attempted(message.id)
                if attempts > MAX_ATTEMPTS:
                    _log.error("message_given_up", attempts=attempts, consequence="the resident was told")
                    await self._give_up(message, handoff=True)
                    return
            try:
                with metrics.TURN_SECONDS.time():
                    await self._turns.message(message)
            except (StorageUnavailable, StaleState):
                raise
            except Exception as error:
                _log.exception("turn_failed", consequence="the resident was told; the state is as before")
                await self._give_up(message, handoff=isinstance(error, SubmissionInvalid))

    async def _give_up(self, message: MessageRow, *, handoff: bool) -> None:
        metrics.TURN_FAILURES.inc()
        await self._turns.give_up(message, handoff=handoff)

    async def _sweep(self) -> None:
        while True:
            try:
                async with self._storage.read() as tx:
                    left = await tx.messages.conversations_with_pending()
                for conversation_id in left:
                    if conversation_id not in self._tasks:
                        self.wake(conversation_id)
            except Exception as error:
                _log.warning("sweep_failed", error=repr(error), consequence="tried again soon")
            await asyncio.sleep(self._sweep_seconds)
