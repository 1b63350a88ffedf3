"""Details a question asks for that the clause of its matter may leave open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies_kb.retrieval.details import mostly_told, told_in_so_many_words


@pytest.mark.parametrize(
    ("question", "tells", "leaves_open"),
    [
        ("低保金每个月几号到卡上", "每月15日前发到账户。", "按月发到账户。"),
        ("申请书要交几份", "申请书一式两份。", "要交申请书。"),
        ("评议会来多少人", "参加评议的不少于9人。", "村里开评议会。"),
        ("流水要查几年的", "查近2年的账户流水。", "查银行存款。"),
        ("医药费能报百分之几", "按70%补助。", "医药费可以补助。"),
        ("护理补贴一个月多少钱", "每人每月100元。", "残疾人可以申请护理补贴。"),
        ("申请表能邮寄吗", "可以邮寄或者网上交。", "把申请表交给村委会。"),
        ("补助是发现金还是打存折", "打到银行账户。", "补助每年发一次。"),
        ("举报人的名字会不会被人晓得", "举报要保密。", "可以打电话举报。"),
        ("上门服务收不收费", "免费上门服务。", "志愿者上门服务。"),
        ("低保证是什么颜色的", "低保证是红皮的。", "发低保证。"),
        ("养老院能带狗吗", "不能带宠物。", "老人可以住养老院。"),
    ],
)
def test_what_is_asked_for_stands_in_the_clause_or_does_not(
    question: str, tells: str, leaves_open: str
) -> None:
    assert told_in_so_many_words(question, tells)
    assert not told_in_so_many_words(question, leaves_open)


@pytest.mark.parametrize("question", ["一亩赔多少钱", "保费交几块钱", "十分换几瓶油", "公示几天"])
def test_a_clause_that_says_it_is_not_written_down_tells_it(question: str) -> None:
    assert told_in_so_many_words(question, "赔多少、换什么，方案没有写，请问村委会。")


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("便民服务中心几点上班", True),
        ("民政窗口周末上班吗", True),
        ("救助站晚上能去吗", False),
        ("矫正中心星期六上班吗", False),
        ("12349半夜有人接不", False),
    ],
)
def test_the_counters_hours_are_those_of_no_other_place(question: str, told: bool) -> None:
    assert told_in_so_many_words(question, "窗口上班时间是工作日上午8:30到12:00，夜里不上班。") is told


@pytest.mark.parametrize(
    "question", ["昨天晚上房子塌了怎么办", "要带几样材料", "打几号线", "还有几乎一样的吗", "低保怎么申请"]
)
def test_a_story_asks_for_no_detail(question: str) -> None:
    assert told_in_so_many_words(question, "向乡镇申请。")


def test_kinds_told_in_many_ways_are_kept_apart() -> None:
    assert not mostly_told("多大年纪能领", "老人可以领。")
    assert told_in_so_many_words("多大年纪能领", "老人可以领。")


@given(st.text(alphabet="几多少天年人次岁份点晚上站收费钱能不吗", max_size=12), st.text(max_size=20))
def test_saying_that_it_is_not_written_is_always_enough_but_for_a_places_hours(
    question: str, clause: str
) -> None:
    whole = f"{clause}站院中心学校司法所派出所卫生所12349热线学习讲座调查培训，没有写"
    assert told_in_so_many_words(question, whole)
    assert mostly_told(question, whole)
