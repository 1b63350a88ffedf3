"""The `assess` flow's actions: what the rules say, put for somebody who will not read a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dialogues import payloads
from dialogues.effects import Button, Say
from policies_kb.types import SchemeResult

if TYPE_CHECKING:
    from dialogues.run import Run

# Reasons shown per scheme: the ones that decide come first, and a long message is not read.
MOST_REASONS = 2

# From this many schemes on, those that cannot be judged yet are listed briefly; no more than these are shown.
MANY = 3

OTHERS = "看其他几项"


def begin(run: Run) -> None:
    """Whether a result was told before: then the introduction is not said again."""
    if run.top is not None:
        run.top.data["known"] = run.state.assessment is not None


def result(run: Run) -> None:
    """Say what is likely and why, what is not yet clear, what the office will look at; keep a snapshot."""
    results = run.knowledge.assess(run.state.facts, today=run.today, interview=True)
    run.state.assessment = {
        "pack": run.knowledge.pack,
        "pack_version": run.knowledge.version,
        "assessed_on": run.today.isoformat(),
        "facts": dict(run.state.facts),
        "results": [found.model_dump(mode="json") for found in results],
    }
    likely = [found for found in results if found.outcome == "likely"]
    unclear = [found for found in results if found.outcome == "unknown"]
    if len(likely) == 1:
        run.state.last_scheme = likely[0].scheme
    parts = ["按您说的情况，看下来是这样："]
    parts += [_one(run, found, "很可能符合") for found in likely if not found.borderline]
    parts += [_one(run, found, "就在线边上，可能符合") for found in likely if found.borderline]
    parts += [_one(run, found, "就在线边上，说不准") for found in unclear if found.borderline]
    parts += _open(run, [found for found in unclear if not found.borderline])
    more = _told_briefly(run, results)
    if more:
        parts.append(more)
    if likely or unclear:
        title = run.knowledge.text("authorisation.title")
        parts.append(f"申请先准备好身份证；再看一份《{title}》，您点头就行。")
    parts.append(f"{run.knowledge.text('assess.decides')}不管哪一项，您都可以申请。")
    others = (Button(title=OTHERS, payload=payloads.start("assess_others")),) if more else ()
    buttons = (
        Button(title="申请救助", payload=payloads.start("apply")),
        *others,
        Button(title="重新测一遍", payload=payloads.start("assess", restart=True)),
        Button(title="找工作人员", payload=payloads.word("human")),
    )
    run.say(Say(text="\n\n".join(parts), buttons=buttons))


def _one(run: Run, found: SchemeResult, verdict: str) -> str:
    lines = [f"【{run.knowledge.scheme_name(found.scheme)}】{verdict}。{_amount(found)}"]
    lines += _reasons(found)
    # Where it is plain, the button below and the last line say the same.
    if found.next and (found.borderline or found.outcome != "likely"):
        lines.append(f"下一步：{found.next}")
    return "\n".join(lines)


def _open(run: Run, results: Sequence[SchemeResult]) -> list[str]:
    """What cannot be said yet and what is missing for it; more than MANY are told in one line each."""
    if len(results) < MANY:
        return [_one(run, found, "还说不准") for found in results]
    lines = ["下面这几项还说不准："]
    for found in results[:MANY]:
        # The first sentence of `next` says what is missing, the others are the same for all.
        missing = found.next.split("。")[0]
        source = f"（依据《{found.reasons[0].document}》{found.reasons[0].clause}）" if found.reasons else ""
        lines.append(f"· {run.knowledge.scheme_name(found.scheme)}：{missing}{source}")
    lines.append("说不清也没关系，可以直接申请，由办事处帮您核实。")
    return ["\n".join(lines)]


def _others(results: Sequence[SchemeResult]) -> list[SchemeResult]:
    """What the result leaves for those who ask: the open ones beyond MANY, and the unlikely ones."""
    still_open = [found for found in results if found.outcome == "unknown" and not found.borderline]
    beyond = still_open[MANY:] if len(still_open) >= MANY else []
    return [*beyond, *(found for found in results if found.outcome == "unlikely")]


def _told_briefly(run: Run, results: Sequence[SchemeResult]) -> str:
    """One line for the others; a long list hides what matters."""
    names = [run.knowledge.scheme_name(found.scheme) for found in _others(results)]
    if not names:
        return ""
    return f"其他 {len(names)} 项（{'、'.join(names)}），办事处会再看；想知道为什么，点“{OTHERS}”。"


def others(run: Run) -> None:
    """Say the schemes the result told of in one line only, each with its reason and clause."""
    told = run.knowledge.assess(run.state.facts, today=run.today, interview=True)
    lines = ["这几项按现在说的情况是这样，最后以办事处核实为准："]
    for found in _others(told):
        first = found.reasons[0] if found.reasons else None
        why = (
            found.next.split("。")[0]
            if found.outcome == "unknown"
            else first.text.rstrip("。")
            if first
            else ""
        )
        source = f"（依据《{first.document}》{first.clause}）" if first else ""
        lines.append(f"· {run.knowledge.scheme_name(found.scheme)}{why and '：'}{why}{source}")
    lines.append("情况变了，或者觉得不对，随时可以再测，也可以直接申请。")
    buttons = (
        Button(title="申请救助", payload=payloads.start("apply")),
        Button(title="找工作人员", payload=payloads.word("human")),
    )
    run.say(Say(text="\n".join(lines), buttons=buttons))


def _amount(found: SchemeResult) -> str:
    if found.amount_month is not None:
        return f"每月大约 {_yuan(found.amount_month)} 元。"
    if found.amount_once is not None:
        return f"一次大约 {_yuan(found.amount_once)} 元。"
    return ""


def _yuan(amount: float) -> str:
    return f"{amount:.2f}".rstrip("0").rstrip(".")


def _reasons(found: SchemeResult) -> list[str]:
    lines = []
    for reason in found.reasons[:MOST_REASONS]:
        text = reason.text.rstrip("。")
        lines.append(f"因为：{text}。（依据《{reason.document}》{reason.clause}）")
    return lines
