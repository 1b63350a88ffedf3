"""The clauses written from collection 002: no figure of the originals lost, forms and disagreements consistent."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from policies_kb.loader import load_pack
from policies_kb.retrieval.engine import Retriever

TODAY = date(2026, 11, 22)
SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
# Document of ours, and the words its original begins with; None: concerns no resident.
PLANS = (
    ("shifan-xian", "zhen-gaige-shidian", "社会救助综合改革试点工作方案模板"),
    ("shifan-xian", None, "市域社会治理现代化试点工作方案分享"),
    ("shifan-xian", "tekun-jianhu", "特困人员监护照护试点工作方案模板"),
    ("shifan-xian", "yezhu-fangkong", "防控野猪危害综合试点工作实施方案\n"),
    ("shifan-qu", "qu-gaige-wanshan", "改革完善社会救助制度实施方案优秀篇"),
    ("shifan-qu", "jinlin-fuwu", "区城乡社区近邻服务试点工作方案优秀篇"),
    ("shifan-xian", "nianshen", "社会救助年审工作方案分享"),
    ("shifan-xian", "sangao-gongguan", "医防融合慢性病管理试点工作方案实用"),
    ("shifan-xian", "shenhe-queren-xiafang", "社会救助审核确认权下放乡镇工作方案模板"),
    ("shifan-qu", "huiqi", "商务楼宇惠企政策宣传试点工作方案\n"),
)
# Figures that no resident can use: days by which offices report to offices, and years the originals lost.
NOT_FOR_RESIDENTS = {
    "jinlin-fuwu": {"3月", "26日"},
    "nianshen": set[str](),
    "qu-gaige-wanshan": {"2年", "5年"},
    "shenhe-queren-xiafang": {"20日", "7月", "8月", "11月", "12月"},
    "zhen-gaige-shidian": {"3月", "4月", "10月", "12月"},
    "tekun-jianhu": {"5月", "6月", "7月", "12月"},
    "sangao-gongguan": {"5月", "6月", "7月", "12月"},
    # Months by which the office sets up its own stations and teams.
    "huiqi": {"8月", "12月"},
}
# Written in figures here, in words there.
SAME = {"8千": "8000"}
_FIGURE = re.compile(r"\d+(?:\.\d+)?(?:个工作日|个月|千人|年|元|倍|天|周岁|次|期|名|人|支|月|日|号|%)")


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    return Retriever(load_pack("shifan-xian"))


def sections(pack: str, document_id: str) -> str:
    document = load_pack(pack).document(document_id)
    assert document is not None
    return "\n".join(clause.text for clause in document.clauses)


@pytest.mark.seeds
@pytest.mark.skipif(not SEEDS.is_dir(), reason="the collections are not here")
def test_every_figure_of_the_originals_stands_in_a_clause() -> None:
    [path] = SEEDS.glob("002_*")
    text = path.read_text(encoding="utf-8")
    begins = [text.index(opening) for _, _, opening in PLANS] + [len(text)]
    missing = {}
    for at, (pack, document_id, _) in enumerate(PLANS):
        if document_id is None:
            continue
        original = re.sub(r"〔20xx〕\d+号|20xx年", "", text[begins[at] : begins[at + 1]])
        ours = sections(pack, document_id)
        for words, figure in SAME.items():
            original = original.replace(words, figure)
        found = set(_FIGURE.findall(original)) - NOT_FOR_RESIDENTS.get(document_id, set())
        if gone := sorted(figure for figure in found if figure not in ours):
            missing[document_id] = gone
    assert missing == {}


def test_the_nine_forms_are_named_by_number_where_the_procedure_gives_them() -> None:
    ours = sections("shifan-xian", "shenhe-queren-xiafang")
    forms = sorted(
        (form.number, form.title)
        for form in load_pack("shifan-xian").forms.values()
        if form.number is not None
    )
    assert [number for number, _ in forms] == list(range(1, 10))
    for number, title in forms:
        # Our clauses leave out whose money it is: both schemes use the same forms.
        name = re.split(r"）", title)[-1].removeprefix("对象")
        assert re.search(rf"附件{number}[《]?[^，。]*{name}|{name}》?\(附件{number}\)", ours), (number, title)


@pytest.mark.parametrize("pack_name", ["shifan-xian", "shifan-qu"])
def test_what_disagrees_is_marked_from_both_sides(pack_name: str) -> None:
    pack = load_pack(pack_name)
    one_sided = []
    for document in pack.documents:
        for clause in document.clauses:
            for reference in clause.disagrees:
                other = pack.document(reference.document)
                assert other is not None
                back = [
                    section
                    for section in other.find(reference.clause)
                    if any(
                        (mark.document, mark.clause) == (document.id, clause.number)
                        for mark in section.disagrees
                    )
                ]
                if not back:
                    one_sided.append(
                        f"{document.id} {clause.number} -> {reference.document} {reference.clause}"
                    )
    assert one_sided == []


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("公示要贴几天", {"县社会救助审核确认权下放乡镇工作方案", "县社会救助年审工作方案"}),
        ("五保户在家多久有人上门看一次", {"县社会救助年审工作方案", "县特殊困难群体关爱帮扶方案"}),
    ],
)
def test_both_documents_are_named_where_they_disagree(
    retriever: Retriever, question: str, documents: set[str]
) -> None:
    answer = retriever.answer(question, today=TODAY)
    assert documents <= {citation.document for citation in answer.citations}


@pytest.mark.parametrize(
    "question",
    ["村干部自己吃低保要不要登记", "残疾人上班以后低保还能领几年", "老人去世了低保停发通知给谁"],
)
def test_a_section_that_only_shares_the_number_disagrees_with_nothing(
    retriever: Retriever, question: str
) -> None:
    answer = retriever.answer(question, today=TODAY)
    assert answer.answered
    assert {citation.document for citation in answer.citations} == {"县社会救助年审工作方案"}
