"""Why a question is asked, what the answers so far did, and what another answer would change: put into words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues import payloads
from dialogues.commands import ABOUT
from dialogues.effects import Button, Say
from dialogues.summary import fact_value, spoken
from policies_kb.cards import Card
from policies_kb.types import AnswerEffect, Change, Reason

if TYPE_CHECKING:
    from dialogues.run import Run

# A long explanation is not read: answers, schemes in one breath, and changes told at most.
MOST_EFFECTS = 2
MOST_TOLD = 4
MOST_NAMES = 3

ADOPT = Button(title="就按这个改", payload=payloads.word("adopt"))
# What the self-assessment may be about besides schemes: all of them, again.
EVERYTHING = "all"
PERSON = Button(title="找工作人员", payload=payloads.word("human"))
OPEN_TEXT = "现在还没问完，结果还会变。"


def limited_to(run: Run) -> tuple[str, ...]:
    """The schemes the self-assessment on the stack is limited to; none: all."""
    for frame in reversed(run.state.stack):
        about = frame.data.get(ABOUT) if frame.flow == "assess" else None
        if isinstance(about, str):
            return tuple(one for one in about.split(",") if run.knowledge.scheme_name(one) != one)
    return ()


def why_asked(run: Run, key: str, why: str) -> str:
    """Why this fact is asked: its own words, the schemes that hang on it, and what the answers so far did there."""
    schemes = limited_to(run)
    hanging = run.knowledge.hanging(
        run.state.facts, key, skipped=run.state.skipped, schemes=schemes, today=run.today
    )
    lines = [why]
    if hanging:
        lines.append(f"这一问关系到：{_names(run, hanging)}。")
        told = _effects(run, _answered(run), hanging)
        lines += _said(run, told[:MOST_EFFECTS], "您前面说的已经用上了：")
    return "\n".join(lines)


def unknowns(run: Run) -> list[tuple[str, str]]:
    """(key, sentence) of each question left unanswered on which something still hangs, at most MOST_EFFECTS."""
    found = []
    for key in run.state.skipped:
        if key in run.flows.slots:
            continue
        hanging = run.knowledge.hanging(run.state.facts, key, schemes=limited_to(run), today=run.today)
        if hanging:
            found.append((key, f"“{run.label_of(key)}”还不知道，关系到{_names(run, hanging)}。"))
    return found[:MOST_EFFECTS]


def what_answers_did(run: Run, name: str | None) -> str:
    """What one answer did (`name`: a fact, of whichever member), or all of them; empty where there is none."""
    keys = _answered(run)
    if name is not None:
        keys = [key for key in keys if key.rsplit(".", 1)[-1] == name or key == name]
    told = _effects(run, keys, ())
    if not told:
        return ""
    heading = "您说的这一条，用在这里：" if name is not None else "您说的情况，主要用在这里："
    return "\n".join(_said(run, told[:MOST_TOLD], heading))


def _answered(run: Run) -> list[str]:
    """Facts answered, the latest first."""
    return [key for key in reversed(run.state.answered) if key not in run.flows.slots]


def _effects(run: Run, keys: Iterable[str], schemes: Sequence[str]) -> list[AnswerEffect]:
    told = run.knowledge.effects(run.state.facts, keys, schemes=schemes, today=run.today)
    # One sentence is said once, whichever of the answers it rests on; what touches most schemes first.
    once: dict[Reason, AnswerEffect] = {}
    for effect in told:
        once.setdefault(effect.reason, effect)
    return sorted(once.values(), key=lambda effect: -len(effect.schemes))


def _said(run: Run, effects: Sequence[AnswerEffect], heading: str) -> list[str]:
    if not effects:
        return []
    lines = [heading]
    for effect in effects:
        end = "这一条对得上" if effect.met else "这一条，办事处要再看"
        source = f"（依据《{effect.reason.document}》{effect.reason.clause}）"
        lines.append(f"· {effect.reason.text.rstrip('。')}。{_names(run, effect.schemes)}：{end}{source}")
    return lines


def _names(run: Run, schemes: Sequence[str]) -> str:
    names = "、".join(run.knowledge.scheme_name(scheme) for scheme in schemes[:MOST_NAMES])
    return names if len(schemes) <= MOST_NAMES else f"{names}等{len(schemes)}项"


def what_if(run: Run, facts: Mapping[str, JsonValue], more: Mapping[str, float]) -> None:
    """Say what other answers would change; nothing is changed until it is adopted.

    Raises:
        KeyError, ValueError: an answer that cannot be.
    """
    answers = dict(facts)
    for key, yuan in more.items():
        told = fact_value(run.state.facts, key)
        if isinstance(told, bool) or not isinstance(told, int | float):
            question = run.question(key)
            run.say(Say(text=f"要先知道现在的数，才能算加上以后怎么样。{question.text}"))
            return
        total = max(0, round(told + yuan, 2))
        answers[key] = int(total) if total == int(total) else total
    only = limited_to(run)
    changes = [
        change
        for change in run.knowledge.what_if(run.state.facts, answers, today=run.today)
        if not only or change.after.scheme in only
    ]
    supposed = "，".join(
        f"“{run.label_of(key)}”是{_value(run, key, value)}" for key, value in answers.items()
    )
    lines = [f"假如{supposed}："]
    sheets = [
        run.knowledge.sheet(results, today=run.today)
        for results in ([change.before for change in changes], [change.after for change in changes])
    ]
    for change in changes[:MOST_TOLD]:
        scheme = change.after.scheme
        before, after = (_told(sheet.card(scheme)) for sheet in sheets)
        lines.append(
            f"· {run.knowledge.scheme_name(scheme)}：现在“{before}”，会变成“{after}”。{_because(change)}"
        )
    if len(changes) > MOST_TOLD:
        lines.append(f"还有 {len(changes) - MOST_TOLD} 项也会变。")
    lines.append("别的不变。" if changes else "结果和现在一样，没有哪一项会变。")
    if run.assessing:
        lines.append(OPEN_TEXT)
    lines.append("这只是算算看，您前面说的我没有改。")
    run.state.what_if = answers
    run.say(Say(text="\n".join(lines), buttons=(ADOPT, PERSON)))


def _told(card: Card | None) -> str:
    if card is None:
        return "还说不准"
    return f"{card.verdict}，{card.amount}" if card.amount else card.verdict


def _because(change: Change) -> str:
    if change.reason is None:
        return ""
    reason = change.reason
    return f"{reason.text.rstrip('。')}。（依据《{reason.document}》{reason.clause}）"


def _value(run: Run, key: str, value: JsonValue) -> str:
    question = run.question(key)
    choices = [(choice.value, choice.title) for choice in question.choices if question.type != "money"]
    said = spoken(value, choices, question.unit)
    return f" {said}" if said[:1].isdigit() else f"“{said}”"
