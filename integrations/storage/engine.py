"""Engines for both databases, set up so that they behave alike."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from integrations.storage.errors import DatabaseProblem

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}
# How many times the patience a statement may take: waiting for a lock is bounded by the patience itself.
_SILENCE = 6
_CURE = (
    "Cure: JZT_DATABASE_URL must look like sqlite:////folder/jzt.sqlite3 or "
    "postgresql://user:password@host:5432/database"
)


def parse_url(text: str) -> URL:
    """The URL with the async driver of its database.

    Raises:
        DatabaseProblem: not a database URL, or of a database this program does not know.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise DatabaseProblem(f"the database URL cannot be read. {_CURE}") from error
    driver = _DRIVERS.get(url.drivername.split("+")[0])
    if driver is None:
        raise DatabaseProblem(f"the database {url.drivername!r} is not supported. {_CURE}")
    return url.set(drivername=driver)


@dataclass(frozen=True, slots=True)
class Engines:
    """`writer` and `reader` for transactions, `migrator` for work that may take long."""

    writer: AsyncEngine
    reader: AsyncEngine
    migrator: AsyncEngine

    async def dispose(self) -> None:
        for engine in (self.writer, self.reader, self.migrator):
            await engine.dispose()


def open_engines(url: URL, patience: float) -> Engines:
    """`patience`: seconds a lock or a connection is waited for."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, patience)
    engine = _postgresql(url, patience)
    return Engines(
        writer=engine,
        reader=engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        migrator=create_async_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": patience}
        ),
    )


def _sqlite(url: URL, patience: float) -> Engines:
    in_memory = url.database in (None, "", ":memory:")
    if not in_memory:
        _make_private(Path(str(url.database)))
    # SQLite has one writer. Writers of this process queue fairly for the pool's only connection, instead of polling the
    # file's lock; the busy time-out is for other processes.
    writer = _sqlite_engine(url, patience, begin="BEGIN IMMEDIATE", size=1, read_only=False)
    if in_memory:
        return Engines(writer, writer, writer)
    return Engines(writer, _sqlite_engine(url, patience, begin="BEGIN", size=8, read_only=True), writer)


def _sqlite_engine(url: URL, patience: float, *, begin: str, size: int, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=patience,
        hide_parameters=True,
        connect_args={"timeout": patience},
    )

    def connected(connection: Any, _: object) -> None:
        # The driver must not begin transactions by itself: it would begin deferred ones.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # what was answered with 202 outlives a power cut
            "foreign_keys=ON",
            "secure_delete=ON",
            *(("query_only=ON",) if read_only else ()),
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def began(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", began)
    return engine


def _make_private(file: Path) -> None:
    """The file exists and is the service's alone before SQLite writes to it; its -wal and -shm inherit the mode."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise DatabaseProblem(
            f"{file}: the database file cannot be opened for writing ({error.strerror}). Cure: give the service's user "
            "write access to the folder, or set JZT_VAR or JZT_DATABASE_URL to a place it may write to."
        ) from error


def _postgresql(url: URL, patience: float) -> AsyncEngine:
    milliseconds = str(int(patience * 1000))
    return create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=patience,
        pool_pre_ping=True,  # a server that restarted is noticed here, before the work begins
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args={
            "timeout": patience,
            # A server that fell silent in the middle of a statement must not hold the resident's message for ever.
            "command_timeout": patience * _SILENCE,
            "server_settings": {
                "application_name": "jiuzhutong",
                "lock_timeout": milliseconds,
                "idle_in_transaction_session_timeout": "60000",
            },
        },
    )
