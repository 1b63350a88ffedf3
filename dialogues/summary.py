"""A draft put into lines: for the resident to check, and for staff who take the conversation over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues import households
from dialogues.application import UNSURE, UNSURE_NAME
from dialogues.household import RELATION_TITLES, members
from dialogues.masking import mask
from dialogues.state import DialogueState, OfHousehold

if TYPE_CHECKING:
    from dialogues.catalogue import Flows
    from dialogues.ports import Knowledge


def summary_text(state: DialogueState, flows: Flows, knowledge: Knowledge) -> str:
    """The application as its applicant checks it. Identity and account numbers keep only their ends."""
    slots = state.slots
    lines = ["请您核对一下："]
    lines.append(f"申请项目：{scheme_names(slots.get('apply_schemes'), knowledge)}")
    lines.append(f"申请人：{slots.get('applicant_name') or ''}")
    lines.append(f"身份证号：{mask(slots.get('applicant_id_number'), 'id_number')}")
    lines += _family(state)
    lines.append(f"身份证照片：{'已收到' if slots.get('id_photo') else '没拍，办的时候带到窗口'}")
    lines.append(f"电话：{slots.get('phone') or ''}")
    lines.append(f"住址：{slots.get('address') or ''}")
    account = slots.get("bank_account")
    lines.append(f"银行账号：{mask(account, 'bank_account') if account else '没填，以后可以补'}")
    lines.append(f"授权书：{'已同意' if slots.get('authorisation_ok') else '还没同意'}")
    return "\n".join(lines)


def _family(state: DialogueState) -> list[str]:
    listed = members(state.slots)
    if not listed:
        return [f"一起过日子的家人：{'还没填，以后可以补' if state.slots.get('has_members') else '没有'}"]
    lines = ["一起过日子的家人："]
    for place, member in enumerate(listed, start=1):
        relation = RELATION_TITLES.get(str(member.get("relation")), "")
        number = mask(member.get("id_number"), "id_number") or "身份证号没填"
        lines.append(f"  {place}. {member.get('name')}（{relation}）{number}")
    return lines


def scheme_names(schemes: JsonValue, knowledge: Knowledge) -> str:
    """Schemes by their Chinese names."""
    listed = schemes if isinstance(schemes, list) else []
    return "、".join(UNSURE_NAME if one == UNSURE else knowledge.scheme_name(str(one)) for one in listed)


def draft_view(state: DialogueState, flows: Flows) -> dict[str, str]:
    """What a conversation has gathered, by label, for staff. Personal values are masked."""
    found: dict[str, str] = {}
    if households.is_named(state):
        found["哪一家"] = _home(state)
        if state.households:
            found["另外几家"] = "、".join(_home(one) for one in state.households)
    for name, slot in flows.slots.items():
        definition = slot.definition
        if name in state.skipped:
            found[definition.label] = "跳过了"
        if name not in state.slots:
            continue
        value = state.slots[name]
        if name == "household":
            found[definition.label] = _members_view(state)
        elif definition.mask != "none":
            found[definition.label] = mask(value, definition.mask)
        else:
            found[definition.label] = _shown(value, [(one.value, one.title) for one in definition.choices])
    for key, question in state.asked_facts.items():
        if key in state.answered:
            value = fact_value(state.facts, key)
            choices = [(one.value, one.title) for one in question.choices]
            unit = question.unit if isinstance(value, int | float) and not isinstance(value, bool) else ""
            found[re.split("[?？]", question.text)[0]] = f"{_shown(value, choices)}{unit and ' ' + unit}"
    if state.case_id is not None:
        found["受理编号"] = state.case_id
    return found


ROLES = {
    "family": "家里人",
    "neighbour": "邻居",
    "cadre": "干部",
    "volunteer": "志愿者",
    "guardian": "监护人",
}


def _home(household: OfHousehold) -> str:
    """Whose household it is, masked, and who speaks for them."""
    if not household.who:
        return "本人家"
    spoken_for = f"（{ROLES[household.role]}代办）" if household.role else "（别人代办）"
    return f"{mask(household.who, 'name')}家{spoken_for}"


def _members_view(state: DialogueState) -> str:
    parts = []
    for member in members(state.slots):
        relation = RELATION_TITLES.get(str(member.get("relation")), "")
        parts.append(f"{mask(member.get('name'), 'name')}（{relation}）")
    return "、".join(parts) or "没有"


def _shown(value: JsonValue, choices: list[tuple[JsonValue, str]]) -> str:
    for stored, title in choices:
        if stored == value and isinstance(stored, bool) == isinstance(value, bool):
            return title
    if isinstance(value, bool):
        return "是" if value else "不是"
    if isinstance(value, list):
        return "、".join(_shown(one, choices) for one in value)
    return "不知道" if value is None else str(value)


def fact_value(facts: JsonValue, key: str) -> JsonValue:
    """The value of a fact by key (`household.0.age`), None where it is not there."""
    node = facts
    for part in key.split("."):
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def spoken(value: JsonValue, choices: list[tuple[JsonValue, str]], unit: str = "") -> str:
    """A value as it is said back to the resident."""
    if isinstance(value, list) and len(value) == 2 and unit:
        low, high = value
        return f"{low} {unit}以上" if high is None else f"{low} 到 {high} {unit}"
    text = _shown(value, choices)
    number = isinstance(value, int | float) and not isinstance(value, bool) and text == str(value)
    return f"{text} {unit}" if number and unit else text
