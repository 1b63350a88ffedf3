"""Facts that are unlikely or do not fit each other: each is asked about or reported, none is changed or left out."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.rules.doubts import doubts
from policies_kb.rules.facts import FactsError
from policies_kb.types import Doubt

TODAY = date(2026, 3, 5)
SELF = {"relation": "self", "age": 45}


@cache
def pack() -> Pack:
    return load_pack("shifan-xian")


def found(**facts: Any) -> dict[str, Doubt]:
    """The first doubt of each check."""
    return {doubt.check: doubt for doubt in reversed(doubts(pack(), facts, today=TODAY))}


# name of the check, facts that raise it, the key it is about, words of the report, facts that do not raise it
CASES: list[tuple[str, dict[str, Any], str, str, dict[str, Any]]] = [
    ("household_income_per_year", {"household_size": 2, "household_income_month": 30000},
     "household_income_month", "3万元", {"household_size": 7, "household_income_month": 30000}),
    ("household_income_without_unit", {"household_income_month": 8}, "household_income_month", "8元",
     {"household_income_month": 0}),
    ("member_income_per_year", {"household": [SELF | {"income_month": 35000}]}, "household.0.income_month",
     "3.5万元", {"household": [SELF | {"income_month": 3500}]}),
    ("member_income_without_unit", {"household": [SELF | {"income_month": 3}]}, "household.0.income_month", "3元",
     {"household": [SELF | {"income_month": 300}]}),
    ("income_above_household", {"household_size": 2, "household_income_month": 800,
     "household": [SELF | {"income_month": 2000}]}, "household.0.income_month", "800元",
     {"household_size": 2, "household_income_month": 2000, "household": [SELF | {"income_month": 2000}]}),
    ("savings_without_unit", {"savings": 2}, "savings", "2元", {"savings": 20000}),
    ("savings_high", {"savings": 30000000}, "savings", "3000万元", {"savings": 100000}),
    ("medical_without_unit", {"medical_out_of_pocket_year": 3}, "medical_out_of_pocket_year", "3元",
     {"medical_out_of_pocket_year": 300}),
    ("medical_high", {"medical_out_of_pocket_year": 1000000}, "medical_out_of_pocket_year", "100万元",
     {"medical_out_of_pocket_year": 300000}),
    ("rigid_expenses_per_year", {"rigid_expenses_month": 24000}, "rigid_expenses_month", "2.4万元",
     {"rigid_expenses_month": 2000}),
    ("debt_without_unit", {"debt": 5}, "debt", "5元", {"debt": 50000}),
    ("size_large", {"household_size": 20}, "household_size", "20口人", {"household_size": 9}),
    ("size_below_members", {"household_size": 1, "household": [SELF, {"relation": "spouse", "age": 44}]},
     "household_size", "列出来的有2个人", {"household_size": 2, "household": [SELF]}),
    ("homes_many", {"homes": 9}, "homes", "9套", {"homes": 3}),
    ("cars_many", {"cars": 12}, "cars", "12辆", {"cars": 2}),
    ("age_high", {"household": [SELF | {"age": 120}]}, "household.0.age", "120周岁", {"household": [SELF | {"age": 101}]}),
    ("two_selves", {"household": [SELF, SELF]}, "household.0.relation", "本人", {"household": [SELF]}),
    ("two_spouses", {"household": [SELF, {"relation": "spouse", "age": 40}, {"relation": "spouse", "age": 41}]},
     "household.1.relation", "配偶", {"household": [SELF, {"relation": "spouse", "age": 40}]}),
    ("child_older_than_parent", {"household": [SELF, {"relation": "child", "age": 50}]}, "household.1.age", "50周岁",
     {"household": [SELF, {"relation": "child", "age": 20}]}),
    ("parent_younger_than_child", {"household": [SELF, {"relation": "parent", "age": 40}]}, "household.1.age",
     "40周岁", {"household": [SELF, {"relation": "parent", "age": 70}]}),
    ("grandchild_older", {"household": [SELF, {"relation": "grandchild", "age": 30}]}, "household.1.age", "30周岁",
     {"household": [SELF, {"relation": "grandchild", "age": 3}]}),
    ("spouse_young", {"household": [SELF, {"relation": "spouse", "age": 12}]}, "household.1.age", "12周岁",
     {"household": [SELF, {"relation": "spouse", "age": 40}]}),
    ("disability_told_otherwise", {"any_disabled": False, "household": [SELF | {"disability_level": 2}]},
     "household.0.disability_level", "残疾", {"any_disabled": True, "household": [SELF | {"disability_level": 2}]}),
    ("college_young", {"household": [SELF | {"age": 9, "student_stage": "college"}]}, "household.0.student_stage",
     "9周岁", {"household": [SELF | {"age": 19, "student_stage": "college"}]}),
    ("preschool_old", {"household": [SELF | {"age": 45, "student_stage": "preschool"}]}, "household.0.student_stage",
     "45周岁", {"household": [SELF | {"age": 5, "student_stage": "preschool"}]}),
    ("taught_too_long", {"household": [SELF | {"taught_years": 40}]}, "household.0.taught_years", "40年",
     {"household": [SELF | {"taught_years": 10}]}),
    ("unemployed_too_long", {"household": [SELF | {"unemployed_months": 600}]}, "household.0.unemployed_months",
     "600个月", {"household": [SELF | {"unemployed_months": 6}]}),
    ("card_expires_far_off", {"household": [SELF | {"disability_card_expires": "2999-01-01"}]},
     "household.0.disability_card_expires", "2999年1月1日",
     {"household": [SELF | {"disability_card_expires": "2030-01-01"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("check", "bad", "key", "words", "good"), CASES, ids=[case[0] for case in CASES])
def test_a_check_sees_what_it_is_for_and_nothing_beside(
    check: str, bad: dict[str, Any], key: str, words: str, good: dict[str, Any]
) -> None:
    doubt = found(**bad)[check]
    assert doubt.key == key
    assert words in doubt.report
    assert doubt.ask.endswith(("？", "。"))
    assert doubt.choices
    assert found(**good) == {}


def test_every_check_of_the_packs_is_tested_here() -> None:
    assert {case[0] for case in CASES} >= set(pack().checks)
    assert set(load_pack("shifan-qu").checks) == set(pack().checks)


def test_the_answers_to_a_doubt_hold_what_the_fact_becomes() -> None:
    doubt = found(household_size=2, household_income_month=30000)["household_income_per_year"]
    assert doubt.ask == "您说全家一个月3万元，这是一个月的，还是一年的？"
    assert [(choice.title, choice.value) for choice in doubt.choices] == [("一个月", 30000), ("一年", 2500)]
    doubt = found(savings=2)["savings_without_unit"]
    assert [(choice.title, choice.value) for choice in doubt.choices] == [("就是2元", 2), ("2万元", 20000)]
    doubt = found(any_disabled=False, household=[SELF | {"disability_level": 2}])["disability_told_otherwise"]
    assert [(choice.value, choice.again) for choice in doubt.choices] == [(None, "any_disabled"), (2, None)]
    doubt = found(household=[SELF, {"relation": "spouse"}, {"relation": "spouse"}])["two_spouses"]
    assert doubt.choices[0].value == "spouse"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"household_income_month": -500}, "household_income_month"),
        ({"household": [{"age": 200}]}, "household.0.age"),
        ({"household": [{"disability_level": 5}]}, "household.0.disability_level"),
        ({"household_size": 300}, "household_size"),
        ({"household": [{"disability_card_expires": "2027-02-30"}]}, "household.0.disability_card_expires"),
    ],
)
def test_what_cannot_be_is_an_error_of_its_field(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(FactsError) as caught:
        doubts(pack(), facts, today=TODAY)
    assert [problem.field for problem in caught.value.problems] == [field]


@given(
    size=st.none() | st.integers(1, 30),
    income=st.none() | st.integers(0, 10**6),
    savings=st.none() | st.integers(0, 10**8),
    ages=st.lists(st.none() | st.integers(0, 130), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_facts_are_left_as_they_were_and_what_is_not_known_raises_no_doubt(
    size: int | None, income: int | None, savings: int | None, ages: list[int | None]
) -> None:
    members: list[Any] = [
        {"relation": "self" if at == 0 else "child", "age": age} for at, age in enumerate(ages)
    ]
    facts: dict[str, Any] = {"household_size": size, "household_income_month": income, "savings": savings}
    if members:
        facts["household"] = members
    before = repr(facts)
    raised = doubts(pack(), facts, today=TODAY)
    assert repr(facts) == before
    for doubt in raised:
        assert "还不清楚" not in doubt.ask + doubt.report
        assert "None" not in doubt.ask + doubt.report
    empty: dict[str, Any] = {key: None for key in facts if key != "household"}
    assert doubts(pack(), empty, today=TODAY) == ()
