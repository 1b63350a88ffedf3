"""The consent text promises that a draft never submitted is gone after thirty days."""

from __future__ import annotations

import pytest

from bot.app import Service
from bot.packs import Desk, Packs
from bot.retention import Retention
from dialogues.state import CaseNote, DialogueState
from policies_kb.knowledge import UnknownText
from tests.bot.people import Resident
from tests.support.clock import Clock


async def test_a_draft_nobody_touched_is_erased_after_the_promised_days(
    service: Service, resident: Resident, retention: Retention, clock: Clock
) -> None:
    await resident.says("你好")
    clock.advance(days=29, hours=23)
    assert await retention.run_once() == 0
    clock.advance(hours=2)
    assert await retention.run_once() == 1
    async with service.storage.read() as tx:
        assert await tx.conversations.get(resident.id) is None
        assert [seen["who"] for seen in await tx.records.accesses(resident.id)] == ["retention"]
    assert await retention.run_once() == 0


async def test_a_word_from_the_resident_begins_the_days_anew(
    service: Service, resident: Resident, retention: Retention, clock: Clock
) -> None:
    await resident.says("你好")
    clock.advance(days=20)
    await resident.says("继续")
    clock.advance(days=20)
    assert await retention.run_once() == 0


async def test_a_conversation_in_somebodys_hands_is_left_alone(
    service: Service, resident: Resident, retention: Retention, clock: Clock
) -> None:
    await resident.says("人工")
    clock.advance(days=40)
    assert await retention.run_once() == 0


async def test_a_submitted_case_is_kept(
    service: Service, resident: Resident, retention: Retention, clock: Clock
) -> None:
    await resident.says("你好")
    async with service.storage.begin() as tx:
        await tx.cases.open("JZ-TEST", resident.id, "key", {"case": 1}, "case.submitted")
    clock.advance(days=400)
    assert await retention.run_once() == 0


async def test_a_pack_with_a_fault_does_not_keep_the_others_drafts(
    service: Service,
    resident: Resident,
    retention: Retention,
    packs: Packs,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with service.storage.begin() as tx:
        other = await tx.conversations.create("web", "", "shifan-qu")
    clock.advance(days=40)
    whole = packs.desk

    def desk(pack: str) -> Desk:
        if pack == "shifan-qu":
            raise UnknownText("consent.draft_days")
        return whole(pack)

    monkeypatch.setattr(packs, "desk", desk)
    assert await retention.run_once() == 1
    async with service.storage.read() as tx:
        assert await tx.conversations.get(resident.id) is None
        assert await tx.conversations.get(other.id) is not None


async def test_each_household_of_a_conversation_that_goes_on_has_its_own_days(
    service: Service, resident: Resident, retention: Retention, clock: Clock
) -> None:
    for words in ("我是村干部", "王大娘", "测一下", "就她一个人"):
        await resident.says(words)
    clock.advance(days=20)
    for words in ("换成李大爷家", "测一下", "两口人"):
        await resident.says(words)
    clock.advance(days=9, hours=23)
    assert await retention.run_once() == 0
    clock.advance(hours=2)
    assert await retention.run_once() == 1
    async with service.storage.read() as tx:
        row = await tx.conversations.get(resident.id)
        kept = [message.body["text"] for message in await tx.messages.after(resident.id, 0, 100)]
    assert row is not None
    assert row.state is not None
    state = DialogueState.model_validate(row.state)
    assert (state.who, state.households, state.facts["household_size"]) == ("李大爷", [], 2)
    assert any("李大爷家一起生活的有几口人" in text for text in kept)
    assert not any("王大娘家一起生活的有几口人" in text for text in kept)
    assert await retention.run_once() == 0


async def test_a_household_with_a_case_is_kept_and_the_draft_beside_it_goes(
    service: Service, resident: Resident, retention: Retention, clock: Clock
) -> None:
    for words in ("我是村干部", "王大娘", "测一下", "就她一个人"):
        await resident.says(words)
    async with service.storage.begin() as tx:
        await tx.cases.open("JZ-TEST", resident.id, "key", {"case": 1}, "case.submitted")
        row = await tx.conversations.get(resident.id)
        assert row is not None
        assert row.state is not None
        note = CaseNote(application=1, receipt="JZ-TEST", schemes=["dibao"], household=1)
        sent = DialogueState.model_validate(row.state).model_copy(
            update={"cases": [note], "version": row.state_version + 1}
        )
        await tx.conversations.save_state(
            resident.id, sent.model_dump(mode="json"), expected_version=row.state_version
        )
    for words in ("换成李大爷家", "测一下", "两口人"):
        await resident.says(words)
    clock.advance(days=31)
    assert await retention.run_once() == 1
    async with service.storage.read() as tx:
        row = await tx.conversations.get(resident.id)
    assert row is not None
    assert row.state is not None
    state = DialogueState.model_validate(row.state)
    assert (state.who, state.facts["household_size"], state.households) == ("王大娘", 1, [])
