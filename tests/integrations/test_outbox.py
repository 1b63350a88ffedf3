"""The outbox worker against real databases and a real HTTP server: nothing lost, nothing doubled, nothing stuck."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from integrations.backoffice import signing
from integrations.backoffice.case import TOPIC, build_case
from integrations.backoffice.connector import HttpConnector, Outcome
from integrations.backoffice.worker import OutboxWorker, RetryPolicy
from integrations.crypto import Keyring
from integrations.ports import OutboxRow, Storage, StorageUnavailable
from integrations.storage import open_storage
from tests.integrations.receiver import Receiver, answer
from tests.integrations.samples import case_input
from tests.support.clock import Clock

SECRET = signing.new_secret()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as opened:
        yield opened


async def submit(storage: Storage, number: int = 1) -> str:
    case = build_case(case_input(number))
    async with storage.begin() as tx:
        conversation = await tx.conversations.create("web", "", "shifan-xian")
        await tx.cases.open(case["receipt"], conversation.id, case["idempotency_key"], case, TOPIC)
    return str(case["receipt"])


def worker_of(storage: Storage, url: str, clock: Clock, **options: object) -> OutboxWorker:
    options.setdefault("chance", lambda: 1.0)
    return OutboxWorker(storage, HttpConnector(url, SECRET, timeout=5), clock=clock, **options)  # type: ignore[arg-type]


async def counts(storage: Storage) -> dict[str, int]:
    async with storage.begin() as tx:
        return {status: count for status, count in (await tx.outbox.counts()).items() if count}


async def parked(storage: Storage) -> list[OutboxRow]:
    async with storage.begin() as tx:
        return list(await tx.outbox.parked())


async def test_a_submitted_case_arrives_once(storage: Storage, receiver: Receiver, clock: Clock) -> None:
    receipt = await submit(storage)
    worker = worker_of(storage, receiver.url, clock)
    assert await worker.run_once() == 1
    assert await worker.run_once() == 0
    (arrived,) = receiver.arrived
    assert json.loads(arrived.body)["receipt"] == receipt
    assert signing.verify(SECRET, arrived.headers, arrived.body) == "conversation-1:1"
    assert await counts(storage) == {"delivered": 1}
    await worker.stop()


async def test_a_receiver_that_is_down_gets_everything_when_it_is_back(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    for number in (1, 2, 3):
        await submit(storage, number)
    receiver.default = answer(503)
    worker = worker_of(storage, receiver.url, clock)
    for _ in range(4):
        await worker.run_once()
        clock.advance(seconds=10)
    assert await counts(storage) == {"pending": 3}
    receiver.default = answer(201)
    clock.advance(hours=1)
    await worker.run_once()
    assert await counts(storage) == {"delivered": 3}
    await worker.stop()


async def test_one_failure_ends_the_round_and_spares_the_others_attempts(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    for number in (1, 2, 3):
        await submit(storage, number)
    receiver.default = answer(500)
    worker = worker_of(storage, receiver.url, clock)
    assert await worker.run_once() == 1
    assert len(receiver.arrived) == 1
    await worker.stop()


async def test_waits_double_and_are_kept_in_the_database(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    await submit(storage)
    receiver.default = answer(500)
    waits = []
    for _ in range(5):
        # A new worker each time, as after a restart: the count is not in memory.
        worker = worker_of(storage, receiver.url, clock, policy=RetryPolicy(first=10, longest=60))
        started = clock()
        while await worker.run_once() == 0:
            clock.advance(seconds=1)
        waits.append((clock() - started).total_seconds())
        await worker.stop()
    assert waits == [0, 10, 20, 40, 60]


async def test_the_receivers_wish_for_patience_is_kept(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    await submit(storage)
    receiver.then(answer(429, "", {"Retry-After": "600"}))
    worker = worker_of(storage, receiver.url, clock)
    await worker.run_once()
    clock.advance(seconds=599)
    assert await worker.run_once() == 0
    clock.advance(seconds=1)
    assert await worker.run_once() == 1
    await worker.stop()


async def test_a_case_refused_for_good_is_parked_with_the_reason_and_can_be_retried(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    await submit(storage, 1)
    await submit(storage, 2)
    error = {"error": {"message": "does not fit", "fields": {"contact.phone": "missing"}}}
    receiver.then(answer(422, json.dumps(error)))
    worker = worker_of(storage, receiver.url, clock)
    assert await worker.run_once() == 2  # the refused one does not hold up the next
    assert await counts(storage) == {"delivered": 1, "parked": 1}
    (entry,) = await parked(storage)
    assert entry.last_error == "HTTP 422: does not fit; contact.phone: missing"
    assert entry.attempts == 1
    async with storage.begin() as tx:
        assert await tx.outbox.unpark(entry.id)
        assert not await tx.outbox.unpark("no such entry")
    assert await worker.run_once() == 1
    assert await counts(storage) == {"delivered": 2}
    await worker.stop()


async def test_after_the_last_attempt_an_entry_is_parked_not_dropped(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    await submit(storage)
    receiver.default = answer(500, "broken")
    worker = worker_of(storage, receiver.url, clock, policy=RetryPolicy(first=1, longest=1, attempts=3))
    for _ in range(5):
        await worker.run_once()
        clock.advance(seconds=2)
    assert len(receiver.arrived) == 3
    (entry,) = await parked(storage)
    assert entry.last_error == "HTTP 500: broken (given up after 3 attempts)"
    await worker.stop()


async def test_no_transaction_is_open_while_the_receiver_thinks(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    await submit(storage)

    async def write_meanwhile(_request: web.Request) -> web.StreamResponse:
        # On SQLite this would wait for ever if the worker held the write transaction.
        await submit(storage, 2)
        return web.Response(status=201)

    receiver.then(write_meanwhile)
    worker = worker_of(storage, receiver.url, clock)
    async with asyncio.timeout(15):
        assert await worker.run_once() == 2
    await worker.stop()


async def test_two_workers_never_send_the_same_entry_at_once(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    for number in range(1, 11):
        await submit(storage, number)
    workers = [worker_of(storage, receiver.url, clock) for _ in range(3)]
    made = await asyncio.gather(*(worker.run_once() for worker in workers))
    assert sum(made) == 10
    assert (
        len({arrived.headers["Idempotency-Key"] for arrived in receiver.arrived})
        == len(receiver.arrived)
        == 10
    )
    for worker in workers:
        await worker.stop()


class _LosesMarks:
    """A database that goes away between the sending and the marking of a delivery."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.away_at: int | None = 2
        self._begun = 0

    def begin(self) -> object:
        self._begun += 1
        if self._begun == self.away_at:
            raise StorageUnavailable("away")
        return self._storage.begin()


