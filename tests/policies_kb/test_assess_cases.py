"""Every rule at and on both sides of its threshold; the cases stand in test_assess_cases.yml."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from policies_kb.knowledge import PackKnowledge, open_pack

TODAY = date(2026, 3, 5)
TABLE = YAML(typ="safe").load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
PACKS = ("guojia", "shifan-xian", "shifan-qu")


@pytest.fixture(scope="module")
def packs() -> dict[str, PackKnowledge]:
    return {name: open_pack(name) for name in PACKS}


def facts_of(case: dict[str, Any]) -> dict[str, Any]:
    members = case.get("members") or [
        {"relation": "self" if at == 0 else "other", "age": 45, "can_work": True, "income_month": income}
        for at, income in enumerate(case.get("each", []))
    ]
    facts = {**TABLE["base"], **case.get("facts", {}), "household": members}
    for name in case.get("without", []):
        facts.pop(name, None)
    return facts


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], packs: dict[str, PackKnowledge]) -> None:
    knowledge = packs[case.get("pack", "shifan-xian")]
    results = {result.scheme: result for result in knowledge.assess(facts_of(case), today=TODAY)}
    for scheme, expected in case["expect"].items():
        outcome, _, amount = str(expected).partition(" ")
        result = results[scheme]
        assert result.outcome == outcome, (scheme, result)
        if amount:
            assert result.amount_month == (None if amount == "null" else float(amount)), (scheme, result)
    for scheme, names in case.get("missing", {}).items():
        assert list(results[scheme].missing) == names
    for result in results.values():
        if result.outcome == "unlikely":
            assert result.missing == ()
            assert result.amount_month is None
    if "borderline" in case:
        assert {scheme for scheme, result in results.items() if result.borderline} >= set(case["borderline"])


@pytest.mark.parametrize("pack", PACKS)
def test_every_scheme_of_the_pack_is_in_the_results(pack: str, packs: dict[str, PackKnowledge]) -> None:
    results = packs[pack].assess({}, today=TODAY)
    assert [result.scheme for result in results] == list(packs[pack].loaded.schemes)
    for result in results:
        # With nothing told, only what a left-out fact stands for and the day of the assessment decide.
        assert result.outcome == "unknown" or result.missing == ()
    core = {"dibao", "tekun", "di_shouru", "zhichuxing", "linshi_jinan", "linshi_zhichu"}
    assert {result.outcome for result in results if result.scheme in core} == {"unknown"}


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
def test_what_residents_read(case: dict[str, Any], packs: dict[str, PackKnowledge]) -> None:
    knowledge = packs[case.get("pack", "shifan-xian")]
    for result in knowledge.assess(facts_of(case), today=TODAY):
        assert result.reasons, "a result says why"
        for reason in result.reasons:
            assert reason.clause
            assert reason.document
            assert not set("{}_") & set(reason.text), reason.text
        assert "核实后决定" in result.next, "the office decides"
        for harsh in ("拒绝", "不能申请", "没资格", "不予"):
            assert harsh not in result.next
        if result.borderline and result.outcome != "unknown":
            assert "线边上" in result.next or "申请" in result.next


def test_the_average_supplement_is_not_promised_to_a_household(packs: dict[str, PackKnowledge]) -> None:
    case = {"each": [700]}
    dibao = next(r for r in packs["shifan-xian"].assess(facts_of(case), today=TODAY) if r.scheme == "dibao")
    assert dibao.amount_month == 30
    floor = next(reason for reason in dibao.reasons if "490" in reason.text)
    assert "平均" in floor.text
    assert "不是每家的数" in floor.text
    assert (floor.document, floor.clause) == ("县社会救助年审工作方案", "四(一)1")


def test_a_household_on_dibao_above_the_standard_reads_of_the_postponed_exit(
    packs: dict[str, PackKnowledge],
) -> None:
    case = {"each": [1000], "facts": {"receiving_dibao": True}}
    dibao = next(r for r in packs["shifan-xian"].assess(facts_of(case), today=TODAY) if r.scheme == "dibao")
    said = " ".join(reason.text for reason in dibao.reasons)
    for figure in ("6个月", "6到12个月", "2年", "3年"):
        assert figure in said


def test_two_disabled_members_are_both_named(packs: dict[str, PackKnowledge]) -> None:
    case = next(case for case in TABLE["cases"] if case["name"] == "two of them in one family")
    result = next(
        r for r in packs["shifan-xian"].assess(facts_of(case), today=TODAY) if r.scheme == "dan_ren_bao"
    )
    said = " ".join(reason.text for reason in result.reasons)
    assert "您的爱人" in said
    assert "您的孩子" in said
