"""Every expression of the language means the same over columns as in the single path, needs included."""

from __future__ import annotations

from fractions import Fraction
from math import inf
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from policies_kb.pack import Pack
from policies_kb.rules import values
from policies_kb.rules.assess import Assessment
from policies_kb.rules.facts import read_facts, split_key
from policies_kb.screening.columns import chunk_of
from policies_kb.screening.logic import Sym, Truth
from policies_kb.screening.numbers import Num
from policies_kb.screening.verdicts import Screen
from tests.policies_kb.screening.households import households
from tests.policies_kb.screening.test_identity import PACKS, TODAY, pack_of
from tests.policies_kb.test_rules_language import CASES, NUMBERS

HOUSEHOLD_NUMBERS = (
    "savings",
    "members",
    "dibao_standard",
    "income_per_head",
    "homes",
    "today",
    "debt",
    "0",
    "2.5",
    "12",
)
MEMBER_NUMBERS = ("age", "income_month", "disability_level", "taught_years", "disability_card_expires")
HOUSEHOLD_TRUTHS = (
    "local_hukou",
    "any_disabled",
    'emergency in ["fire", "other"]',
    'area == "urban"',
    "True",
    "orphan",
)
MEMBER_TRUTHS = (
    "can_work",
    "orphan",
    "serious_illness",
    'student_stage != "none"',
    'disability_kind in ["mental"]',
)


def number_text(pick: Random, deep: int, member: bool) -> str:
    """A random figure of the language, at most `deep` levels."""

    def number(inside: bool = member) -> str:
        return number_text(pick, deep - 1, inside)

    def truth(inside: bool = member) -> str:
        return truth_text(pick, deep - 1, inside)

    if deep == 0:
        return pick.choice((*HOUSEHOLD_NUMBERS, *(MEMBER_NUMBERS if member else ())))
    shape = pick.choice(("arithmetic", "arithmetic", "function", "pick", "choice", "over"))
    if shape == "arithmetic":
        return f"({number()} {pick.choice('+-*/')} {number()})"
    if shape == "function":
        return f"{pick.choice(('abs', 'floor', 'ceil', '-'))}({number()})"
    if shape == "pick":
        return f"{pick.choice(('min', 'max'))}({number()}, {number()})"
    if shape == "choice":
        return f"({number()} if {truth()} else {number()})"
    return f"sum_members({number(True)})" if pick.random() < 0.5 else f"count_members({truth(True)})"


def truth_text(pick: Random, deep: int, member: bool) -> str:
    """A random condition of the language, at most `deep` levels."""

    def number() -> str:
        return number_text(pick, deep - 1, member)

    def truth(inside: bool = member) -> str:
        return truth_text(pick, deep - 1, inside)

    if deep == 0:
        return f"({pick.choice((*HOUSEHOLD_TRUTHS, *(MEMBER_TRUTHS if member else ())))})"
    shape = pick.choice(("compare", "compare", "chain", "logic", "logic", "choice", "over", "not"))
    if shape == "compare":
        return f"({number()} {pick.choice(('<', '<=', '>', '>=', '==', '!='))} {number()})"
    if shape == "chain":
        return f"(0 <= {number()} < {number()})"
    if shape == "logic":
        return f"({truth()} {pick.choice(('and', 'or', '=='))} {truth()})"
    if shape == "choice":
        return f"({truth()} if {truth()} else {truth()})"
    if shape == "not":
        return f"(not {truth()})"
    return f"{pick.choice(('any_member', 'all_members'))}({truth(True)})"


def _open(assessment: Assessment, pack: Pack, needs: frozenset[str]) -> set[str]:
    found = set()
    for need in needs:
        member, name = split_key(need)
        only_if = pack.facts[name].only_if
        if only_if is None or assessment.world.truth(only_if, member).value is True:
            found.add(name)
    return found


def _end(numerator: float, scale: Fraction, den: float) -> Fraction | float:
    return numerator if numerator in (inf, -inf) else Fraction(int(numerator)) * scale / int(den)


def _same(text: str, pack: Pack, facts: dict[str, Any]) -> bool:
    """Whether both agree on an expression; False where the columns give the household to the single path."""
    read = read_facts(pack.facts, facts)
    assessment = Assessment(pack, read, TODAY)
    expected = assessment.world.evaluate(text)
    # A second household beside it, so that rows are told apart from numbers of members.
    other = read_facts(pack.facts, {"household": [{"age": 1}, {"age": 2}, {"age": 3}]})
    screen = Screen(pack, chunk_of(pack.facts, [other, read]), TODAY)
    found = screen.sheet.evaluate(text, member=False).value
    if screen.sheet.doubtful[1]:
        return False

    def row(values: Any) -> Any:
        return values.item() if values.ndim == 0 else values[1].item()

    assert {name for name, mask in found.needs.items() if row(mask)} == _open(
        assessment, pack, expected.needs
    )
    if isinstance(found, Truth):
        assert isinstance(expected, values.Truth)
        open_ = found.open is not None and row(found.open)
        assert (None if open_ else bool(row(found.yes))) == expected.value
    elif isinstance(found, Num):
        assert isinstance(expected, values.Number)
        den = 1 if found.den is None else row(found.den)
        assert _end(row(found.low), found.scale, den) == expected.low
        assert _end(row(found.high), found.scale, den) == expected.high
    else:
        assert isinstance(found, Sym)
        assert isinstance(expected, values.Symbol)
        assert {o for at, o in enumerate(found.options) if row(found.bits) >> at & 1} == expected.options
    return True


@pytest.mark.parametrize("name", PACKS)
@settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 10**9), deep=st.integers(1, 4), data=st.data())
def test_any_expression_over_any_household(name: str, seed: int, deep: int, data: st.DataObject) -> None:
    pick = Random(seed)  # noqa: S311 - a shape, no secret
    text = (number_text if pick.random() < 0.5 else truth_text)(pick, deep, member=False)
    note(text)
    pack = pack_of(name)
    _same(text, pack, data.draw(households(pack)))


@pytest.mark.parametrize("case", [*CASES, *NUMBERS], ids=lambda case: case[0])
def test_the_cases_of_the_single_path(case: tuple[str, dict[str, Any], Any, Any]) -> None:
    text, facts, *_ = case
    people = facts.get("household") or [{}]
    told = {name: value for name, value in facts.items() if name not in {"household_size", "ranges"}}
    assert _same(text, pack_of("shifan-xian"), {**told, "household": people})
