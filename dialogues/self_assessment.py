"""The `assess` flow's actions: what the rules say, put for somebody who will not read a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dialogues import payloads
from dialogues.effects import Button, Say
from policies_kb.types import SchemeResult

if TYPE_CHECKING:
    from dialogues.run import Run

# Reasons shown per scheme: the ones that decide come first, and a long message is not read.
MOST_REASONS = 2


def begin(run: Run) -> None:
    """Whether something is known already: then the introduction is not said again."""
    if run.top is not None:
        run.top.data["known"] = bool(run.state.answered.keys() & run.state.asked_facts.keys())


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
    parts += [_one(run, found, "还说不准") for found in unclear if not found.borderline]
    if unlikely:
        parts.append(_unlikely(run, unlikely, any_other=bool(likely or unclear)))
    parts.append("这只是按规定先算一算，符不符合、给多少，由办事处核实后决定。您都可以申请。")
    buttons = (
        Button(title="申请救助", payload=payloads.start("apply")),
        Button(title="重新测一遍", payload=payloads.start("assess", restart=True)),
        Button(title="找工作人员", payload=payloads.word("human")),
    )
    run.say(Say(text="\n\n".join(parts), buttons=buttons))


def _one(run: Run, found: SchemeResult, verdict: str) -> str:
    lines = [f"【{run.knowledge.scheme_name(found.scheme)}】{verdict}。{_amount(found)}"]
    lines += _reasons(found)
    missing = _missing(run, found.missing)
    if missing:
        lines.append(f"还要弄清楚：{missing}。")
    if found.next:
        lines.append(f"下一步：{found.next}")
    return "\n".join(lines)


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


def _missing(run: Run, keys: Iterable[str]) -> str:
    labels = dict.fromkeys(run.label(key) for key in keys if key in run.state.asked_facts)
    return "、".join(labels)


def _unlikely(run: Run, results: Sequence[SchemeResult], *, any_other: bool) -> str:
    start = "下面这几项，办事处还会再看看" if any_other else "按现在说的，下面这几项要请办事处再仔细看看"
    lines = [f"{start}："]
    for found in results:
        reason = found.reasons[0].text.rstrip("。") if found.reasons else ""
        about = f"：{reason}" if reason else ""
        lines.append(f"· {run.knowledge.scheme_name(found.scheme)}{about}")
    return "\n".join(lines)
