"""What residents ask about collections 003 and 004: facts that once stood in no clause, and words that hid a rule."""

from __future__ import annotations

from datetime import date

import pytest

from policies_kb.loader import load_pack
from policies_kb.retrieval.engine import Retriever

TODAY = date(2026, 11, 28)


@pytest.fixture(scope="module")
def county() -> Retriever:
    return Retriever(load_pack("shifan-xian"))


@pytest.fixture(scope="module")
def district() -> Retriever:
    return Retriever(load_pack("shifan-qu"))


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("失地老农的养老保险怎么办", "被征地农民"),
        ("管老年人的老龄办设在哪", "民政部门代管"),
        ("老头老太太想要个活动室", "老年活动室"),
        ("县里送戏下乡有老人看的不", "送文化下乡"),
        ("姥爷是离休干部药费谁保障", "离休干部的医药费"),
        ("退休老党员能当社区矫正志愿者吗", "都可以当志愿者"),
        ("社区矫正中心几年能建到各县", "2年到3年"),
        ("社矫的人想去外地看病找谁请假", "司法行政部门审批"),
    ],
)
def test_the_district_tells_it(district: Retriever, question: str, fact: str) -> None:
    found = district.answer(question, today=TODAY)
    assert found.answered
    assert fact in found.answer


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("名老教师重阳座谈那篇文章写文章多少字", "1000字以内"),
        ("代课老师教了二十二年一个月领好多", "800元"),
        ("涨大水前孤老的危房怎么安置", "转到供养服务机构"),
        ("困境儿童放了暑假有没有人来探访", "困境儿童"),
    ],
)
def test_the_county_tells_it(county: Retriever, question: str, fact: str) -> None:
    found = county.answer(question, today=TODAY)
    assert found.answered
    assert fact in found.answer


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ("在里头表现好能减刑不", "法院"),
        ("厂里职代会几年换一届", "总工会"),
        ("暑假几号开始", "教育部门"),
        ("稻子有病虫找谁看", "农业农村"),
    ],
)
def test_other_offices_business_names_the_office(county: Retriever, question: str, where: str) -> None:
    found = county.answer(question, today=TODAY)
    assert not found.answered
    assert where in found.answer


def test_a_rule_that_has_lapsed_is_said_to_have_lapsed_though_the_holidays_are_named(
    district: Retriever,
) -> None:
    found = district.answer("吃低保家庭的大学生暑假八月那两百块", today=TODAY)
    assert not found.answered
    assert "到期" in found.answer
