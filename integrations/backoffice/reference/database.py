"""The reference back office's own database.

One version of the tables, made at first start and marked in `schema_info`. A later version brings its migration with
it; a database of another version is refused rather than guessed at.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, event, exists, func, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column

from integrations.backoffice.events import BackofficeEvent
from integrations.crypto import Keyring
from integrations.ports import OutboxRow, StorageUnavailable
from integrations.storage.seal import Sealer
from integrations.storage.types import Sealed, SealedBytes, UtcDateTime

SCHEMA_VERSION = 1


class _Base(DeclarativeBase):
    pass


class _SchemaInfo(_Base):
    __tablename__ = "schema_info"
    version: Mapped[int] = mapped_column(primary_key=True)


class _Case(_Base):
    __tablename__ = "cases"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(128), unique=True)
    content: Mapped[str] = mapped_column(String(64))  # keyed hash: tells a repeat from a reused key
    body: Mapped[SealedBytes] = mapped_column(Sealed)
    status: Mapped[str] = mapped_column(String(32))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class _Event(_Base):
    """A status event and what is owed of its delivery."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_due", "delivery", "next_attempt_at"),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    number: Mapped[int]  # 1, 2, 3 … within the case: events of a case are delivered in this order
    by: Mapped[SealedBytes] = mapped_column(Sealed)
    body: Mapped[SealedBytes] = mapped_column(Sealed)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivery: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(Text)


class _Look(_Base):
    """Who looked at which case, and when."""

    __tablename__ = "looks"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    who: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CaseConflict(Exception):
    """The case id or idempotency key is taken by a different application. `field` is which."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"{field} belongs to a different application")


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as received. `status` is `received` until the first event."""

    id: str
    body: dict[str, Any]
    status: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event, who made it, and how its delivery stands: pending, delivered or parked."""

    event: BackofficeEvent
    by: str
    delivery: str
    last_error: str


class Work:
    """What is done inside one transaction. `outbox` is what `OutboxWorker` needs."""

    def __init__(self, session: AsyncSession, sealer: Sealer) -> None:
        self._session = session
        self._sealer = sealer
        self.outbox = _Outbox(session, sealer)

    async def receive(self, case: dict[str, Any], at: datetime) -> bool:
        """Store a checked case; False when it is here already.

        Raises:
            CaseConflict: its id or key is taken by a different application.
        """
        content = self._sealer.index(json.dumps(case, sort_keys=True, ensure_ascii=False))
        case_id, key = str(case["receipt"]), str(case["idempotency_key"])
        rows = await self._session.scalars(
            select(_Case).where((_Case.idempotency_key == key) | (_Case.id == case_id))
        )
        for row in rows:
            if row.content == content:
                return False
            raise CaseConflict("idempotency_key" if row.idempotency_key == key else "receipt")
        self._session.add(
            _Case(
                id=case_id,
                idempotency_key=key,
                content=content,
                body=self._sealer.json(case, f"backoffice.case.{case_id}"),
                status="received",
                received_at=at,
            )
        )
        await self._session.flush()
        return True

    async def case(self, case_id: str) -> StoredCase | None:
        row = await self._session.get(_Case, case_id)
        return self._stored(row) if row else None

    async def cases(self, *, limit: int, offset: int = 0) -> tuple[Sequence[StoredCase], int]:
        """The newest first, and how many there are in all."""
        total = await self._session.scalar(select(func.count()).select_from(_Case))
        rows = await self._session.scalars(
            select(_Case).order_by(_Case.received_at.desc(), _Case.id).limit(limit).offset(offset)
        )
        return [self._stored(row) for row in rows], total or 0

    async def add_event(self, made: BackofficeEvent, by: str) -> bool:
        """Store an event, move the case's status and owe its delivery; False when this event id is known."""
        if await self._session.get(_Event, made.event_id) is not None:
            return False
        count = await self._session.scalar(
            select(func.count()).select_from(_Event).where(_Event.case_id == made.case_id)
        )
        place = f"backoffice.event.{made.event_id}"
        self._session.add(
            _Event(
                id=made.event_id,
                case_id=made.case_id,
                number=(count or 0) + 1,
                by=self._sealer.text(by, place + ".by"),
                body=self._sealer.json(made.model_dump(mode="json"), place),
                at=made.at,
                delivery="pending",
                attempts=0,
                next_attempt_at=made.at,
                last_error="",
            )
        )
        await self._session.execute(update(_Case).where(_Case.id == made.case_id).values(status=made.status))
        await self._session.flush()
        return True

    async def events(self, case_id: str) -> Sequence[StoredEvent]:
        """Oldest first."""
        rows = await self._session.scalars(
            select(_Event).where(_Event.case_id == case_id).order_by(_Event.number)
        )
        return [
            StoredEvent(
                BackofficeEvent.model_validate(
                    self._sealer.read_json(row.body, f"backoffice.event.{row.id}")
                ),
                self._sealer.read_text(row.by, f"backoffice.event.{row.id}.by"),
                row.delivery,
                row.last_error,
            )
            for row in rows
        ]

    async def looked(self, case_id: str, who: str, at: datetime) -> None:
        """Record that somebody opened a case."""
        self._session.add(_Look(case_id=case_id, who=who, at=at))

    async def looks(self, case_id: str) -> Sequence[tuple[str, datetime]]:
        """Who opened a case and when, the latest first."""
        rows = await self._session.scalars(
            select(_Look).where(_Look.case_id == case_id).order_by(_Look.at.desc(), _Look.id.desc()).limit(20)
        )
        return [(row.who, row.at) for row in rows]

    def _stored(self, row: _Case) -> StoredCase:
        body = self._sealer.read_json(row.body, f"backoffice.case.{row.id}")
        return StoredCase(row.id, body, row.status, row.received_at)


