"""Conversations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, delete, func, select, update

from integrations.ports import ConversationRow, Json, Mode, NotFound, StaleState
from integrations.storage.context import Context, new_id
from integrations.storage.models import (
    Case,
    CaseEvent,
    Consent,
    Conversation,
    Document,
    Handoff,
    Message,
    OutboxEntry,
)


class SqlConversations:
    """integrations.ports.Conversations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(
        self, channel: str, address: str, pack: str, *, token_hash: str | None = None
    ) -> ConversationRow:
        """Idempotent: the same channel address has one conversation. An empty address belongs to nobody."""
        context = self._context
        conversation_id, now = new_id(), context.now()
        inserted = await context.insert_new(
            Conversation,
            {
                "id": conversation_id,
                "channel": channel,
                "address": context.sealer.text(address, _address_place(conversation_id)),
                "address_index": context.sealer.index(channel, address) if address else None,
                "pack": pack,
                "mode": "bot",
                "state_version": 0,
                "last_seq": 0,
                "token_hash": token_hash,
                "created_at": now,
                "updated_at": now,
            },
        )
        found = await self.get(conversation_id) if inserted else await self.by_address(channel, address)
        if found is None:
            raise NotFound(f"conversation of a {channel} address")
        return found

    async def get(self, conversation_id: str) -> ConversationRow | None:
        query = select(Conversation).where(
            Conversation.id == conversation_id, Conversation.erased_at.is_(None)
        )
        row = (await self._context.connection.execute(query)).one_or_none()
        return None if row is None else self._read(row)

    async def by_address(self, channel: str, address: str) -> ConversationRow | None:
        if not address:
            return None
        query = select(Conversation).where(
            Conversation.channel == channel,
            Conversation.address_index == self._context.sealer.index(channel, address),
            Conversation.erased_at.is_(None),
        )
        row = (await self._context.connection.execute(query)).one_or_none()
        return None if row is None else self._read(row)

    async def save_state(self, conversation_id: str, state: Json, *, expected_version: int) -> None:
        """Raises StaleState, or NotFound when the conversation is unknown or erased."""
        context = self._context
        done = await context.connection.execute(
            update(Conversation)
            .where(
                Conversation.id == conversation_id,
                Conversation.state_version == expected_version,
                Conversation.erased_at.is_(None),
            )
            .values(
                state=context.sealer.json(state, _state_place(conversation_id)),
                state_version=expected_version + 1,
                updated_at=context.now(),
            )
        )
        if done.rowcount != 1:
            await context.lock_conversation(conversation_id)
            raise StaleState(
                f"conversation {conversation_id}: version {expected_version} is no longer the last"
            )

    async def idle(self, pack: str, before: datetime, limit: int = 100) -> Sequence[str]:
        query = (
            select(Conversation.id)
            .where(
                Conversation.pack == pack,
                Conversation.updated_at < before,
                Conversation.mode == "bot",
                Conversation.erased_at.is_(None),
                ~select(Case.id).where(Case.conversation_id == Conversation.id).exists(),
            )
            .order_by(Conversation.updated_at)
            .limit(limit)
        )
        return [*(await self._context.connection.execute(query)).scalars()]

    async def begun(
        self, pack: str, before: datetime, after: str = "", limit: int = 100
    ) -> Sequence[ConversationRow]:
        query = (
            select(Conversation)
            .where(
                Conversation.pack == pack,
                Conversation.created_at < before,
                Conversation.mode == "bot",
                Conversation.erased_at.is_(None),
                Conversation.id > after,
            )
            .order_by(Conversation.id)
            .limit(limit)
        )
        return [self._read(row) for row in await self._context.connection.execute(query)]

    async def set_mode(self, conversation_id: str, mode: Mode, assignee: str | None) -> None:
        """Raises NotFound."""
        done = await self._context.connection.execute(
            update(Conversation)
            .where(Conversation.id == conversation_id, Conversation.erased_at.is_(None))
            .values(mode=mode, assignee=assignee, updated_at=self._context.now())
        )
        if done.rowcount != 1:
            raise NotFound(f"conversation {conversation_id}")

    async def erase_part(
        self, conversation_id: str, *, household: int, cases: Collection[str], documents: Collection[str],
        messages: Collection[str],
    ) -> int:  # fmt: skip
        """See the port. An undelivered case is withdrawn; what is of another conversation is left alone."""
        context, place = self._context, conversation_id
        await context.lock_conversation(conversation_id)
        own = select(Case.id).where(Case.conversation_id == place, Case.id.in_(cases))
        statements: list[Any] = [
            delete(Message).where(Message.conversation_id == place, Message.id.in_(messages)),
            delete(Document).where(Document.conversation_id == place, Document.id.in_(documents)),
            delete(Consent).where(Consent.conversation_id == place, Consent.household == household),
            delete(CaseEvent).where(CaseEvent.case_id.in_(own)),
            delete(OutboxEntry).where(OutboxEntry.case_id.in_(own), OutboxEntry.status != "delivered"),
            update(Case)
            .where(Case.id.in_(own))
            .values(payload=None, status="erased", updated_at=context.now()),
        ]
        return sum([(await context.connection.execute(one)).rowcount for one in statements])

    async def erase(self, conversation_id: str) -> int:
        """See the port. 0 when there is nothing (left) to erase; an undelivered case is withdrawn."""
        context = self._context
        try:
            await context.lock_conversation(conversation_id)
        except NotFound:
            return 0
        now, place = context.now(), conversation_id
        cases = select(Case.id).where(Case.conversation_id == place)
        handoffs = (
            await context.connection.execute(select(Handoff.id).where(Handoff.conversation_id == place))
        ).scalars()
        statements: list[Any] = [
            delete(Message).where(Message.conversation_id == place),
            delete(Document).where(Document.conversation_id == place),
            delete(Consent).where(Consent.conversation_id == place),
            delete(CaseEvent).where(CaseEvent.case_id.in_(cases)),
            delete(OutboxEntry).where(OutboxEntry.case_id.in_(cases), OutboxEntry.status != "delivered"),
            update(Case)
            .where(Case.conversation_id == place)
            .values(payload=None, status="erased", updated_at=now),
            update(Handoff)
            .where(Handoff.conversation_id == place)
            .values(status="closed", closed_at=func.coalesce(Handoff.closed_at, now)),
            update(Conversation)
            .where(Conversation.id == place)
            .values(
                address=None,
                address_index=None,
                state=None,
                token_hash=None,
                mode="bot",
                assignee=None,
                updated_at=now,
                erased_at=now,
            ),
        ]
        statements += [
            update(Handoff)
            .where(Handoff.id == handoff_id)
            .values(reason=context.sealer.text("", f"handoffs.reason:{handoff_id}"))
            for handoff_id in handoffs
        ]
        touched = 0
        for statement in statements:
            touched += (await context.connection.execute(statement)).rowcount
        return touched

    def _read(self, row: Row[Any]) -> ConversationRow:
        sealer = self._context.sealer
        return ConversationRow(
            id=row.id,
            channel=row.channel,
            address=sealer.read_text(row.address, _address_place(row.id)),
            pack=row.pack,
            mode=cast("Mode", row.mode),
            assignee=row.assignee,
            state=None if row.state is None else sealer.read_json(row.state, _state_place(row.id)),
            state_version=row.state_version,
            last_seq=row.last_seq,
            created_at=row.created_at,
            updated_at=row.updated_at,
            token_hash=row.token_hash,
        )


def _address_place(conversation_id: str) -> str:
    return f"conversations.address:{conversation_id}"


def _state_place(conversation_id: str) -> str:
    return f"conversations.state:{conversation_id}"
