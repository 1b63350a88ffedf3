"""Several households in one conversation: the state moves whole, old states load, buttons say whose they are."""

from __future__ import annotations

import pytest

from dialogues import households, payloads
from dialogues.address import third_person
from dialogues.commands import UNNUMBERED, SetSlot, SpeakFor, StartFlow
from dialogues.state import DialogueState, Household, OfHousehold

# What belongs to the conversation and not to one of its households.
OF_THE_CONVERSATION = {
    "schema_version", "version", "household", "households", "speaker", "failures", "last_said", "offered", "applications",
    "cases", "handoff", "started", "last_at",
}  # fmt: skip


def test_every_field_of_the_state_is_the_conversations_or_a_households() -> None:
    assert set(DialogueState.model_fields) == OF_THE_CONVERSATION | set(OfHousehold.model_fields)
    assert set(Household.model_fields) == {"number"} | set(OfHousehold.model_fields)


def test_a_state_stored_before_there_were_households_loads_as_the_first() -> None:
    stored = {
        "schema_version": 1, "version": 7, "slots": {"phone": "13800000000"}, "facts": {"household_size": 2},
        "skipped": ["savings"], "answered": {"household_size": "int"}, "case_id": "JZ-20260305-0000-0000",
        "cases": [{"application": 1, "receipt": "JZ-20260305-0000-0000"}],
        "drafts": {"apply": [{"flow": "apply", "step": "begin", "data": {"number": 1, "for_whom": "爸爸"}}]},
        "applications": 1, "started": True,
    }  # fmt: skip
    state = DialogueState.model_validate(stored)
    assert state.schema_version == 2
    assert (state.household, state.households, state.who) == (1, [], "")
    assert state.facts == {"household_size": 2}
    assert state.cases[0].household == 1
    assert DialogueState.model_validate_json(state.model_dump_json()) == state


def test_a_household_comes_back_as_it_was_left() -> None:
    state = DialogueState(facts={"household_size": 3}, skipped=["savings"], who="王大娘", role="cadre")
    before = {name: getattr(state, name) for name in OfHousehold.model_fields}
    households.begin(state, "李大爷", "cadre")
    assert (state.household, state.facts, state.skipped, state.who) == (2, {}, [], "李大爷")
    state.facts = {"household_size": 1}
    households.switch(state, 1)
    assert {name: getattr(state, name) for name in OfHousehold.model_fields} == before
    households.switch(state, 2)
    assert state.facts == {"household_size": 1}
    with pytest.raises(KeyError):
        households.switch(state, 9)


def test_one_of_which_nothing_is_known_is_not_kept_beside_the_one_meant() -> None:
    state = DialogueState()
    households.begin(state, "王大娘", None)
    assert (state.household, state.households, state.who) == (1, [], "王大娘")


def test_two_called_the_same_are_told_apart() -> None:
    state = DialogueState(who="老李", facts={"household_size": 1})
    households.begin(state, "老李", None)
    assert state.who == "老李（2）"


def test_forgetting_one_leaves_the_others() -> None:
    state = DialogueState(who="王大娘", facts={"household_size": 1})
    households.begin(state, "李大爷", None)
    state.facts = {"household_size": 2}
    households.forget(state, 2)
    assert (state.household, state.who, state.facts) == (1, "王大娘", {"household_size": 1})
    households.forget(state, 1)
    assert (state.who, state.facts, state.households) == ("", {}, [])


def test_a_payload_says_whose_button_it_is() -> None:
    plain = payloads.answer("savings", 5000)
    assert payloads.of_household(plain, 2) == "2@s:savings=5000"
    assert payloads.of_household("2@s:savings=5000", 3) == "2@s:savings=5000"
    assert payloads.parse("2@s:savings=5000") == SetSlot(name="savings", value=5000, household=2)
    assert payloads.pressed(plain) == SetSlot(name="savings", value=5000, household=UNNUMBERED)
    assert payloads.parse("h:3") == SpeakFor(number=3)
    assert payloads.parse("h:new") == SpeakFor(new=True, then="assess")
    assert payloads.parse("h:list") == SpeakFor()
    for wrong in ("h:", "h:0", "h:100", "0@s:a=1", "2@", "2@2@s:a=1"):
        assert payloads.parse(wrong) is None


@pytest.mark.parametrize(
    ("command", "spoken_of", "belongs"),
    [
        (SetSlot(name="savings", value=1), 2, None),
        (SetSlot(name="savings", value=1, household=UNNUMBERED), 1, None),
        (SetSlot(name="savings", value=1, household=UNNUMBERED), 2, 1),
        (SetSlot(name="savings", value=1, household=2), 2, None),
        (SetSlot(name="savings", value=1, household=2), 1, 2),
        (StartFlow(flow="apply", household=UNNUMBERED), 2, None),
        (StartFlow(flow="assess", slots={payloads.RESTART: True}, household=UNNUMBERED), 2, 1),
        (StartFlow(flow="apply", household=1), 2, 1),
    ],
)
def test_a_button_pressed_after_turning_to_another_household_is_known_for_the_other_ones(
    command: SetSlot | StartFlow, spoken_of: int, belongs: int | None
) -> None:
    state = DialogueState(household=spoken_of)
    assert households.elsewhere(state, command, of_result=False) == belongs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("您家一起生活的有几口人？（连您自己也算）", "王大娘家一起生活的有几口人？（连王大娘自己也算）"),
        ("您的孩子在上学吗？", "王大娘的孩子在上学吗？"),
        ("您说全家一个月3万元", "您说全家一个月3万元"),
        ("请您再看一眼", "请您再看一眼"),
    ],
)
def test_the_packs_words_are_put_for_another_and_what_is_said_to_the_speaker_stays(
    text: str, told: str
) -> None:
    assert third_person(text, "王大娘") == told
