"""Records of files, consents, accesses, feedback; staff accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from integrations.ports import DocumentRow, Json, NotFound, StaffRow
from integrations.storage.context import Context, new_id
from integrations.storage.models import Access, Consent, Document, Note, StaffMember


class SqlDocuments:
    """integrations.ports.Documents."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def add(self, row: DocumentRow) -> None:
        """Raises NotFound when the conversation is unknown or erased."""
        await self._context.lock_conversation(row.conversation_id)
        await self._context.connection.execute(
            insert(Document).values(
                id=row.id,
                conversation_id=row.conversation_id,
                sha256=row.sha256,
                mime=row.mime,
                size=row.size,
                filename=self._context.sealer.text(row.filename, _filename_place(row.id)),
                created_at=row.created_at,
            )
        )

    async def get(self, document_id: str) -> DocumentRow | None:
        query = select(Document).where(Document.id == document_id)
        row = (await self._context.connection.execute(query)).one_or_none()
        return None if row is None else self._read(row)

    async def for_conversation(self, conversation_id: str) -> Sequence[DocumentRow]:
        query = (
            select(Document)
            .where(Document.conversation_id == conversation_id)
            .order_by(Document.created_at, Document.id)
        )
        return [self._read(row) for row in await self._context.connection.execute(query)]

    async def references(self, sha256: str) -> int:
        query = select(func.count()).select_from(Document).where(Document.sha256 == sha256)
        return int((await self._context.connection.execute(query)).scalar_one())

    def _read(self, row: Row[Any]) -> DocumentRow:
        return DocumentRow(
            id=row.id,
            conversation_id=row.conversation_id,
            sha256=row.sha256,
            mime=row.mime,
            size=row.size,
            filename=self._context.sealer.read_text(row.filename, _filename_place(row.id)),
            created_at=row.created_at,
        )


class SqlRecords:
    """integrations.ports.Records. Times in the returned objects are ISO strings (UTC)."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def consent(
        self, conversation_id: str, purpose: str, text_version: str, text_sha256: str, *, given: bool,
        household: int = 1, given_by: str = "self",
    ) -> None:  # fmt: skip
        """Raises NotFound when the conversation is unknown or erased."""
        await self._context.lock_conversation(conversation_id)
        await self._context.connection.execute(
            insert(Consent).values(
                id=new_id(),
                conversation_id=conversation_id,
                purpose=purpose,
                text_version=text_version,
                text_sha256=text_sha256,
                given=given,
                household=household,
                given_by=given_by,
                at=self._context.now(),
            )
        )

    async def consents(self, conversation_id: str) -> Sequence[Json]:
        """Oldest first: {"purpose", "text_version", "text_sha256", "given", "household", "given_by", "at"}."""
        query = (
            select(Consent).where(Consent.conversation_id == conversation_id).order_by(Consent.at, Consent.id)
        )
        return [
            {
                "purpose": row.purpose,
                "text_version": row.text_version,
                "text_sha256": row.text_sha256,
                "given": row.given,
                "household": row.household,
                "given_by": row.given_by,
                "at": row.at.isoformat(),
            }
            for row in await self._context.connection.execute(query)
        ]

    async def access(self, who: str, what: str, subject: str, detail: str = "") -> None:
        await self._context.connection.execute(
            insert(Access).values(
                who=who,
                what=what,
                subject=subject,
                detail=self._context.sealer.text(detail, _detail_place(subject)),
                at=self._context.now(),
            )
        )

    async def accesses(self, subject: str | None = None, limit: int = 200) -> Sequence[Json]:
        """Newest first: {"who", "what", "subject", "detail", "at"}."""
        query = select(Access).order_by(Access.id.desc()).limit(limit)
        if subject is not None:
            query = query.where(Access.subject == subject)
        return [
            {
                "who": row.who,
                "what": row.what,
                "subject": row.subject,
                "detail": self._context.sealer.read_text(row.detail, _detail_place(row.subject)),
                "at": row.at.isoformat(),
            }
            for row in await self._context.connection.execute(query)
        ]

    async def note(self, topic: str, body: Json) -> None:
        note_id = new_id()
        await self._context.connection.execute(
            insert(Note).values(
                id=note_id,
                topic=topic,
                body=self._context.sealer.json(body, _note_place(note_id)),
                at=self._context.now(),
            )
        )

    async def notes(self, topic: str, limit: int = 200) -> Sequence[Json]:
        """Newest first: {"topic", "body", "at"}."""
        query = select(Note).where(Note.topic == topic).order_by(Note.at.desc(), Note.id).limit(limit)
        return [
            {
                "topic": row.topic,
                "body": self._context.sealer.read_json(row.body, _note_place(row.id)),
                "at": row.at.isoformat(),
            }
            for row in await self._context.connection.execute(query)
        ]


class SqlStaff:
    """integrations.ports.Staff."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def add(self, row: StaffRow) -> None:
        """Raises ValueError when the name exists."""
        added = await self._context.insert_new(
            StaffMember,
            {
                "name": row.name,
                "display_name": row.display_name,
                "password_hash": row.password_hash,
                "role": row.role,
                "active": row.active,
            },
        )
        if not added:
            raise ValueError(f"staff account {row.name} exists")

    async def get(self, name: str) -> StaffRow | None:
        query = select(StaffMember).where(StaffMember.name == name)
        row = (await self._context.connection.execute(query)).one_or_none()
        return None if row is None else _read_staff(row)

    async def list(self) -> Sequence[StaffRow]:
        query = select(StaffMember).order_by(StaffMember.name)
        return [_read_staff(row) for row in await self._context.connection.execute(query)]

    async def set_password(self, name: str, password_hash: str) -> None:
        """Raises NotFound."""
        await self._change(name, password_hash=password_hash)

    async def set_active(self, name: str, active: bool) -> None:
        """Raises NotFound."""
        await self._change(name, active=active)

    async def _change(self, name: str, **values: Any) -> None:
        done = await self._context.connection.execute(
            update(StaffMember).where(StaffMember.name == name).values(**values)
        )
        if done.rowcount != 1:
            raise NotFound(f"staff account {name}")


def _read_staff(row: Row[Any]) -> StaffRow:
    return StaffRow(
        name=row.name,
        display_name=row.display_name,
        password_hash=row.password_hash,
        role=row.role,
        active=row.active,
    )


def _filename_place(document_id: str) -> str:
    return f"documents.filename:{document_id}"


def _detail_place(subject: str) -> str:
    return f"accesses.detail:{subject}"


def _note_place(note_id: str) -> str:
    return f"notes.body:{note_id}"
