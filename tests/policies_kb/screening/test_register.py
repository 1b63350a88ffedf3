"""Reading a register: what offices write is understood, what cannot be used is listed with its row, nothing is dropped."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.screening import people
from policies_kb.screening.cells import CellReader
from policies_kb.screening.columns import Singles
from policies_kb.screening.rows import ROW, Register, RegisterReader
from policies_kb.screening.whatif import UnknownFigure, what_if
from policies_kb.screening.words import ColumnsError, read_headers

TODAY = date(2026, 3, 5)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("shifan-xian")


def identity(born: str, serial: str = "001", area: str = "990101") -> str:
    """A made-up number with a right check digit in an area that is not given out."""
    front = f"{area}{born}{serial}"
    return front + ric.calc_check_digit(front + "0")


def register(pack: Pack, rows: list[dict[str, str]], repeated: list[int] | None = None) -> Register:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: pa.array([row.get(name, "") for row in rows], pa.string()) for name in columns})
    table = table.append_column(ROW, pa.array(np.arange(2, len(rows) + 2)))
    return RegisterReader(pack, read_headers(pack, columns), TODAY, np.array(repeated or [], np.int64)).read(
        table
    )


def told(pack: Pack, found: Register, at: int = 0) -> tuple[dict[str, object], list[dict[str, object]]]:
    facts = Singles(pack.facts, found.chunk).facts(at)
    return dict(facts.household), [dict(member) for member in facts.members]


def problems(found: Register) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = found.problems.table().to_pylist()
    return listed


CELLS: list[tuple[str, str, object]] = [
    ("income_month", "1,200.50", Fraction(120050, 100)),
    ("income_month", "１２００元", Fraction(1200)),
    ("income_month", "无", Fraction(0)),
    ("income_month", "1e3", Fraction(1000)),
    ("savings", "0.005", Fraction(5, 1000)),
    ("disability_level", "二级", Fraction(2)),
    ("disability_level", "2.0", Fraction(2)),
    ("disability_level", "无", Fraction(0)),
    ("local_hukou", "√", True),
    ("local_hukou", "不在本地", False),
    ("can_work", "无", False),
    ("area", "非农业", "urban"),
    ("relation", "户主", "self"),
    ("relation", "外孙女", "grandchild"),
    ("student_stage", "小学", "compulsory"),
    ("disability_card_expires", "2026年4月1日", "2026-04-01"),
    ("disability_card_expires", "20260401", "2026-04-01"),
    ("disability_card_expires", "长期", "9999-12-31"),
    ("emergency", "着火", "fire"),
]


@pytest.mark.parametrize(("name", "text", "value"), CELLS)
def test_what_offices_write_is_understood(pack: Pack, name: str, text: str, value: object) -> None:
    read = CellReader(name, pack.facts[name]).read(text)
    assert (read.wrong, read.value) == (None, value)


WRONG = [
    ("income_month", "-5", "太小"), ("income_month", "约两千", "不是数字"), ("savings", "3.5万元", "带了单位“万元”"),
    ("age", "200", "太大"), ("disability_level", "五级", "不认识"), ("local_hukou", "也许", "不认识"),
    ("disability_card_expires", "2026-02-30", "没有这一天"), ("disability_card_expires", "明年", "不是日期"),
    ("homes", "1.5", "整数"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "what"), WRONG)
def test_what_cannot_be_used_says_what_and_the_cure(pack: Pack, name: str, text: str, what: str) -> None:
    read = CellReader(name, pack.facts[name]).read(text)
    assert not read.told
    assert read.wrong is not None
    assert what in read.wrong.what
    assert read.wrong.cure


def test_a_sum_in_ten_thousands_is_questioned_with_the_sum_meant(pack: Pack) -> None:
    read = CellReader("savings", pack.facts["savings"]).read("3.5万元")
    assert read.wrong is not None
    assert "35000" in read.wrong.cure


def test_a_household_is_put_together_from_rows_that_stand_apart(pack: Pack) -> None:
    found = register(pack, [
        {"户编号": "A", "与户主关系": "户主", "存款": "100", "月收入": "10"},
        {"户编号": "B", "与户主关系": "户主", "存款": "200", "月收入": "20"},
        {"户编号": "A", "与户主关系": "子", "存款": "", "月收入": ""},
    ])  # fmt: skip
    assert found.households.to_pylist() == ["A", "B"]
    household, members = told(pack, found)
    assert household == {"savings": 100}
    assert members == [{"relation": "self", "income_month": 10}, {"relation": "child"}]
    assert problems(found) == []


def test_rows_of_a_household_that_differ_are_not_believed(pack: Pack) -> None:
    found = register(pack, [
        {"户编号": "A", "存款": "100", "与户主关系": "户主"}, {"户编号": "A", "存款": "900", "与户主关系": "配偶"},
    ])  # fmt: skip
    household, _ = told(pack, found)
    assert household == {"savings": None}
    (problem,) = problems(found)
    assert (problem["row"], problem["field"], problem["value"]) == (2, "存款", "100、900")


def test_a_wrong_cell_counts_as_not_known_and_its_household_is_marked(pack: Pack) -> None:
    found = register(pack, [
        {"户编号": "A", "与户主关系": "户主", "残疾等级": "五级", "月收入": "-3"},
        {"户编号": "B", "与户主关系": "户主", "残疾等级": "", "月收入": "5"},
    ])  # fmt: skip
    _, members = told(pack, found)
    assert members[0]["disability_level"] is None
    assert members[0]["income_month"] is None
    assert {(p["row"], p["household"], p["field"]) for p in problems(found)} == {
        (2, "A", "月收入"),
        (2, "A", "残疾等级"),
    }
    assert found.problems.marked.tolist() == [True, False]


def test_age_and_sex_come_from_a_sound_identity_number(pack: Pack) -> None:
    found = register(
        pack, [{"户编号": "A", "与户主关系": "户主", "身份证号": identity("19460306", "002").lower()}]
    )
    _, members = told(pack, found)
    assert members[0] == {"relation": "self", "age": 79, "sex": "female"}


def test_an_unsound_identity_number_is_listed_masked_and_the_written_age_counts(pack: Pack) -> None:
    wrong = (
        identity("19460305")[:-1] + "x"
        if identity("19460305")[-1] != "X"
        else identity("19460305")[:-1] + "1"
    )
    found = register(pack, [{"户编号": "A", "与户主关系": "户主", "身份证号": wrong, "年龄": "80"}])
    _, members = told(pack, found)
    assert members[0]["age"] == 80
    (problem,) = problems(found)
    assert wrong not in str(problem)
    assert wrong[2:14] not in str(problem)


def test_an_age_that_contradicts_the_identity_number_is_listed_but_a_year_of_xusui_is_not(pack: Pack) -> None:
    number = identity("19760101")
    for age, listed in (("50", 0), ("51", 0), ("30", 1)):
        found = register(pack, [{"户编号": "A", "与户主关系": "户主", "身份证号": number, "年龄": age}])
        assert len(problems(found)) == listed
        assert told(pack, found)[1][0]["age"] == 50


def test_an_identity_number_that_stands_twice_in_the_register_is_listed(pack: Pack) -> None:
    number = identity("19760101")
    found = register(
        pack, [{"户编号": "A", "与户主关系": "户主", "身份证号": number}], repeated=[int(number[:17])]
    )
    assert "不止一次" in problems(found)[0]["what"]


def test_a_household_without_a_head_is_listed(pack: Pack) -> None:
    found = register(pack, [{"户编号": "A", "与户主关系": "配偶"}])
    assert "没有写户主" in problems(found)[0]["what"]


def test_what_is_received_is_read_by_name_and_tells_of_dibao(pack: Pack) -> None:
    found = register(pack, [
        {"户编号": "A", "享受救助": "农村低保、特困"}, {"户编号": "B", "享受救助": "无"}, {"户编号": "C", "享受救助": "某某补贴"},
    ])  # fmt: skip
    assert found.receiving["dibao"].tolist() == [True, False, False]
    assert found.receiving["tekun"].tolist() == [True, False, False]
    assert told(pack, found)[0] == {"receiving_dibao": True}
    assert problems(found)[0]["value"] == "某某补贴"


def test_headers_may_carry_units_and_remarks(pack: Pack) -> None:
    found = register(pack, [{"户编号*": "A", "存款(万元)": "3.5", "是否低保（是/否）": "否"}])
    assert told(pack, found)[0] == {"savings": 35000, "receiving_dibao": False}


def test_columns_that_cannot_be_used_are_refused_with_the_cure(pack: Pack) -> None:
    with pytest.raises(ColumnsError, match="没有户编号"):
        read_headers(pack, ["姓名"])
    with pytest.raises(ColumnsError, match="同一件事"):
        read_headers(pack, ["户编号", "户号"])
    with pytest.raises(ColumnsError, match="是不是 savings"):
        read_headers(pack, ["户编号", "钱"], {"钱": "saving"})
    headers = read_headers(pack, ["户编号", "户号", "钱", "残疾等极"], {"户号": "", "钱": "savings"})
    assert [header.name for header in headers.used] == ["household", "savings"]
    assert headers.unused == (("残疾等极", "残疾等级"),)


@given(
    st.text("0123456789Xx", min_size=17, max_size=19),
    st.dates(date(1900, 1, 1), date(2026, 3, 5)),
    st.booleans(),
)
def test_identity_numbers_are_judged_as_stdnum_judges_them(text: str, born: date, make: bool) -> None:
    if make:
        text = (
            text[:6].replace("X", "1").replace("x", "1")
            + born.strftime("%Y%m%d")
            + text[6:9].replace("X", "1").replace("x", "1")
        )
        text += ric.calc_check_digit(text + "0")
    found = people.read_identities(np.array([text]), TODAY)
    front = text[:17]
    sound = len(text) == 18 and front.isdigit() and ric.calc_check_digit(front + "0") == text[-1].upper()
    if sound:
        try:
            day = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
            sound = date(1850, 1, 1) <= day <= TODAY
        except ValueError:
            sound = False
    assert bool(found.sound[0]) == sound
    assert np.isnat(found.born[0]) != sound


@given(st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.dates(date(2000, 1, 1), date(2030, 1, 1)))
def test_ages_are_full_years(born: date, today: date) -> None:
    full = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    found = people.ages(np.array([born], "datetime64[D]"), today)[0]
    assert found == full if born <= today else found < 0


def test_figures_are_changed_by_name_alias_and_answer(pack: Pack) -> None:
    def value(changes: dict[str, str], name: str) -> Any:
        dated = what_if(pack, changes, TODAY).parameters[name].on(TODAY)
        return dated.value if dated is not None else None

    assert value({"di_shouru.multiple": "2.0"}, "low_income_multiple") == 2
    assert value({"low_income_multiple": "2"}, "low_income_multiple") == 2
    assert value({"dibao_standard.rural": "600"}, "dibao_standard") == {"urban": 730, "rural": 600}
    with pytest.raises(UnknownFigure, match="low_income_multiple"):
        what_if(pack, {"low_income_multipel": "2"}, TODAY)
    with pytest.raises(UnknownFigure, match="数字"):
        what_if(pack, {"low_income_multiple": "二"}, TODAY)
