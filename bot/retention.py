"""What the consent text promises: a draft that was never submitted is gone after the pack's number of days.

A conversation nobody touched goes whole. One that goes on, or from which a case was sent, may hold other households'
drafts: each goes by itself, so many days after that household was last spoken of.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog

from bot import household_privacy
from bot.clock import Clock
from bot.packs import Packs
from bot.worker import Worker
from dialogues import households
from dialogues.state import DialogueState
from integrations.ports import FileStore, NotFound, StaleState, Storage, StorageUnavailable
from integrations.storage.privacy import erase_conversation

_log = structlog.get_logger(__name__)

# The promise is in days; looking once an hour keeps it.
EVERY_SECONDS = 3600.0
# Every conversation is opened for its households' days: only when one is due, and to learn what falls due next.
LOOK_AGAIN = timedelta(days=1)
WHO = "retention"


class Retention:
    """Erases what nobody touched for the pack's `consent.draft_days` days and no case came of: conversations, and
    households of those that go on."""

    def __init__(
        self, *, storage: Storage, files: FileStore, packs: Packs, worker: Worker, clock: Clock
    ) -> None:
        self._storage = storage
        self._files = files
        self._packs = packs
        self._worker = worker
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._next_look: dict[str, datetime] = {}

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
        """Erase what is due now; the number of conversations and households erased.

        Raises:
            StorageUnavailable: the rest is left for the next time.
        """
        erased = 0
        for pack in self._packs.names():
            try:
                if await self._any_idle(pack):
                    erased += await self._erase_due(pack)
                if self._clock() >= self._next_look.get(pack, self._clock()):
                    erased += await self._erase_households(pack)
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
        days = await self._days(pack)
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

    async def _days(self, pack: str) -> int:
        desk = await asyncio.to_thread(self._packs.desk, pack)
        return int(desk.knowledge.text("consent.draft_days"))

    async def _erase_households(self, pack: str) -> int:
        """Erase the drafts that are due of conversations that stay; note when to look again."""
        now, erased, after = self._clock(), 0, ""
        again, days = now + LOOK_AGAIN, None
        while True:
            async with self._storage.read() as tx:
                rows = await tx.conversations.begun(pack, now - LOOK_AGAIN, after)
            if not rows:
                break
            after = rows[-1].id
            for row in rows:
                if row.state is None:
                    continue
                # The pack is opened only where there is a draft its days count for.
                days = await self._days(pack) if days is None else days
                state = DialogueState.model_validate(row.state)
                if households.abandoned(state, now - timedelta(days=days)):
                    erased += await self._erase_abandoned(row.id, now - timedelta(days=days))
                spoken = [one.spoken_at for _, one in households.every(state) if one.spoken_at is not None]
                due = (at + timedelta(days=days) for at in spoken)
                again = min([again, *(at for at in due if at > now)])
        self._next_look[pack] = again
        if erased:
            _log.info("drafts_erased", pack=pack, households=erased, older_than_days=days)
        return erased

    async def _erase_abandoned(self, conversation_id: str, before: datetime) -> int:
        """One household after the other, each looked at again under the lock."""
        erased = 0
        async with self._worker.alone(conversation_id):
            while due := households.abandoned(await self._state(conversation_id), before):
                try:
                    await household_privacy.erase(
                        self._storage, self._files, conversation_id, due[0], who=WHO
                    )
                except (NotFound, StaleState):
                    break
                erased += 1
        return erased

    async def _state(self, conversation_id: str) -> DialogueState:
        async with self._storage.read() as tx:
            row = await tx.conversations.get(conversation_id)
        return (
            DialogueState() if row is None or row.state is None else DialogueState.model_validate(row.state)
        )

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
