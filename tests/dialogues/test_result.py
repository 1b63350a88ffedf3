"""The told result, whatever the facts: short, nothing lost, everything a press away."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given, settings

from dialogues.effects import Button, Say
from dialogues.payloads import MAX_BYTES
from dialogues.result_text import MOST_CARDS, MOST_LINES, MOST_REASONS, NOW
from policies_kb.cards import ResultSheet
from tests.dialogues.conversation import START, Conversation, knowledge
from tests.policies_kb.test_rules_properties import PARTIAL
from tests.support.assessed import COUPLE

# About one and a half screens of a small telephone in large type; with thirty schemes it stays at that.
MOST_CHARACTERS = 1000
FEW = settings(max_examples=25, deadline=None)


def told(pack: str, facts: dict[str, Any]) -> tuple[Conversation, Say, ResultSheet]:
    """A conversation with these facts in which the result stands."""
    conversation = Conversation(pack)
    conversation.state.facts, conversation.state.assessment = facts, {}
    conversation.press("f:assess_told")
    today = START.date()
    results = knowledge(pack).assess(facts, today=today, interview=True)
    return conversation, conversation.said[-1], knowledge(pack).sheet(results, today=today)


def named(buttons: tuple[Button, ...], title: str) -> str:
    return next(button.payload for button in buttons if button.title == title)


@pytest.mark.parametrize("pack", ["shifan-xian", "shifan-qu"])
@FEW
@given(facts=PARTIAL)
def test_the_result_is_short_and_every_scheme_is_a_press_away(pack: str, facts: dict[str, Any]) -> None:
    conversation, said, sheet = told(pack, facts)
    assert "出了点问题" not in conversation.text
    assert said.text.count("【") <= MOST_CARDS
    assert len(said.text) < MOST_CHARACTERS
    assert sheet.decides in said.text
    titles = [button.title for button in said.buttons]
    assert len(titles) == len(set(titles))
    assert all(len(button.payload.encode()) <= MAX_BYTES for button in said.buttons)
    for card in sheet.of(*NOW, service=False):
        assert card.name in said.text
        assert f"看{card.name}" in titles
    for card in sheet.of(*NOW, service=True)[:1]:
        assert card.name in said.text
        assert f"看{card.name}" not in titles
        conversation.press(named(said.buttons, "看能用的服务"))
        assert f"看{card.name}" in [button.title for button in conversation.said[-1].buttons]
    # What was said is what somebody typing the button's words gets, and nothing asks anything.
    assert conversation.asked is None


@pytest.mark.parametrize("pack", ["shifan-xian", "shifan-qu"])
@FEW
@given(facts=PARTIAL)
def test_the_others_come_a_few_at_a_time_and_none_is_left_out(pack: str, facts: dict[str, Any]) -> None:
    conversation, said, sheet = told(pack, facts)
    rest = [card.name for card in sheet.of("unknown", "unlikely")]
    heard: list[str] = []
    if rest:
        conversation.press(named(said.buttons, "看其他几项"))
    while rest and len(heard) < len(rest):
        lines = [line for line in conversation.text.splitlines() if line.startswith("· ")]
        assert 0 < len(lines) <= MOST_LINES
        heard += lines
        onward = [button for button in conversation.said[-1].buttons if button.title == "再看几项"]
        assert len(onward) == (1 if len(heard) < len(rest) else 0)
        for button in onward:
            conversation.press(button.payload)
    assert [line.removeprefix("· ")[: len(name)] for line, name in zip(heard, rest, strict=True)] == rest


@pytest.mark.parametrize("pack", ["shifan-xian", "shifan-qu"])
@FEW
@given(facts=PARTIAL)
def test_a_way_leads_from_card_to_card_to_the_last(pack: str, facts: dict[str, Any]) -> None:
    conversation, _, sheet = told(pack, facts)
    cards = [*sheet.of(*NOW, service=False), *sheet.of(*NOW, service=True)]
    if cards:
        conversation.press(f"f:assess_card?{cards[0].scheme}")
    for card, following in zip_longest(cards, cards[1:]):
        assert f"【{card.name}】{card.verdict}" in conversation.text
        assert conversation.state.last_scheme == card.scheme
        assert all(section.heading in conversation.text for section in card.sections)
        onward = [button for button in conversation.said[-1].buttons if button.title.startswith("看下一项")]
        assert [button.title for button in onward] == ([f"看下一项：{following.name}"] if following else [])
        for button in onward:
            conversation.press(button.payload)


@pytest.mark.parametrize("about", ["?", "?9999", "?-1", "?services", "?１", "?\u0bf0", "?dibao"])
def test_a_strange_place_in_the_list_is_its_beginning_or_its_end(about: str) -> None:
    conversation, _, _ = told("shifan-xian", {"area": "rural"})
    conversation.press(f"f:assess_others{about}")
    assert "出了点问题" not in conversation.text
    assert "办事处" in conversation.text


def test_the_file_carries_what_was_told_and_a_repeat_carries_it_again() -> None:
    conversation, _, sheet = told("shifan-qu", {"area": "urban", "local_hukou": True})
    conversation.press("f:assess_paper")
    (said,) = conversation.said
    assert said.paper == sheet
    conversation.press("x:repeat")
    assert conversation.said[0].paper == sheet


async def test_for_somebody_else_the_cards_and_the_file_speak_of_them_and_lose_nothing() -> None:
    conversation = Conversation("shifan-xian")
    await conversation.hear("我帮隔壁王大娘问问")
    conversation.state.facts, conversation.state.assessment = dict(COUPLE), {}
    conversation.press("f:assess_card?dibao")
    _, _, own = told("shifan-xian", dict(COUPLE))
    mine = own.card("dibao")
    assert mine is not None
    for line in mine.told(MOST_REASONS):
        assert line.text.replace("您", "王大娘") in conversation.text
    conversation.press("f:assess_paper")
    paper = conversation.said[0].paper
    assert paper is not None
    assert paper.whose == "王大娘家"
    assert "您家" not in paper.model_dump_json()
    assert [card.told(1)[0].kind for card in paper.cards] == [card.told(1)[0].kind for card in own.cards]
