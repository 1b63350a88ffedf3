"""The household's members: added one by one, corrected and removed. Actions of the `household` flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues.validators import read_id_number
from policies_kb.types import Choice

if TYPE_CHECKING:
    from dialogues.run import Run

SCRATCH = ("member_name", "member_relation", "member_id_number", "more_members", "household_change")
MOST_MEMBERS = 20

# How a member known from the self-assessment is spoken of before the name is known.
RELATION_WORDS = {
    "spouse": "您的配偶", "child": "您的子女", "parent": "您的父母", "grandparent": "您的祖辈",
    "grandchild": "您的孙辈", "sibling": "您的兄弟姐妹", "other": "另一位家人",
}  # fmt: skip
RELATION_TITLES = {
    "spouse": "配偶", "child": "子女", "parent": "父母", "grandparent": "祖辈", "grandchild": "孙辈",
    "sibling": "兄弟姐妹", "other": "其他",
}  # fmt: skip

Member = dict[str, JsonValue]


def members(slots: dict[str, JsonValue]) -> list[Member]:
    """The members stored so far, the applicant not among them."""
    stored = slots.get("household")
    return [dict(one) for one in stored if isinstance(one, dict)] if isinstance(stored, list) else []


def begin(run: Run) -> None:
    """Change an existing list, or begin one; members told in the self-assessment are expected, not asked for."""
    frame = run.top
    if frame is None:
        return
    frame.data["mode"] = "change" if members(run.state.slots) else "fresh"
    if run.state.slots.get("household") == [] and run.state.slots.get("has_members"):
        run.drop("household")
    expected = _expected(run)
    if expected and "has_members" not in run.state.slots:
        run.fill("has_members", True)


def none(run: Run) -> None:
    """Nobody else lives there."""
    run.fill("household", [])


def next_member(run: Run) -> None:
    """Prepare the questions about one member; relation and age are taken over from the self-assessment."""
    frame = run.top
    if frame is None:
        return
    if frame.data.get("editing") is None:
        for name in SCRATCH:
            run.drop(name)
    frame.data.pop("member_lead", None)
    frame.data.pop("age", None)
    frame.data.pop("said", None)
    frame.data.pop("insisted", None)
    expected = _expected(run)
    if expected and frame.data.get("editing") is None and frame.data.get("mode") == "fresh":
        fact = expected[0]
        relation, age = fact.get("relation"), fact.get("age")
        if isinstance(relation, str) and relation in RELATION_WORDS:
            years = f"（{age} 岁那位）" if isinstance(age, int) and not isinstance(age, bool) else ""
            frame.data["member_lead"] = RELATION_WORDS[relation] + years
            run.fill("member_relation", relation)
            frame.data["age"] = age if isinstance(age, int) and not isinstance(age, bool) else None


def add(run: Run) -> None:
    """Put the member just asked about into the list, or back into its place when it was edited."""
    frame = run.top
    slots = run.state.slots
    if frame is None:
        return
    number = slots.get("member_id_number")
    member: Member = {"name": slots.get("member_name"), "relation": slots.get("member_relation")}
    if isinstance(number, str):
        known = read_id_number(number, today=run.today)
        member |= {"id_number": number, "sex": known.sex, "birth_date": known.birth_date.isoformat()}
        member["age"] = known.age(run.today)
    elif isinstance(frame.data.get("age"), int):
        member["age"] = frame.data["age"]
    listed = members(slots)
    place = frame.data.pop("editing", None)
    if isinstance(place, int) and place < len(listed):
        listed[place] = member
    else:
        listed.append(member)
    run.fill("household", list(listed))
    for name in SCRATCH:
        run.drop(name)
    frame.data.pop("said", None)
    frame.data["expected"] = bool(_expected(run)) and frame.data.get("mode") == "fresh"


def change(run: Run) -> None:
    """Carry out one change of the list: add, edit.N, remove.N or done."""
    frame = run.top
    if frame is None:
        return
    wanted = str(run.state.slots.get("household_change") or "done")
    word, _, place = wanted.partition(".")
    listed = members(run.state.slots)
    index = int(place) if place.isdigit() else -1
    run.drop("household_change")
    if word == "add" and len(listed) < MOST_MEMBERS:
        frame.data["do"] = "member"
    elif word == "edit" and 0 <= index < len(listed):
        frame.data["do"] = "member"
        frame.data["editing"] = index
        for name in SCRATCH:
            run.drop(name)
    elif word == "remove" and 0 <= index < len(listed):
        removed = listed.pop(index)
        run.fill("household", list(listed))
        run.fill("has_members", bool(listed))
        run.lead.append(f"好，{removed.get('name')}不算在内了。")
        frame.data["do"] = "again" if listed else "done"
    else:
        frame.data["do"] = "done"


def done(run: Run) -> None:
    """The list is complete. Whoever gave no name at all is not asked again."""
    if "household" not in run.state.slots:
        run.fill("household", [])
    for name in SCRATCH:
        run.drop(name)


def correct_last(run: Run, name: str, value: JsonValue) -> bool:
    """Put a corrected answer into the member added last; False when there is none."""
    listed = members(run.state.slots)
    if not listed:
        return False
    member = listed[-1]
    if name == "member_name":
        member["name"] = value
    elif name == "member_relation":
        member["relation"] = value
    elif name == "member_id_number" and isinstance(value, str):
        known = read_id_number(value, today=run.today)
        member |= {
            "id_number": value,
            "sex": known.sex,
            "birth_date": known.birth_date.isoformat(),
            "age": known.age(run.today),
        }
    else:
        return False
    run.fill("household", list(listed))
    return True


def changes(run: Run) -> tuple[Choice, ...]:
    """What can be done to the list."""
    found = [Choice(value="done", title="不改了"), Choice(value="add", title="加一位")]
    for index, member in enumerate(members(run.state.slots)):
        found.append(Choice(value=f"edit.{index}", title=f"改{member.get('name')}"))
        found.append(Choice(value=f"remove.{index}", title=f"去掉{member.get('name')}"))
    return tuple(found)


def _expected(run: Run) -> list[Member]:
    """Members of the self-assessment that have no name yet, matched by relation in the order told."""
    facts = run.state.facts.get("household")
    told = [one for one in facts if isinstance(one, dict) and one.get("relation") != "self"] if isinstance(
        facts, list
    ) else []  # fmt: skip
    told = [one for one in told if isinstance(one.get("relation"), str)]
    for member in members(run.state.slots):
        match = next((one for one in told if one.get("relation") == member.get("relation")), None)
        if match is not None:
            told.remove(match)
    return told
