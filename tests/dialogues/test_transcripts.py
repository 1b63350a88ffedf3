"""Every transcript of tests/transcripts, replayed.

A line of a transcript is
    > what the resident writes, or /button PAYLOAD, /file [MIME], /wait 3d (h, m), /update STATUS TEXT, /start, /back
    < words one of the bot's messages of this turn must hold; several such lines must come in this order
    ! words that must not appear in this turn
    = name: value    what must hold after the turn: asked, stack, home, handoff, case, effects, slot.NAME, fact.KEY
    # a remark;  @pack NAME at the head
After every turn it is also checked that a pending question was said exactly once, that nothing failed inside, and
that the state survives as JSON.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogues import households
from dialogues.commands import CaseUpdate, HandedBack, SessionStart
from dialogues.effects import RequestHandoff
from dialogues.summary import fact_value
from tests.dialogues.conversation import Conversation, flows

FOLDER = Path(__file__).parent.parent / "transcripts"
SPANS = {"d": "days", "h": "hours", "m": "minutes"}


async def play(conversation: Conversation, line: str) -> None:
    word, _, rest = line.partition(" ")
    if word == "/button":
        conversation.press(rest)
    elif word == "/file":
        conversation.send_file(rest or "image/jpeg")
    elif word == "/wait":
        conversation.turn = ()
        conversation.wait(**{SPANS[rest[-1]]: float(rest[:-1])})
    elif word == "/start":
        conversation.do([SessionStart()])
    elif word == "/back":
        conversation.do([HandedBack()])
    elif word == "/update":
        status, _, text = rest.partition(" ")
        receipt = conversation.state.case_id or "JZ-20260305-0000-0000"
        conversation.do([CaseUpdate(receipt=receipt, status=status, text=text)])
    else:
        await conversation.hear(line)


def holds(conversation: Conversation, name: str) -> str:
    state = conversation.state
    if name == "asked":
        return str(conversation.asked)
    if name == "stack":
        return " ".join(frame.flow for frame in state.stack)
    if name == "handoff":
        return "yes" if state.handoff else "no"
    if name == "urgent":
        found = [one for one in conversation.of("request_handoff") if isinstance(one, RequestHandoff)]
        return "yes" if any(one.urgent for one in found) else "no"
    if name == "cases":
        return str(len(conversation.of("open_case")))
    if name == "effects":
        return " ".join(effect.kind for effect in conversation.turn if effect.kind != "say")
    if name == "messages":
        return str(len(conversation.said))
    if name == "buttons":
        return " | ".join(button.title for button in conversation.said[-1].buttons)
    if name == "home":
        return households.label(state)
    if name.startswith("slot."):
        return str(state.slots.get(name[5:]))
    if name.startswith("fact."):
        return str(fact_value(state.facts, name[5:]))
    raise ValueError(f"no such check: {name}")


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def literal(source: str) -> str:
    """The longest piece of a text that holds no value and is always said."""
    always = re.sub(r"{%\s*if.*?{%\s*endif\s*%}", "\n", source, flags=re.DOTALL)
    pieces = re.split(r"{[{%].*?[%}]}|\n", always)
    return max((piece.strip() for piece in pieces), key=len)


def check_turn(conversation: Conversation) -> None:
    assert "出了点问题" not in conversation.text
    question = conversation.asked
    if question is None or not conversation.said:
        return
    fact = conversation.state.asked_facts.get(question)
    doubted = conversation.state.doubts.get(question)
    if doubted is not None:
        wordings = {doubted.doubt.ask}
    elif fact is not None:
        wordings = {fact.text, fact.simpler}
    else:
        slot = flows().slots[question]
        texts = (slot.ask, slot.simpler, slot.again)
        wordings = {literal(text.source) for text in texts if text is not None}
    times = sum(conversation.text.count(wording) for wording in wordings)
    quiet = any(effect.kind == "request_handoff" for effect in conversation.turn)
    if quiet:
        assert times == 0, f"{question} was asked although somebody else speaks next"
    else:
        assert times == 1, f"{question} was asked {times} times"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
async def test_transcript(path: Path) -> None:
    conversation = Conversation()
    place = 0
    for number, raw in enumerate(lines(path), start=1):
        line = raw.strip()
        where = f"{path.name}:{number}: {line}\n--- said:\n{conversation.text}"
        if not line or line.startswith("#"):
            continue
        mark, _, rest = line.partition(" ")
        rest = rest.strip()
        if mark == "@pack":
            conversation = Conversation(rest)
        elif mark == ">":
            await play(conversation, rest)
            check_turn(conversation)
            place = 0
        elif mark == "<":
            found = conversation.text.find(rest, place)
            assert found >= 0, where
            place = found + len(rest)
        elif mark == "!":
            assert rest not in conversation.text, where
        elif mark == "=":
            name, _, value = rest.partition(":")
            assert holds(conversation, name.strip()) == value.strip(), where
        else:
            raise ValueError(f"{path.name}:{number}: what is {mark!r}?")


def test_there_are_transcripts_for_every_flow() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt"))
    for flow in ("apply", "assess", "ask", "case_status"):
        assert f"f:{flow}" in text or f"= stack: {flow}" in text
