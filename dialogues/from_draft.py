"""What an application in progress knows of the household, given to the self-assessment: nobody is asked twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from dialogues.household import members
from dialogues.summary import fact_value
from dialogues.validators import read_id_number

if TYPE_CHECKING:
    from dialogues.run import Run


def tell_assessment(run: Run) -> None:
    """How many live there, who, and the ages and sexes of the identity numbers. What was told as a fact stands."""
    known = _known(run)
    size = run.state.facts.get("household_size")
    if size not in {None, known.get("household_size", size)}:
        # Told otherwise in the self-assessment: the members would not fit the household told of there.
        return
    facts = run.state.facts
    for key, value in known.items():
        if value is not None and fact_value(facts, key) is None:
            facts = run.knowledge.with_answer(facts, key, value)
    run.state.facts = facts


def _known(run: Run) -> dict[str, JsonValue]:
    slots = run.state.slots
    known: dict[str, JsonValue] = {}
    number = slots.get("applicant_id_number")
    if isinstance(number, str):
        identity = read_id_number(number, today=run.today)
        known |= {"household.0.age": identity.age(run.today), "household.0.sex": identity.sex}
    if isinstance(slots.get("household"), list):
        listed = members(slots)
        known["household_size"] = len(listed) + 1
        for place, member in enumerate(listed, start=1):
            known |= {f"household.{place}.{name}": member.get(name) for name in ("relation", "age", "sex")}
    return known
