"""Fixtures every suite may use: real servers, storage and bus on each of their kinds, a key and a clock.

`storage` and `bus` run the test once on each kind. A test that needs only one asks for `sqlite_storage`,
`postgres_storage`, `memory_bus` or `redis_bus`. `database_url` is a fresh, empty database for tests that migrate it
themselves; `storage_url` is the database behind `storage`.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from integrations.crypto import Keyring
from integrations.ports import Bus, Storage
from integrations.redis import open_bus
from integrations.storage import open_storage
from tests.support.clock import Clock
from tests.support.servers import PostgresServer, RedisServer

# 32 zero bytes: a key of the tests and nothing else.
KEY = "A" * 43 + "="


@pytest.fixture(scope="session", autouse=True)
def own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands keep indexes in a folder of the tests, not in that of whoever runs them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JZT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    # Not under pytest's own base folder: that one is closed to the user postgres.
    with tempfile.TemporaryDirectory(prefix="jzt-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.discard()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A fresh, empty PostgreSQL database."""
    return postgres_server.create_database()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'jzt.sqlite3'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, empty database of each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The session's Redis. A test that kills a server takes its own (`own_redis_server`)."""
    with tempfile.TemporaryDirectory(prefix="jzt-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def own_redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone, to be killed and started again at will."""
    with tempfile.TemporaryDirectory(prefix="jzt-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """URL of the session's Redis, emptied."""
    redis_server.empty()
    return redis_server.url


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.from_text(KEY)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _migrate(url: str) -> None:
    opened = open_storage(url, Keyring.from_text(KEY), clock=Clock())
    await opened.migrate()
    await opened.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once and copied for each test: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "jzt.sqlite3"
    asyncio.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    asyncio.run(_migrate(url))
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def storage_url(request: pytest.FixtureRequest) -> str:
    """The database behind `storage`, for tests that open it once more."""
    return str(request.getfixturevalue(f"{request.param}_storage_url"))


@pytest.fixture
def sqlite_storage_url(migrated_sqlite: Path, sqlite_url: str) -> str:
    shutil.copy(migrated_sqlite, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def postgres_storage_url(postgres_server: PostgresServer, migrated_postgres: str) -> str:
    return postgres_server.create_database(like=migrated_postgres)


@pytest.fixture
async def sqlite_storage(sqlite_storage_url: str, keyring: Keyring, clock: Clock) -> AsyncIterator[Storage]:
    async for opened in _storage(sqlite_storage_url, keyring, clock):
        yield opened


@pytest.fixture
async def postgres_storage(
    postgres_storage_url: str, keyring: Keyring, clock: Clock
) -> AsyncIterator[Storage]:
    async for opened in _storage(postgres_storage_url, keyring, clock):
        yield opened


@pytest.fixture
async def storage(storage_url: str, keyring: Keyring, clock: Clock) -> AsyncIterator[Storage]:
    """Migrated and empty, once on each database."""
    async for opened in _storage(storage_url, keyring, clock):
        yield opened


async def _storage(url: str, keyring: Keyring, clock: Clock) -> AsyncIterator[Storage]:
    opened = open_storage(url, keyring, clock=clock)
    try:
        await opened.migrate()
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def memory_bus() -> AsyncIterator[Bus]:
    opened = open_bus(None)
    yield opened
    await opened.close()


@pytest.fixture
async def redis_bus(redis_url: str) -> AsyncIterator[Bus]:
    opened = open_bus(redis_url)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """Once in-process, once on Redis."""
    url = None if request.param == "memory" else str(request.getfixturevalue("redis_url"))
    opened = open_bus(url)
    yield opened
    await opened.close()
