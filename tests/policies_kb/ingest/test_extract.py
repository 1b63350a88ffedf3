"""What is found in a plan: where it begins, what it says of itself, its dates and figures."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies_kb.ingest.dates import find_dates, validity
from policies_kb.ingest.extract import Head, read_head
from policies_kb.ingest.figures import find_figures
from policies_kb.ingest.plans import bare_title, find_plans
from policies_kb.ingest.split import split


def head_of(lines: list[str], *, printed: str = "", generic: bool = False) -> Head:
    return read_head(split(lines), printed=printed, generic=generic, order=1, subject="")


@pytest.mark.parametrize(
    "headings",
    [
        ["试点方案 篇1", "试点方案 篇2", "试点方案 篇3"],
        ["第一篇:关于加强老年工作的意见", "第二篇:关于加强工会工作的意见"],
        ["困难帮扶方案 1", "困难帮扶方案 2", "困难帮扶方案 3"],
        ["工作简报篇一", "工作简报篇二"],
        ["第一篇:低保核查工作方案", "第二篇:急难救助工作方案", "篇三:高龄津贴发放方案"],
        ["方案一", "方案二"],
        ["【方案精选】社会救助年审工作方案", "优秀方案:临时救助试点工作方案分享", "特困人员照护工作方案模板"],
    ],
)
def test_each_plan_of_a_collection_is_found(headings: list[str]) -> None:
    lines = ["欢迎来到范文网", "为了做好工作,需要预先制定方案。"]
    for heading in headings:
        lines += [
            heading,
            "为做好救助工作,制定本方案。",
            "一、目标",
            "保障生活。",
            "二、措施",
            "(一)摸底。每月一次。",
        ]
    plans = find_plans(lines)
    assert [lines[plan.begin] for plan in plans] == headings
    assert [plan.end for plan in plans] == [*(plan.begin for plan in plans[1:]), len(lines)]


def test_offices_that_issue_together_are_all_named() -> None:
    for between in (" ", "、", "\u3000"):
        head = head_of([f"青山县民政局{between}青山县财政局关于印发救助办法的通知", "一、对象", "困难家庭。"])
        assert head.issuer is not None
        assert head.issuer.value == "青山县民政局、青山县财政局"
    signed = head_of(["救助工作方案", "一、对象", "困难家庭。", "青山县民政局 青山县财政局", "2024年3月5日"])
    assert signed.issuer is not None
    assert signed.issuer.value == "青山县民政局、青山县财政局"


def test_the_date_a_site_put_a_page_up_is_not_the_date_of_the_document() -> None:
    put_up = "发布时间:2025-01-20 来源:县民政局 浏览次数:331"
    lines = ["青山县民政局关于提高低保标准的通知", put_up, "一、标准", "每月760元。"]
    assert head_of([*lines, "青山县民政局", "2025年1月18日"]).issued == date(2025, 1, 18)
    assert head_of(lines).issued == date(2025, 1, 20)


def test_a_covering_notice_tells_the_date() -> None:
    head = head_of(
        [
            "青山县民政局关于印发《青山县临时救助办法》的通知",
            "各乡镇人民政府:",
            "现将《青山县临时救助办法》印发给你们\uff0c请认真贯彻执行。",
            "青山县民政局",
            "2024年3月5日",
            "青山县临时救助办法",
            "第一条 本办法自2024年4月1日起施行。",
            "第二条 困难家庭可以申请。",
        ]
    )
    assert head.issued == date(2024, 3, 5)
    assert head.effective_from == date(2024, 4, 1)


def test_a_file_without_headings_is_one_plan() -> None:
    lines = ["关于做好低保工作的通知", "一、对象", "二、标准"]
    assert [(plan.begin, plan.end) for plan in find_plans(lines)] == [(0, 3)]


def test_links_to_other_plans_are_no_plans() -> None:
    lines = [
        "困难帮扶方案 1",
        "一、甲",
        "困难帮扶方案 2",
        "一、乙",
        "困难帮扶方案10-31",
        "困难群众帮扶方案08-01",
        "困难帮扶方案(20篇)10-19",
    ]
    assert len(find_plans(lines)) == 2


@pytest.mark.parametrize(
    ("printed", "bare"),
    [
        ("【方案精选】区近邻服务试点工作方案优秀篇", "区近邻服务试点工作方案"),
        ("优秀方案:社会救助年审工作方案分享", "社会救助年审工作方案"),
        ("精彩范文 社会救助综合改革试点工作方案模板", "社会救助综合改革试点工作方案"),
        ("低保办法", "低保办法"),
    ],
)
def test_what_web_sites_put_around_a_title_is_taken_off(printed: str, bare: str) -> None:
    assert bare_title(printed) == bare


def test_a_proper_document_says_everything_of_itself() -> None:
    head = head_of(
        [
            "示范县人民政府办公室关于", "印发低保对象分类管理办法的通知", "示政办发〔2022〕12号", "各乡镇人民政府:",
            "一、对象", "年满60周岁的老人。", "二、附则", "本办法自2022年3月1日起施行,有效期5年。",
            "示范县人民政府办公室", "2022年2月20日",
        ]
    )  # fmt: skip
    assert head.title.value == "示范县人民政府办公室关于印发低保对象分类管理办法的通知"
    assert not head.proposed_title
    assert head.issuer is not None
    assert head.issuer.value == "示范县人民政府办公室"
    assert head.number is not None
    assert head.number.value == "示政办发〔2022〕12号"
    assert (head.issued, head.effective_from, head.effective_to) == (
        date(2022, 2, 20),
        date(2022, 3, 1),
        date(2027, 2, 28),
    )


def test_a_number_that_is_only_cited_is_not_the_documents_own() -> None:
    head = head_of(["试点方案", "根据《关于做好低保工作的通知》(民发〔2021〕3号)精神,制定本方案。", "一、甲"])
    assert head.number is None


def test_a_masked_year_is_not_guessed() -> None:
    head = head_of(["一、附则", "本方案自20xx年1月21日起施行,自施行之日起有效期为5年。"])
    assert head.effective_from is None
    assert head.begins_quote == "自20xx年1月21日起施行"
    assert head.valid_years == 5


def test_a_plan_without_a_title_gets_a_proposal_that_says_so() -> None:
    head = head_of(
        ["为认真做好特殊困难群体关爱帮扶工作,制定本方案。", "一、甲"], printed="困难帮扶方案", generic=True
    )
    assert head.title.value == "特殊困难群体关爱帮扶方案"
    assert head.proposed_title


@given(
    st.dates(date(1980, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["{y}年{m}月{d}日", "{y}-{m}-{d}", "自{y}年{m:02}月{d:02}日起"]),
)
def test_whole_dates_are_read_back(day: date, shape: str) -> None:
    (found,) = find_dates(shape.format(y=day.year, m=day.month, d=day.day))
    assert found.first() == found.last() == day


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("二〇〇七年三月十九日", date(2007, 3, 19), date(2007, 3, 19)),
        ("二○二二年十二月二十一日", date(2022, 12, 21), date(2022, 12, 21)),
        ("2022年底", date(2022, 1, 1), date(2022, 12, 31)),
        ("2024年2月", date(2024, 2, 1), date(2024, 2, 29)),
        ("20xx年5月", None, None),
        ("4月6日", None, None),
        ("2022年2月30日", None, None),
    ],
)
def test_dates_as_printed(text: str, first: date | None, last: date | None) -> None:
    (found,) = find_dates(text)
    assert (found.first(), found.last()) == (first, last)


def test_validity_until_a_year_ends() -> None:
    found = validity("自发布之日起实施,有效期至2022年底。", date(2022, 4, 30))
    assert (found.begins, found.ends, found.on_issue) == (date(2022, 4, 30), date(2022, 12, 31), True)


@pytest.mark.parametrize(
    ("text", "kind", "low", "high", "unit"),
    [
        ("每人每月55元", "money", "55", "55", "元"),
        ("负债3万元以上", "money", "30000", "30000", "元"),
        ("补助1,200元", "money", "1200", "1200", "元"),
        ("1.5倍以内", "multiple", "1.5", "1.5", "倍"),
        ("年满60周岁", "age", "60", "60", "周岁"),
        ("16—18周岁", "age", "16", "18", "周岁"),
        ("5%以上", "percent", "5", "5", "%"),
        ("5个工作日内", "duration", "5", "5", "工作日"),
        ("二十个工作日", "duration", "20", "20", "工作日"),
        ("6至12个月", "duration", "6", "12", "个月"),
        ("10日内", "duration", "10", "10", "日"),
        ("两年", "duration", "2", "2", "年"),
        ("每年1-2次", "times", "1", "2", "次"),
        ("××元", "money", None, None, "元"),
    ],
)
def test_figures_with_their_units(text: str, kind: str, low: str | None, high: str | None, unit: str) -> None:
    (found,) = find_figures(text)
    assert (found.kind, found.unit) == (kind, unit)
    assert (found.low, found.high) == tuple(None if one is None else Decimal(one) for one in (low, high))
    assert text[found.start : found.end] == found.text


@pytest.mark.parametrize(
    "text", ["2022年3月5日", "民发〔2022〕12号", "城乡二元结构", "第3次会议", "一次性告知", "20xx年"]
)
def test_what_is_no_figure(text: str) -> None:
    assert find_figures(text) == ()


@given(
    st.integers(1, 99_999),
    st.sampled_from(["元", "倍", "周岁", "%", "个工作日", "次"]),
    st.text("每人按月给的,。", max_size=8),
)
def test_a_figure_in_a_sentence_keeps_its_value_and_place(value: int, unit: str, around: str) -> None:
    text = f"{around}标准为{value}{unit}{around}"
    (found,) = find_figures(text)
    assert found.low == found.high == value
    assert found.text == f"{value}{unit}"
    assert text[found.start : found.end] == found.text
