"""What the consent text promises: a draft that was never submitted is gone after the pack's number of days."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog

from bot.clock import Clock
from bot.packs import Packs
from bot.worker import Worker
from integrations.ports import FileStore, NotFound, Storage, StorageUnavailable
from integrations.storage.privacy import erase_conversation

_log = structlog.get_logger(__name__)

# The promise is in days; looking once an hour keeps it.
EVERY_SECONDS = 3600.0
WHO = "retention"


class Retention:
    """Erases conversations without a case that nobody touched for the pack's `consent.draft_days` days."""

    def __init__(
        self, *, storage: Storage, files: FileStore, packs: Packs, worker: Worker, clock: Clock
    ) -> None:
        self._storage = storage
        self._files = files
        self._packs = packs
        self._worker = worker
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with what fell due while the service was off."""
        self._task = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """End; an erasure in hand is one transaction and needs no waiting for."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def run_once(self) -> int:
        """Erase what is due now; the number of conversations erased.

        Raises:
            StorageUnavailable: the rest is left for the next time.
        """
        erased = 0
        for pack in self._packs.names():
            try:
                if await self._any_idle(pack):
                    erased += await self._erase_due(pack)
            except StorageUnavailable:
                raise
            except Exception:
                # A fault in one pack, and the promises made under the others are kept all the same.
                _log.exception("retention_failed", pack=pack, consequence="tried again in an hour")
        return erased

    async def _any_idle(self, pack: str) -> bool:
        """Whether it is worth opening the pack to read its number of days (which is one at least)."""
        async with self._storage.read() as tx:
            return bool(await tx.conversations.idle(pack, self._clock() - timedelta(days=1), limit=1))

    async def _erase_due(self, pack: str) -> int:
        desk = await asyncio.to_thread(self._packs.desk, pack)
        days = int(desk.knowledge.text("consent.draft_days"))
        before = self._clock() - timedelta(days=days)
        erased = 0
        while True:
            async with self._storage.read() as tx:
                due = await tx.conversations.idle(pack, before)
            done = sum([await self._erase(conversation_id, before) for conversation_id in due])
            erased += done
            if not done:
                break
        if erased:
            _log.info("drafts_erased", pack=pack, conversations=erased, older_than_days=days)
        return erased

    async def _erase(self, conversation_id: str, before: datetime) -> bool:
        # Held against a resident who comes back this very moment: looked at again under the lock.
        async with self._worker.alone(conversation_id):
            async with self._storage.read() as tx:
                row = await tx.conversations.get(conversation_id)
            if row is None or row.updated_at >= before:
                return False
            try:
                await erase_conversation(self._storage, self._files, conversation_id, who=WHO)
            except NotFound:
                return False
            return True

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except StorageUnavailable as error:
                _log.warning("retention_postponed", error=str(error))
            await asyncio.sleep(EVERY_SECONDS)
