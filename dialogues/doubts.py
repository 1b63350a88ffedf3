"""Answers in doubt: asked about once and believed when repeated; until then neither counted nor lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues import payloads
from dialogues.effects import Button
from dialogues.state import Doubted
from dialogues.summary import fact_value
from policies_kb.types import Choice

if TYPE_CHECKING:
    from dialogues.run import Run

AGAIN = "重新说"


def in_doubt(run: Run, key: str, value: JsonValue) -> bool:
    """Whether this answer is to be asked about before it counts. The same answer given again is believed.

    An answer may also bring into doubt what was said before of another fact: that stays as it is and is asked about.
    """
    state = run.state
    before = state.doubts.pop(key, None)
    if before is not None and before.value == value:
        return False
    for doubt in run.knowledge.raised_doubts(state.facts, key, value, today=run.today):
        said = value if doubt.key == key else fact_value(state.facts, doubt.key)
        state.doubts[doubt.key] = Doubted(value=said, doubt=doubt)
        state.answered.pop(doubt.key, None)
        if doubt.key in state.skipped:
            state.skipped.remove(doubt.key)
    return key in state.doubts


def taken_back(run: Run, key: str) -> JsonValue:
    """What was said of the pending fact, when its doubt is answered by changing `key` instead; None otherwise."""
    pending = run.pending
    doubted = run.state.doubts.get(pending) if pending is not None else None
    if doubted is None or pending == key or all(choice.again != key for choice in doubted.doubt.choices):
        return None
    return doubted.value


def choices(doubted: Doubted, offered: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """What may be answered: the doubt's own choices, and whatever the fact allows."""
    own = tuple(
        Choice(value=choice.value, title=choice.title)
        for choice in doubted.doubt.choices
        if choice.again is None
    )
    return (*own, *offered)


def buttons(doubted: Doubted) -> Iterator[Button]:
    """The doubt's choices, and to say it anew."""
    key = doubted.doubt.key
    for choice in doubted.doubt.choices:
        payload = payloads.edit(choice.again) if choice.again else payloads.answer(key, choice.value)
        yield Button(title=choice.title, payload=payload)
    yield Button(title=AGAIN, payload=payloads.edit(key))
