"""The database behind `integrations.ports.Storage`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from integrations.crypto import Keyring
from integrations.ports import Storage, StorageUnavailable, Transaction
from integrations.storage.cases import SqlCases, SqlOutbox
from integrations.storage.context import Context
from integrations.storage.conversations import SqlConversations
from integrations.storage.engine import Engines, open_engines, parse_url
from integrations.storage.errors import DatabaseProblem, passing, translated
from integrations.storage.handoffs import SqlHandoffs
from integrations.storage.keycheck import check_key
from integrations.storage.messages import SqlMessages
from integrations.storage.records import SqlDocuments, SqlRecords, SqlStaff
from integrations.storage.schema import upgrade
from integrations.storage.seal import Sealer

log = structlog.get_logger(__name__)

# Any constant: workers that start at once queue on it before they migrate.
_MIGRATION_LOCK = 0x6A7A74


@dataclass(frozen=True)
class SqlTransaction:
    """integrations.ports.Transaction."""

    context: Context
    conversations: SqlConversations = field(init=False)
    messages: SqlMessages = field(init=False)
    handoffs: SqlHandoffs = field(init=False)
    cases: SqlCases = field(init=False)
    outbox: SqlOutbox = field(init=False)
    documents: SqlDocuments = field(init=False)
    staff: SqlStaff = field(init=False)
    records: SqlRecords = field(init=False)

    def __post_init__(self) -> None:
        for name, repository in (
            ("conversations", SqlConversations),
            ("messages", SqlMessages),
            ("handoffs", SqlHandoffs),
            ("cases", SqlCases),
            ("outbox", SqlOutbox),
            ("documents", SqlDocuments),
            ("staff", SqlStaff),
            ("records", SqlRecords),
        ):
            object.__setattr__(self, name, repository(self.context))


class SqlStorage:
    """integrations.ports.Storage on SQLite or PostgreSQL.

    A transaction must be short: on SQLite `begin` is the one write transaction of the house. Never await the network,
    a lock of the bus or another `begin` inside it.
    """

    def __init__(
        self,
        engines: Engines,
        keyring: Keyring,
        clock: Callable[[], datetime],
        patience: float,
    ) -> None:
        self._engines = engines
        self._keyring = keyring
        self._sealer = Sealer(keyring)
        self._clock = clock
        self._patience = patience

    @property
    def engine(self) -> AsyncEngine:
        """The writer's engine, for tools that look at the schema."""
        return self._engines.writer

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction(self._engines.writer)

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction(self._engines.reader)

    async def migrate(self) -> None:
        """Bring the schema up to date and see that the key is the right one. Workers may all call it at once.

        Raises:
            KeyProblem: the data were sealed under a key that is not at hand. Nothing was changed.
            DatabaseProblem: the database refuses us, or is newer than this program.
            StorageUnavailable: it does not answer.
        """
        async with self._connection(self._engines.migrator) as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK}
                )
            await connection.run_sync(upgrade)
            await check_key(connection, self._keyring, self._clock())

    async def ready(self) -> bool:
        try:
            async with self._connection(self._engines.reader) as connection:
                await connection.execute(text("SELECT 1 FROM key_checks"))
        except Exception as error:
            log.warning("database not ready", error=type(error).__name__)
            return False
        return True

    async def close(self) -> None:
        await self._engines.dispose()

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[Transaction]:
        async with self._connection(engine) as connection:
            yield SqlTransaction(Context(connection, self._sealer, self._clock))

    @asynccontextmanager
    async def _connection(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction: committed when the block ends, rolled back when it raises."""
        connection = await self._acquire(engine)
        try:
            with translated():
                yield connection
                await connection.commit()
        finally:
            # Rolls back what was not committed. Shielded: a cancelled request must not leave the one writer occupied.
            await asyncio.shield(connection.close())

    async def _acquire(self, engine: AsyncEngine) -> AsyncConnection:
        """Nothing has been done yet, so trying again is safe; once the block began, it is the caller's to decide."""
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(passing),
                stop=stop_after_delay(self._patience),
                wait=wait_random_exponential(multiplier=0.02, max=0.5),
                reraise=True,
            ):
                with attempt:
                    return await self._begun(engine)
        except Exception as error:
            if passing(error):
                raise StorageUnavailable(f"the database does not answer: {type(error).__name__}") from error
            raise _problem(error) from error
        raise AssertionError("unreachable: the retry loop returns or raises")

    @staticmethod
    async def _begun(engine: AsyncEngine) -> AsyncConnection:
        connection = await engine.connect()
        try:
            await connection.begin()
        except BaseException:
            await asyncio.shield(connection.close())
            raise
        return connection


def _problem(error: Exception) -> Exception:
    """What PostgreSQL refuses at the door, said to an operator."""
    cures = {
        "28P01": "the password is refused. Cure: correct it in JZT_DATABASE_URL.",
        "28000": "the user is refused. Cure: correct the user in JZT_DATABASE_URL, or pg_hba.conf.",
        "3D000": "the database does not exist. Cure: createdb, or correct its name in JZT_DATABASE_URL.",
    }
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    return DatabaseProblem(f"PostgreSQL: {cures[state]}") if state in cures else error


def utcnow() -> datetime:
    """The time now, aware, UTC."""
    return datetime.now(UTC)


def open_storage(
    url: str, keyring: Keyring, *, clock: Callable[[], datetime] = utcnow, patience: float = 5.0
) -> Storage:
    """Storage at `url` (sqlite:///file, postgresql://…). Connects on first use; call `migrate` once before.

    Args:
        clock: gives every created_at; aware.
        patience: seconds a busy or absent database is waited for before StorageUnavailable.

    Raises:
        DatabaseProblem: the URL cannot be used.
    """
    return SqlStorage(open_engines(parse_url(url), patience), keyring, clock, patience)
