"""What is missing is named, what has lapsed is said to have lapsed, and what cannot wait comes first."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies_kb.loader import load_pack
from policies_kb.retrieval.ages import oldest
from policies_kb.retrieval.engine import Retriever
from policies_kb.types import Answer

TODAY = date(2026, 11, 22)
COUNTY, DISTRICT = "shifan-xian", "shifan-qu"


@cache
def retriever(name: str) -> Retriever:
    return Retriever(load_pack(name))


def ask(question: str, name: str = COUNTY) -> Answer:
    return retriever(name).answer(question, today=TODAY)


@pytest.mark.parametrize(
    "question",
    [
        "我九十一了，一个月有多少", "我今年八十八，国家给补多少钱", "俺娘九十二岁了每月能领几个钱", "家里老人一百零二岁有啥补贴", "满80岁的老人有补贴吗",
        "爷爷八十五岁，政府一个月发多少", "老父亲九十有三，能享受什么津贴", "外婆95了有没有钱领",
    ],
)  # fmt: skip
def test_a_very_old_person_is_told_that_the_county_has_no_rule_and_no_other_rule_instead(
    question: str,
) -> None:
    answer = ask(question)
    assert not answer.answered
    assert "高龄津贴方面的规定" in answer.answer or "长寿补贴方面的规定" in answer.answer
    assert "人工" in answer.answer


def test_where_there_is_a_rule_for_the_very_old_they_are_told_it() -> None:
    answer = ask("我九十一了，一个月有多少", DISTRICT)
    assert answer.answered
    assert {citation.scheme for citation in answer.citations} == {"gaoling"}


@pytest.mark.parametrize(
    "question",
    [
        "俺爹85了能吃低保吗",
        "我奶奶八十六一个人住没人照顾怎么办",
        "我妈90了瘫痪在床能申请护理补贴吗",
    ],
)
def test_an_age_beside_another_matter_is_part_of_the_story(question: str) -> None:
    answer = ask(question)
    assert answer.answered
    assert not {"gaoling", "changshou"} & {citation.scheme for citation in answer.citations}


@pytest.mark.parametrize(
    "question", ["重阳节独居老人发什么", "九九重阳给老人发钱吗", "重阳节空巢老人有补贴没"]
)
def test_the_festival_of_the_old_is_no_teachers_meeting(question: str) -> None:
    assert not ask(question).answered
    lapsed = ask(question, DISTRICT)
    assert not lapsed.answered
    assert "2022年12月31日到期" in lapsed.answer


def test_who_asks_for_the_teachers_meeting_is_told_of_it() -> None:
    assert "40人" in ask("重阳节请名老教师座谈有多少人").answer


@pytest.mark.parametrize(
    "question",
    [
        "邻居打老婆，娃没饭吃", "我男人喝醉了就打我和孩子，怎么办", "被老公打得不敢回家，能去哪里住", "儿子打老娘，谁来管", "家暴了能申请救助吗", "隔壁天天打孩子，找谁管",
        "他打我我要离婚能给法律援助吗", "媳妇虐待婆婆怎么反映", "丈夫动手打人，我带孩子跑出来了没地方住", "家里男人打人，孩子吓得不敢上学",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [COUNTY, DISTRICT])
def test_who_tells_of_blows_reads_first_whom_to_call(name: str, question: str) -> None:
    answer = ask(question, name)
    first = answer.answer.split("。")[0]
    assert "110" in first
    assert "12338" in answer.answer
    assert answer.answered or "人工" in answer.answer


@pytest.mark.parametrize(
    "question",
    [
        "打我电话", "材料被打回来了怎么办", "我爸打工摔伤了能救助吗", "我被打电话催交材料", "要打官司没钱请律师", "以前被打过现在离婚了能吃低保吗", "老公打工去了我一个人带娃",
        "打老婆手机没人接", "低保金打到孩子卡上行吗", "儿子打零工一个月两千能吃低保不",
    ],
)  # fmt: skip
def test_words_that_sound_like_blows_raise_no_alarm(question: str) -> None:
    assert "110" not in ask(question).answer


@pytest.mark.parametrize(
    ("question", "urgent"),
    [
        ("桥洞底下睡着个老头浑身发烫叫不醒", True),
        ("老伴晕倒在地上了", True),
        ("我爸去年昏迷过一次，现在还要吃药，能申请医疗救助吗", False),
        ("大出血送医院先收钱还是先救命", False),
    ],
)
@pytest.mark.parametrize("name", [COUNTY, DISTRICT])
def test_whose_life_is_in_danger_is_helped_first(name: str, question: str, urgent: bool) -> None:
    assert ("120" in ask(question, name).answer.split("。")[0]) is urgent


def test_what_is_asked_beside_the_blows_is_answered_too() -> None:
    answer = ask("丈夫动手打人，我带孩子跑出来了没地方住")
    assert answer.answered
    assert "110" in answer.answer.split("\n")[0]
    assert any(citation.quote in answer.answer for citation in answer.citations)


@pytest.mark.parametrize(
    "question",
    [
        "能不能给我法律援助，我要离婚", "离婚打官司请不起律师有免费的吗", "我想离婚，法律援助怎么申请", "低保户离婚能不能免费请律师", "要打离婚官司没钱请律师咋办", "法律援助管离婚吗",
        "离婚了分财产能法律援助不", "穷人请律师打官司有人管吗", "讨薪打官司能免费律师吗", "司法救助怎么申请",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [COUNTY, DISTRICT])
def test_who_wants_a_lawyer_is_not_sent_to_the_registry(name: str, question: str) -> None:
    answer = ask(question, name)
    assert "登记处" not in answer.answer
    assert "人社部门" not in answer.answer
    assert "法律" in answer.answer


def test_who_wants_a_divorce_is_sent_to_the_registry() -> None:
    assert "婚姻登记处" in ask("离婚证在哪里办").answer


@pytest.mark.parametrize(
    "question",
    ["今年疫情帮扶发多少钱", "疫情困难户一次发几百", "疫情帮扶标准是多少", "疫情消费券一人多少", "今年还有疫情补助没，多少钱", "疫情防控期间困难群众帮扶给几次"],
)  # fmt: skip
def test_what_has_lapsed_is_said_to_have_lapsed(question: str) -> None:
    answer = ask(question, DISTRICT)
    assert not answer.answered
    assert "《区疫情期间困难群众帮扶方案》" in answer.answer
    assert "2022年12月31日到期" in answer.answer


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("我九十一了", 91), ("今年88", 88), ("俺娘92了", 92), ("一百零二岁", 102), ("一百岁", 100), ("一百一十岁", 110), ("九旬老人", 90), ("八十多岁", 80),
        ("九十有三", 90), ("满80周岁", 80), ("爷爷85,奶奶91岁", 91), ("一个月80块", None), ("收入八十块", None), ("老人住了90天", None), ("我七十九了", None),
        ("85%", None), ("他80元", None), ("1985年生的", None), ("我85年生的", None), ("去年90个人", None), ("考了98分", None),
    ],
)  # fmt: skip
def test_an_age_is_told_from_other_figures(text: str, age: int | None) -> None:
    assert oldest(text) == age


@given(st.integers(80, 119), st.sampled_from(["我今年{}了", "老人{}周岁", "俺娘都{}啦"]))
def test_any_great_age_is_read(age: int, said: str) -> None:
    assert oldest(said.format(age)) == age


@given(st.text(max_size=40))
def test_no_text_upsets_it(text: str) -> None:
    found = oldest(text)
    assert found is None or 80 <= found <= 119