class _Outbox:
    def __init__(self, session: AsyncSession, sealer: Sealer) -> None:
        self._session = session
        self._sealer = sealer

    async def claim(self, now: datetime, lease_until: datetime, limit: int = 20) -> Sequence[OutboxRow]:
        earlier = aliased(_Event)
        # "已批准" must not overtake "已受理": only the first undelivered event of a case is due.
        blocked = exists().where(
            earlier.case_id == _Event.case_id, earlier.number < _Event.number, earlier.delivery == "pending"
        )
        rows = await self._session.scalars(
            select(_Event)
            .where(_Event.delivery == "pending", _Event.next_attempt_at <= now, ~blocked)
            .order_by(_Event.next_attempt_at, _Event.number)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = []
        for row in rows:
            row.next_attempt_at = lease_until
            claimed.append(
                OutboxRow(
                    id=row.id,
                    case_id=row.case_id,
                    topic="case.event",
                    payload=self._sealer.read_json(row.body, f"backoffice.event.{row.id}"),
                    idempotency_key=row.id,
                    status="pending",
                    attempts=row.attempts,
                    next_attempt_at=lease_until,
                    last_error=row.last_error,
                    created_at=row.at,
                )
            )
        return claimed

    async def delivered(self, outbox_id: str) -> None:
        await self._mark(outbox_id, delivery="delivered", last_error="")

    async def retry(self, outbox_id: str, next_attempt_at: datetime, error: str) -> None:
        await self._mark(
            outbox_id, attempts=_Event.attempts + 1, next_attempt_at=next_attempt_at, last_error=error
        )

    async def park(self, outbox_id: str, error: str) -> None:
        await self._mark(outbox_id, attempts=_Event.attempts + 1, delivery="parked", last_error=error)

    async def unpark(self, outbox_id: str, now: datetime) -> bool:
        """Try a parked event again; False when it is not parked."""
        row = await self._session.get(_Event, outbox_id)
        if row is None or row.delivery != "parked":
            return False
        await self._mark(outbox_id, attempts=0, delivery="pending", next_attempt_at=now)
        return True

    async def counts(self) -> Mapping[str, int]:
        rows = await self._session.execute(select(_Event.delivery, func.count()).group_by(_Event.delivery))
        return {delivery: count for delivery, count in rows}  # noqa: C416 - Row is not a plain tuple to mypy

    async def _mark(self, outbox_id: str, **values: Any) -> None:
        await self._session.execute(update(_Event).where(_Event.id == outbox_id).values(**values))


class Database:
    """Async SQLAlchemy: SQLite by default, PostgreSQL by URL. Bodies are sealed with the keyring."""

    def __init__(self, url: str, keyring: Keyring) -> None:
        self._engine: AsyncEngine = create_async_engine(url, pool_pre_ping=True)
        self._sealer = Sealer(keyring)
        if self._engine.dialect.name == "sqlite":
            _tune_sqlite(self._engine)

    async def open(self) -> None:
        """Make the tables if there are none.

        Raises:
            StorageUnavailable: the database cannot be reached.
            RuntimeError: it was written by another version.
        """
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(_Base.metadata.create_all)
                found = (await connection.execute(select(_SchemaInfo.version))).scalars().all()
                if not found:
                    await connection.execute(_SchemaInfo.__table__.insert().values(version=SCHEMA_VERSION))  # type: ignore[attr-defined]
        except (DBAPIError, OSError) as error:
            raise StorageUnavailable(f"back office database: {type(error).__name__}") from error
        if found and found != [SCHEMA_VERSION]:
            raise RuntimeError(
                f"back office database has version {found}, this program needs {SCHEMA_VERSION}. "
                "Cure: run the program version that wrote it, or start with a fresh database"
            )

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Work]:
        """One transaction.

        Raises:
            StorageUnavailable: locked or away; nothing was written.
        """
        try:
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                yield Work(session, self._sealer)
        except IntegrityError as error:
            # Two requests with the same case at once: the loser comes again and finds it stored.
            raise StorageUnavailable("written by somebody else at the same moment") from error
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise StorageUnavailable(f"back office database: {type(error).__name__}") from error

    async def close(self) -> None:
        await self._engine.dispose()


def _tune_sqlite(engine: AsyncEngine) -> None:
    if engine.url.database:
        # Made here, so that nobody else can read it from its first byte on; its companions inherit the mode.
        Path(engine.url.database).touch(mode=0o600)

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        # The driver's own implicit BEGIN would be deferred, and a deferred one can fail half-way with "locked".
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=2000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
