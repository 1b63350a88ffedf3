"""The one model of both databases.

Columns of type `Sealed` hold ciphertext. Plain are only ids, times, states, counters and keyed hashes.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from integrations.storage.types import Sealed, SealedBytes, UtcDateTime

Id = String(64)


class Base(DeclarativeBase):
    """Constraint names are fixed, so that later migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Conversation(Base):
    """A conversation, or what is left of an erased one (`erased_at` set, every sealed column empty)."""

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("channel", "address_index"),
        _one_of("mode", "bot", "waiting", "human"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    channel: Mapped[str] = mapped_column(String(32))
    address: Mapped[SealedBytes | None] = mapped_column(Sealed)
    address_index: Mapped[str | None] = mapped_column(String(64))
    pack: Mapped[str] = mapped_column(String(64))
    mode: Mapped[str] = mapped_column(String(16))
    assignee: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[SealedBytes | None] = mapped_column(Sealed)
    state_version: Mapped[int]
    last_seq: Mapped[int]
    token_hash: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Message(Base):
    """A message or a note of staff."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "client_id"),
        _one_of("direction", "in", "out", "note"),
        _one_of("status", "received", "processed", "queued", "sent", "failed"),
        # What waits is few among many: both queues are read from partial indexes.
        Index(
            "ix_messages_received",
            "conversation_id",
            "seq",
            sqlite_where=text("status = 'received'"),
            postgresql_where=text("status = 'received'"),
        ),
        Index(
            "ix_messages_queued",
            "conversation_id",
            "seq",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]
    direction: Mapped[str] = mapped_column(String(8))
    author: Mapped[str] = mapped_column(String(80))
    client_id: Mapped[str | None] = mapped_column(String(128))
    body: Mapped[SealedBytes] = mapped_column(Sealed)
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Handoff(Base):
    """One stay in the waiting list. At most one is open for a conversation: the database says so."""

    __tablename__ = "handoffs"
    __table_args__ = (
        _one_of("status", "waiting", "taken", "closed"),
        Index(
            "uq_handoffs_open",
            "conversation_id",
            unique=True,
            sqlite_where=text("status <> 'closed'"),
            postgresql_where=text("status <> 'closed'"),
        ),
        Index("ix_handoffs_conversation_id", "conversation_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    reason: Mapped[SealedBytes] = mapped_column(Sealed)
    urgent: Mapped[bool]
    status: Mapped[str] = mapped_column(String(16))
    assignee: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Case(Base):
    """A submitted application; `id` is the receipt number."""

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    idempotency_key: Mapped[str] = mapped_column(String(128), unique=True)
    status: Mapped[str] = mapped_column(String(32))
    status_at: Mapped[datetime] = mapped_column(UtcDateTime)
    payload: Mapped[SealedBytes | None] = mapped_column(Sealed)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CaseEvent(Base):
    """A status event of the back office."""

    __tablename__ = "case_events"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    status: Mapped[str] = mapped_column(String(32))
    body: Mapped[SealedBytes] = mapped_column(Sealed)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutboxEntry(Base):
    """A delivery owed. The payload goes once it is delivered: the case keeps the only copy."""

    __tablename__ = "outbox"
    __table_args__ = (
        _one_of("status", "pending", "delivered", "parked"),
        UniqueConstraint("case_id", "topic"),
        Index("ix_outbox_status_next_attempt_at", "status", "next_attempt_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    topic: Mapped[str] = mapped_column(String(64))
    payload: Mapped[SealedBytes | None] = mapped_column(Sealed)
    idempotency_key: Mapped[str] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_error: Mapped[SealedBytes] = mapped_column(Sealed)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Document(Base):
    """A stored file's record."""

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    mime: Mapped[str] = mapped_column(String(128))
    size: Mapped[int]
    filename: Mapped[SealedBytes] = mapped_column(Sealed)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Consent(Base):
    """Consent given or withdrawn."""

    __tablename__ = "consents"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(64))
    text_version: Mapped[str] = mapped_column(String(64))
    text_sha256: Mapped[str] = mapped_column(String(64))
    given: Mapped[bool]
    household: Mapped[int] = mapped_column(server_default="1")
    given_by: Mapped[str] = mapped_column(String(64), server_default="self")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Access(Base):
    """Who looked at or changed what. Outlives the erased conversation, hence no foreign key."""

    __tablename__ = "accesses"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    who: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(128), index=True)
    detail: Mapped[SealedBytes] = mapped_column(Sealed)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Note(Base):
    """An unanswered question, or satisfaction. Belongs to no conversation."""

    __tablename__ = "notes"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    topic: Mapped[str] = mapped_column(String(64), index=True)
    body: Mapped[SealedBytes] = mapped_column(Sealed)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class StaffMember(Base):
    """A staff account."""

    __tablename__ = "staff"
    __table_args__ = (_one_of("role", "worker", "admin"),)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(String(256))
    role: Mapped[str] = mapped_column(String(16))
    active: Mapped[bool]


class KeyCheck(Base):
    """A known text sealed under every key that ever sealed here: tells a wrong key before anything is written."""

    __tablename__ = "key_checks"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    sealed: Mapped[SealedBytes] = mapped_column(Sealed)
    index_check: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
