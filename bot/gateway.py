"""The gateway: what channels, staff and the back office call. Accepting is quick and durable; working comes after."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot import intake, metrics
from bot.channels.base import Accepted, Capabilities, Rejected
from bot.clock import Clock
from bot.hints import STAFF, Hints, conversation_key, delivery_key
from bot.turn import Turns
from bot.worker import Worker
from integrations.documents.check import UnsupportedFile, check_file
from integrations.ports import (
    Bus,
    ConversationRow,
    DocumentRow,
    FileStore,
    Json,
    MessageRow,
    NotFound,
    Storage,
    StorageUnavailable,
)

_log = structlog.get_logger(__name__)

# How far back a pressed button's title is looked for: further up, nobody scrolls on a small phone.
_BUTTONS_BACK = 30
# Buttons and menu commands that channels always show, whatever was said.
_STANDING = {
    "x:human": "人工",
    "x:repeat": "再说一遍",
    "x:menu": "菜单",
    "x:cancel": "取消",
    "x:resume": "继续",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one conversation may send. Sizes: characters and bytes; `window` in seconds."""

    max_text: int = 2000
    max_file_bytes: int = 10 * 1024 * 1024
    rate: int = 60
    window: float = 30.0


class Gateway:
    """Implements `bot.channels.base.Gateway` and the staff's and the back office's way in."""

    def __init__(
        self,
        *,
        storage: Storage,
        bus: Bus,
        files: FileStore,
        hints: Hints,
        turns: Turns,
        worker: Worker,
        clock: Clock,
        pack: str,
        limits: Limits,
        channels: Mapping[str, Capabilities],
    ) -> None:
        self.storage = storage
        self.hints = hints
        self.worker = worker
        self.limits = limits
        self._bus = bus
        self._files = files
        self._turns = turns
        self._clock = clock
        self._pack = pack
        self._channels = channels

    # -- the channels' way in

    async def conversation(self, channel: str, address: str) -> ConversationRow:
        """The resident's conversation, opened and greeted when there was none.

        Raises:
            Rejected: `unavailable`.
        """
        try:
            async with self.storage.read() as tx:
                found = await tx.conversations.by_address(channel, address)
            return found or await self.open(channel, address)
        except StorageUnavailable:
            raise Rejected("unavailable") from None

    async def open(
        self, channel: str, address: str, *, token_hash: str | None = None, pack: str | None = None
    ) -> ConversationRow:
        """A new conversation, greeted. `pack`: default, the office's.

        Raises:
            policies_kb.loader.UnknownPack: there is no such pack; nothing was opened.
            policies_kb.errors.DataFileError: the pack has a fault; nothing was opened.
            StorageUnavailable: nothing was opened.
        """
        if pack is not None:
            await self._turns.prepare(pack)
        async with self.storage.begin() as tx:
            row = await tx.conversations.create(channel, address, pack or self._pack, token_hash=token_hash)
        try:
            async with self.worker.alone(row.id):
                await self._turns.greet(row.id)
        except Exception:
            # The conversation stands; its first message is greeted instead.
            _log.exception("greeting_failed", conversation_id=row.id)
        return row

    async def accept(
        self,
        conversation_id: str,
        *,
        client_id: str | None,
        text: str | None = None,
        payload: str | None = None,
    ) -> Accepted:
        """Store a text or a pressed button; see `bot.channels.base.Gateway`.

        Raises:
            Rejected: not stored; its message says why in words for the resident.
        """
        with _counted():
            client_id = intake.check_client_id(client_id)
            body: Json = {}
            if payload is not None:
                body["payload"] = intake.check_payload(payload)
            else:
                body["text"] = intake.check_text(text or "", self.limits.max_text)
            await self._within_rate(conversation_id)
            return await self._accept(conversation_id, client_id, body)

    async def accept_file(
        self,
        conversation_id: str,
        *,
        client_id: str | None,
        data: bytes,
        filename: str,
        mime: str,
        text: str | None = None,
    ) -> Accepted:
        """Check and store a file; see `bot.channels.base.Gateway`.

        Raises:
            Rejected: not stored.
        """
        with _counted():
            client_id = intake.check_client_id(client_id)
            if len(data) > self.limits.max_file_bytes:
                raise Rejected("file_too_large")
            await self._within_rate(conversation_id)
            try:
                checked = await asyncio.to_thread(
                    check_file, data, filename, mime, max_bytes=self.limits.max_file_bytes
                )
            except UnsupportedFile as error:
                raise Rejected(
                    "file_too_large" if error.code == "too_large" else "unsupported_file", error.message
                ) from None
            try:
                sha256 = await self._files.put(checked.data)
            except StorageUnavailable:
                raise Rejected("unavailable") from None
            document = DocumentRow(
                id=str(uuid.uuid4()),
                conversation_id=conversation_id,
                sha256=sha256,
                mime=checked.mime,
                size=checked.size,
                filename=checked.filename,
                created_at=self._clock(),
            )
            body: Json = {"files": [document.id]}
            if text and intake.clean(text):
                body["text"] = intake.check_text(text, self.limits.max_text)
            return await self._accept(conversation_id, client_id, body, document)

    async def tell(self, conversation_id: str, text: str) -> None:
        """A system message to the resident that the dialogue has no part in.

        Raises:
            NotFound: no such conversation.
            StorageUnavailable: nothing was said.
        """
        await self.say(conversation_id, "system", {"text": text})

    async def file(self, conversation_id: str, document_id: str) -> tuple[DocumentRow, bytes]:
        """A stored file of this conversation.

        Raises:
            NotFound: no such file, or it belongs to another conversation.
        """
        async with self.storage.read() as tx:
            row = await tx.documents.get(document_id)
        if row is None or row.conversation_id != conversation_id:
            raise NotFound(document_id)
        return row, await self._files.get(row.sha256)

    # -- the staff's and the back office's way in

    async def say(self, conversation_id: str, author: str, body: Json) -> MessageRow:
        """Append a message outside the dialogue and have it delivered.

        Raises:
            NotFound: no such conversation.
            StorageUnavailable: nothing was said.
        """
        async with self.storage.begin() as tx:
            conversation = await tx.conversations.get(conversation_id)
            if conversation is None:
                raise NotFound(conversation_id)
            row = await tx.messages.say(
                conversation_id, author, body, queued=self.pushes(conversation.channel)
            )
        await self.hint(conversation)
        return row

    async def case_event(
        self, case_id: str, event_id: str, status: str, text: str, body: Json, at: datetime
    ) -> bool:
        """A status event of a case; the resident is told. False when it was told before.

        Raises:
            NotFound: no such case.
            StorageUnavailable: nothing was done; the sender tries again.
        """
        return await self._turns.case_event(case_id, event_id, status, text, body, at)

    def pushes(self, channel: str) -> bool:
        """Whether the service must deliver this channel's messages itself."""
        known = self._channels.get(channel)
        return bool(known and known.push)

    async def hint(self, conversation: ConversationRow) -> None:
        """Say to whoever listens that the conversation has news."""
        await self.hints.give(conversation_key(conversation.id))
        if self.pushes(conversation.channel):
            await self.hints.give(delivery_key(conversation.channel))
        await self.hints.give(STAFF, {"type": "message", "conversation_id": conversation.id})

    # -- inside

    async def _within_rate(self, conversation_id: str) -> None:
        if not await self._bus.allow(
            f"rate:{conversation_id}", limit=self.limits.rate, window=self.limits.window
        ):
            raise Rejected("too_fast")

    async def _accept(
        self, conversation_id: str, client_id: str | None, body: Json, document: DocumentRow | None = None
    ) -> Accepted:
        try:
            async with self.storage.begin() as tx:
                conversation = await tx.conversations.get(conversation_id)
                if conversation is None:
                    raise Rejected("not_found")
                if "payload" in body:
                    recent = await tx.messages.after(conversation_id, conversation.last_seq - _BUTTONS_BACK)
                    body["text"] = _title(recent, body["payload"])
                row, new = await tx.messages.accept(conversation_id, client_id, body)
                if new and document:
                    await tx.documents.add(document)
        except NotFound:
            raise Rejected("not_found") from None
        except StorageUnavailable:
            raise Rejected("unavailable") from None
        if new:
            kind = "file" if document else "button" if "payload" in body else "text"
            metrics.ACCEPTED.labels(conversation.channel, kind).inc()
            await self.hints.give(conversation_key(conversation_id))
        # A repeat wakes the worker too: whoever sends twice has probably seen no reply.
        self.worker.wake(conversation_id, fresh=row if new else None)
        return Accepted(seq=row.seq, duplicate=not new)


def _title(recent: Sequence[MessageRow], payload: str) -> str:
    """The words on the button that was pressed, as the resident saw them."""
    for message in reversed(recent):
        for button in message.body.get("buttons", ()):
            if button["payload"] == payload:
                return str(button["title"])
    return _STANDING.get(payload, "")


@contextlib.contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except Rejected as error:
        metrics.REJECTED.labels(error.code).inc()
        raise
