"""What storage promises, held on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import inspect, text

from integrations.ports import AlreadyTaken, NotFound, StaffRow, StaleState, Storage
from integrations.storage.storage import SqlStorage
from tests.support.clock import Clock
from tests.support.records import CASE, case, conversation, document, handoff

NOWHERE = "00000000-0000-4000-8000-000000000000"


class TestTransactions:
    async def test_a_block_that_raises_leaves_nothing(self, storage: Storage) -> None:
        opened = await conversation(storage)

        async def half_way() -> None:
            async with storage.begin() as tx:
                await tx.messages.say(opened.id, "bot", {"text": "您好"})
                await tx.cases.open("JZ-1", opened.id, "key", CASE, "case.submitted")
                raise RuntimeError("half-way")

        with pytest.raises(RuntimeError, match="half-way"):
            await half_way()
        async with storage.read() as tx:
            assert await tx.messages.after(opened.id, 0) == []
            assert await tx.cases.get("JZ-1") is None
            assert (await tx.outbox.counts())["pending"] == 0

    async def test_a_read_block_cannot_write(self, storage: Storage) -> None:
        opened = await conversation(storage)
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            async with storage.read() as tx:
                await tx.messages.say(opened.id, "bot", {"text": "您好"})
        async with storage.read() as tx:
            assert await tx.messages.after(opened.id, 0) == []

    async def test_a_reader_is_not_kept_waiting_by_a_writer(self, storage: Storage) -> None:
        opened = await conversation(storage)
        async with storage.begin() as writing:
            await writing.messages.say(opened.id, "bot", {"text": "还没提交"})
            async with storage.read() as reading:
                assert await reading.messages.after(opened.id, 0) == []


class TestConversations:
    async def test_found_by_id_and_by_address(self, storage: Storage, clock: Clock) -> None:
        made = await conversation(storage, "tg:12345", channel="telegram")
        async with storage.read() as tx:
            assert await tx.conversations.get(made.id) == made
            assert await tx.conversations.by_address("telegram", "tg:12345") == made
            assert await tx.conversations.by_address("web", "tg:12345") is None
            assert await tx.conversations.by_address("telegram", "tg:1234") is None
            assert await tx.conversations.get(NOWHERE) is None
        assert (made.mode, made.last_seq, made.state_version, made.state) == ("bot", 0, 0, None)
        assert made.created_at == clock.now()
        assert made.created_at.tzinfo == UTC

    async def test_the_same_address_is_the_same_conversation(self, storage: Storage) -> None:
        assert await conversation(storage, "same") == await conversation(storage, "same")

    async def test_an_empty_address_belongs_to_nobody(self, storage: Storage) -> None:
        first, second = await conversation(storage, ""), await conversation(storage, "")
        assert first.id != second.id
        async with storage.read() as tx:
            assert await tx.conversations.by_address("web", "") is None

    async def test_a_state_saved_in_between_is_noticed(self, storage: Storage) -> None:
        made = await conversation(storage)
        async with storage.begin() as tx:
            await tx.conversations.save_state(
                made.id, {"version": 1, "slots": {"名字": "赵试"}}, expected_version=0
            )

        async def second_worker() -> None:
            async with storage.begin() as tx:
                await tx.messages.say(made.id, "bot", {"text": "第二个工作进程的话"})
                await tx.conversations.save_state(made.id, {"version": 9}, expected_version=0)

        with pytest.raises(StaleState):
            await second_worker()
        async with storage.read() as tx:
            found = await tx.conversations.get(made.id)
            assert found is not None
            assert (found.state, found.state_version) == ({"version": 1, "slots": {"名字": "赵试"}}, 1)
            assert await tx.messages.after(made.id, 0) == []

    async def test_an_unknown_conversation_is_named_as_such(self, storage: Storage) -> None:
        with pytest.raises(NotFound):
            async with storage.begin() as tx:
                await tx.conversations.save_state(NOWHERE, {}, expected_version=0)
        with pytest.raises(NotFound):
            async with storage.begin() as tx:
                await tx.conversations.set_mode(NOWHERE, "human", "a")
        with pytest.raises(NotFound):
            async with storage.begin() as tx:
                await tx.messages.accept(NOWHERE, "1", {"text": "在吗"})


class TestMessages:
    async def test_numbered_in_order_over_both_directions(self, storage: Storage) -> None:
        made = await conversation(storage)
        async with storage.begin() as tx:
            received, new = await tx.messages.accept(made.id, "c1", {"text": "低保多少钱"})
            assert new
            await tx.messages.say(made.id, "bot", {"text": "示范县城市低保……", "buttons": []})
            await tx.messages.say(made.id, "staff:li", {"text": "电话核实过"}, direction="note")
        async with storage.read() as tx:
            rows = await tx.messages.after(made.id, 0)
            assert [(row.seq, row.direction, row.status) for row in rows] == [
                (1, "in", "received"), (2, "out", "sent"), (3, "note", "sent"),
            ]  # fmt: skip
            assert rows[0] == received
            assert [row.seq for row in await tx.messages.after(made.id, 1, limit=1)] == [2]
            found = await tx.conversations.get(made.id)
            assert found is not None
            assert found.last_seq == 3

    async def test_a_repeated_message_is_the_first_one(self, storage: Storage) -> None:
        made, other = await conversation(storage, "a"), await conversation(storage, "b")
        async with storage.begin() as tx:
            first, new = await tx.messages.accept(made.id, "c1", {"text": "一"})
        async with storage.begin() as tx:
            again, new_again = await tx.messages.accept(made.id, "c1", {"text": "一(重发)"})
            _, elsewhere = await tx.messages.accept(other.id, "c1", {"text": "别人的一"})
            _, unnamed = await tx.messages.accept(made.id, None, {"text": "没有编号"})
            _, unnamed_too = await tx.messages.accept(made.id, None, {"text": "没有编号"})
        assert (new, new_again, elsewhere, unnamed, unnamed_too) == (True, False, True, True, True)
        assert again == first

    @pytest.mark.parametrize("client_id", ["x" * 129, "a\0b"])
    async def test_a_client_id_no_database_can_hold_is_refused(
        self, storage: Storage, client_id: str
    ) -> None:
        made = await conversation(storage)
        with pytest.raises(ValueError, match="client id"):
            async with storage.begin() as tx:
                await tx.messages.accept(made.id, client_id, {"text": "一"})

    @pytest.mark.parametrize("said", ["", "\0", "半个表情\ud83d", "😀" * 3, "x" * 100_000])
    async def test_whatever_a_phone_sends_is_kept_as_it_is(self, storage: Storage, said: str) -> None:
        made = await conversation(storage)
        async with storage.begin() as tx:
            await tx.messages.accept(made.id, None, {"text": said})
        async with storage.read() as tx:
            assert (await tx.messages.pending(made.id))[0].body == {"text": said}

    async def test_what_waits_for_work_is_found_until_it_is_done(
        self, storage: Storage, clock: Clock
    ) -> None:
        late, early = await conversation(storage, "late"), await conversation(storage, "early")
        async with storage.begin() as tx:
            first, _ = await tx.messages.accept(early.id, "1", {"text": "一"})
            clock.advance(seconds=1)
            await tx.messages.accept(late.id, "1", {"text": "二"})
            clock.advance(seconds=1)
            second, _ = await tx.messages.accept(early.id, "2", {"text": "三"})
            await tx.messages.say(early.id, "bot", {"text": "稍等"})
        async with storage.read() as tx:
            assert await tx.messages.conversations_with_pending() == [early.id, late.id]
            assert await tx.messages.conversations_with_pending(limit=1) == [early.id]
            assert [row.id for row in await tx.messages.pending(early.id)] == [first.id, second.id]
        async with storage.begin() as tx:
            assert await tx.messages.attempted(first.id) == 1
            assert await tx.messages.attempted(first.id) == 2
            await tx.messages.mark_processed(first.id)
        async with storage.read() as tx:
            assert [row.id for row in await tx.messages.pending(early.id)] == [second.id]
            assert await tx.messages.conversations_with_pending() == [late.id, early.id]

    async def test_an_unknown_message_is_named_as_such(self, storage: Storage) -> None:
        for change in (
            lambda tx: tx.messages.mark_processed(NOWHERE),
            lambda tx: tx.messages.attempted(NOWHERE),
            lambda tx: tx.messages.mark_delivery(NOWHERE, "sent"),
        ):
            with pytest.raises(NotFound):
                async with storage.begin() as tx:
                    await change(tx)

    async def test_deliveries_keep_each_conversations_order(self, storage: Storage, clock: Clock) -> None:
        one = await conversation(storage, "1", channel="telegram")
        two = await conversation(storage, "2", channel="telegram")
        web = await conversation(storage, "3")
        async with storage.begin() as tx:
            await tx.messages.say(one.id, "bot", {"text": "早就送到了"})
            first = await tx.messages.say(one.id, "bot", {"text": "一"}, queued=True)
            second = await tx.messages.say(one.id, "bot", {"text": "二"}, queued=True)
            clock.advance(seconds=1)
            other = await tx.messages.say(two.id, "bot", {"text": "三"}, queued=True)
            await tx.messages.say(web.id, "bot", {"text": "网页自己来取"}, queued=True)

        async def due(limit: int = 50) -> list[str]:
            async with storage.begin() as tx:
                return [row.id for row in await tx.messages.due_deliveries("telegram", clock.now(), limit)]

        assert await due() == [first.id, other.id]
        assert await due(limit=1) == [first.id]
        async with storage.begin() as tx:
            await tx.messages.mark_delivery(
                first.id, "queued", next_attempt_at=clock.now() + timedelta(seconds=30)
            )
        assert await due() == [other.id], "the second must not overtake the first"
        clock.advance(seconds=30)
        assert await due() == [first.id, other.id]
        async with storage.begin() as tx:
            await tx.messages.mark_delivery(first.id, "failed")
            await tx.messages.mark_delivery(other.id, "sent")
        assert await due() == [second.id]
        async with storage.read() as tx:
            rows = {row.id: row for row in await tx.messages.after(one.id, 0)}
            assert (rows[first.id].status, rows[first.id].attempts) == ("failed", 2)


class TestHandoffs:
    async def test_from_request_to_end_mode_and_list_agree(self, storage: Storage, clock: Clock) -> None:
        made = await conversation(storage)
        asked = await handoff(storage, made.id)

        async def seen() -> tuple[str, str | None, list[str], list[str]]:
            async with storage.read() as tx:
                row = await tx.conversations.get(made.id)
                assert row is not None
                return (
                    row.mode,
                    row.assignee,
                    [waiting.id for waiting in await tx.handoffs.waiting()],
                    [taken.id for taken in await tx.handoffs.taken_by("li")],
                )

        assert await seen() == ("waiting", None, [asked.id], [])
        clock.advance(minutes=3)
        async with storage.begin() as tx:
            taken = await tx.handoffs.take(asked.id, "li")
        assert (taken.status, taken.assignee, taken.taken_at) == ("taken", "li", clock.now())
        assert await seen() == ("human", "li", [], [asked.id])
        async with storage.begin() as tx:
            assigned = await tx.handoffs.assign(asked.id, "wang", by="li")
        assert assigned.assignee == "wang"
        assert await seen() == ("human", "wang", [], [])
        async with storage.begin() as tx:
            released = await tx.handoffs.release(asked.id, by="wang")
        assert (released.status, released.created_at) == ("waiting", asked.created_at)
        assert await seen() == ("waiting", None, [asked.id], [])
        async with storage.begin() as tx:
            await tx.handoffs.take(asked.id, "li")
            closed = await tx.handoffs.close(asked.id, by="li")
        assert (closed.status, closed.closed_at) == ("closed", clock.now())
        assert await seen() == ("bot", None, [], [])
        async with storage.read() as tx:
            assert await tx.handoffs.open_for(made.id) is None
            assert await tx.handoffs.get(asked.id) == closed
            assert [(row["who"], row["what"]) for row in await tx.records.accesses(made.id)] == [
                ("li", "close"), ("li", "take"), ("wang", "release"), ("li", "assign"), ("li", "take"),
            ]  # fmt: skip

    async def test_asking_twice_is_one_request_and_urgency_is_never_lost(self, storage: Storage) -> None:
        made = await conversation(storage)
        first, second = await handoff(storage, made.id), await handoff(storage, made.id)
        assert first == second
        async with storage.begin() as tx:
            urgent = await tx.handoffs.request(made.id, "说到不想活了", urgent=True)
            still = await tx.handoffs.request(made.id, "人工", urgent=False)
        assert (urgent.id, urgent.urgent, urgent.reason) == (first.id, True, "说到不想活了")
        assert still == urgent

    async def test_danger_while_a_person_holds_it_leaves_it_with_the_person(self, storage: Storage) -> None:
        made = await conversation(storage)
        asked = await handoff(storage, made.id)
        async with storage.begin() as tx:
            await tx.handoffs.take(asked.id, "li")
            again = await tx.handoffs.request(made.id, "危险", urgent=True)
            row = await tx.conversations.get(made.id)
        assert (again.id, again.status, again.urgent) == (asked.id, "taken", True)
        assert row is not None
        assert row.mode == "human"

    async def test_urgent_first_then_longest_waiting(self, storage: Storage, clock: Clock) -> None:
        asked = []
        for name, urgent in (("a", False), ("b", False), ("c", True), ("d", True)):
            asked.append((await handoff(storage, (await conversation(storage, name)).id, urgent=urgent)).id)
            clock.advance(minutes=1)
        async with storage.read() as tx:
            assert [row.id for row in await tx.handoffs.waiting()] == [asked[2], asked[3], asked[0], asked[1]]

    async def test_who_comes_second_is_told(self, storage: Storage) -> None:
        asked = await handoff(storage, (await conversation(storage)).id)
        async with storage.begin() as tx:
            await tx.handoffs.take(asked.id, "li")
            again = await tx.handoffs.take(asked.id, "li")
        assert again.assignee == "li"
        with pytest.raises(AlreadyTaken):
            async with storage.begin() as tx:
                await tx.handoffs.take(asked.id, "wang")

    async def test_a_closed_one_cannot_be_touched_and_a_new_one_can_begin(self, storage: Storage) -> None:
        made = await conversation(storage)
        asked = await handoff(storage, made.id)
        async with storage.begin() as tx:
            await tx.handoffs.close(asked.id, by="li")
        for touch in (
            lambda tx: tx.handoffs.take(asked.id, "li"),
            lambda tx: tx.handoffs.assign(asked.id, "li", by="li"),
            lambda tx: tx.handoffs.release(asked.id, by="li"),
            lambda tx: tx.handoffs.close(asked.id, by="li"),
            lambda tx: tx.handoffs.take(NOWHERE, "li"),
        ):
            with pytest.raises(NotFound):
                async with storage.begin() as tx:
                    await touch(tx)
        again = await handoff(storage, made.id)
        assert again.id != asked.id
        async with storage.read() as tx:
            assert [row.id for row in await tx.handoffs.history(made.id)] == [asked.id, again.id]


class TestCasesAndOutbox:
    async def test_a_case_and_its_delivery_are_born_together(self, storage: Storage, clock: Clock) -> None:
        made = await conversation(storage)
        async with storage.begin() as tx:
            opened, new = await tx.cases.open("JZ-1", made.id, "key-1", CASE, "case.submitted")
            again, new_again = await tx.cases.open("JZ-2", made.id, "key-1", {"other": 1}, "case.submitted")
        assert (new, new_again, again) == (True, False, opened)
        async with storage.begin() as tx:
            assert await tx.cases.get("JZ-1") == opened
            assert await tx.cases.get("JZ-2") is None
            assert opened.payload == CASE
            (entry,) = await tx.outbox.due(clock.now())
        assert (entry.case_id, entry.topic, entry.payload) == ("JZ-1", "case.submitted", CASE)
        assert (entry.idempotency_key, entry.attempts, entry.last_error) == ("key-1", 0, "")

    async def test_a_receipt_number_is_never_given_twice(self, storage: Storage) -> None:
        made = await conversation(storage)
        await case(storage, made.id, "JZ-1")
        with pytest.raises(ValueError, match="JZ-1"):
            async with storage.begin() as tx:
                await tx.cases.open("JZ-1", made.id, "another key", {}, "case.submitted")

    async def test_listed_newest_first_and_page_by_page(self, storage: Storage, clock: Clock) -> None:
        made = await conversation(storage)
        for number in range(3):
            await case(storage, made.id, f"JZ-{number}")
            clock.advance(minutes=1)
        async with storage.read() as tx:
            newest = await tx.cases.list(limit=2)
            assert [row.id for row in newest] == ["JZ-2", "JZ-1"]
            rest = await tx.cases.list(limit=2, before=newest[-1].created_at)
            assert [row.id for row in rest] == ["JZ-0"]
            assert [row.id for row in await tx.cases.for_conversation(made.id)] == ["JZ-0", "JZ-1", "JZ-2"]

    async def test_events_count_once_and_the_latest_decides(self, storage: Storage, clock: Clock) -> None:
        await case(storage, (await conversation(storage)).id)
        noon = datetime(2026, 3, 6, 4, tzinfo=UTC)

        async def event(event_id: str, status: str, at: datetime) -> tuple[bool, str]:
            async with storage.begin() as tx:
                new = await tx.cases.add_event("JZ-1", event_id, status, {"note": status}, at)
                row = await tx.cases.get("JZ-1")
                assert row is not None
                return new, row.status

        assert await event("e2", "verified", noon) == (True, "verified")
        assert await event("e1", "received", noon - timedelta(hours=1)) == (True, "verified"), (
            "late, out of order"
        )
        assert await event("e2", "verified", noon) == (False, "verified")
        assert await event("e3", "approved", noon) == (True, "approved")
        async with storage.read() as tx:
            assert [row["event_id"] for row in await tx.cases.events("JZ-1")] == ["e1", "e2", "e3"]
            assert (await tx.cases.events("JZ-1"))[0] == {
                "event_id": "e1",
                "status": "received",
                "body": {"note": "received"},
                "at": "2026-03-06T03:00:00+00:00",
            }
        with pytest.raises(NotFound):
            async with storage.begin() as tx:
                await tx.cases.add_event("JZ-9", "e1", "received", {}, noon)

    async def test_an_entry_fails_is_parked_retried_and_delivered(
        self, storage: Storage, clock: Clock
    ) -> None:
        await case(storage, (await conversation(storage)).id)
        async with storage.begin() as tx:
            (entry,) = await tx.outbox.due(clock.now())
            await tx.outbox.retry(entry.id, clock.now() + timedelta(minutes=1), "503 Service Unavailable")
            assert await tx.outbox.due(clock.now()) == []
        clock.advance(minutes=1)
        async with storage.begin() as tx:
            (entry,) = await tx.outbox.due(clock.now())
            assert (entry.attempts, entry.last_error) == (1, "503 Service Unavailable")
            await tx.outbox.park(entry.id, "x" * 5000)
            assert not await tx.outbox.unpark(NOWHERE)
        async with storage.begin() as tx:
            (parked,) = await tx.outbox.parked()
            assert (parked.attempts, len(parked.last_error)) == (2, 500)
            assert await tx.outbox.due(clock.now()) == []
            assert dict(await tx.outbox.counts()) == {"pending": 0, "delivered": 0, "parked": 1}
            assert await tx.outbox.unpark(entry.id)
            assert not await tx.outbox.unpark(entry.id)
            (entry,) = await tx.outbox.due(clock.now())
            assert entry.attempts == 0
            await tx.outbox.delivered(entry.id)
            await tx.outbox.delivered(entry.id)
            await tx.outbox.retry(entry.id, clock.now(), "a late word of another worker")
            assert await tx.outbox.due(clock.now()) == []
            assert dict(await tx.outbox.counts()) == {"pending": 0, "delivered": 1, "parked": 0}

    async def test_a_claim_ends_by_itself(self, storage: Storage, clock: Clock) -> None:
        await case(storage, (await conversation(storage)).id)
        async with storage.begin() as tx:
            (claimed,) = await tx.outbox.claim(clock.now(), clock.now() + timedelta(minutes=2))
        assert claimed.attempts == 0
        async with storage.begin() as tx:
            assert await tx.outbox.claim(clock.now(), clock.now() + timedelta(minutes=2)) == []
        clock.advance(minutes=2)
        async with storage.begin() as tx:
            (again,) = await tx.outbox.claim(clock.now(), clock.now() + timedelta(minutes=2))
        assert again.id == claimed.id


class TestRecords:
    async def test_documents(self, storage: Storage) -> None:
        one, two = await conversation(storage, "1"), await conversation(storage, "2")
        row = document(one.id)
        async with storage.begin() as tx:
            await tx.documents.add(row)
            await tx.documents.add(document(two.id, "doc-2"))
        async with storage.read() as tx:
            assert await tx.documents.get("doc-1") == row
            assert await tx.documents.get("doc-9") is None
            assert await tx.documents.for_conversation(one.id) == [row]
            assert await tx.documents.references(row.sha256) == 2
            assert await tx.documents.references("b" * 64) == 0

    async def test_staff(self, storage: Storage) -> None:
        row = StaffRow("li", "李工", "$argon2id$1", "worker", True)
        async with storage.begin() as tx:
            await tx.staff.add(row)
            await tx.staff.add(StaffRow("admin", "管理员", "$argon2id$2", "admin", True))
        with pytest.raises(ValueError, match="li"):
            async with storage.begin() as tx:
                await tx.staff.add(row)
        async with storage.begin() as tx:
            await tx.staff.set_password("li", "$argon2id$3")
            await tx.staff.set_active("li", active=False)
            assert await tx.staff.get("li") == StaffRow("li", "李工", "$argon2id$3", "worker", False)
            assert [found.name for found in await tx.staff.list()] == ["admin", "li"]
            assert await tx.staff.get("nobody") is None
        with pytest.raises(NotFound):
            async with storage.begin() as tx:
                await tx.staff.set_password("nobody", "x")

    async def test_consents_accesses_and_notes(self, storage: Storage, clock: Clock) -> None:
        made = await conversation(storage)
        async with storage.begin() as tx:
            await tx.records.consent(made.id, "application", "1", "c" * 64, given=True)
            clock.advance(minutes=1)
            await tx.records.consent(made.id, "application", "1", "c" * 64, given=False)
            await tx.records.access("li", "view_conversation", made.id, "从等候名单打开")
            await tx.records.access("li", "login", "li")
            await tx.records.note("unanswered", {"question": "养狗有补贴吗"})
            await tx.records.note("satisfaction", {"score": "good"})
        async with storage.read() as tx:
            assert [row["given"] for row in await tx.records.consents(made.id)] == [True, False]
            assert {(row["household"], row["given_by"]) for row in await tx.records.consents(made.id)} == {
                (1, "self")
            }
            (seen,) = await tx.records.accesses(made.id)
            assert seen == {
                "who": "li",
                "what": "view_conversation",
                "subject": made.id,
                "detail": "从等候名单打开",
                "at": "2026-03-05T01:01:00+00:00",
            }
            assert [row["what"] for row in await tx.records.accesses()] == ["login", "view_conversation"]
            assert [row["body"] for row in await tx.records.notes("unanswered")] == [
                {"question": "养狗有补贴吗"}
            ]


class TestErase:
    async def test_nothing_personal_is_left_and_the_tombstone_stands(
        self, storage: Storage, clock: Clock
    ) -> None:
        made, other = await conversation(storage, "gone"), await conversation(storage, "stays")
        for row in (made, other):
            async with storage.begin() as tx:
                await tx.messages.accept(row.id, "1", {"text": "我叫赵试"})
                await tx.conversations.save_state(row.id, {"slots": {"name": "赵试"}}, expected_version=0)
                await tx.documents.add(document(row.id, f"doc-{row.address}"))
                await tx.records.consent(row.id, "application", "1", "c" * 64, given=True)
                await tx.handoffs.request(row.id, "家里没吃的", urgent=True)
                await tx.cases.open(f"JZ-{row.address}", row.id, row.id, CASE, "case.submitted")
                await tx.cases.add_event(f"JZ-{row.address}", "e1", "received", {"t": "赵试"}, clock.now())
                await tx.records.access("li", "view_conversation", row.id)
        async with storage.begin() as tx:
            assert await tx.conversations.erase(made.id) > 5
        async with storage.begin() as tx:
            assert await tx.conversations.erase(made.id) == 0
            assert await tx.conversations.get(made.id) is None
            assert await tx.conversations.by_address("web", "gone") is None
            assert await tx.messages.after(made.id, 0) == []
            assert await tx.messages.conversations_with_pending() == [other.id]
            assert await tx.documents.for_conversation(made.id) == []
            assert await tx.records.consents(made.id) == []
            assert [row.conversation_id for row in await tx.handoffs.waiting()] == [other.id]
            (ended,) = await tx.handoffs.history(made.id)
            assert (ended.status, ended.reason) == ("closed", "")
            kept = await tx.cases.get("JZ-gone")
            assert kept is not None
            assert (kept.status, kept.payload) == ("erased", {})
            assert await tx.cases.events("JZ-gone") == []
            assert not await tx.cases.add_event("JZ-gone", "e2", "approved", {"t": "赵试"}, clock.now())
            assert [row.case_id for row in await tx.outbox.due(clock.now())] == ["JZ-stays"]
            assert [row["what"] for row in await tx.records.accesses(made.id)] == ["view_conversation"]
            assert await tx.conversations.get(other.id) is not None
            assert len(await tx.documents.for_conversation(other.id)) == 1

    async def test_work_that_was_under_way_cannot_bring_it_back(self, storage: Storage) -> None:
        made = await conversation(storage)
        async with storage.begin() as tx:
            await tx.conversations.erase(made.id)
        for late in (
            lambda tx: tx.conversations.save_state(made.id, {"a": 1}, expected_version=0),
            lambda tx: tx.messages.say(made.id, "bot", {"text": "迟到的话"}),
            lambda tx: tx.messages.accept(made.id, "2", {"text": "迟到的话"}),
            lambda tx: tx.cases.open("JZ-1", made.id, "key", CASE, "case.submitted"),
            lambda tx: tx.documents.add(document(made.id)),
            lambda tx: tx.handoffs.request(made.id, "人工", urgent=False),
            lambda tx: tx.records.consent(made.id, "application", "1", "c" * 64, given=True),
        ):
            with pytest.raises(NotFound):
                async with storage.begin() as tx:
                    await late(tx)

    async def test_the_same_address_begins_anew(self, storage: Storage) -> None:
        made = await conversation(storage, "again")
        async with storage.begin() as tx:
            await tx.conversations.erase(made.id)
        assert (await conversation(storage, "again")).id != made.id


SECRET = "赵试990101195001010019"


async def test_no_personal_word_is_readable_in_the_database(storage: Storage, clock: Clock) -> None:
    made = await conversation(storage, f"address-{SECRET}")
    async with storage.begin() as tx:
        await tx.messages.accept(made.id, "1", {"text": SECRET})
        await tx.messages.say(made.id, "bot", {"text": SECRET})
        await tx.conversations.save_state(made.id, {"name": SECRET}, expected_version=0)
        await tx.handoffs.request(made.id, SECRET, urgent=False)
        await tx.cases.open("JZ-1", made.id, "key", {"name": SECRET}, "case.submitted")
        await tx.cases.add_event("JZ-1", "e1", "received", {"text": SECRET}, clock.now())
        (entry,) = await tx.outbox.due(clock.now())
        await tx.outbox.park(entry.id, SECRET)
        row = document(made.id)
        await tx.documents.add(replace(row, filename=SECRET))
        await tx.records.access("li", "reply", made.id, SECRET)
        await tx.records.note("unanswered", {"question": SECRET})
    stored = await _everything(storage)
    assert made.id.encode() in stored, (
        "plain columns are readable, so the search below would find what is there"
    )
    for part in (SECRET, "赵试", "990101195001010019"):
        assert part.encode() not in stored
        assert part.encode("unicode_escape") not in stored


async def _everything(storage: Storage) -> bytes:
    """Every value of every table, as bytes."""
    assert isinstance(storage, SqlStorage)
    async with storage.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert len(tables) > 10
        values = [
            value if isinstance(value, bytes) else str(value).encode()
            for table in tables
            for row in await connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 (our own table names)
            for value in row
        ]
    return b"\n".join(values)
