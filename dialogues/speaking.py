"""Whose household is spoken of: taken up, put away, asked for by name, listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues import households, payloads
from dialogues.commands import Role, SpeakFor
from dialogues.effects import Button

if TYPE_CHECKING:
    from dialogues.run import Run

ANOTHER = "再测一户"
OTHER_HOMES = "换一家"


def speak_for(run: Run, command: SpeakFor) -> None:
    """Speak of the household meant, from here on; ask whose where it was not said."""
    _put_question_away(run)
    state = run.state
    number = _meant(run, command)
    if number is not None:
        if households.numbered(state, number) is None:
            run.pattern("whose_household", reason="gone")
            return
        households.switch(state, number)
        if command.role is not None:
            state.role = command.role
        _taken_up(run, command.then, command.slots)
    elif len(state.households) + 1 >= households.MOST:
        run.pattern("whose_household", reason="full", most=households.MOST)
    elif command.who is not None or command.own:
        households.begin(state, command.who or "", command.role)
        _taken_up(run, command.then, command.slots)
    elif households.several(state) and not command.new and command.then is None and command.role is None:
        run.pattern("whose_household", reason="which")
    else:
        told: JsonValue = dict(command.slots)
        run.push("whose", role=command.role, then=command.then, told=told)
        run.advance()


def named(run: Run) -> None:
    """The answer to whose household it is; what was wished for it begins."""
    frame, state = run.top, run.state
    if frame is None:
        return
    who = str(state.slots.get("subject_who") or "")
    role, then, told = frame.data.get("role"), frame.data.get("then"), frame.data.get("told")
    state.stack.remove(frame)
    run.drop("subject_who")
    number = households.called(state, who)
    if number is None:
        households.begin(state, who, _role(role))
    else:
        households.switch(state, number)
    _taken_up(run, then if isinstance(then, str) else None, told if isinstance(told, dict) else {})


def homes(run: Run) -> tuple[Button, ...]:
    """A button to each other household, and one for another still."""
    state = run.state
    found = [
        Button(title=households.label(one), payload=payloads.household(number))
        for number, one in households.every(state)
        if number != state.household
    ]
    return (*found, Button(title="再加一家", payload=payloads.household("new")))


def home_again(run: Run) -> tuple[Button, ...]:
    """A button to the household an old button belonged to."""
    number = run.top.data.get("number") if run.top is not None else None
    one = households.numbered(run.state, number) if isinstance(number, int) else None
    if one is None or not isinstance(number, int):
        return ()
    return (Button(title=f"换到{households.label(one)}", payload=payloads.household(number)),)


def onward(run: Run) -> tuple[Button, ...]:
    """After a result: the next family, for whoever asks for several."""
    state = run.state
    if not households.is_named(state):
        return ()
    more = (Button(title=OTHER_HOMES, payload=payloads.household("list")),) if state.households else ()
    return (Button(title=ANOTHER, payload=payloads.household("new")), *more)


def elsewhere(run: Run, number: int) -> None:
    """A button of another household was pressed: nothing is done, and the way there is offered."""
    one = households.numbered(run.state, number)
    if one is None:
        run.pattern("whose_household", reason="gone")
        return
    run.pattern("whose_household", reason="elsewhere", number=number, label=households.label(one))


def _meant(run: Run, command: SpeakFor) -> int | None:
    if command.number is not None:
        return command.number
    if command.new and command.who is None:
        return None
    if command.own:
        return households.called(run.state, "")
    return households.called(run.state, command.who) if command.who else None


def _put_question_away(run: Run) -> None:
    """Whose it is was being asked, or something that passes: another wish takes its place."""
    top = run.top
    while top is not None and (top.flow == "whose" or run.flows.flows[top.flow].definition.passing):
        run.state.stack.pop()
        run.drop("subject_who")
        top = run.top


def _taken_up(run: Run, then: str | None, told: dict[str, JsonValue]) -> None:
    """Say of whom is spoken now, and go on: with what is wished, with what was begun, or with a menu."""
    if then is not None:
        run.pattern("whose_household", reason="now")
        run.following = (then, told)
        return
    place = run.doing()
    if place is None:
        run.pattern("whose_household", reason="menu")
        return
    run.pattern("whose_household", reason="now")
    if run.top is not None:
        run.top.asked = False
    run.lead_in("already", run.state.stack[place].flow)
    run.advance()


def _role(value: JsonValue) -> Role | None:
    match value:
        case "family" | "neighbour" | "cadre" | "volunteer" | "guardian":
            return value
        case _:
            return None
