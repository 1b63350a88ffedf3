"""Reads the message tables and writes commands in their short form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from dialogues.commands import Command
from dialogues.ports import AskedSlot, SlotType, UnderstandingContext
from policies_kb.types import Choice

NOW = datetime(2026, 3, 5, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

YES_NO = (Choice(value=True, title="有"), Choice(value=False, title="没有,就一个人"))
SCHEMES = (
    Choice(value="dibao", title="最低生活保障"),
    Choice(value="tekun", title="特困人员救助供养"),
    Choice(value="linshi_jinan", title="临时救助"),
    Choice(value="unsure", title="不确定"),
)
AREAS = (Choice(value="urban", title="城镇"), Choice(value="rural", title="农村"))
RELATIONS = (
    Choice(value="spouse", title="配偶"),
    Choice(value="child", title="子女"),
    Choice(value="parent", title="父母"),
    Choice(value="grandchild", title="孙辈"),
    Choice(value="grandparent", title="祖辈"),
    Choice(value="sibling", title="兄弟姐妹"),
    Choice(value="other", title="其他"),
)
SAVINGS = (
    Choice(value=0, title="没有存款"),
    Choice(value=5000, title="1万元以下"),
    Choice(value=20000, title="1万到3万元"),
    Choice(value=50000, title="3万元以上"),
)

ASKED: dict[str, AskedSlot] = {
    "size": AskedSlot("household_size", "int", (), "assess"),
    "income": AskedSlot("household.0.income_month", "money", (), "assess"),
    "savings": AskedSlot("savings", "money", SAVINGS, "assess"),
    "hukou": AskedSlot(
        "local_hukou",
        "bool",
        (Choice(value=True, title="在本地"), Choice(value=False, title="不在本地")),
        "assess",
    ),
    "yesno": AskedSlot("has_members", "bool", YES_NO, "apply"),
    "scheme": AskedSlot("apply_schemes", "choice", SCHEMES, "apply"),
    "area": AskedSlot("area", "choice", AREAS, "assess"),
    "name": AskedSlot("applicant_name", "person_name", (), "apply"),
    "member": AskedSlot("member_name", "person_name", (), "household"),
    "address": AskedSlot("address", "address", (), "apply"),
    "id": AskedSlot("applicant_id_number", "id_number", (), "apply"),
    "phone": AskedSlot("phone", "phone", (), "apply"),
    "bank": AskedSlot("bank_account", "bank_account", (), "apply"),
    "relation": AskedSlot("member_relation", "relation", RELATIONS, "household"),
    "question": AskedSlot("policy_question", "text", (), "ask"),
    "file": AskedSlot("id_photo", "file", (), "apply"),
}
FILLED: dict[str, SlotType] = {
    "household_size": "int",
    "household.0.age": "int",
    "area": "choice",
    "applicant_name": "person_name",
    "phone": "phone",
}


def context(asked: str | None = None) -> UnderstandingContext:
    slot = ASKED[asked] if asked else None
    return UnderstandingContext(
        conversation_id="c",
        pack="shifan-xian",
        asked=slot,
        filled=FILLED if slot and (slot.flow == "assess" or asked == "bank") else {},
        active_flow=slot.flow if slot else None,
        now=NOW,
    )


def short(command: Command) -> str:
    match command.kind:
        case "start_flow":
            inside = ", ".join(f"{key}: {value}" for key, value in command.slots.items())
            return f"start:{command.flow}{{{inside}}}"
        case "speak_for":
            told = command.model_dump(exclude={"kind", "household"}, exclude_defaults=True)
            return "speak:{" + ", ".join(f"{key}: {value}" for key, value in told.items()) + "}"
        case "set_slot":
            return f"set:{command.name}={command.value}"
        case "correct_slot":
            name = command.name or ("?" if command.value is not None else "")
            return f"correct:{name}={command.value}" if name else "correct"
        case "cancel_flow":
            return "cancel"
        case "resume_flow":
            return f"resume:{command.flow}" if command.flow else "resume"
        case "skip_question":
            return command.reason
        case "repeat":
            return "simpler" if command.simpler else "repeat"
        case "ask_why":
            return "why"
        case "human_handoff":
            return "human"
        case "ask_policy":
            return f"policy:{command.question}"
        case "chitchat":
            return f"chat:{command.topic}"
        case "clarify":
            return "clarify:" + ",".join(command.options)
        case "cannot_handle":
            return f"cannot:{command.reason}"
        case "urgent_danger":
            return f"danger:{command.danger}"
    raise ValueError(command.kind)


def matches(got: list[str], wanted: list[str]) -> bool:
    return len(got) == len(wanted) and all(
        found == want
        or (want == "policy" and found.startswith("policy:"))
        or (
            want.startswith("policy:")
            and found.startswith("policy:")
            and want.removeprefix("policy:") in found
        )
        for found, want in zip(got, wanted, strict=True)
    )


def rows(name: str) -> Iterator[tuple[str, str, str | None, list[str]]]:
    """(group, message, asked, wanted commands) of a table."""
    data: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
        Path(__file__).with_name(name).read_text("utf-8")
    )
    for group in data:
        for message, wanted in group["rows"].items():
            yield group["group"], message, group.get("asked"), [wanted] if isinstance(wanted, str) else wanted
