"""Cases, their events, and the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from integrations.crypto import KeyProblem
from integrations.ports import CaseRow, Json, NotFound, OutboxRow
from integrations.storage.context import Context, new_id
from integrations.storage.models import Case, CaseEvent, OutboxEntry

ERROR_LENGTH = 500


class SqlCases:
    """integrations.ports.Cases. A case of an erased conversation has status `erased` and an empty payload."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def open(
        self, case_id: str, conversation_id: str, idempotency_key: str, payload: Json, topic: str
    ) -> tuple[CaseRow, bool]:
        """See the port.

        Raises:
            NotFound: the conversation is unknown or erased.
            ValueError: the receipt number belongs to a case with another idempotency key.
        """
        context, now = self._context, self._context.now()
        await context.lock_conversation(conversation_id)
        inserted = await context.insert_new(
            Case,
            {
                "id": case_id,
                "conversation_id": conversation_id,
                "idempotency_key": idempotency_key,
                "status": "submitted",
                "status_at": now,
                "payload": context.sealer.json(payload, _case_place(case_id)),
                "created_at": now,
                "updated_at": now,
            },
        )
        known = await self._one(select(Case).where(Case.idempotency_key == idempotency_key))
        if known is None:
            raise ValueError(f"the receipt number {case_id} is taken by another application")
        if inserted:
            outbox_id = new_id()
            await context.connection.execute(
                insert(OutboxEntry).values(
                    id=outbox_id,
                    case_id=case_id,
                    topic=topic,
                    payload=context.sealer.json(payload, _outbox_place(outbox_id)),
                    idempotency_key=idempotency_key,
                    status="pending",
                    attempts=0,
                    next_attempt_at=now,
                    last_error=context.sealer.text("", _error_place(outbox_id)),
                    created_at=now,
                )
            )
        return known, inserted

    async def get(self, case_id: str) -> CaseRow | None:
        return await self._one(select(Case).where(Case.id == case_id))

    async def list(self, *, limit: int = 100, before: datetime | None = None) -> Sequence[CaseRow]:
        """Newest first; `before`: only those created earlier."""
        query = select(Case).order_by(Case.created_at.desc(), Case.id.desc()).limit(limit)
        if before is not None:
            query = query.where(Case.created_at < before)
        return [self._read(row) for row in await self._context.connection.execute(query)]

    async def for_conversation(self, conversation_id: str) -> Sequence[CaseRow]:
        query = select(Case).where(Case.conversation_id == conversation_id).order_by(Case.created_at, Case.id)
        return [self._read(row) for row in await self._context.connection.execute(query)]

    async def add_event(self, case_id: str, event_id: str, status: str, body: Json, at: datetime) -> bool:
        """See the port. False, too, when the resident had the case erased.

        Raises:
            NotFound: no such case.
        """
        context = self._context
        locked = select(Case).where(Case.id == case_id).with_for_update()
        case = (await context.connection.execute(locked)).one_or_none()
        if case is None:
            raise NotFound(f"case {case_id}")
        if case.payload is None:
            return False
        latest = (
            await context.connection.execute(
                select(func.max(CaseEvent.at)).where(CaseEvent.case_id == case_id)
            )
        ).scalar_one()
        inserted = await context.insert_new(
            CaseEvent,
            {
                "case_id": case_id,
                "event_id": event_id,
                "status": status,
                "body": context.sealer.json(body, _event_place(case_id, event_id)),
                "at": at,
                "received_at": context.now(),
            },
        )
        if inserted and (latest is None or latest <= at):
            await context.connection.execute(
                update(Case)
                .where(Case.id == case_id)
                .values(status=status, status_at=at, updated_at=context.now())
            )
        return inserted

    async def events(self, case_id: str) -> Sequence[Json]:
        """In the order they happened: {"event_id", "status", "body", "at": ISO}."""
        query = (
            select(CaseEvent)
            .where(CaseEvent.case_id == case_id)
            .order_by(CaseEvent.at, CaseEvent.received_at, CaseEvent.event_id)
        )
        sealer = self._context.sealer
        return [
            {
                "event_id": row.event_id,
                "status": row.status,
                "body": sealer.read_json(row.body, _event_place(case_id, row.event_id)),
                "at": row.at.isoformat(),
            }
            for row in await self._context.connection.execute(query)
        ]

    async def _one(self, query: Any) -> CaseRow | None:
        row = (await self._context.connection.execute(query)).one_or_none()
        return None if row is None else self._read(row)

    def _read(self, row: Row[Any]) -> CaseRow:
        erased = row.payload is None
        return CaseRow(
            id=row.id,
            conversation_id=row.conversation_id,
            idempotency_key=row.idempotency_key,
            status=row.status,
            payload={} if erased else self._context.sealer.read_json(row.payload, _case_place(row.id)),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class SqlOutbox:
    """integrations.ports.Outbox."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def due(self, now: datetime, limit: int = 20) -> Sequence[OutboxRow]:
        return [self._read(row) for row in await self._due(now, limit)]

    async def _due(self, now: datetime, limit: int) -> Sequence[Row[Any]]:
        query = (
            select(OutboxEntry)
            .where(OutboxEntry.status == "pending", OutboxEntry.next_attempt_at <= now)
            .order_by(OutboxEntry.next_attempt_at, OutboxEntry.created_at, OutboxEntry.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self._context.connection.execute(query)).all()

    async def claim(self, now: datetime, lease_until: datetime, limit: int = 20) -> Sequence[OutboxRow]:
        """See the port. An entry whose key is lost is parked: it must not hold up those behind it."""
        claimed: list[OutboxRow] = []
        while not claimed and (rows := await self._due(now, limit)):
            for row in rows:
                try:
                    claimed.append(self._read(row))
                except KeyProblem as problem:
                    await self.park(row.id, str(problem))
        if claimed:
            await self._context.connection.execute(
                update(OutboxEntry)
                .where(OutboxEntry.id.in_([row.id for row in claimed]))
                .values(next_attempt_at=lease_until)
            )
        return claimed

    async def delivered(self, outbox_id: str) -> None:
        """Harmless when it was delivered already, or withdrawn by an erasure meanwhile."""
        await self._change(outbox_id, status="delivered", payload=None)

    async def retry(self, outbox_id: str, next_attempt_at: datetime, error: str) -> None:
        """Counts one attempt."""
        await self._failed(outbox_id, error, next_attempt_at=next_attempt_at)

    async def park(self, outbox_id: str, error: str) -> None:
        """Counts one attempt. A parked entry waits for an operator (`unpark`)."""
        await self._failed(outbox_id, error, status="parked")

    async def parked(self) -> Sequence[OutboxRow]:
        """Oldest first."""
        query = (
            select(OutboxEntry)
            .where(OutboxEntry.status == "parked")
            .order_by(OutboxEntry.created_at, OutboxEntry.id)
        )
        return [self._listed(row) for row in await self._context.connection.execute(query)]

    async def for_case(self, case_id: str) -> Sequence[OutboxRow]:
        query = (
            select(OutboxEntry)
            .where(OutboxEntry.case_id == case_id)
            .order_by(OutboxEntry.created_at, OutboxEntry.id)
        )
        return [self._listed(row) for row in await self._context.connection.execute(query)]

    async def counts(self) -> Mapping[str, int]:
        """Entries of each status, zeros included."""
        query = select(OutboxEntry.status, func.count()).group_by(OutboxEntry.status)
        counted = dict.fromkeys(("pending", "delivered", "parked"), 0)
        for status, number in await self._context.connection.execute(query):
            counted[status] = number
        return counted

    async def unpark(self, outbox_id: str) -> bool:
        """Due at once, with all its attempts again. False when it is not parked."""
        done = await self._context.connection.execute(
            update(OutboxEntry)
            .where(OutboxEntry.id == outbox_id, OutboxEntry.status == "parked")
            .values(status="pending", attempts=0, next_attempt_at=self._context.now())
        )
        return done.rowcount == 1

    async def _failed(self, outbox_id: str, error: str, **values: Any) -> None:
        await self._change(
            outbox_id,
            last_error=self._context.sealer.text(error[:ERROR_LENGTH], _error_place(outbox_id)),
            attempts=OutboxEntry.attempts + 1,
            **values,
        )

    async def _change(self, outbox_id: str, **values: Any) -> None:
        # Never back from delivered: a second worker's late word does not send it once more.
        await self._context.connection.execute(
            update(OutboxEntry)
            .where(OutboxEntry.id == outbox_id, OutboxEntry.status != "delivered")
            .values(**values)
        )

    def _read(self, row: Row[Any]) -> OutboxRow:
        """Raises KeyProblem."""
        return _outbox_row(row, self._payload(row), self._error(row))

    def _listed(self, row: Row[Any]) -> OutboxRow:
        """For the eye: where the key is lost, the entry without its content."""
        try:
            payload = self._payload(row)
        except KeyProblem:
            payload = {}
        try:
            error = self._error(row)
        except KeyProblem as problem:
            error = str(problem)
        return _outbox_row(row, payload, error)

    def _payload(self, row: Row[Any]) -> Json:
        sealed = row.payload
        return {} if sealed is None else self._context.sealer.read_json(sealed, _outbox_place(row.id))

    def _error(self, row: Row[Any]) -> str:
        return self._context.sealer.read_text(row.last_error, _error_place(row.id))


def _outbox_row(row: Row[Any], payload: Json, last_error: str) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        case_id=row.case_id,
        topic=row.topic,
        payload=payload,
        idempotency_key=row.idempotency_key,
        status=row.status,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=last_error,
        created_at=row.created_at,
    )


def _case_place(case_id: str) -> str:
    return f"cases.payload:{case_id}"


def _event_place(case_id: str, event_id: str) -> str:
    return f"case_events.body:{case_id}:{event_id}"


def _outbox_place(outbox_id: str) -> str:
    return f"outbox.payload:{outbox_id}"


def _error_place(outbox_id: str) -> str:
    return f"outbox.last_error:{outbox_id}"
