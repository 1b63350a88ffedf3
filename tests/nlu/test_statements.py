"""Facts told as statements: read for the question asked, in passing, and not where nothing is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

import pytest
from pydantic import JsonValue

from dialogues.commands import Command, SetSlot
from dialogues.ports import AskedSlot, UnderstandingContext
from nlu import lexicon
from nlu.mapping import interpret
from policies_kb.knowledge import PackKnowledge, open_pack


@cache
def knowledge() -> PackKnowledge:
    return open_pack("shifan-xian")


def heard(fact: str, text: str) -> list[Command]:
    household = {
        "household_size": 2,
        "area": "rural",
        "household_income_month": 800,
        "household": [{"age": 70}],
    }
    question = knowledge().question(household, fact, today=date(2026, 3, 5))
    asked = AskedSlot(fact, question.type, choices=question.choices, flow="assess")
    context = UnderstandingContext(
        conversation_id="c-1", pack="shifan-xian", asked=asked, active_flow="assess",
        filled={"household_size": "int"}, now=datetime(2026, 3, 5, tzinfo=UTC),
    )  # fmt: skip
    return list(interpret(text, context).commands)


def told(commands: list[Command]) -> dict[str, JsonValue]:
    return {command.name: command.value for command in commands if isinstance(command, SetSlot)}


@pytest.mark.parametrize(
    ("fact", "text", "value"),
    [
        ("any_teacher", "都是种地的", False),
        ("any_teacher", "婆娘以前在村小代课", True),
        ("any_teacher", "从来没有人当过老师", False),
        ("savings", "没存", 0),
        ("savings", "没存款", 0),
        ("savings", "没啥存的", 0),
        ("savings", "哪有钱存", 0),
        ("savings", "手头紧,一点积蓄都没有", 0),
        ("savings", "存折上有三千", 3000),
        ("cars", "骑三轮", 0),
        ("cars", "前年买了辆五菱", 1),
        ("homes", "房子是租来的", 0),
        ("any_disabled", "都好好的", False),
        ("any_disabled", "大儿子是聋哑,有证", True),
        ("any_student", "两个娃都在镇中学读初二", True),
        ("any_student", "孩子都毕业了", False),
        ("any_out_of_work", "都有活干", False),
        ("any_out_of_work", "厂子倒了,我在家闲着", True),
        ("any_three_highs", "天天吃降压药", True),
        ("any_three_highs", "老伴没有糖尿病", False),
        ("receiving_dibao", "吃着低保呢", True),
        ("receiving_dibao", "申请过,没批", False),
        ("supporters_able", "儿子自己都顾不过来", False),
        ("local_hukou", "嫁到这里二十年了,户口早迁来了", True),
        ("residence_here", "在外打工,过年才回", False),
        ("emergency", "前几天房子着火了", "fire"),
        ("emergency", "没有发生什么", "none"),
        ("crop_damage_by_boar", "今年的红薯都让野猪啃了", True),
        ("household.0.can_work", "腰断过,啥也干不成", False),
        ("poor_housing", "房子漏雨,墙都裂了", True),
        ("rigid_expenses_month", "没啥大开销", 0),
        ("medical_out_of_pocket_year", "全报了,自己没掏", 0),
    ],
)
def test_a_statement_answers_the_question(fact: str, text: str, value: JsonValue) -> None:
    assert told(heard(fact, text)) == {fact: value}


@pytest.mark.parametrize(
    ("text", "years"), [("我教书教了十二年", 12), ("教过三年半", 3), ("俺爹当了一辈子民办教师", None)]
)
def test_the_years_told_with_it_are_taken_too(text: str, years: int | None) -> None:
    expected = {"any_teacher": True} | ({"taught_years": years} if years else {})
    assert told(heard("any_teacher", text)) == expected


def test_what_was_not_asked_is_kept_and_the_question_stands() -> None:
    assert told(heard("supporters_able", "老伴有糖尿病")) == {"any_three_highs": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("没看过大病", {}),
        ("没人上学", {"any_student": False}),
        ("没吃低保", {"receiving_dibao": False}),
        ("户口就是本村的", {"local_hukou": True}),
        ("没出啥事", {"emergency": "none"}),
        ("一直住村里,儿子在外打工", {"residence_here": True}),
    ],
)
def test_what_speaks_of_something_else_is_no_yes_and_no_no(text: str, expected: dict[str, JsonValue]) -> None:
    assert told(heard("residence_here", text)) == expected


def test_a_figure_said_of_something_else_is_no_age() -> None:
    assert told(heard("household.0.age", "就一间老瓦房")) == {"homes": 1}
    found = told(heard("household_size", "两个娃上小学,我跟老伴"))
    assert (found["household_size"], found["any_student"]) == (4, True)
    assert told(heard("household.0.age", "存款两万")) == {"savings": 20000}
    assert told(heard("household.0.age", "我68岁独居"))["household.0.age"] == 68


@pytest.mark.parametrize("text", ["老伴没有糖尿病", "吃了上顿没下顿", "想吃低保", "孙女明年才上幼儿园"])
def test_a_denial_of_one_person_or_a_wish_is_nothing_told_in_passing(text: str) -> None:
    assert told(heard("crop_damage_by_boar", text)).keys() <= {"crop_damage_by_boar"}


def test_a_question_is_asked_and_not_taken_for_a_fact() -> None:
    assert told(heard("any_teacher", "当过老师的能领多少钱?")) == {}


def test_every_statement_speaks_of_a_fact_and_says_one_of_its_values() -> None:
    facts = knowledge().loaded.facts
    for statement in lexicon.statements():
        for slot in statement.rule.slots:
            fact = facts[slot]
            kinds = {"bool": bool, "choice": str, "money": int, "int": int}
            assert isinstance(statement.rule.value, kinds[fact.type]), slot
            if fact.type == "choice":
                assert statement.rule.value in [choice.value for choice in fact.choices]
        assert statement.rule.number is None or facts[statement.rule.number].type in {"int", "number"}