async def test_when_the_mark_is_lost_the_case_is_sent_again_under_the_same_key(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    await submit(storage)
    losing = _LosesMarks(storage)
    worker = OutboxWorker(losing, HttpConnector(receiver.url, SECRET), clock=clock, lease=60)  # type: ignore[arg-type]
    with pytest.raises(StorageUnavailable):
        await worker.run_once()
    losing.away_at = None
    assert await worker.run_once() == 0  # still leased
    clock.advance(seconds=61)
    receiver.then(answer(409))
    assert await worker.run_once() == 1
    first, second = receiver.arrived
    assert first.body == second.body
    assert first.headers["Webhook-Id"] == second.headers["Webhook-Id"]
    assert await counts(storage) == {"delivered": 1}
    await worker.stop()


CHILD = """
import asyncio, sys
from integrations.backoffice.connector import HttpConnector, Outcome
from integrations.backoffice.worker import OutboxWorker
from integrations.crypto import Keyring
from integrations.storage import open_storage
from tests.support.clock import Clock

async def main(url, target, secret):
    storage = open_storage(url, Keyring.from_text("A" * 43 + "="), clock=Clock())
    await OutboxWorker(storage, HttpConnector(target, secret), clock=Clock()).run_once()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_worker_killed_between_sending_and_marking_loses_and_doubles_nothing(
    database_url: str, keyring: Keyring, receiver: Receiver, clock: Clock
) -> None:
    storage = open_storage(database_url, keyring, clock=clock)
    await storage.migrate()
    await submit(storage)
    child: list[asyncio.subprocess.Process] = []

    async def kill_the_sender(_request: web.Request) -> web.StreamResponse:
        child[0].kill()
        await child[0].wait()
        return web.Response(status=201)

    receiver.then(kill_the_sender)
    child.append(
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, database_url, receiver.url, SECRET, cwd=Path(__file__).parents[2]
        )
    )
    try:
        await receiver.until(1)
        assert await child[0].wait() == -signal.SIGKILL
        assert await counts(storage) == {"pending": 1}
        worker = worker_of(storage, receiver.url, clock)
        clock.advance(minutes=2)
        receiver.then(answer(409))
        assert await worker.run_once() == 1
        assert [arrived.headers["Idempotency-Key"] for arrived in receiver.arrived] == [
            "conversation-1:1"
        ] * 2
        assert await counts(storage) == {"delivered": 1}
        await worker.stop()
    finally:
        if child[0].returncode is None:
            child[0].kill()
        await storage.close()


async def test_a_nudge_delivers_at_once_and_stop_finishes_what_is_under_way(
    sqlite_storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    worker = worker_of(sqlite_storage, receiver.url, clock, poll=3600)
    await worker.start()
    with pytest.raises(RuntimeError):
        await worker.start()
    go = asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        await go.wait()
        return web.Response(status=201)

    receiver.then(slow)
    await submit(sqlite_storage)
    worker.nudge()
    await receiver.until(1)
    stopping = asyncio.create_task(worker.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    go.set()
    await stopping
    assert await counts(sqlite_storage) == {"delivered": 1}


async def test_stop_does_not_wait_for_ever_and_a_stopped_worker_can_start_again(
    sqlite_storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    worker = worker_of(sqlite_storage, receiver.url, clock, poll=3600)
    never = asyncio.Event()

    async def stuck(_request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response(status=201)

    receiver.then(stuck)
    await submit(sqlite_storage)
    await worker.start()
    await receiver.until(1)
    await worker.stop(grace=0.01)
    never.set()
    assert await counts(sqlite_storage) == {"pending": 1}
    clock.advance(minutes=2)
    await worker.start()
    await receiver.until(2)
    await worker.stop()
    assert await counts(sqlite_storage) == {"delivered": 1}


async def test_a_database_that_is_away_does_not_end_the_worker(
    sqlite_storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    await submit(sqlite_storage)
    flaky = _LosesMarks(sqlite_storage)
    flaky.away_at = 1
    worker = OutboxWorker(flaky, HttpConnector(receiver.url, SECRET), clock=clock, poll=0.01)  # type: ignore[arg-type]
    await worker.start()
    await receiver.until(1)
    await worker.stop()
    assert await counts(sqlite_storage) == {"delivered": 1}


async def test_an_entry_that_cannot_even_be_sent_is_parked_and_holds_nobody_up(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    class Faulty(HttpConnector):
        async def deliver(self, payload: dict[str, Any], idempotency_key: str) -> Outcome:
            if idempotency_key == "conversation-1:1":
                raise UnicodeEncodeError("utf-8", "王", 0, 1, "a fault of ours")
            return await super().deliver(payload, idempotency_key)

    await submit(storage, 1)
    await submit(storage, 2)
    worker = OutboxWorker(
        storage, Faulty(receiver.url, SECRET), clock=clock, policy=RetryPolicy(first=1, longest=1, attempts=2)
    )
    for _ in range(4):
        await worker.run_once()
        clock.advance(seconds=2)
    assert await counts(storage) == {"delivered": 1, "parked": 1}
    assert (await parked(storage))[0].last_error.startswith("internal error: UnicodeEncodeError")
    await worker.stop()


async def test_nothing_personal_is_logged_and_outcomes_are_counted(
    sqlite_storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    def counted(outcome: str) -> float:
        return (
            REGISTRY.get_sample_value("jzt_outbox_deliveries_total", {"queue": "q", "outcome": outcome})
            or 0.0
        )

    await submit(sqlite_storage)
    receiver.then(answer(500, "王桂兰 990101195603050028"), answer(422, "000-12345678"))
    worker = worker_of(sqlite_storage, receiver.url, clock, queue="q")
    with structlog.testing.capture_logs() as logged:
        await worker.run_once()
        clock.advance(hours=1)
        await worker.run_once()
    assert [entry["event"] for entry in logged] == ["outbox entry retry", "outbox entry parked"]
    assert [entry["reason"] for entry in logged] == ["HTTP 500", "HTTP 422"]
    assert "王桂兰" not in str(logged)
    assert (counted("retry"), counted("parked"), counted("delivered")) == (1, 1, 0)
    assert REGISTRY.get_sample_value("jzt_outbox_entries", {"queue": "q", "status": "parked"}) == 1
    await worker.stop()


@given(
    first=st.floats(0.1, 100),
    longest=st.floats(100, 10_000),
    attempts=st.integers(1, 10_000),
    chance=st.floats(0, 1),
)
def test_a_wait_is_never_longer_than_the_longest_nor_shorter_than_half(
    first: float, longest: float, attempts: int, chance: float
) -> None:
    policy = RetryPolicy(first=first, longest=longest)
    full = policy.wait(attempts, 1.0)
    half = policy.wait(attempts, 0.0)
    assert half <= policy.wait(attempts, chance) <= full <= timedelta(seconds=longest + 1e-3)
    assert full <= policy.wait(attempts + 1, 1.0)
    assert half > timedelta(0)


def test_the_default_policy_waits_days_for_a_receiver() -> None:
    policy = RetryPolicy()
    total = sum((policy.wait(attempt, 0.0) for attempt in range(1, policy.attempts)), timedelta())
    assert total > timedelta(days=1, hours=18)
    assert sum((policy.wait(attempt, 1.0) for attempt in range(1, policy.attempts)), timedelta()) < timedelta(
        days=4
    )
