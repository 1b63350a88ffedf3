"""Locked, full, gone, wrong: each ends in a clear error, and what was accepted stays."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from integrations.crypto import KeyProblem, Keyring
from integrations.ports import NotFound, Storage, StorageUnavailable
from integrations.storage import DatabaseProblem, open_storage
from integrations.storage.storage import SqlStorage, SqlTransaction
from tests.support.clock import Clock
from tests.support.records import conversation, document
from tests.support.servers import PostgresServer, free_port

IMPATIENT = 1.5


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


class TestLocked:
    async def test_a_database_locked_for_long_is_unavailable_and_nothing_is_stored(
        self, sqlite_url: str, sqlite_storage: Storage, keyring: Keyring
    ) -> None:
        made = await conversation(sqlite_storage)
        impatient = open_storage(sqlite_url, keyring, patience=IMPATIENT)
        other = sqlite3.connect(_file(sqlite_url), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable):
            async with impatient.begin() as tx:
                await tx.messages.accept(made.id, "1", {"text": "在吗"})
        other.execute("ROLLBACK")
        other.close()
        async with impatient.begin() as tx:
            assert await tx.messages.pending(made.id) == []
            await tx.messages.accept(made.id, "1", {"text": "在吗"})
        await impatient.close()

    async def test_a_database_locked_for_a_moment_is_waited_for(
        self, sqlite_url: str, sqlite_storage: Storage
    ) -> None:
        made = await conversation(sqlite_storage)
        other = sqlite3.connect(_file(sqlite_url), isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")

        async def write() -> None:
            async with sqlite_storage.begin() as tx:
                await tx.messages.say(made.id, "bot", {"text": "到了"})

        writing = asyncio.create_task(write())
        async with sqlite_storage.read() as tx:  # one full turn of the loop and of the threads
            assert await tx.messages.after(made.id, 0) == []
        assert not writing.done()
        other.execute("ROLLBACK")
        other.close()
        await writing
        async with sqlite_storage.read() as tx:
            assert len(await tx.messages.after(made.id, 0)) == 1

    async def test_a_nested_write_ends_in_an_error_and_not_in_silence(
        self, sqlite_url: str, sqlite_storage: Storage, keyring: Keyring
    ) -> None:
        impatient = open_storage(sqlite_url, keyring, patience=IMPATIENT)
        async with impatient.begin():
            with pytest.raises(StorageUnavailable):
                async with impatient.begin():
                    pass
        await impatient.close()

    async def test_a_row_locked_for_long_is_unavailable_on_postgresql(
        self, postgres_storage_url: str, postgres_storage: Storage, keyring: Keyring
    ) -> None:
        made = await conversation(postgres_storage)
        impatient = open_storage(postgres_storage_url, keyring, patience=IMPATIENT)
        async with postgres_storage.begin() as holder:
            await holder.conversations.set_mode(made.id, "human", "li")
            with pytest.raises(StorageUnavailable):
                async with impatient.begin() as tx:
                    await tx.messages.accept(made.id, "1", {"text": "在吗"})
        async with impatient.begin() as tx:
            assert (await tx.messages.accept(made.id, "1", {"text": "在吗"}))[1]
        await impatient.close()


class TestFull:
    async def test_a_full_disk_refuses_the_message_and_keeps_the_earlier_ones(
        self, sqlite_storage: Storage
    ) -> None:
        made = await conversation(sqlite_storage)
        async with sqlite_storage.begin() as tx:
            await tx.messages.accept(made.id, "1", {"text": "还放得下"})
        assert isinstance(sqlite_storage, SqlStorage)
        # SQLite's own limit of pages ends in the very error a full disk does (SQLITE_FULL).
        pages = "PRAGMA max_page_count=1"  # it stays at the present size
        async with sqlite_storage.engine.connect() as connection:
            await connection.exec_driver_sql(pages)
        with pytest.raises(StorageUnavailable, match="full"):
            async with sqlite_storage.begin() as tx:
                await tx.messages.accept(made.id, "2", {"text": "放不下了" * 100_000})
        async with sqlite_storage.begin() as tx:
            assert [row.client_id for row in await tx.messages.pending(made.id)] == ["1"]
            await tx.messages.mark_processed((await tx.messages.pending(made.id))[0].id)

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path, keyring: Keyring) -> None:
        (tmp_path / "var").write_text("a file where the folder should be")
        with pytest.raises(DatabaseProblem) as caught:
            open_storage(f"sqlite:///{tmp_path / 'var' / 'jzt.sqlite3'}", keyring)
        assert str(tmp_path / "var") in str(caught.value)
        assert "Cure:" in str(caught.value)

    async def test_the_database_file_is_the_services_alone(
        self, sqlite_url: str, sqlite_storage: Storage
    ) -> None:
        await conversation(sqlite_storage)
        modes = {
            file.name: file.stat().st_mode & 0o777 for file in _file(sqlite_url).parent.glob("jzt.sqlite3*")
        }
        assert set(modes.values()) == {0o600}


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="jzt-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.discard()


class TestGone:
    async def test_postgresql_goes_away_and_comes_back(
        self, own_postgres: PostgresServer, keyring: Keyring, clock: Clock
    ) -> None:
        storage = open_storage(own_postgres.create_database(), keyring, clock=clock, patience=IMPATIENT)
        await storage.migrate()
        made = await conversation(storage)
        async with storage.begin() as tx:
            await tx.messages.accept(made.id, "1", {"text": "之前"})

        async def cut_in_the_middle() -> None:
            async with storage.begin() as tx:
                await tx.messages.accept(made.id, "2", {"text": "中间"})
                await asyncio.to_thread(own_postgres.stop)
                await tx.messages.say(made.id, "bot", {"text": "答"})

        with pytest.raises(StorageUnavailable):
            await cut_in_the_middle()
        assert not await storage.ready()
        with pytest.raises(StorageUnavailable):
            async with storage.begin():
                pass

        await asyncio.to_thread(own_postgres.start)
        async with storage.begin() as tx:
            assert [row.client_id for row in await tx.messages.pending(made.id)] == ["1"]
            assert (await tx.messages.accept(made.id, "2", {"text": "中间"}))[1]
        assert await storage.ready()
        await storage.close()

    async def test_a_server_that_falls_silent_is_given_up(
        self, postgres_storage_url: str, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.storage.engine._SILENCE", 0.2)
        storage = open_storage(postgres_storage_url, keyring)
        connected = asyncio.Event()

        async def ask() -> None:
            async with storage.begin() as tx:
                assert isinstance(tx, SqlTransaction)
                connected.set()
                await tx.context.connection.execute(text("SELECT pg_sleep(600)"))

        with pytest.raises(StorageUnavailable):
            await ask()
        assert connected.is_set()
        async with storage.begin() as tx:
            assert await tx.conversations.get("nobody") is None
        await storage.close()

    async def test_no_server_is_unavailable_and_not_ready(self, keyring: Keyring) -> None:
        storage = open_storage(f"postgresql://jzt@127.0.0.1:{free_port()}/jzt", keyring, patience=IMPATIENT)
        assert not await storage.ready()
        with pytest.raises(StorageUnavailable):
            await storage.migrate()
        await storage.close()

    async def test_an_unmigrated_database_is_not_ready(self, database_url: str, keyring: Keyring) -> None:
        storage = open_storage(database_url, keyring)
        assert not await storage.ready()
        await storage.migrate()
        assert await storage.ready()
        await storage.close()


class TestMistakes:
    @pytest.mark.parametrize("url", ["", "nonsense", "mysql://localhost/jzt", "http://127.0.0.1"])
    def test_a_url_that_cannot_be_used_is_named_with_the_cure(self, url: str, keyring: Keyring) -> None:
        with pytest.raises(DatabaseProblem, match="JZT_DATABASE_URL"):
            open_storage(url, keyring)

    async def test_a_missing_postgresql_database_is_named(
        self, postgres_server: PostgresServer, keyring: Keyring
    ) -> None:
        storage = open_storage(f"postgresql://jzt@127.0.0.1:{postgres_server.port}/nosuch", keyring)
        with pytest.raises(DatabaseProblem, match="createdb"):
            await storage.migrate()
        await storage.close()

    async def test_errors_carry_no_personal_data(self, storage: Storage) -> None:
        """Statements and their parameters stay out of what is logged."""
        assert isinstance(storage, SqlStorage)
        made = await conversation(storage)

        def broken(connection: Any, cursor: Any, statement: str, *rest: Any) -> tuple[str, Any]:
            return statement.replace("INSERT INTO messages", "INSERT INTO nosuch"), rest[0]

        event.listen(storage.engine.sync_engine, "before_cursor_execute", broken, retval=True)
        with pytest.raises(Exception, match="nosuch") as caught:
            async with storage.begin() as tx:
                await tx.messages.accept(made.id, "c-990101", {"text": "赵试"})
        assert "c-990101" not in str(caught.value)

    @pytest.mark.parametrize("error", [FileNotFoundError("a pack"), ValueError("a bug"), NotFound("a row")])
    async def test_an_error_of_the_caller_comes_out_as_it_is(
        self, storage: Storage, error: Exception
    ) -> None:
        with pytest.raises(type(error)):
            async with storage.begin():
                raise error

    async def test_a_time_without_zone_is_refused(self, storage: Storage) -> None:
        made = await conversation(storage)
        with pytest.raises(Exception, match="without zone"):
            async with storage.begin() as tx:
                await tx.documents.add(replace(document(made.id), created_at=datetime(2026, 3, 5)))  # noqa: DTZ001


class TestKeys:
    async def test_another_key_is_refused_before_anything_is_written(
        self, storage_url: str, storage: Storage, clock: Clock
    ) -> None:
        other = open_storage(
            storage_url, Keyring.from_text(Keyring.generate(), origin="var/key"), clock=clock
        )
        with pytest.raises(KeyProblem) as caught:
            await other.migrate()
        assert "var/key" in str(caught.value)
        assert "Cure: put the original key into var/key" in str(caught.value)
        await other.close()

    async def test_a_new_key_in_front_goes_on_with_the_data(self, database_url: str, clock: Clock) -> None:
        old, new = Keyring.generate(), Keyring.generate()

        async def opened(text: str) -> Storage:
            storage = open_storage(database_url, Keyring.from_text(text), clock=clock)
            await storage.migrate()
            return storage

        before = await opened(old)
        made = await conversation(before, "address")
        clock.advance(days=1)
        after = await opened(f"{new}, {old}")
        async with after.begin() as tx:
            found = await tx.conversations.by_address("web", "address")
            assert found is not None
            assert found.id == made.id
            await tx.messages.accept(made.id, "1", {"text": "用新钥匙"})
        for wrong, why in (
            (old, "sealed with the key"),
            (new, "sealed with the key"),
            (f"{old},{new}", "must stand last"),
        ):
            with pytest.raises(KeyProblem, match=why):
                await opened(wrong)
        await before.close()
        await after.close()

    async def test_a_delivery_that_cannot_be_opened_is_parked_and_holds_up_nobody(
        self, storage: Storage, clock: Clock
    ) -> None:
        assert isinstance(storage, SqlStorage)
        made = await conversation(storage)
        for number in (1, 2):
            async with storage.begin() as tx:
                await tx.cases.open(f"JZ-{number}", made.id, f"key-{number}", {"n": number}, "case.submitted")
            clock.advance(seconds=1)
        async with storage.engine.begin() as connection:
            await connection.exec_driver_sql(
                "UPDATE outbox SET payload = (SELECT payload FROM cases WHERE id = 'JZ-1') WHERE case_id = 'JZ-1'"
            )
        async with storage.begin() as tx:
            (claimed,) = await tx.outbox.claim(clock.now(), clock.now() + timedelta(minutes=1), limit=1)
            assert (claimed.case_id, claimed.payload) == ("JZ-2", {"n": 2})
        async with storage.read() as tx:
            (parked,) = await tx.outbox.parked()
            (listed,) = await tx.outbox.for_case("JZ-1")
        assert (parked.case_id, parked.payload, listed.status) == ("JZ-1", {}, "parked")
        assert "moved from another record" in parked.last_error

    async def test_a_value_moved_to_another_row_is_noticed(self, storage: Storage) -> None:
        assert isinstance(storage, SqlStorage)
        one, two = await conversation(storage, "1"), await conversation(storage, "2")
        async with storage.engine.begin() as connection:
            await connection.exec_driver_sql(
                f"UPDATE conversations SET address = (SELECT address FROM conversations WHERE id = '{one.id}') "  # noqa: S608
                f"WHERE id = '{two.id}'"
            )
        with pytest.raises(KeyProblem, match="moved from another record"):
            async with storage.read() as tx:
                await tx.conversations.get(two.id)
