"""The schema, from nothing to what the model says, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from integrations.crypto import Keyring
from integrations.storage import DatabaseProblem, open_storage
from integrations.storage.models import Base
from integrations.storage.schema import config, newest
from integrations.storage.storage import SqlStorage
from tests.support.records import conversation


@pytest.fixture
async def empty(database_url: str, keyring: Keyring) -> AsyncIterator[SqlStorage]:
    opened = open_storage(database_url, keyring)
    assert isinstance(opened, SqlStorage)
    yield opened
    await opened.close()


async def test_the_migrations_make_what_the_model_says(empty: SqlStorage) -> None:
    await empty.migrate()

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with empty.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_there_is_one_newest_revision_and_its_file_says_so(empty: SqlStorage) -> None:
    async with empty.engine.connect() as connection:
        heads = await connection.run_sync(lambda sync: ScriptDirectory.from_config(config(sync)).get_heads())
    assert heads == [newest()]


async def test_workers_that_start_at_once_migrate_once(database_url: str, keyring: Keyring) -> None:
    workers = [open_storage(database_url, keyring, patience=30) for _ in range(5)]
    await asyncio.gather(*(worker.migrate() for worker in workers))
    for worker in workers:
        assert await worker.ready()
        await worker.close()


async def test_migrating_again_changes_nothing(empty: SqlStorage) -> None:
    await empty.migrate()
    made = await conversation(empty)
    await empty.migrate()
    async with empty.read() as tx:
        assert await tx.conversations.get(made.id) == made


async def test_a_database_of_a_newer_release_is_left_alone(empty: SqlStorage) -> None:
    await empty.migrate()
    async with empty.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseProblem, match="newer release"):
        await empty.migrate()


async def test_a_migration_that_fails_half_way_leaves_nothing(
    empty: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def power_cut(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("integrations.storage.storage.check_key", power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        await empty.migrate()
    async with empty.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: sync.dialect.get_table_names(sync))
    assert tables == []
