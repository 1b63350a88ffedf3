"""The official numbering: what is written in it is split back exactly, and nothing of the text is lost."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies_kb.ingest.numbering import Level, han_number, marker_at
from policies_kb.ingest.split import Split, split

CLAUSE_TEXT = st.text(
    alphabet="甲乙丙丁戊己庚辛壬癸年满以上补助标准每人按月元的和,、%\u201c\u201d", min_size=4, max_size=60
)
HEADING = st.text(alphabet="救助对象补贴标准申请程序材料公示发放监督管理", min_size=2, max_size=12)


@dataclass
class Written:
    """One clause as a document writes it, and the number it must come back under."""

    number: str
    heading: str
    body: str
    printed: str
    lines: list[str] = field(default_factory=list)


def printed_number(level: Level, value: int, style: int) -> str:
    han, plain = han_number(value), str(value)
    shapes = {
        Level.FIRST: [f"{han}、", f"\u3000\u3000{han}、", f"{han}\uff0e"],
        Level.SECOND: [f"({han})", f"\uff08{han}\uff09", f"( {han} )", f"\uff08{han})"],
        Level.THIRD: [f"{plain}.", f"{plain}、", f"{plain}\uff0e"],
        Level.FOURTH: [f"({plain})", f"\uff08{plain}\uff09", f"{plain})"],
    }[level]
    return shapes[style % len(shapes)]


@st.composite
def documents(draw: st.DrawFn) -> list[Written]:
    """A document in the four levels, numbered without a gap, every clause with a heading and a body."""
    written: list[Written] = []
    style = draw(st.integers(0, 3))

    def section(level: Level, above: str, value: int) -> None:
        heading, body = draw(HEADING), draw(CLAUSE_TEXT)
        han = han_number(value)
        own = {
            Level.FIRST: han,
            Level.SECOND: f"({han})",
            Level.THIRD: str(value),
            Level.FOURTH: f"({value})",
        }[level]
        printed = printed_number(level, value, style)
        written.append(Written(above + own, heading, body, printed, [f"{printed}{heading}。{body}。"]))
        if level is not Level.FOURTH:
            for child in range(1, draw(st.integers(0, 3)) + 1):
                section(Level(level + 1), above + own, child)

    for value in range(1, draw(st.integers(1, 12)) + 1):
        section(Level.FIRST, "", value)
    return written


@given(documents())
def test_what_is_written_in_the_official_numbering_is_split_back(written: list[Written]) -> None:
    found = split([line for one in written for line in one.lines])
    assert [one.number for one in found.sections] == [one.number for one in written]
    assert [one.heading for one in found.sections] == [one.heading for one in written]
    assert [found.body(one) for one in found.sections] == [f"{one.body}。".strip() for one in written]
    assert not any(one.doubts for one in found.sections)


@given(
    st.lists(
        st.text(alphabet="一二十、()\uff08\uff09.12 3条第附件:。甲乙年月日局\u3000", max_size=30), max_size=12
    )
)
def test_no_text_is_lost_or_doubled_whatever_the_numbers(lines: list[str]) -> None:
    found = split(lines)
    assert "".join(found.raw(one) for one in found.sections) == "\n".join(lines)
    for one in found.sections:
        assert one.start <= one.number_end <= one.heading_end <= one.end


@given(documents())
def test_every_section_knows_its_lines(written: list[Written]) -> None:
    found = split([line for one in written for line in one.lines])
    assert [one.lines for one in found.sections] == [(at, at) for at in range(len(written))]


def numbers(found: Split) -> list[str]:
    return [one.number for one in found.sections]


def doubts(found: Split) -> dict[str, list[str]]:
    return {one.number: [doubt.kind for doubt in one.doubts] for one in found.sections if one.doubts}


def test_the_path_of_headings_is_kept() -> None:
    found = split(["三、试点内容", "(二)优化流程", "3.入户调查", "3个工作日内上门。"])
    last = found.sections[-1]
    assert last.number == "三(二)3"
    assert last.path == ("三、试点内容", "(二)优化流程")
    assert found.body(last) == "3个工作日内上门。"


def test_a_level_may_be_missing() -> None:
    found = split(
        ["四、工作机制", "1、实行两级负责制。", "2、设立窗口。", "五、其他", "(1)甲乙丙丁。", "(2)戊己庚辛。"]
    )
    assert numbers(found) == ["四", "四1", "四2", "五", "五(1)", "五(2)"]


def test_a_gap_a_doubling_and_a_restart_are_marked() -> None:
    found = split(["一、甲。", "三、乙。", "三、丙。", "一、丁。", "(二)戊。"])
    assert [doubt.kind for one in found.sections for doubt in one.doubts] == [
        "number_gap",
        "number_repeated",
        "number_restarts",
        "number_gap",
    ]
    assert numbers(found) == ["一", "三", "三", "一", "一(二)"]


def test_numbers_inside_a_line_are_clauses_only_in_sequence() -> None:
    found = split(["9、人才队伍工程。(1)加强培训。每年一次。(2)提高待遇。按第(五)项办理。"])
    assert numbers(found) == ["9", "9(1)", "9(2)"]
    assert numbers(split(["一、材料。填写《申请表》(附件1)和《授权书》(附件2),交村委会。"])) == ["一"]


def test_first_second_in_words_stays_inside() -> None:
    found = split(["(一)加强领导。一是成立小组。二是落实经费。第三,加强督导。"])
    assert numbers(found) == ["(一)"]


def test_a_sentence_torn_in_a_bracket_is_no_number() -> None:
    found = split(["4.初步审核", "填写《审核确认表》(附件", "5),提出意见。", "5.审核确认", "召开会议。"])
    assert numbers(found) == ["4", "5"]


def test_articles_run_through_chapters() -> None:
    found = split(
        [
            "第一章 总则",
            "第一条 为了规范救助。",
            "第二条 本办法适用于本县。",
            "第二章 对象",
            "第三条 下列人员可以申请:",
            "(一)老人;",
            "(二)孩子。",
        ]
    )
    assert numbers(found) == ["第一章", "第一条", "第二条", "第二章", "第三条", "第三条(一)", "第三条(二)"]
    assert found.sections[4].path == ("第二章 对象",)
    assert not doubts(found)


def test_the_signature_stands_apart() -> None:
    found = split(["一、目标", "做好救助工作。", "示范县民政局", "2022年3月5日"])
    assert [one.role for one in found.sections] == ["numbered", "closing"]
    assert found.raw(found.sections[-1]) == "示范县民政局\n2022年3月5日"


def test_tables_behind_the_signature_are_a_section_of_their_own() -> None:
    table = ["项目 | 标准", "水费 | 每月20元"]
    found = split(["一、目标", "做好救助工作。", "示范县民政局", "2022年3月5日", *table])
    assert [one.role for one in found.sections] == ["numbered", "closing", "attached"]
    assert found.raw(found.sections[-1]) == "\n".join(table)
    within = split(["一、目标", "做好救助工作。", *table])
    assert [one.role for one in within.sections] == ["numbered"]


def test_text_without_any_number_is_one_section() -> None:
    found = split(["关于发放补贴的通知", "补贴每月100元。"])
    assert numbers(found) == ["正文"]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("一、总体要求", "一"),
        ("\uff08十二\uff09其他", "(十二)"),
        ("12\uff0e建立台账", "12"),
        ("1.2016年底前完成", "1"),
        ("2.20xx年底前完成", "2"),
        ("⑴甲", "(1)"),
        ("㈡动员", "(二)"),
        ("1).员工", "(1)"),
        ("附件2\uff1a申请表", "附件2"),
        ("第十条之二 补充", "第十条之二"),
    ],
)  # fmt: skip
def test_printed_numbers(line: str, number: str) -> None:
    found = marker_at(line)
    assert found is not None
    assert found.text == number


@pytest.mark.parametrize(
    "line",
    [
        "1.5倍以下",
        "一、二级残疾",
        "2022年3月",
        "(2022年)",
        "第三条规定的情形",
        "附件中的表格",
        "3个工作日内",
        "五、六月份",
        "一是加强",
    ],
)
def test_what_only_looks_like_a_number(line: str) -> None:
    assert marker_at(line) is None


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("第一百零二条 经费", "第一百零二条"),
        ("第一千零二条 附则", "第一千零二条"),
        ("一百零一、总则", "一百零一"),
        ("(一百零一)受理", "(一百零一)"),
        ("101.申请", "101"),
        ("（121）证明", "(121)"),
        ("第一百零三章 监督", "第一百零三章"),
    ],
)
def test_numbers_above_ninety_nine_are_numbers(line: str, number: str) -> None:
    marker = marker_at(line)

    assert marker is not None
    assert marker.text == number


@pytest.mark.parametrize("line", ["二〇一六、二〇一七两年", "(二〇一六)年", "100.5元", "2016.12"])
def test_years_and_amounts_are_no_numbers(line: str) -> None:
    assert marker_at(line) is None
