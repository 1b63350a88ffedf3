"""The household's members: added one by one, corrected and removed. Actions of the `household` flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues.validators import read_id_number
from policies_kb.types import Choice

if TYPE_CHECKING:
    from dialogues.run import Run

SCRATCH = (
    "member_name", "member_relation", "member_id_number", "member_doubt", "more_members", "household_change",
)  # fmt: skip
MOST_MEMBERS = 20

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
    """Change an existing list, or begin one; whether there is anybody may be known from the self-assessment."""
    frame = run.top
    if frame is None:
        return
    frame.data["mode"] = "change" if members(run.state.slots) else "fresh"
    if run.state.slots.get("household") == [] and run.state.slots.get("has_members"):
        run.drop("household")
    size = _told_size(run)
    if size is not None and "has_members" not in run.state.slots:
        run.fill("has_members", size > 1)


def none(run: Run) -> None:
    """Nobody else lives there."""
    run.fill("household", [])


def next_member(run: Run) -> None:
    """Prepare the questions about one member; how many there are may be known from the self-assessment."""
    frame = run.top
    if frame is None:
        return
    if frame.data.get("editing") is None:
        for name in SCRATCH:
            run.drop(name)
    frame.data.pop("member_lead", None)
    frame.data.pop("said", None)
    frame.data.pop("insisted", None)
    if frame.data.get("mode") == "fresh" and _still_expected(run):
        place = len(members(run.state.slots)) + 1
        told = f"您前面说家里一共 {_told_size(run)} 口人。" if place == 1 else ""
        frame.data["member_lead"] = f"{told}除了申请人，第 {place} 位家人"


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
    listed = members(slots)
    place = frame.data.pop("editing", None)
    if isinstance(place, int) and place < len(listed):
        listed[place] = member
    else:
        place = len(listed)
        listed.append(member)
    run.fill("household", list(listed))
    frame.data["added"] = place
    frame.data["doubt"] = _doubt(run, listed, place)
    for name in SCRATCH:
        run.drop(name)
    frame.data.pop("said", None)
    frame.data["expected"] = frame.data.get("mode") == "fresh" and _still_expected(run)
    # All of those told in the self-assessment are there: nobody has to say “no more”.
    frame.data["complete"] = frame.data.get("mode") == "fresh" and len(listed) + 1 == _told_size(run)


def _doubt(run: Run, listed: list[Member], place: int) -> str | None:
    """What is doubtful about the member at `place`, by the pack's checks: a second spouse, a child older than the
    applicant. None where nothing is."""
    own = run.state.slots.get("applicant_id_number")
    age = read_id_number(own, today=run.today).age(run.today) if isinstance(own, str) else None
    people: list[JsonValue] = [{"relation": "self", "age": age}]
    people += [{"relation": one.get("relation"), "age": one.get("age")} for one in listed]
    found = run.knowledge.doubts({"household": people}, today=run.today)
    mine = f"household.{place + 1}."
    return next((doubt.ask for doubt in found if doubt.key.startswith(mine)), None)


def reopen(run: Run) -> None:
    """Ask again what the answer to a doubt names: the member's relation, or the number."""
    frame = run.top
    if frame is None:
        return
    wanted = run.state.slots.get("member_doubt")
    place = frame.data.get("added")
    listed = members(run.state.slots)
    run.drop("member_doubt")
    if wanted not in {"relation", "id_number"} or not isinstance(place, int) or place >= len(listed):
        frame.data["do"] = "stands"
        return
    frame.data["do"] = "again"
    frame.data["editing"] = place
    for name, slot in (
        ("name", "member_name"),
        ("relation", "member_relation"),
        ("id_number", "member_id_number"),
    ):
        value = listed[place].get(name)
        if name == wanted:
            run.drop(slot)
        elif value is not None:
            run.fill(slot, value)
        elif slot not in run.state.skipped:
            run.state.skipped.append(slot)


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


def _told_size(run: Run) -> int | None:
    """How many live there, the applicant among them, as told in the self-assessment."""
    size = run.state.facts.get("household_size")
    return size if isinstance(size, int) and not isinstance(size, bool) else None


def _still_expected(run: Run) -> bool:
    size = _told_size(run)
    return size is not None and len(members(run.state.slots)) + 1 < min(size, MOST_MEMBERS)
