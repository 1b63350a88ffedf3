"""The households of a conversation: one is spoken of, the others are kept whole until they are spoken of again.

A village cadre asks for three families in one evening. Whatever is told, asked or begun belongs to the household
spoken of at that moment and moves in and out of the state with it, so that nothing of one can land in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dialogues.commands import (
    UNNUMBERED,
    CancelFlow,
    Command,
    CorrectSlot,
    ResumeFlow,
    Role,
    SetSlot,
    SkipQuestion,
    StartFlow,
)
from dialogues.state import CaseNote, DialogueState, Household, OfHousehold

FIRST = 1
# More than a cadre gets through in an evening; what one conversation holds of other people stays bounded.
MOST = 20
CARRIED: frozenset[Role | None] = frozenset({"cadre", "volunteer"})
YOU, YOUR_HOME, OWN_HOME = "您", "您家", "您自己家"
_BOUND = (StartFlow, SetSlot, CorrectSlot, SkipQuestion, CancelFlow, ResumeFlow)
KEPT = tuple(OfHousehold.model_fields)


def subject(household: OfHousehold) -> str:
    """Whom questions are about: 您, or as the speaker calls them."""
    return household.who or YOU


def home(household: OfHousehold) -> str:
    """Their household in a sentence: 您家, 王大娘家."""
    return f"{household.who}家" if household.who else YOUR_HOME


def label(household: OfHousehold) -> str:
    """A household told apart from the others: 您自己家, 王大娘家."""
    return f"{household.who}家" if household.who else OWN_HOME


def several(state: DialogueState) -> bool:
    """Whether more than one household is kept."""
    return bool(state.households)


def is_named(state: DialogueState) -> bool:
    """Whether it has to be said whose household is meant."""
    return bool(state.who) or several(state)


def every(state: DialogueState) -> Iterator[tuple[int, OfHousehold]]:
    """(number, household) of each, in order of mention."""
    found: dict[int, OfHousehold] = {one.number: one for one in state.households}
    found[state.household] = state
    yield from sorted(found.items())


def numbered(state: DialogueState, number: int) -> OfHousehold | None:
    """The household of that number."""
    return dict(every(state)).get(number)


def called(state: DialogueState, who: str) -> int | None:
    """Number of the household called so; an empty name is the speaker's own."""
    if who and not _plain(who):
        return None
    return next((number for number, one in every(state) if _plain(one.who) == _plain(who)), None)


def _plain(who: str) -> str:
    return who.removesuffix("家").removeprefix("您").removeprefix("老")


def own_cases(state: DialogueState) -> list[CaseNote]:
    """Applications sent for the household spoken of, oldest first."""
    return [case for case in state.cases if case.household == state.household]


def abandoned(state: DialogueState, before: datetime) -> list[int]:
    """Numbers of the households not spoken of since `before`, of which something is kept and no case came."""
    sent = {case.household for case in state.cases}
    return [
        number
        for number, one in every(state)
        if number not in sent and not is_blank(one) and (at := one.spoken_at or state.last_at) and at < before
    ]


def is_blank(state: OfHousehold) -> bool:
    """Whether nothing was told of, or begun for, the household."""
    told = (
        state.facts,
        state.doubts,
        state.slots,
        state.drafts,
        state.files,
        state.assessment,
        state.consent,
    )
    return not any(told) and state.case_id is None


def switch(state: DialogueState, number: int) -> None:
    """Speak of another household; the one spoken of is put away as it stands.

    Raises:
        KeyError: there is none of that number.
    """
    if number == state.household:
        return
    place = next((at for at, one in enumerate(state.households) if one.number == number), None)
    if place is None:
        raise KeyError(number)
    other = state.households.pop(place)
    _put_away(state)
    for name in KEPT:
        setattr(state, name, getattr(other, name))
    state.household = number


def begin(state: DialogueState, who: str, role: Role | None) -> None:
    """Speak of a household not spoken of before. One of which nothing is known yet becomes it."""
    # Whoever asks as a cadre asks as one for the next family too.
    role = role or (state.role if who and state.role in CARRIED else None)
    if not is_blank(state):
        number = max(number for number, _ in every(state)) + 1
        _put_away(state)
        _empty(state)
        state.household = number
    else:
        state.stack = []
    state.who, state.role = _unlike(state, who), role


def forget(state: DialogueState, number: int) -> None:
    """Everything of one household goes. Of the one spoken of, what is left is another, or an empty first one."""
    if number == state.household:
        if state.households:
            switch(state, state.households[-1].number)
        else:
            _empty(state)
    state.households = [one for one in state.households if one.number != number]
    state.cases = [case for case in state.cases if case.household != number]
    state.last_said, state.offered = [], []


def elsewhere(state: DialogueState, command: Command, *, of_result: bool) -> int | None:
    """Number of the household a pressed button belongs to, when that is not the one spoken of.

    `of_result`: the flow it starts tells of a self-assessment already made.
    """
    number = command.household
    if number is None or number == state.household or not isinstance(command, _BOUND):
        return None
    if number != UNNUMBERED:
        return number
    # A button without a number is older than the second household, or stands in a menu for whichever is spoken of.
    menu = isinstance(command, CancelFlow | ResumeFlow) or (
        isinstance(command, StartFlow) and not command.slots and not of_result
    )
    return None if menu or state.household == FIRST else FIRST


def _put_away(state: DialogueState) -> None:
    values = {name: getattr(state, name) for name in KEPT}
    state.households.append(Household(number=state.household, **values))


def _empty(state: DialogueState) -> None:
    fresh = DialogueState()
    for name in KEPT:
        setattr(state, name, getattr(fresh, name))


def _unlike(state: DialogueState, who: str) -> str:
    """The name, with a number behind it where another household is called the same."""
    taken = {one.who for number, one in every(state) if number != state.household}
    found, count = who, 2
    while found and found in taken:
        found, count = f"{who}（{count}）", count + 1
    return found
