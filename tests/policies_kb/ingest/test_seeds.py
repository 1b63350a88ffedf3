"""The five collections, as they are: the plans found, clause numbers known from our documents, figures kept."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from policies_kb.ingest.build import build
from policies_kb.ingest.draft import Draft
from policies_kb.ingest.propose import Proposer
from policies_kb.ingest.read import read
from policies_kb.ingest.repair import repair
from policies_kb.loader import pack_folders
from policies_kb.retrieval.glossary import load_glossary
from tests.policies_kb.ingest.making import NOW

SEEDS = Path(__file__).parents[4] / "shared" / "seeds"

pytestmark = [
    pytest.mark.seeds,
    pytest.mark.skipif(not SEEDS.is_dir(), reason="the collections are not here"),
]


@cache
def proposer() -> Proposer:
    return Proposer(load_glossary([folder / "glossary.yml" for folder in pack_folders("shifan-xian")]))


@cache
def drafts(collection: str) -> tuple[Draft, ...]:
    (path,) = SEEDS.glob(f"{collection}_*")
    made = build(repair(read(path)), proposer(), pack="shifan-xian", taken=(), now=NOW)
    return tuple(one.draft for one in made)


def said(draft: Draft, number: str) -> str:
    return "\n".join(
        f"{clause.proposed.heading}\n{clause.proposed.text}"
        for clause in draft.file.clauses
        if clause.number == number
    )


def titled(collection: str, words: str) -> Draft:
    return next(draft for draft in drafts(collection) if words in draft.document.front.title)


@pytest.mark.parametrize(
    ("collection", "plans"), [("000", 7), ("001", 15), ("002", 10), ("003", 19), ("004", 5)]
)
def test_every_plan_is_found(collection: str, plans: int) -> None:
    found = drafts(collection)
    assert [draft.file.source.plan for draft in found] == list(range(1, plans + 1))
    assert len({draft.id for draft in found}) == plans


def test_the_pension_plans_numbers_and_figures() -> None:
    plan = drafts("000")[1]
    numbers = [clause.number for clause in plan.file.clauses]
    assert {"三", "四(一)", "四(二)", "四(三)", "六", "七", "十一", "十五"} <= set(numbers)
    assert "100元、200元、300元、400元、500元" in said(plan, "四(一)")
    assert all(figure in said(plan, "四(三)") for figure in ("55元", "30元", "5元", "10元"))
    assert "60周岁" in said(plan, "七")


def test_the_annual_review() -> None:
    plan = titled("002", "年审")
    numbers = [clause.number for clause in plan.file.clauses]
    assert {"四(一)1", "四(一)2", "四(二)1", "四(二)2", "四(三)1", "四(四)4"} <= set(numbers)
    assert all(figure in said(plan, "四(一)1") for figure in ("490元", "355元", "A、B、C、D"))
    assert "1.5倍" in said(plan, "四(三)1")
    assert "5个工作日" in said(plan, "四(一)2")


def test_the_decision_moved_to_the_town() -> None:
    plan = titled("002", "审核确认权下放")
    numbers = [clause.number for clause in plan.file.clauses]
    assert [f"三(二){step}" for step in range(1, 10)] == [
        number for number in numbers if number.startswith("三(二)") and number != "三(二)"
    ]
    assert "3个工作日" in said(plan, "三(二)3")
    assert "20个工作日" in said(plan, "三(三)")
    assert not [mark for mark in plan.file.marks if mark.kind.startswith("number_")]


def test_the_teachers_plan_keeps_its_sums_and_says_what_is_masked() -> None:
    plan = drafts("003")[14]
    assert all(figure in said(plan, "四") for figure in ("900元", "800元", "700元", "30年"))
    assert plan.file.valid_years == 5
    assert plan.document.front.effective_from is None
    assert [mark.field for mark in plan.open_marks if mark.kind == "date_unknown"] == ["effective_from"]


def test_the_opinion_on_the_aged_says_what_it_is() -> None:
    front = titled("004", "老龄").document.front
    assert (front.issuer, front.number) == ("四川省人民政府", "川府发〔2007〕19号")


def test_plans_for_nobody_are_told_from_those_for_residents() -> None:
    residents = {
        (collection, draft.file.source.plan)
        for collection in ("000", "002", "004")
        for draft in drafts(collection)
        if draft.file.residents
    }
    assert {
        ("000", 2),
        ("000", 6),
        ("000", 7),
        ("002", 1),
        ("002", 7),
        ("002", 9),
        ("004", 2),
        ("004", 5),
    } <= residents
    assert not {("000", 1), ("000", 4), ("002", 2), ("004", 1), ("004", 4)} & residents


@pytest.mark.parametrize("collection", ["000", "001", "002", "003", "004"])
def test_every_clause_stands_in_the_source(collection: str) -> None:
    for draft in drafts(collection):
        for clause in draft.file.clauses:
            assert clause.original.strip()
            assert (
                draft.file.source.lines[0] <= clause.lines[0] <= clause.lines[1] <= draft.file.source.lines[1]
            )
