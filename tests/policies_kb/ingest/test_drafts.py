"""Drafts: what a file becomes before a person has looked at it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies_kb.clauses import Aspect
from policies_kb.ingest import review
from policies_kb.ingest.build import document_id
from policies_kb.ingest.draft import Content, Draft, DraftDocument, Front
from policies_kb.ingest.draft_markdown import parse, render
from policies_kb.ingest.run import Ingest
from policies_kb.ingest.types import Mark, Repair, UnreadableSource
from policies_kb.loader import load_pack
from tests.policies_kb.ingest.making import METHOD, NOW, PACK, make_pack, repaired


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    make_pack(tmp_path)
    return tmp_path


@pytest.fixture
def ingest(packs: Path) -> Ingest:
    return Ingest(PACK, packs)


@pytest.fixture
def method(ingest: Ingest) -> Draft:
    (draft,) = ingest.repaired(repaired(METHOD), now=NOW).drafts
    return draft


def test_a_document_becomes_clauses_with_number_path_and_figures(method: Draft) -> None:
    found = {section.number: section for section in method.document.sections}
    assert [*found] == ["一", "二(一)", "二(二)", "三1", "三2", "五"]
    assert found["二(二)"].path == ("二、发放标准",)
    assert "90周岁以上的,每人每月100元" in found["二(二)"].text
    assert {clause.number: [figure.text for figure in clause.figures] for clause in method.file.clauses}[
        "三2"
    ] == ["5个工作日内"]


def test_what_the_document_says_of_itself_is_its_head(method: Draft) -> None:
    front = method.document.front
    assert (front.title, front.issuer, front.number) == (
        "示范县高龄津贴发放办法",
        "示范县民政局",
        "示民发〔2022〕12号",
    )
    assert (str(front.effective_from), str(front.effective_to)) == ("2022-03-01", "2027-02-28")


def test_schemes_aspects_and_questions_are_proposed_with_reasons(method: Draft) -> None:
    found = {section.number: section for section in method.document.sections}
    assert all(section.schemes == ("gaoling",) for section in found.values())
    assert (found["一"].aspect, found["三1"].aspect) == ("who", "steps")
    assert all(section.asks for section in found.values())
    assert all(clause.why for clause in method.file.clauses)


def test_clauses_on_the_offices_own_affairs_are_proposed_to_be_left_out_but_kept_at_hand(
    method: Draft,
) -> None:
    left = {clause.number: clause for clause in method.file.clauses if clause.left_out}
    assert [*left] == ["前言", "四"]
    assert "组织领导" in left["四"].left_out
    assert left["四"].proposed.text == "各乡镇要高度重视,加强领导。"


def test_figures_become_proposed_parameters(method: Draft) -> None:
    money = [(one.value, one.unit, one.clause) for one in method.file.parameters if one.unit == "元"]
    assert money == [("50", "元", "二(一)"), ("100", "元", "二(二)")]
    assert len({one.key for one in method.file.parameters}) == len(method.file.parameters)


def test_a_draft_is_no_part_of_the_pack(packs: Path, ingest: Ingest) -> None:
    before = load_pack(PACK, packs)
    ingest.repaired(repaired(METHOD), now=NOW)
    after = load_pack(PACK, packs)
    assert (after.version, len(after.documents)) == (before.version, len(before.documents))


def test_the_same_file_again_changes_nothing(packs: Path, ingest: Ingest) -> None:
    (draft,) = ingest.repaired(repaired(METHOD), now=NOW).drafts
    review.edit_front(PACK, draft.id, {"title": "改过的标题"}, by="李科员", packs_dir=packs)
    again = ingest.repaired(repaired(METHOD), now=NOW)
    assert again.drafts == ()
    assert [file.id for file in again.known] == [draft.id]
    assert review.load_draft(PACK, draft.id, packs).document.front.title == "改过的标题"


def test_where_writing_stopped_half_way_the_missing_plans_are_made(packs: Path, ingest: Ingest) -> None:
    file = repaired(["方案 1", *METHOD[2:], "方案 2", *METHOD[2:]])
    first = ingest.repaired(file, now=NOW).drafts
    assert len(first) == 2
    for path in (packs / PACK / "drafts" / first[1].id).iterdir():
        path.unlink()
    (packs / PACK / "drafts" / first[1].id).rmdir()
    again = ingest.repaired(file, now=NOW)
    assert [draft.file.source.plan for draft in again.drafts] == [2]


def test_original_repairs_marks_and_dropped_lines_stay_with_the_draft(packs: Path, ingest: Ingest) -> None:
    file = repaired(
        [*METHOD[:8], "点击下载更多范文", *METHOD[8:]],
        marks={7: Mark("missing_text", "每人每月50元", "看不清")},
        dropped={9: "广告"},
        repairs={5: Repair("traditional", "具有本縣戶籍、年滿80周歲的老年人。", METHOD[4])},
    )
    (draft,) = ingest.repaired(file, now=NOW).drafts
    by_number = {clause.number: clause for clause in draft.file.clauses}
    assert "年滿80周歲" in by_number["一"].original
    assert [repair.kind for repair in by_number["一"].repairs] == ["traditional"]
    assert [(mark.kind, mark.clause, mark.line) for mark in draft.open_marks] == [
        ("missing_text", by_number["二(一)"].key, 7)
    ]
    assert [(line.line, line.why) for line in draft.file.dropped] == [(9, "广告")]
    assert "点击下载更多范文" in review.original_text(PACK, draft.id, packs)
    assert "点击下载" not in "".join(section.text for section in draft.document.sections)


def test_gaps_and_doublings_of_numbers_are_marks(ingest: Ingest) -> None:
    texts = [*METHOD[:9], "1.申请。本人提出申请。", "3.审核。5个工作日内审核。", *METHOD[11:]]
    (draft,) = ingest.repaired(repaired(texts), now=NOW).drafts
    assert [mark.kind for mark in draft.open_marks] == ["number_gap"]


def test_a_plan_for_nobody_is_drafted_but_put_last_with_its_reason(packs: Path, ingest: Ingest) -> None:
    roads = [
        "为做好公路灾害防治工作,制定本方案。",
        "一、目标",
        "完成24个路段的整治。",
        "二、步骤",
        "组织施工单位完成施工。",
    ]
    file = repaired(["试点方案 篇1", *roads, "试点方案 篇2", *METHOD[2:]])
    ingest.repaired(file, now=NOW)
    listed = review.list_drafts(PACK, packs)
    assert [(one.plan, one.residents) for one in listed] == [(2, True), (1, False)]
    assert "居民多半不会问" in listed[1].residents_why
    draft = review.load_draft(PACK, listed[1].id, packs)
    assert "not_for_residents" in {mark.kind for mark in draft.open_marks}


def test_a_benefit_the_glossary_does_not_know_is_for_residents_and_asked_for_by_its_own_name(
    packs: Path, ingest: Ingest
) -> None:
    texts = [
        "青石县困难家庭水电补贴实施办法",
        "一、补贴对象",
        "本县户籍的低保家庭。",
        "二、补贴标准",
        "每户每月20元。",
        "三、办理",
        "由申请人到户籍所在地乡镇提出申请。",
        "青石县民政局",
        "2025年6月12日",
        "项目 | 标准",
        "水费 | 每月20元",
    ]
    (draft,) = ingest.repaired(repaired(texts), now=NOW).drafts
    [listed] = review.list_drafts(PACK, packs)
    assert listed.residents
    sections = {section.number: section for section in draft.document.sections}
    assert [*sections] == ["一", "二", "三", "附件"]
    # Whom it is for (低保家庭) is not what it is about.
    assert {section.schemes for section in sections.values()} == {()}
    assert "困难家庭水电补贴给多少钱" in sections["二"].asks
    assert draft.document.front.issuer == "青石县民政局"
    review.accept(PACK, draft.id, by="测试", effective_from=date(2025, 7, 1), packs_dir=packs)


def test_items_of_a_list_stay_with_the_sentence_that_leads_them_in(ingest: Ingest) -> None:
    texts = [
        *METHOD[:3],
        "一、下列老年人可以申请高龄津贴:",
        "(一)年满80周岁的;",
        "(二)有本县户籍的。",
        "二、标准",
        "每人每月50元。",
    ]
    (draft,) = ingest.repaired(repaired(texts), now=NOW).drafts
    first = next(clause for clause in draft.file.clauses if clause.number == "一")
    assert first.covers == ("一(一)", "一(二)")
    section = draft.section_of(first)
    assert section is not None
    assert section.text.splitlines() == [
        "下列老年人可以申请高龄津贴:",
        "(一) 年满80周岁的;",
        "(二) 有本县户籍的。",
    ]


LOCAL = (
    "栗溪县民政局 栗溪县财政局",
    "关于印发医疗救助办法的通知",
    "一、救助对象",
    "(一)特困人员、孤儿；",
    "(二)最低生活保障对象。",
    "二、救助比例",
    "(一)住院救助比例。",
    "1.特困人员100%；",
    "2.低保对象72%。",
    "(二)低保家庭每年复核一次。城市低保家庭每半年复核一次。",
    "三、申请",
    "(一)本人或者监护人向户籍所在地乡镇提出申请，可以跨省通办。",
    "1.残疾人证；",
    "2.身份证或者户口簿。",
    "(二)残疾人证有效期10年。到期前3个月内换领。",
    "(三)县外就医的，出院后6个月内申请。",
    "本办法自2025年3月1日起施行，有效期5年。",
)


@pytest.fixture
def local(ingest: Ingest) -> Draft:
    (draft,) = ingest.repaired(repaired(LOCAL), now=NOW).drafts
    return draft


def test_no_sentence_is_lost_to_headings(local: Draft) -> None:
    told = "".join(section.text for section in local.document.sections)
    for sentence in (
        "低保家庭每年复核一次。",
        "本人或者监护人向户籍所在地乡镇提出申请，可以跨省通办。",
        "残疾人证有效期10年。",
    ):
        assert sentence in told


def test_items_that_are_one_sentence_are_one_clause_with_what_they_belong_to(local: Draft) -> None:
    found = {section.number: section.text.splitlines() for section in local.document.sections}
    assert found["一"] == ["救助对象：", "(一) 特困人员、孤儿；", "(二) 最低生活保障对象。"]
    assert found["二(一)"] == ["住院救助比例：", "1 特困人员100%；", "2 低保对象72%。"]
    assert found["三(一)"][1:] == ["1 残疾人证；", "2 身份证或者户口簿。"]


def test_whom_a_document_names_is_not_what_it_is_about(local: Draft) -> None:
    assert {section.schemes for section in local.document.sections} == {("yiliao",)}
    assert {section.number: section.aspect for section in local.document.sections}["一"] == "who"


def test_no_question_is_proposed_for_two_clauses(local: Draft) -> None:
    asks = [ask for section in local.document.sections for ask in section.asks]
    assert len(asks) == len(set(asks))


def test_when_the_whole_begins_to_hold_is_in_the_head_and_in_no_clause(local: Draft) -> None:
    front = local.document.front
    assert (front.issuer, str(front.effective_from), str(front.effective_to)) == (
        "栗溪县民政局、栗溪县财政局",
        "2025-03-01",
        "2030-02-28",
    )
    assert not any("起施行" in section.text for section in local.document.sections)


def test_no_figure_of_the_text_is_lost_between_file_and_draft(ingest: Ingest, method: Draft) -> None:
    drafted = "".join(f"{clause.proposed.heading}{clause.proposed.text}" for clause in method.file.clauses)
    assert all(
        figure in drafted for figure in ("80周岁", "50元", "90周岁", "100元", "5个工作日", "有效期5年")
    )


def test_a_file_without_text_is_refused_kindly(ingest: Ingest) -> None:
    with pytest.raises(UnreadableSource) as caught:
        ingest.repaired(repaired(["", "广告"], dropped={2: "广告"}), now=NOW)
    assert "没有可用的文字" in caught.value.message_zh


def test_ids_are_pinyin_and_unique() -> None:
    first = document_id("社会救助年审工作方案", "x", ())
    assert first == "shehui-jiuzhu-nianshen"
    assert document_id("社会救助年审工作方案", "x", {first}) == f"{first}-2"
    assert document_id("???", "wenjian-1", ()) == "wenjian-1"


_PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)
_ASPECT: Aspect = "who"


@example(["正文"], "标题", [], ["?0", "- 甲", ": 乙", "[丙]", "#丁", "*戊"])
@given(
    st.lists(_PLAIN, min_size=1, max_size=4),
    _PLAIN,
    st.lists(_PLAIN, max_size=2),
    st.lists(_PLAIN, min_size=1, max_size=3),
)
def test_a_drafts_text_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, text: list[str], title: str, path: list[str], asks: list[str]
) -> None:
    lines = [line for line in text if not line.startswith(("#", "＃"))]
    section = Content(
        number="三(二)4", heading=title, path=tuple(path), schemes=("dibao",), aspect=_ASPECT, asks=tuple(asks),
        text="\n".join(lines) or "正文",
    )  # fmt: skip
    document = DraftDocument(front=Front(id="x", title=title, source="文件"), sections=(section,))
    file = tmp_path_factory.mktemp("draft") / "draft.md"
    file.write_text(render(document), encoding="utf-8")
    assert parse(file) == document


def test_nobody_is_said_to_ask_in_whole_sentences_and_validity_is_a_time(packs: Path) -> None:
    lines = [
        "示范县高龄津贴实施办法", "一、津贴标准", "80周岁的老人每人每月50元。", "二、工作措施",
        "(一)加强宣传引导", "各乡镇要加强宣传，营造敬老氛围。", "(二)各乡镇在社区加挂敬老服务站的牌子",
        "统筹负责敬老工作。", "三、节日慰问", "重阳节按照每人200元的标准发放。",
        "四、附则", "本办法自2025年3月1日起施行，有效期5年。",
    ]  # fmt: skip
    ingest = Ingest(PACK, packs)
    found = {one.number: one for one in ingest.repaired(repaired(lines), now=NOW).drafts[0].document.sections}

    asks = [ask for one in found.values() for ask in one.asks]
    assert not [ask for ask in asks if "加强" in ask or "加挂" in ask or "是怎么规定的" in ask]
    assert [one.aspect for number, one in found.items() if "有效期" in one.text] == ["how_long"]
    assert found["三"].aspect == "how_much"
    assert "高龄津贴管到什么时候" in found["四"].asks


def test_a_clause_nobody_can_ask_for_is_named_when_the_draft_is_accepted(packs: Path, method: Draft) -> None:
    first = review.clause_of(method, "一")
    review.edit_clause(PACK, method.id, first.key, {"asks": []}, by="李科员", packs_dir=packs)

    with pytest.raises(review.NoQuestions, match=rf"{first.number}。请给每条至少写一句问法"):
        review.accept(PACK, method.id, by="李科员", packs_dir=packs)
