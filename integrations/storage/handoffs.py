"""The waiting list. Each method changes handoff, conversation and access log together, under the conversation's lock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update

from integrations.ports import AlreadyTaken, HandoffRow, Mode, NotFound
from integrations.storage.context import Context, new_id
from integrations.storage.conversations import SqlConversations
from integrations.storage.models import Handoff
from integrations.storage.records import SqlRecords


class SqlHandoffs:
    """integrations.ports.Handoffs. take, assign, release and close write their own access record."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._conversations = SqlConversations(context)
        self._records = SqlRecords(context)

    async def request(self, conversation_id: str, reason: str, *, urgent: bool) -> HandoffRow:
        """Raises NotFound when the conversation is unknown or erased."""
        await self._context.lock_conversation(conversation_id)
        known = await self.open_for(conversation_id)
        if known is None:
            return await self._new(conversation_id, reason, urgent)
        if urgent and not known.urgent:
            return await self._change(
                known.id, urgent=True, reason=self._context.sealer.text(reason, _reason_place(known.id))
            )
        return known

    async def waiting(self) -> Sequence[HandoffRow]:
        return await self._list(
            select(Handoff)
            .where(Handoff.status == "waiting")
            .order_by(Handoff.urgent.desc(), Handoff.created_at, Handoff.id)
        )

    async def taken_by(self, assignee: str) -> Sequence[HandoffRow]:
        return await self._list(
            select(Handoff)
            .where(Handoff.status == "taken", Handoff.assignee == assignee)
            .order_by(Handoff.urgent.desc(), Handoff.taken_at, Handoff.id)
        )

    async def get(self, handoff_id: str) -> HandoffRow | None:
        return await self._one(select(Handoff).where(Handoff.id == handoff_id))

    async def open_for(self, conversation_id: str) -> HandoffRow | None:
        return await self._one(
            select(Handoff).where(Handoff.conversation_id == conversation_id, Handoff.status != "closed")
        )

    async def history(self, conversation_id: str) -> Sequence[HandoffRow]:
        return await self._list(
            select(Handoff).where(Handoff.conversation_id == conversation_id).order_by(Handoff.created_at)
        )

    async def take(self, handoff_id: str, assignee: str) -> HandoffRow:
        """Taking again what one holds already is no error."""
        handoff = await self._locked(handoff_id)
        if handoff.status == "taken":
            if handoff.assignee == assignee:
                return handoff
            raise AlreadyTaken(f"handoff {handoff_id}")
        return await self._hold(handoff, assignee, who=assignee, what="take")

    async def assign(self, handoff_id: str, assignee: str, *, by: str) -> HandoffRow:
        """Raises NotFound when it is closed."""
        return await self._hold(await self._locked(handoff_id), assignee, who=by, what="assign")

    async def release(self, handoff_id: str, *, by: str) -> HandoffRow:
        """Raises NotFound when it is closed. It keeps its place: the resident has waited since the first request."""
        handoff = await self._locked(handoff_id)
        changed = await self._change(handoff_id, status="waiting", assignee=None, taken_at=None)
        await self._step(handoff, "waiting", None, who=by, what="release")
        return changed

    async def close(self, handoff_id: str, *, by: str) -> HandoffRow:
        """Raises NotFound when it is closed already."""
        handoff = await self._locked(handoff_id)
        changed = await self._change(handoff_id, status="closed", closed_at=self._context.now())
        await self._step(handoff, "bot", None, who=by, what="close")
        return changed

    async def _new(self, conversation_id: str, reason: str, urgent: bool) -> HandoffRow:
        handoff_id = new_id()
        values: dict[str, Any] = {
            "id": handoff_id,
            "conversation_id": conversation_id,
            "urgent": urgent,
            "status": "waiting",
            "assignee": None,
            "created_at": self._context.now(),
            "taken_at": None,
            "closed_at": None,
        }
        sealed = self._context.sealer.text(reason, _reason_place(handoff_id))
        await self._context.connection.execute(insert(Handoff).values(**values, reason=sealed))
        await self._conversations.set_mode(conversation_id, "waiting", None)
        return HandoffRow(**values, reason=reason)

    async def _hold(self, handoff: HandoffRow, assignee: str, *, who: str, what: str) -> HandoffRow:
        taken_at = handoff.taken_at or self._context.now()
        changed = await self._change(handoff.id, status="taken", assignee=assignee, taken_at=taken_at)
        await self._step(handoff, "human", assignee, who=who, what=what)
        return changed

    async def _step(
        self, handoff: HandoffRow, mode: Mode, assignee: str | None, *, who: str, what: str
    ) -> None:
        await self._conversations.set_mode(handoff.conversation_id, mode, assignee)
        await self._records.access(who, what, handoff.conversation_id, assignee or "")

    async def _locked(self, handoff_id: str) -> HandoffRow:
        """The handoff as it stands once its conversation is locked. Raises NotFound when unknown or closed."""
        found = await self.get(handoff_id)
        if found is not None:
            await self._context.lock_conversation(found.conversation_id)
            found = await self.get(handoff_id)
        if found is None or found.status == "closed":
            raise NotFound(f"handoff {handoff_id}")
        return found

    async def _change(self, handoff_id: str, **values: Any) -> HandoffRow:
        done = await self._context.connection.execute(
            update(Handoff).where(Handoff.id == handoff_id).values(**values).returning(Handoff)
        )
        return self._read(done.one())

    async def _one(self, query: Any) -> HandoffRow | None:
        row = (await self._context.connection.execute(query)).one_or_none()
        return None if row is None else self._read(row)

    async def _list(self, query: Any) -> list[HandoffRow]:
        return [self._read(row) for row in await self._context.connection.execute(query)]

    def _read(self, row: Row[Any]) -> HandoffRow:
        return HandoffRow(
            id=row.id,
            conversation_id=row.conversation_id,
            reason=self._context.sealer.read_text(row.reason, _reason_place(row.id)),
            urgent=row.urgent,
            status=row.status,
            assignee=row.assignee,
            created_at=row.created_at,
            taken_at=row.taken_at,
            closed_at=row.closed_at,
        )


def _reason_place(handoff_id: str) -> str:
    return f"handoffs.reason:{handoff_id}"
