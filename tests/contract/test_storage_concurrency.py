"""Many at once: the database decides, not luck. Every task works through its own connection."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from integrations.crypto import Keyring
from integrations.ports import AlreadyTaken, HandoffRow, StaleState, Storage
from integrations.storage import open_storage
from tests.support.clock import Clock
from tests.support.records import CASE, case, conversation, handoff

WORKERS = 4
TASKS = 12


@pytest.fixture
async def workers(
    storage: Storage, storage_url: str, keyring: Keyring, clock: Clock
) -> AsyncIterator[list[Storage]]:
    """Several storages on one database, as several processes have them: no lock of one process can help."""
    others = [open_storage(storage_url, keyring, clock=clock, patience=30) for _ in range(WORKERS)]
    yield others
    for other in others:
        await other.close()


async def _at_once(workers: list[Storage], work: Callable[[Storage, int], Awaitable[object]]) -> list[object]:
    """Run `work` TASKS times over the workers, all released together; exceptions are returned."""
    gate = asyncio.Barrier(TASKS)

    async def one(number: int) -> object:
        await gate.wait()
        return await work(workers[number % len(workers)], number)

    return list(await asyncio.gather(*(one(number) for number in range(TASKS)), return_exceptions=True))


async def test_sequence_numbers_have_neither_gaps_nor_twins(storage: Storage, workers: list[Storage]) -> None:
    made = await conversation(storage)

    async def say(worker: Storage, number: int) -> None:
        async with worker.begin() as tx:
            await tx.messages.accept(made.id, f"c{number}", {"text": "问"})
            await tx.messages.say(made.id, "bot", {"text": "答"})

    assert await _at_once(workers, say) == [None] * TASKS
    async with storage.read() as tx:
        rows = await tx.messages.after(made.id, 0)
    assert [row.seq for row in rows] == list(range(1, 2 * TASKS + 1))
    # Question and answer of one transaction stay together: the conversation is locked until it ends.
    assert [row.direction for row in rows] == ["in", "out"] * TASKS


async def test_a_message_sent_many_times_at_once_is_accepted_once(
    storage: Storage, workers: list[Storage]
) -> None:
    made = await conversation(storage)

    async def accept(worker: Storage, _: int) -> tuple[str, bool]:
        async with worker.begin() as tx:
            row, new = await tx.messages.accept(made.id, "the same", {"text": "问"})
            return row.id, new

    answers = await _at_once(workers, accept)
    assert Counter(new for _, new in answers) == {True: 1, False: TASKS - 1}  # type: ignore[misc]
    assert len({message_id for message_id, _ in answers}) == 1  # type: ignore[misc]
    async with storage.read() as tx:
        assert len(await tx.messages.pending(made.id)) == 1


async def test_a_first_contact_that_arrives_twice_is_one_conversation(workers: list[Storage]) -> None:
    async def create(worker: Storage, _: int) -> str:
        async with worker.begin() as tx:
            return (await tx.conversations.create("telegram", "12345", "shifan-xian")).id

    answers = await _at_once(workers, create)
    assert len(set(answers)) == 1
    assert isinstance(answers[0], str)


async def test_of_many_who_take_one_conversation_one_wins(storage: Storage, workers: list[Storage]) -> None:
    made = await conversation(storage)
    asked = await handoff(storage, made.id)

    async def take(worker: Storage, number: int) -> HandoffRow:
        async with worker.begin() as tx:
            return await tx.handoffs.take(asked.id, f"staff-{number}")

    answers = await _at_once(workers, take)
    winners = [answer for answer in answers if isinstance(answer, HandoffRow)]
    assert len(winners) == 1
    assert sum(isinstance(answer, AlreadyTaken) for answer in answers) == TASKS - 1
    async with storage.read() as tx:
        row = await tx.conversations.get(made.id)
        assert row is not None
        assert (row.mode, row.assignee) == ("human", winners[0].assignee)
        assert [access["who"] for access in await tx.records.accesses(made.id)] == [winners[0].assignee]


async def test_requests_from_all_sides_are_one_stay(storage: Storage, workers: list[Storage]) -> None:
    made = await conversation(storage)

    async def request(worker: Storage, number: int) -> str:
        async with worker.begin() as tx:
            return (await tx.handoffs.request(made.id, "人工", urgent=number == 7)).id

    assert len(set(await _at_once(workers, request))) == 1
    async with storage.read() as tx:
        (waiting,) = await tx.handoffs.waiting()
    assert waiting.urgent


async def test_take_release_and_close_at_once_never_lose_the_resident(
    storage: Storage, workers: list[Storage]
) -> None:
    made = await conversation(storage)
    asked = await handoff(storage, made.id)

    async def stir(worker: Storage, number: int) -> None:
        async with worker.begin() as tx:
            if number % 3 == 0:
                await tx.handoffs.release(asked.id, by=f"staff-{number}")
            else:
                await tx.handoffs.assign(asked.id, f"staff-{number}", by="admin")

    assert await _at_once(workers, stir) == [None] * TASKS
    async with storage.read() as tx:
        row, current = await tx.conversations.get(made.id), await tx.handoffs.get(asked.id)
        assert row is not None
        assert current is not None
        in_step = {"waiting": ("waiting", None), "taken": ("human", current.assignee)}
        assert (row.mode, row.assignee) == in_step[current.status]
        assert len(await tx.handoffs.waiting()) == (1 if current.status == "waiting" else 0)


async def test_a_button_pressed_many_times_is_one_case(storage: Storage, workers: list[Storage]) -> None:
    made = await conversation(storage)

    async def submit(worker: Storage, _: int) -> bool:
        async with worker.begin() as tx:
            row, new = await tx.cases.open("JZ-1", made.id, "key-1", CASE, "case.submitted")
            assert row.id == "JZ-1"
            return new

    assert Counter(await _at_once(workers, submit)) == {True: 1, False: TASKS - 1}
    async with storage.read() as tx:
        assert (await tx.outbox.counts())["pending"] == 1


async def test_a_state_is_saved_by_one(storage: Storage, workers: list[Storage]) -> None:
    made = await conversation(storage)

    async def save(worker: Storage, number: int) -> None:
        async with worker.begin() as tx:
            await tx.conversations.save_state(made.id, {"by": number}, expected_version=0)
            await tx.messages.say(made.id, "bot", {"text": str(number)})

    answers = await _at_once(workers, save)
    assert answers.count(None) == 1
    assert sum(isinstance(answer, StaleState) for answer in answers) == TASKS - 1
    async with storage.read() as tx:
        row, (said,) = await tx.conversations.get(made.id), await tx.messages.after(made.id, 0)
        assert row is not None
        assert row.state == {"by": int(said.body["text"])}


async def test_an_event_that_comes_many_times_counts_once(
    storage: Storage, workers: list[Storage], clock: Clock
) -> None:
    await case(storage, (await conversation(storage)).id)

    async def event(worker: Storage, _: int) -> bool:
        async with worker.begin() as tx:
            return await tx.cases.add_event("JZ-1", "e1", "received", {}, clock.now())

    assert Counter(await _at_once(workers, event)) == {True: 1, False: TASKS - 1}


async def test_deliveries_are_shared_out(storage: Storage, workers: list[Storage], clock: Clock) -> None:
    made = await conversation(storage)
    for number in range(TASKS):
        await case(storage, made.id, f"JZ-{number}")

    async def claim(worker: Storage, _: int) -> list[str]:
        async with worker.begin() as tx:
            rows = await tx.outbox.claim(clock.now(), clock.now() + timedelta(minutes=2), limit=2)
            return [row.case_id for row in rows]

    claimed = [case_id for answer in await _at_once(workers, claim) for case_id in answer]  # type: ignore[attr-defined]
    assert sorted(claimed) == sorted(f"JZ-{number}" for number in range(TASKS))


async def test_a_locked_entry_is_passed_over_on_postgresql(postgres_storage: Storage, clock: Clock) -> None:
    made = await conversation(postgres_storage)
    await case(postgres_storage, made.id, "JZ-1")
    await case(postgres_storage, made.id, "JZ-2")
    async with postgres_storage.begin() as one, postgres_storage.begin() as two:
        (first,) = await one.outbox.due(clock.now(), limit=1)
        (second,) = await two.outbox.due(clock.now(), limit=1)
        assert first.id != second.id


async def test_a_cancelled_writer_gives_its_place_back(sqlite_storage: Storage) -> None:
    made = await conversation(sqlite_storage)
    inside = asyncio.Event()

    async def writer() -> None:
        async with sqlite_storage.begin() as tx:
            await tx.messages.say(made.id, "bot", {"text": "不会提交"})
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(writer())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with sqlite_storage.begin() as tx:
        await tx.messages.say(made.id, "bot", {"text": "后来的"})
    async with sqlite_storage.read() as tx:
        assert [row.body["text"] for row in await tx.messages.after(made.id, 0)] == ["后来的"]
