"""Button payloads: short strings that come back when a button is pressed, at most 64 bytes (Telegram's limit).

Shapes: `f:FLOW` start, `f:FLOW?WORD` start about one thing, `f:FLOW!` start afresh, `s:SLOT=JSON` answer, `e:SLOT`
change that answer, `q:TEXT` ask the policy base, `h:NUMBER`, `h:new`, `h:list` whose household is spoken of, `x:WORD`
one of the plain commands (`x:resume.FLOW` resumes that flow). `NUMBER@` before any of them names the household it
belongs to, where there are several. Payloads never go to NLU.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pydantic import JsonValue

from dialogues.commands import (
    ABOUT,
    UNNUMBERED,
    AdoptWhatIf,
    AskPolicy,
    AskWhy,
    CancelFlow,
    Command,
    CorrectSlot,
    FinishInterview,
    HumanHandoff,
    Repeat,
    ResumeFlow,
    SessionStart,
    SetSlot,
    SkipQuestion,
    SpeakFor,
    StartFlow,
)

MAX_BYTES = 64
# Room left for the number of the household.
ROOM = len("99@")

# A control slot of StartFlow: begin anew instead of picking up the draft.
RESTART = "restart"

WORDS: Mapping[str, Command] = {
    "cancel": CancelFlow(),
    "resume": ResumeFlow(),
    "skip": SkipQuestion(),
    "dont_know": SkipQuestion(reason="dont_know"),
    "repeat": Repeat(),
    "simpler": Repeat(simpler=True),
    "why": AskWhy(),
    "finish": FinishInterview(),
    "adopt": AdoptWhatIf(),
    "human": HumanHandoff(),
    "menu": SessionStart(),
}


# h:new begins another household, h:list shows those there are.
_HOMES: Mapping[str, Command] = {"new": SpeakFor(new=True, then="assess"), "list": SpeakFor()}
_NUMBER = re.compile("(?P<number>[1-9][0-9]?)@")


class PayloadTooLong(ValueError):
    """The payload would exceed MAX_BYTES in UTF-8."""


def _fit(payload: str, most: int = MAX_BYTES - ROOM) -> str:
    if len(payload.encode()) > most:
        raise PayloadTooLong(payload)
    return payload


def of_household(payload: str, number: int) -> str:
    """The payload of a button that belongs to one household among several; one that has a number keeps it."""
    if _NUMBER.match(payload) or payload.startswith(("q:", "h:")):
        return payload
    return _fit(f"{number}@{payload}", MAX_BYTES)


def household(number: int | str) -> str:
    """Speak of another household: its number, `new`, or `list`."""
    return f"h:{number}"


def start(flow: str, *, restart: bool = False, about: str = "") -> str:
    """Begin `flow`; with `restart`, from its first question even if a draft is kept. `about`: see commands.ABOUT."""
    return _fit(f"f:{flow}{about and '?'}{about}{'!' if restart else ''}")


def answer(slot: str, value: JsonValue) -> str:
    """`value` as the answer to `slot` (a slot name or a fact key)."""
    return _fit(f"s:{slot}={json.dumps(value, ensure_ascii=False, separators=(',', ':'))}")


def edit(slot: str) -> str:
    """Ask `slot` again, to change its answer."""
    return _fit(f"e:{slot}")


def ask(question: str) -> str:
    """A suggested policy question.

    Raises:
        PayloadTooLong: more than 62 bytes, about twenty Chinese characters.
    """
    return _fit(f"q:{question}", MAX_BYTES)


def word(name: str) -> str:
    """One of WORDS.

    Raises:
        KeyError: not one of them.
    """
    if name not in WORDS:
        raise KeyError(name)
    return f"x:{name}"


def resume(flow: str) -> str:
    """Take up `flow` where its draft stands."""
    return _fit(f"x:resume.{flow}")


def pressed(payload: str) -> Command | None:
    """The command of a button that was pressed, or None when it is none of ours; it says whose household's it was."""
    found = parse(payload)
    if found is None or found.household is not None:
        return found
    return found.model_copy(update={"household": UNNUMBERED})


def parse(payload: str) -> Command | None:
    """The command of a payload, or None when it is none of ours. Never raises, whatever it is given."""
    if len(payload) > MAX_BYTES or len(payload.encode(errors="replace")) > MAX_BYTES:
        return None
    if (numbered := _NUMBER.match(payload)) is not None:
        found = _parse(payload[numbered.end() :])
        return None if found is None else found.model_copy(update={"household": int(numbered["number"])})
    return _parse(payload)


def _parse(payload: str) -> Command | None:
    kind, _, rest = payload.partition(":")
    if not rest:
        return None
    match kind:
        case "f":
            flow, _, about = rest.removesuffix("!").partition("?")
            if not flow:
                return None
            slots: dict[str, JsonValue] = {RESTART: True} if rest.endswith("!") else {}
            return StartFlow(flow=flow, slots={**slots, ABOUT: about} if about else slots)
        case "s":
            slot, equals, value = rest.partition("=")
            if not slot or not equals:
                return None
            try:
                # parse_constant: NaN and Infinity are not JSON and nobody's answer.
                return SetSlot(name=slot, value=json.loads(value, parse_constant=_refuse))
            except (ValueError, RecursionError):
                return None
        case "e":
            return CorrectSlot(name=rest)
        case "q":
            return AskPolicy(question=rest)
        case "h":
            if rest in _HOMES:
                return _HOMES[rest]
            return SpeakFor(number=int(rest)) if re.fullmatch("[1-9][0-9]?", rest) else None
        case "x":
            if rest.startswith("resume."):
                return ResumeFlow(flow=rest.removeprefix("resume."))
            return WORDS.get(rest)
        case _:
            return None


def _refuse(constant: str) -> None:
    raise ValueError(constant)
