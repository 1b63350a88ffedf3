"""Made-up households for benches: sizes, ages, incomes and hardships as a county's register might hold them.

Deterministic: the same seed gives the same households whatever else runs. What belongs together is drawn together
(composition, ages, pensions, disability by age, school by age); every other fact of a pack's catalogue is drawn
from its own `usual` shares, so that a new fact needs no code here. Most households have none of the rare situations.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from policies_kb.pack import Fact
from policies_kb.rules.usual import usual_answers

# (share, relations of those who live there; each with the range of ages)
Persons = tuple[tuple[str, tuple[int, int]], ...]
_COMPOSITIONS: Final[tuple[tuple[int, Persons], ...]] = (
    (22, (("self", (60, 92)),)),
    (9, (("self", (25, 59)),)),
    (19, (("self", (58, 85)), ("spouse", (56, 84)))),
    (6, (("self", (24, 57)), ("spouse", (22, 57)))),
    (16, (("self", (26, 50)), ("spouse", (24, 48)), ("child", (1, 22)))),
    (8, (("self", (28, 50)), ("spouse", (26, 48)), ("child", (6, 22)), ("child", (1, 15)))),
    (6, (("self", (30, 50)), ("spouse", (28, 48)), ("child", (1, 20)), ("parent", (60, 85)))),
    (5, (("self", (26, 50)), ("child", (1, 20)))),
    (5, (("self", (58, 75)), ("spouse", (56, 74)), ("grandchild", (3, 17)))),
    (4, (("self", (35, 60)), ("parent", (66, 90)))),
)
_SCHOOL: Final = ((3, 6, "preschool"), (6, 15, "compulsory"), (15, 18, "high"), (18, 22, "college"))


def households(catalogue: Mapping[str, Fact], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """`count` households as facts under the contract's names, every fact of the catalogue told."""
    for number in range(count):
        yield _household(catalogue, random.Random(f"{seed}/{number}"))  # noqa: S311


def _household(catalogue: Mapping[str, Fact], pick: random.Random) -> dict[str, Any]:
    rural = pick.random() < 0.6
    facts: dict[str, Any] = {
        "area": "rural" if rural else "urban",
        "local_hukou": pick.random() < 0.94,
        "savings": 0 if pick.random() < 0.25 else _sum(pick, 12_000, 1.3),
        "medical_out_of_pocket_year": 0 if pick.random() < 0.4 else _sum(pick, 2_500, 1.2),
        "rigid_expenses_month": 0 if pick.random() < 0.75 else _sum(pick, 400, 0.8),
    }
    facts["residence_here"] = pick.random() < (0.95 if facts["local_hukou"] else 0.8)
    shares = [share for share, _ in _COMPOSITIONS]
    persons = pick.choices([persons for _, persons in _COMPOSITIONS], shares)[0]
    members = [_member(relation, pick.randint(*ages), rural, pick) for relation, ages in persons]
    for member in members:
        for name, fact in catalogue.items():
            if fact.scope != "household" and fact.ask and name not in member:
                member[name] = _usual(fact, pick) if _applies(name, member) else fact.absent
    facts["household"] = members
    facts["household_income_month"] = sum(member["income_month"] for member in members)
    for name, fact in catalogue.items():
        drawn = fact.screens or name in facts or name == "household_size"
        if fact.scope == "household" and fact.ask and not drawn:
            facts[name] = _usual(fact, pick)
    facts["disability_vehicle"] = facts.get("cars") == 1 and any(
        member["disability_level"] for member in members
    )
    return facts


def _member(relation: str, age: int, rural: bool, pick: random.Random) -> dict[str, Any]:
    level = pick.choices((1, 2, 3, 4), (10, 25, 30, 35))[0]
    level = level if pick.random() < (0.02 if age < 40 else 0.05 if age < 60 else 0.11) else 0
    ill = pick.random() < (0.004 if age < 40 else 0.02 if age < 60 else 0.045)
    stage = next((name for low, high, name in _SCHOOL if low <= age < high), "none")
    if stage in {"high", "college"} and pick.random() > (0.85 if stage == "high" else 0.5):
        stage = "none"
    works = 16 <= age < 66 and stage == "none" and level not in (1, 2) and not ill and pick.random() < 0.78
    idle = 16 <= age < 60 and stage == "none" and not works
    income = 0
    if works:
        income = _sum(pick, 1_500 if rural else 2_600, 0.5)
    elif age >= 60:
        retired = pick.random() < (0.08 if rural else 0.5)
        income = _sum(pick, 2_600, 0.3) if retired else pick.choice((103, 150, 180, 220, 300))
    without_work = pick.choices((0, 2, 5, 8, 14, 30), (55, 10, 10, 8, 9, 8))[0] if idle else 0
    return {
        "relation": relation, "age": age, "sex": pick.choice(("male", "female")), "income_month": income,
        "disability_level": level, "serious_illness": ill, "student": stage != "none", "student_stage": stage,
        "can_work": works or (idle and level not in (1, 2) and not ill), "unemployed_months": without_work,
        "ever_registered_unemployed": without_work > 0 and pick.random() < 0.3,
    }  # fmt: skip


def _applies(name: str, member: Mapping[str, Any]) -> bool:
    """Whether a fact of a member can be anything but its usual absence."""
    age = int(member["age"])
    if name == "disability_kind":
        return bool(member["disability_level"])
    if name in {"orphan", "child_without_care"}:
        return age < 18
    if name.startswith("taught_"):
        return age >= 45 and (name == "taught_as" or member.get("taught_as", "none") != "none")
    if name in {"teacher_in_service", "runs_business", "in_correction", "apprentice"}:
        # Nobody is an apprentice from 60 on: the interview takes that for granted.
        return 16 <= age < 60
    return name != "student_founder" or 18 <= age < 30


def _usual(fact: Fact, pick: random.Random) -> Any:
    answers = usual_answers(fact)
    return pick.choices([value for value, _ in answers], [share for _, share in answers])[0]


def _sum(pick: random.Random, median: int, spread: float) -> int:
    """Yuan, skewed as sums are, rounded as people say them."""
    value = pick.lognormvariate(0, spread) * median
    step = 10 if value < 1_000 else 100 if value < 20_000 else 1_000
    return round(value / step) * step


def answer_of(catalogue: Mapping[str, Fact], facts: Mapping[str, Any], member: int | None, name: str) -> Any:
    """What this household answers when asked for a fact, a screening question or a household's sum."""
    listed: Sequence[Mapping[str, Any]] = facts["household"]
    fact = catalogue[name]
    if name == "household_size":
        return len(listed)
    if fact.screens:
        return any(_has(catalogue, facts, spared, usual) for spared, usual in fact.screens.items())
    if member is not None:
        return listed[member].get(name)
    return facts[name] if name in facts else _own(fact, listed, name)


def _has(catalogue: Mapping[str, Fact], facts: Mapping[str, Any], name: str, usual: JsonValue) -> bool:
    if catalogue[name].screens:
        return bool(answer_of(catalogue, facts, None, name))
    if name in facts:
        return facts[name] is not None and bool(facts[name] != usual)
    told = (record.get(name) for record in facts["household"])
    return any(value is not None and value != usual for value in told)


def _own(fact: Fact, listed: Sequence[Mapping[str, Any]], name: str) -> Any:
    """A fact that may be told of the household or a member, asked of the household: any yes, or the applicant's."""
    if fact.type == "bool":
        return any(record.get(name) for record in listed)
    return listed[0].get(name)
