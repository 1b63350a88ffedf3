"""The named things a flow file can have done: actions, and sources of choices and buttons.

The names are what `action:`, `choices_from:` and `buttons_from:` may say; the loader refuses any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dialogues import application, household, payloads, policy, self_assessment, speaking
from dialogues.effects import Button, NoteSatisfaction

if TYPE_CHECKING:
    from dialogues.run import Run
    from policies_kb.types import Choice

# Telegram and a narrow telephone both show this many without scrolling; the repair patterns' rule.
MOST_OPTIONS = 3

CLARIFIED: Mapping[str, str] = {
    "human": "找工作人员",
    "cancel": "先不办了",
    "resume": "继续",
    "repeat": "再说一遍",
}


def _note_satisfaction(run: Run) -> None:
    score = run.state.slots.get("satisfaction")
    if score == "good" or score == "bad":
        run.effects.append(NoteSatisfaction(score="good" if score == "good" else "bad"))


def _resume(run: Run) -> None:
    """Go on with what was begun last: what stands on the stack, else the youngest draft."""
    run.state.stack.pop()
    place = run.doing()
    if place is not None:
        frame = run.state.stack[-1]
        frame.asked = False
        run.lead_in("resumed", run.state.stack[place].flow)
    elif run.state.drafts:
        run.restore(next(reversed(run.state.drafts)))


def _put_aside(run: Run) -> None:
    """Everything being done becomes a draft."""
    while (place := run.doing()) is not None:
        pattern = run.state.stack.pop()
        run.park(place)
        run.state.stack.append(pattern)


def _clarification(run: Run) -> tuple[Button, ...]:
    frame = run.top
    options = frame.data.get("options") if frame is not None else None
    found: list[Button] = []
    for option in options if isinstance(options, list) else []:
        if not isinstance(option, str):
            continue
        if option in CLARIFIED:
            found.append(Button(title=CLARIFIED[option], payload=payloads.word(option)))
        elif option in run.flows.flows and run.flow_name(option):
            found.append(Button(title=run.flow_name(option), payload=payloads.start(option)))
    return tuple(found[:MOST_OPTIONS])


def _recent_answers(run: Run) -> tuple[Button, ...]:
    names = [name for name in reversed(run.state.answered) if run.editable(name)]
    return tuple(Button(title=run.label(name), payload=payloads.edit(name)) for name in names[:MOST_OPTIONS])


ACTIONS: Mapping[str, Callable[[Run], None]] = {
    "policy.answer": policy.answer,
    "assess.begin": self_assessment.begin,
    "assess.result": self_assessment.result,
    "assess.others": self_assessment.others,
    "assess.card": self_assessment.card,
    "assess.paper": self_assessment.paper,
    "apply.begin": application.begin,
    "apply.consent_answered": application.consent_answered,
    "apply.authorisation_answered": application.authorisation_answered,
    "apply.keep_draft": application.keep_draft,
    "apply.abandon": application.abandon,
    "apply.submit": application.submit,
    "apply.withdraw": application.withdraw,
    "apply.their_consent": application.their_consent,
    "household.named": speaking.named,
    "household.begin": household.begin,
    "household.none": household.none,
    "household.next_member": household.next_member,
    "household.add": household.add,
    "household.reopen": household.reopen,
    "household.change": household.change,
    "household.done": household.done,
    "case.status": application.status,
    "session.resume": _resume,
    "session.put_aside": _put_aside,
    "satisfaction.note": _note_satisfaction,
}

CHOICE_SOURCES: Mapping[str, Callable[[Run], tuple[Choice, ...]]] = {
    "schemes": application.scheme_choices,
    "confirm": application.confirm_choices,
    "household_changes": household.changes,
}

BUTTON_SOURCES: Mapping[str, Callable[[Run], tuple[Button, ...]]] = {
    "summary": application.edit_buttons,
    "recent_answers": _recent_answers,
    "clarification": _clarification,
    "files": application.file_buttons,
    "homes": speaking.homes,
    "home_again": speaking.home_again,
}
