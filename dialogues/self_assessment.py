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

# From this many schemes on, those that cannot be judged yet are listed briefly.
MANY = 3


def begin(run: Run) -> None:
    """Whether a result was told before: then the introduction is not said again."""
    if run.top is not None:
        run.top.data["known"] = run.state.assessment is not None


def result(run: Run) -> None:
    """Say what is likely and why, what is not yet clear, what the office will look at; keep a snapshot."""
    results = run.knowledge.assess(run.state.facts, today=run.today)
    run.state.assessment = {
        "pack": run.knowledge.pack,
        "pack_version": run.knowledge.version,
        "assessed_on": run.today.isoformat(),
        "facts": dict(run.state.facts),
        "results": [found.model_dump(mode="json") for found in results],
    }
    likely = [found for found in results if found.outcome == "likely"]
    unclear = [found for found in results if found.outcome == "unknown"]
    unlikely = [found for found in results if found.outcome == "unlikely"]
    if len(likely) == 1:
        run.state.last_scheme = likely[0].scheme
    parts = ["按您说的情况，看下来是这样："]
    parts += [_one(run, found, "很可能符合") for found in likely if not found.borderline]
    parts += [_one(run, found, "就在线边上，可能符合") for found in likely if found.borderline]
    parts += [_one(run, found, "就在线边上，说不准") for found in unclear if found.borderline]
    parts += _open(run, [found for found in unclear if not found.borderline])
    if unlikely:
        parts.append(_unlikely(run, unlikely, any_other=bool(likely or unclear)))
    parts.append(f"{run.knowledge.text('assess.decides')}不管哪一项，您都可以申请。")
    buttons = (
        Button(title="申请救助", payload=payloads.start("apply")),
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
    """What cannot be said yet and what is missing for it; many of them are told in one line each."""
    if len(results) < MANY:
        return [_one(run, found, "还说不准") for found in results]
    lines = ["下面这几项还说不准："]
    for found in results:
        # The first sentence of `next` says what is missing, the others are the same for all.
        missing = found.next.split("。")[0]
        source = f"（依据《{found.reasons[0].document}》{found.reasons[0].clause}）" if found.reasons else ""
        lines.append(f"· {run.knowledge.scheme_name(found.scheme)}：{missing}{source}")
    lines.append("说不清也没关系，可以直接申请，由办事处帮您核实。")
    return ["\n".join(lines)]


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


def _unlikely(run: Run, results: Sequence[SchemeResult], *, any_other: bool) -> str:
    start = "下面这几项，办事处还会再看看" if any_other else "按现在说的，下面这几项要请办事处再仔细看看"
    lines = [f"{start}："]
    for found in results:
        reason = found.reasons[0].text.rstrip("。") if found.reasons else ""
        about = f"：{reason}" if reason else ""
        lines.append(f"· {run.knowledge.scheme_name(found.scheme)}{about}")
    return "\n".join(lines)
