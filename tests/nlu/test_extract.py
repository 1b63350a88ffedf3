"""Values out of residents' words: tables of what they say, and properties that hold for every number."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogues.ports import AskedSlot
from nlu import numerals
from nlu.extract import extract
from policies_kb.types import Choice
from tests.nlu import table

TODAY = date(2026, 3, 5)


def value(text: str, name: str, kind: Any, choices: tuple[Choice, ...] = ()) -> Any:
    found = extract(text, AskedSlot(name, kind, choices), today=TODAY)
    return found.value if found else None


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("三口人", 3), ("俩", 2), ("仨", 3), ("就我一个", 1), ("我一个人过", 1), ("就剩我自己了", 1), ("孤身一人", 1),
        ("我和老伴两个", 2), ("我和老伴", 2), ("我跟老婆还有两个娃", 4), ("老两口", 2), ("老两口带一个孙子", 3), ("两口子带俩娃", 4),
        ("夫妻俩和儿子、儿媳妇", 4), ("老两口跟儿子分开过", 2), ("娘俩", 2), ("爷孙三个", 3),
        ("两大一小", 3), ("三个大人两个小孩", 5), ("一家四口", 4), ("一共五个人", 5), ("6", 6), ("6口", 6), ("我、老伴、儿子、孙女", 4),
        ("十来口人", 10), ("有五个人吃饭", 5), ("我们娘仨", 3), ("4人", 4), ("伍口人", None), ("两三口人", None), ("好多人", None),
    ],
)  # fmt: skip
def test_people_in_the_household(text: str, people: int | None) -> None:
    assert value(text, "household_size", "int") == people


@pytest.mark.parametrize(
    ("text", "yuan"),
    [
        ("一千二", 1200), ("1.2万", 12000), ("1万2", 12000), ("两百来块", 200), ("八百多", 800), ("没有收入", 0), ("没得", 0),
        ("冇", 0), ("一分钱都没有", 0), ("1,200.50元", 1200.5), ("500", 500), ("500块", 500), ("五百块钱", 500), ("三千五", 3500),
        ("两千", 2000), ("一百八", 180), ("百把块", 100), ("千把块", 1000), ("三四百", 350), ("八百到一千", 900), ("800-1000", 900),
        ("一个月一千二", 1200), ("每月拿180块养老金", 180), ("工资2千5", 2500), ("3k", 3000), ("1w", 10000), ("十块五毛", 10.5),
        ("养老金180,低保500", 680), ("打工八百,种地两百,一共一千", 1000), ("啥收入都没有", 0), ("没有工作,没有收入", 0),
        ("没多少", None), ("不固定", None), ("好几百", None), ("三口人", None), ("68岁", None), ("工资", None),
        ("五百,也可能八百", None), ("一萬二", 12000), ("1500元", 1500), ("1500塊", 1500), ("0", 0), ("零", 0),
    ],
)  # fmt: skip
def test_money(text: str, yuan: float | None) -> None:
    assert value(text, "household_income_month", "money") == yuan


@pytest.mark.parametrize(
    ("text", "name", "yuan"),
    [
        ("存了十几万", "savings", 100000),
        ("二十多万", "savings", 200000),
        ("十来万", "savings", 100000),
        ("八百多", "savings", 800),
        ("三千一个月", "household_income_month", 3000),
        ("一万二一年", "household_income_month", 1000),
        ("儿子打工一个月4000，我们老两口养老金一共400", "household_income_month", 4400),
        ("欠了十几万", "savings", None),
        ("欠了十几万", "debt", 100000),
        ("一年一万二", "household_income_month", 1000),
        ("每月一百", "medical_out_of_pocket_year", 1200),
        ("一年三万", "medical_out_of_pocket_year", 30000),
        ("一天五十", "household_income_month", None),
        ("一天五十", "savings", 50),
    ],
)
def test_a_sum_for_another_period_is_brought_to_the_period_asked(
    text: str, name: str, yuan: float | None
) -> None:
    assert value(text, name, "money") == yuan


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("第二个", 5000), ("没有存款", 0), ("没有", 0), ("8000", 8000), ("两万", 20000), ("1万到3万元", 20000)],
)
def test_money_with_ranges_takes_a_range_or_the_exact_figure(text: str, chosen: int) -> None:
    assert value(text, "savings", "money", table.SAVINGS) == chosen


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("68", 68), ("68岁", 68), ("六十八了", 68), ("今年七十二", 72), ("虚岁七十", 70), ("快六十了", 59), ("不到60", 59),
        ("58年的", 68), ("1958年出生", 68), ("五八年生的", 68), ("六十多", 60), ("三个月大", 0), ("不记得", None),
    ],
)  # fmt: skip
def test_age(text: str, years: int | None) -> None:
    assert value(text, "household.0.age", "int") == years


@pytest.mark.parametrize(
    ("text", "months"),
    [("半年", 6), ("一年", 12), ("一年半", 18), ("三个月", 3), ("两年零两个月", 26), ("5", 5)],
)
def test_months(text: str, months: int) -> None:
    assert value(text, "unemployed_months", "int") == months


@pytest.mark.parametrize(
    "text",
    ["有", "是", "是的", "对", "嗯", "嗯嗯", "好", "行", "可以", "有的", "没错", "没问题", "中", "要得", "得行", "係", "当然", "同意", "我同意", "好像有", "有一个", "OK", "👌没问题", "住着呢", "在的"],
)  # fmt: skip
def test_yes(text: str) -> None:
    assert value(text, "x", "bool") is True


@pytest.mark.parametrize(
    "text",
    ["没有", "没", "没得", "冇", "莫得", "木有", "不是", "不", "不同意", "无", "否", "没有的", "好像没有", "从来没有", "还没有", "不在", "哪有", "我没有", "都没有", "没領過", "唔系"],
)  # fmt: skip
def test_no(text: str) -> None:
    assert value(text, "x", "bool") is False


@pytest.mark.parametrize("text", ["三口人", "张建国", "13900000000", "嘿嘿"])
def test_neither_yes_nor_no(text: str) -> None:
    assert value(text, "x", "bool") is None


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("老伴", "spouse"), ("我老公", "spouse"), ("媳妇", "spouse"), ("老汉", "spouse"), ("娃", "child"), ("俺闺女", "child"),
        ("大儿子", "child"), ("爹妈", "parent"), ("老娘", "parent"), ("老汉儿", "parent"), ("孙女", "grandchild"), ("外孙", "grandchild"),
        ("奶奶", "grandparent"), ("哥哥", "sibling"), ("儿媳妇", "other"), ("岳母", "other"), ("我自己", "self"), ("本人", "self"),
        ("三口人", None),
    ],
)  # fmt: skip
def test_relation(text: str, relation: str | None) -> None:
    assert value(text, "member_relation", "relation") == relation


@pytest.mark.parametrize(
    ("text", "month", "year"),
    [
        ("2w", 20000, 20000), ("三千五一年", 291.67, 3500), ("20000块/年", 1666.67, 20000), ("3万块一年", 2500, 30000),
        ("一个月三万", 30000, 360000), ("一季度3000", 1000, 12000), ("半年一万", 1666.67, 20000), ("年2万", 1666.67, 20000),
        ("按年算24000", 2000, 24000), ("月入三千", 3000, 36000), ("80块一天", None, None), ("-500", -500, -500),
        ("负500", -500, -500), ("亏了5000", -5000, 5000), ("一年亏两万", -1666.67, 20000), ("8", 8, 8),
    ],
)  # fmt: skip
def test_a_sum_is_brought_to_the_period_asked_for_and_keeps_its_sign(
    text: str, month: float | None, year: float | None
) -> None:
    assert value(text, "household_income_month", "money") == month
    assert value(text, "medical_out_of_pocket_year", "money") == year


@pytest.mark.parametrize(
    ("text", "level"),
    [("5级", 5), ("二级", 2), ("2", 2), ("第二个", 1), ("没有", 0), ("0", 0), ("3级残疾", 3)],
)
def test_a_grade_is_the_figure_said_and_one_that_is_none_is_not_passed_over(text: str, level: int) -> None:
    titles = ["没有残疾证", "一级", "二级", "三级", "四级"]
    offered = tuple(Choice(value=at, title=title) for at, title in enumerate(titles))
    found = extract(text, AskedSlot("household.0.disability_level", "choice", offered, "assess"))
    assert found is not None
    assert found.value == level


def test_a_figure_is_told_from_the_button_whose_words_stand_beside_it() -> None:
    offered = (Choice(value=30000, title="一个月"), Choice(value=2500, title="一年"))
    asked = AskedSlot("household_income_month", "money", offered, "assess")
    for text, yuan in (("是一年的", 2500), ("一个月", 30000), ("一个月三千", 3000), ("三万一年", 2500)):
        found = extract(text, asked)
        assert found is not None
        assert found.value == yuan


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-05", "2026-03-05"), ("2026年3月5日", "2026-03-05"), ("2026.3.5", "2026-03-05"), ("20260305", "2026-03-05"),
        ("二〇二六年三月五日", "2026-03-05"), ("58年3月12号", "1958-03-12"), ("一九五八年十二月二十一", "1958-12-21"),
        ("昨天", "2026-03-04"), ("大前天", "2026-03-02"), ("三天前", "2026-03-02"), ("上个月15号", "2026-02-15"), ("去年8月1号", "2025-08-01"),
        ("上周三", "2026-02-25"), ("3月1号", "2026-03-01"), ("2026年2月30日", "2026年2月30日"), ("2月30号", "2月30号"), ("2027-13-01", "2027-13-01"), ("正月初五", None), ("1958年", None), ("不晓得", None),
    ],
)  # fmt: skip
def test_dates(text: str, day: str | None) -> None:
    assert value(text, "when", "date") == day


@pytest.mark.parametrize(
    "name", ["张建国", "李秀英", "欧阳春花", "王芳", "何为民", "阿依古丽·买买提", "諸葛亮", "田喜", "司马光", "赵爱国", "陈红", "刘桂兰", "安德海", "万家福", "张三丰", "李娜", "田野", "买买提", "全智贤"]
)  # fmt: skip
def test_names(name: str) -> None:
    from nlu.text import normalise

    assert value(name, "applicant_name", "person_name") == normalise(name)
    assert value(f"我叫{name}", "applicant_name", "person_name") == normalise(name)


@pytest.mark.parametrize(
    "text", ["老伴", "不知道", "低保", "怎么办", "你好", "三口人", "没有", "我不想说", "钱不够", "为什么", "13900000000", "a", "明天", "今天天气不错啊大家", "都可以", "谢谢", "马上", "应该", "全是", "能行", "李奶奶", "张某某", "随便", "从来没"]
)  # fmt: skip
def test_what_is_no_name(text: str) -> None:
    assert value(text, "applicant_name", "person_name") is None


@pytest.mark.parametrize(
    ("kind", "text", "digits"),
    [
        ("id_number", "99010119500101001x", "99010119500101001X"),
        ("id_number", "990101 1950 0101 001 X", "99010119500101001X"),
        ("id_number", "身份证990101195001010010。", "990101195001010010"),
        ("id_number", "99010119500101001", "99010119500101001"),
        ("id_number", "９９０１０１１９５００１０１００１Ｘ", "99010119500101001X"),
        ("id_number", "没带", None),
        ("phone", "139 0000 0000", "13900000000"),
        ("phone", "+8613900000000", "13900000000"),
        ("phone", "0000-1234567", "00001234567"),
        ("phone", "幺三九零零零零零零零零", "13900000000"),
        ("phone", "没有", None),
        ("bank_account", "6222 0000 0000 0000 000", "6222000000000000000"),
        ("bank_account", "卡号是6222000000000000000", "6222000000000000000"),
        ("bank_account", "没有卡", None),
    ],
)
def test_numbers_that_identify(kind: str, text: str, digits: str | None) -> None:
    assert value(text, kind, kind) == digits


@given(st.integers(min_value=1, max_value=99_999_999))
def test_every_chinese_numeral_is_read_back(number: int) -> None:
    assert numerals.read(cn2an.an2cn(number, "low")) == number
    assert value(f"{cn2an.an2cn(number, 'low')}元", "savings", "money") == number
    assert value(f"{number:,}元", "savings", "money") == number


@given(st.integers(min_value=1, max_value=99), st.sampled_from(["百", "千", "万"]))
def test_about_words_leave_the_number(number: int, unit: str) -> None:
    if number > 9 and unit != "万":
        return
    said = cn2an.an2cn(number, "low") + unit
    exact = numerals.read(said)
    assert exact is not None
    for about in ("多", "来块", "左右", "块钱"):
        assert value(said + about, "savings", "money") == exact


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31)))
def test_every_day_is_read_in_every_form(day: date) -> None:
    for text in (
        day.isoformat(),
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}.{day.month}.{day.day}",
        f"{day:%Y%m%d}",
    ):
        assert value(text, "when", "date") == day.isoformat()


@given(st.integers(min_value=1, max_value=60))
def test_days_ago(days: int) -> None:
    assert value(f"{days}天前", "when", "date") == (TODAY - timedelta(days=days)).isoformat()


KINDS = ["text", "int", "money", "number", "bool", "choice", "date", "person_name", "id_number", "phone", "bank_account", "address", "relation", "file"]  # fmt: skip


@given(st.text(max_size=60), st.sampled_from(KINDS))
def test_nothing_a_resident_types_raises(text: str, kind: str) -> None:
    value(text, "household_size", kind, table.RELATIONS if kind == "choice" else ())
