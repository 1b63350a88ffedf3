"""The rules' expression language over half-known households: yes, no or unknown, and what would decide it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from math import inf
from typing import Any

import pytest

from policies_kb.loader import load_pack
from policies_kb.pack import Fact, Pack
from policies_kb.rules.assess import Assessment
from policies_kb.rules.check import check_pack
from policies_kb.rules.expression import ExpressionError, parse
from policies_kb.rules.facts import FactsError, read_facts
from policies_kb.rules.questions import UnknownFact, next_question, with_answer
from policies_kb.rules.values import Number, Symbol, Truth

TODAY = date(2026, 3, 5)
TWO = {
    "household": [{"relation": "self", "age": 70, "income_month": 100}, {"age": None, "income_month": None}]
}


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("shifan-xian")


def value(pack: Pack, text: str, facts: dict[str, Any], member: int | None = None) -> Number | Symbol | Truth:
    return Assessment(pack, read_facts(pack.facts, facts), TODAY).world.evaluate(text, member)


UNKNOWN = None
CASES: list[tuple[str, dict[str, Any], bool | None, set[str]]] = [
    ("savings < 5 and cars == 0", {"cars": 1}, False, set()),
    ("savings < 5 or cars == 1", {"cars": 1}, True, set()),
    ("savings < 5 and cars == 0", {"cars": 0}, UNKNOWN, {"savings"}),
    ("not local_hukou", {}, UNKNOWN, {"local_hukou"}),
    ("savings >= 0", {}, True, set()),
    ("1 <= homes <= 2", {"homes": 2}, True, set()),
    ("1 <= homes <= 2", {"homes": 3}, False, set()),
    ("homes != 1", {"homes": 1}, False, set()),
    ("homes == 1", {}, UNKNOWN, {"homes"}),
    ('emergency in ["fire", "illness"]', {"emergency": "fire"}, True, set()),
    ('emergency in ["fire", "illness"]', {}, UNKNOWN, {"emergency"}),
    ('emergency not in ["fire", "illness"]', {"emergency": "none"}, True, set()),
    ('emergency == "none"', {}, UNKNOWN, {"emergency"}),
    ("any_member(age >= 60)", TWO, True, set()),
    ("any_member(age >= 80)", TWO, UNKNOWN, {"household.1.age"}),
    ("all_members(age >= 60)", TWO, UNKNOWN, {"household.1.age"}),
    ("all_members(age >= 80)", TWO, False, set()),
    ("any_member(age >= 60)", {}, UNKNOWN, {"household_size"}),
    ("count_members(age >= 60) >= 1", TWO, True, set()),
    ("count_members(age >= 60) >= 2", TWO, UNKNOWN, {"household.1.age"}),
    ("count_members(age >= 60) >= 3", TWO, False, set()),
    ("sum_members(income_month) >= 100", TWO, True, set()),
    ("sum_members(income_month) >= 101", TWO, UNKNOWN, {"household.1.income_month"}),
    ("dibao_standard > 500", {}, True, set()),
    ("dibao_standard > 600", {}, UNKNOWN, {"area"}),
    ("dibao_standard > 600", {"area": "rural"}, False, set()),
    ("(5 if local_hukou else 6) > 4", {}, True, set()),
    ("(5 if local_hukou else 6) > 5", {}, UNKNOWN, {"local_hukou"}),
    ("pension.tier == 300", {"pension": {"tier": 300}}, True, set()),
    ('scheme("linshi_jinan")', {"emergency": "none"}, False, set()),
    ('scheme("linshi_jinan")', {"emergency": "fire"}, UNKNOWN, {"local_hukou", "residence_here"}),
    ("today - today == 0 and today > 0", {}, True, set()),
    # A person's own fact: told of the household it is the applicant's, whoever is listed first.
    ("any_member(teacher_in_service)", {**TWO, "teacher_in_service": True}, True, set()),
    ("teacher_in_service", {"household": [{"relation": "child"}, {"teacher_in_service": True}]}, True, set()),
    (
        "any_member(teacher_in_service and age >= 60)",
        {
            "teacher_in_service": True,
            "household": [
                {"relation": "child", "age": 70, "teacher_in_service": False},
                {"relation": "self", "age": 59},
            ],
        },
        False,
        set(),
    ),
    ("local_hukou == residence_here", {"local_hukou": True, "residence_here": False}, False, set()),
]


@pytest.mark.parametrize(
    ("text", "facts", "expected", "needs"), CASES, ids=[f"{c[0]} {sorted(c[1])}" for c in CASES]
)
def test_statements(
    pack: Pack, text: str, facts: dict[str, Any], expected: bool | None, needs: set[str]
) -> None:
    found = value(pack, text, facts)
    assert isinstance(found, Truth)
    assert found.value is expected
    if needs == {"household_size"}:
        assert "household_size" in found.needs
    else:
        assert found.needs == needs


NUMBERS: list[tuple[str, dict[str, Any], Fraction | float, Fraction | float]] = [
    ("savings", {}, Fraction(0), inf),
    ("0.1 + 0.2", {}, Fraction(3, 10), Fraction(3, 10)),
    ("savings / 3", {"savings": 100}, Fraction(100, 3), Fraction(100, 3)),
    ("-homes", {"homes": 2}, Fraction(-2), Fraction(-2)),
    ("homes - cars", {"homes": 2}, Fraction(-98), Fraction(2)),
    ("min(homes, 3)", {}, Fraction(0), Fraction(3)),
    ("max(homes, 3)", {"homes": 1}, Fraction(3), Fraction(3)),
    ("abs(homes - 5)", {"homes": 2}, Fraction(3), Fraction(3)),
    ("abs(homes - 5)", {}, Fraction(0), Fraction(95)),
    ("savings / homes", {"savings": 10}, -inf, inf),
    ("homes * cars", {"homes": 0}, Fraction(0), Fraction(0)),
    ("members", {}, Fraction(1), Fraction(30)),
    ("members", {"household_size": 4}, Fraction(4), Fraction(4)),
    ("floor(savings / 3)", {"savings": 100}, Fraction(33), Fraction(33)),
    ("ceil(savings / 3)", {"savings": 100}, Fraction(34), Fraction(34)),
    ("ceil(savings / 3)", {}, Fraction(0), inf),
    ("floor(homes / 3)", {}, Fraction(0), Fraction(33)),
    ("today", {}, Fraction(TODAY.toordinal()), Fraction(TODAY.toordinal())),
    ("800 if homes >= 3 else 100 if homes >= 2 else 0", {}, Fraction(0), Fraction(800)),
]


@pytest.mark.parametrize(
    ("text", "facts", "low", "high"), NUMBERS, ids=[f"{n[0]} {sorted(n[1])}" for n in NUMBERS]
)
def test_numbers(
    pack: Pack, text: str, facts: dict[str, Any], low: Fraction | float, high: Fraction | float
) -> None:
    found = value(pack, text, facts)
    assert isinstance(found, Number)
    assert (found.low, found.high) == (low, high)


def test_an_expression_that_cannot_be_read() -> None:
    with pytest.raises(ExpressionError):
        parse("savings <")


def test_a_band_is_kept_with_its_bounds_and_gives_no_false_amount(pack: Pack) -> None:
    facts: dict[str, Any] = {}
    for key, told in (("household_size", 3), ("area", "urban")):
        facts = with_answer(pack, facts, key, told, today=TODAY)
    asked = next_question(pack, facts, today=TODAY)
    assert asked is not None
    assert asked.key == "household_income_month"
    assert [choice.title for choice in asked.choices] == [
        "不到2190元",
        "2190元以上，3285元以内",
        "超过3285元",
    ]
    for choice, outcome in zip(asked.choices, ("likely", "unlikely", "unlikely"), strict=True):
        told = with_answer(pack, facts, asked.key, choice.value, today=TODAY)
        for key, answer in (("savings", 0), ("homes", 1), ("cars", 0), ("local_hukou", True)):
            told = with_answer(pack, told, key, answer, today=TODAY)
        dibao = Assessment(pack, read_facts(pack.facts, told), TODAY).results()[0]
        assert dibao.outcome == outcome
        assert dibao.amount_month is None
    in_band = with_answer(pack, facts, asked.key, asked.choices[0].value, today=TODAY)
    exact = with_answer(pack, in_band, asked.key, 1500, today=TODAY)
    assert "ranges" in in_band
    assert "ranges" not in exact


def test_a_smaller_household_drops_its_last_members(pack: Pack) -> None:
    facts = with_answer(pack, {"household_size": 3}, "household.2.age", 30, today=TODAY)
    assert len(facts["household"]) == 3  # type: ignore[arg-type]
    smaller = with_answer(pack, facts, "household_size", 2, today=TODAY)
    assert len(smaller["household"]) == 2  # type: ignore[arg-type]
    assert len(facts["household"]) == 3, "the facts handed in stay as they were"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "answer", "error"),
    [
        ("nonsense", 1, UnknownFact),
        ("household.0.nonsense", 1, UnknownFact),
        ("age", 30, UnknownFact),
        ("household.0.savings", 30, UnknownFact),
        ("household.30.age", 30, UnknownFact),
        ("savings", -1, FactsError),
        ("savings", "五千", FactsError),
        ("household.0.age", 200, FactsError),
        ("household_size", 0, FactsError),
        ("household_size", 31, FactsError),
    ],
)
def test_an_answer_that_cannot_be_kept(pack: Pack, key: str, answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        with_answer(pack, {}, key, answer, today=TODAY)


def test_skipped_questions_are_not_asked_again_and_do_not_block_others(pack: Pack) -> None:
    first = next_question(pack, {}, today=TODAY)
    assert first is not None
    second = next_question(pack, {}, today=TODAY, skipped=[first.key])
    assert second is not None
    assert second.key != first.key


def test_what_is_only_bounded_is_told_without_made_up_figures(pack: Pack) -> None:
    facts: dict[str, Any] = {
        "household_size": 3, "area": "urban", "household_income_month": 2500, "local_hukou": True, "savings": 0,
        "homes": 1, "cars": 0, "rigid_expenses_month": 1000,
    }  # fmt: skip
    for result in Assessment(pack, read_facts(pack.facts, facts), TODAY).results():
        for reason in result.reasons:
            assert "000000" not in reason.text
            assert "inf" not in reason.text
        if result.scheme == "zhichuxing":
            assert result.outcome == "likely"
            assert any("至少1000元" in reason.text for reason in result.reasons)


def test_only_the_schemes_asked_for_bring_questions(pack: Pack) -> None:
    keys: list[str] = []
    while (asked := next_question(pack, {}, today=TODAY, skipped=keys, schemes=["linshi_jinan"])) is not None:
        keys.append(asked.key)
    assert sorted(keys) == ["emergency", "local_hukou", "residence_here"]


def test_nothing_is_asked_once_everything_is_decided(pack: Pack) -> None:
    facts: dict[str, Any] = {
        "household_size": 2, "household_income_month": 90000, "emergency": "none", "area": "urban",
        "rigid_expenses_month": 0, "medical_out_of_pocket_year": 0, "supporters_able": True, "receiving_dibao": False,
    }  # fmt: skip
    by_income = ["dibao", "tekun", "di_shouru", "dan_ren_bao", "zhichuxing", "linshi_jinan", "linshi_zhichu"]
    assert next_question(pack, facts, today=TODAY, schemes=by_income) is None


def test_every_question_has_plain_words_and_a_reason(pack: Pack) -> None:
    for name, fact in pack.facts.items():
        if fact.ask:
            assert fact.question.endswith(("？", "。", "）")), name
            assert fact.why.endswith("。"), name
            assert len(fact.question) <= 70, name
            assert fact.simpler != fact.question, name


def with_facts(pack: Pack, **facts: dict[str, Any]) -> Pack:
    """The pack with more facts in its catalogue."""
    added = {name: Fact.model_validate({"label": name, "ask": False, **fact}) for name, fact in facts.items()}
    return replace(pack, facts={**pack.facts, **added})


def test_a_date_is_compared_by_its_day_and_read_only_where_there_is_such_a_day(pack: Pack) -> None:
    dated = with_facts(pack, card_expires={"scope": "member", "type": "date"})
    for day, expected in [("2026-03-04", False), ("2026-03-05", True), (None, None)]:
        facts = {"household": [{"card_expires": day}]}
        found = value(dated, "any_member(card_expires >= today)", facts)
        assert isinstance(found, Truth)
        assert found.value is expected
    for wrong in ("2026-02-30", "2026年3月", "明天", True):
        with pytest.raises(FactsError, match=r"card_expires.*不是一个日期"):
            read_facts(dated.facts, {"household": [{"card_expires": wrong}]})


def test_what_a_file_leaves_out_stands_for_its_default_but_nothing_is_assumed_of_a_person_being_asked(
    pack: Pack,
) -> None:
    asked = with_facts(pack, helped={
        "scope": "household", "type": "bool", "absent": False, "ask": True,
        "question": "?", "simpler": "?", "why": "?",
    })  # fmt: skip
    of_a_file = Assessment(asked, read_facts(asked.facts, {}), TODAY).world.truth("helped")
    in_a_talk = Assessment(asked, read_facts(asked.facts, {}, interview=True), TODAY).world.truth("helped")
    assert of_a_file.value is False
    assert (in_a_talk.value, in_a_talk.needs) == (None, {"helped"})


def test_a_no_to_a_screening_question_settles_what_it_screens_also_through_another(pack: Pack) -> None:
    screens = with_facts(
        pack,
        any_group={"scope": "household", "type": "bool", "screens": {"any_boar": False}},
        any_boar={"scope": "household", "type": "bool", "screens": {"boar_fields": 0, "tusks": False}},
        boar_fields={"scope": "household", "type": "int"},
        tusks={"scope": "member", "type": "bool"},
    )
    for told in ({"any_group": False}, {"any_boar": False}):
        assert value(screens, "boar_fields", told) == Number(Fraction(0), Fraction(0))
        assert value(screens, "any_member(tusks)", {**told, "household_size": 2}) == Truth(False)
    assert value(screens, "any_boar", {"any_group": True}) == Truth(None, frozenset({"any_boar"}))


def test_screening_questions_in_a_circle_are_a_fault_of_the_pack(pack: Pack) -> None:
    circle = with_facts(
        pack,
        first={"scope": "household", "type": "bool", "screens": {"second": False}},
        second={"scope": "household", "type": "bool", "screens": {"first": False}},
    )
    places = {**pack.places} | {
        ("fact", name): pack.places["fact", "savings"] for name in ("first", "second")
    }
    assert "screens itself" in " ".join(
        str(problem) for problem in check_pack(replace(circle, places=places))
    )
