"""Cards: the best first, a sum or its range, what to bring, where to go; and never a word of refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

from policies_kb.cards import VERDICTS, Card, CardLine, ResultSheet, cited_once, result_sheet
from policies_kb.knowledge import PackKnowledge, open_pack
from policies_kb.loader import load_pack
from policies_kb.pack import External, Line, Pack
from policies_kb.rules.check import check_pack
from policies_kb.types import Reason, SchemeResult
from tests.policies_kb.test_rules_properties import PARTIAL

TODAY = date(2026, 3, 5)
# What nobody is told: the office decides, and says what it will look at.
REFUSALS = ("不符合", "不能申请", "拒绝", "不予", "不批", "没有资格", "不行")


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("shifan-xian")


@pytest.fixture(scope="module")
def knowledge() -> PackKnowledge:
    return open_pack("shifan-xian")


def found(scheme: str, outcome: Any = "likely", **more: Any) -> SchemeResult:
    reason = Reason(text="因为这样。", document="办法", clause="一")
    return SchemeResult(
        **{"scheme": scheme, "outcome": outcome, "reasons": (reason,), "next": "再说。", **more}
    )


def sheet(pack: Pack, *results: SchemeResult) -> ResultSheet:
    return result_sheet(pack, results, TODAY)


def card(pack: Pack, **more: Any) -> Card:
    (only,) = sheet(pack, found("dibao", **more)).cards
    return only


def test_urgent_help_comes_first_then_money_then_the_packs_order(pack: Pack) -> None:
    told = sheet(
        pack,
        found("dibao", "unlikely"),
        found("tekun", "likely", borderline=True, amount_month=900),
        found("di_shouru"),
        found("zhichuxing", "unknown"),
        found("dan_ren_bao", amount_month=100),
        found("linshi_zhichu", "unknown", borderline=True),
        found("linshi_jinan"),
    )
    assert [each.scheme for each in told.cards] == [
        "linshi_jinan", "dan_ren_bao", "di_shouru", "tekun", "linshi_zhichu", "zhichuxing", "dibao",
    ]  # fmt: skip
    assert [each.kind for each in told.cards] == [
        "likely", "likely", "likely", "borderline", "unclear", "unknown", "unlikely",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ({"amount_month": 380.0}, "每月大约380元"),
        ({"amount_month": 116.5}, "每月大约116.5元"),
        ({"amount_month_range": (0.0, 729.99)}, "每月最多730元"),
        ({"amount_month_range": (70.65, None)}, "每月至少70.65元"),
        ({"amount_once": 1000.0}, "一次大约1000元"),
        ({"amount_once_range": (200.0, 300.0)}, "一次大约200到300元"),
        ({"amount_month": 55.0, "amount_once": 200.0}, "每月大约55元，一次大约200元"),
        ({"amount_month": 0.0}, ""),
        ({}, ""),
    ],
)
def test_the_sum_has_its_unit_and_period(pack: Pack, amounts: dict[str, Any], said: str) -> None:
    assert card(pack, **amounts).amount == said


def test_a_card_says_what_to_bring_where_and_how(pack: Pack) -> None:
    told = card(pack)
    assert [section.kind for section in told.sections][:4] == ["reasons", "bring", "where", "deadline"]
    assert told.section("where")[0] == CardLine(text=pack.texts["office.name"])
    assert pack.texts["office.phone"] in told.section("where")[-1].text
    assert "居民身份证" in told.section("bring")[0].text
    assert told.section("bring")[0].source.startswith("《")


def test_where_and_until_when_come_from_the_scheme_where_it_says(pack: Pack) -> None:
    law = External(title="办法", clause="十")
    changed = replace(
        pack,
        schemes={
            **pack.schemes,
            "dibao": pack.schemes["dibao"].model_copy(
                update={
                    "where": (Line(text="县残联", source=law),),
                    "deadline": (Line(text="每月10日以前", source=law),),
                }
            ),
        },
    )
    told = card(changed)
    assert told.section("where") == (CardLine(text="县残联", source="《办法》十"),)
    assert told.section("deadline") == (CardLine(text="每月10日以前", source="《办法》十"),)


def test_missing_facts_are_called_what_people_call_them(pack: Pack) -> None:
    told = card(pack, outcome="unknown", missing=("savings", "cars"))
    words = [line.text for line in told.section("missing")]
    assert words == [pack.facts["savings"].label, pack.facts["cars"].label]


def test_an_unlikely_one_says_what_the_office_will_look_at(pack: Pack) -> None:
    told = card(pack, outcome="unlikely")
    assert told.section("reasons") == ()
    assert told.section("looked_at")[0].text == "因为这样。"
    assert told.deciding == told.section("looked_at")[0]


def test_where_there_is_little_room_the_sum_is_among_the_reasons(pack: Pack) -> None:
    kinds = ("condition",) * 6 + ("amount", "note")
    reasons = tuple(
        Reason(text=f"{number}", document="办法", clause="一", kind=kind) for number, kind in enumerate(kinds)
    )
    assert [line.text for line in card(pack, reasons=reasons).told(3)] == ["0", "1", "6"]


def test_services_come_after_what_supports_and_can_be_told_apart(pack: Pack) -> None:
    changed = replace(
        pack,
        schemes={**pack.schemes, "dibao": pack.schemes["dibao"].model_copy(update={"service": True})},
    )
    told = sheet(changed, found("dibao", amount_month=9), found("di_shouru"), found("tekun", "unknown"))
    assert [card.scheme for card in told.cards] == ["di_shouru", "dibao", "tekun"]
    assert [card.scheme for card in told.of("likely", service=True)] == ["dibao"]
    assert [card.scheme for card in told.of("likely", "unknown", service=False)] == ["di_shouru", "tekun"]


def test_lines_of_one_clause_name_it_once() -> None:
    lines = [CardLine(text=text, source=source) for text, source in zip("abcd", "xxyx", strict=True)]
    assert [line.source for line in cited_once(lines)] == ["", "x", "y", "x"]
    assert [line.text for line in cited_once(lines)] == [*"abcd"]


def test_a_sheet_survives_as_json(knowledge: PackKnowledge) -> None:
    told = knowledge.sheet(knowledge.assess({"area": "rural"}, today=TODAY), today=TODAY)
    assert ResultSheet.model_validate_json(told.model_dump_json()) == told


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("card.amount.month", "每月{amont}元", "{amont}"),
        ("card.amount.month", "每月{amount元", "close every brace"),
        ("card.verdict.likely", "{scheme}很可能符合", "{scheme}"),
        ("card.heading.bring", "", "is missing"),
    ],
)
def test_a_text_with_a_fault_is_found_when_the_pack_is_loaded(
    pack: Pack, key: str, text: str, says: str
) -> None:
    (problem,) = check_pack(replace(pack, texts={**pack.texts, key: text}))
    assert key in str(problem)
    assert says in str(problem)


@pytest.mark.parametrize("name", ["shifan-xian", "shifan-qu"])
@settings(max_examples=40, deadline=None)
@given(facts=PARTIAL)
def test_whatever_is_told_every_scheme_has_one_card_and_nobody_is_refused(
    name: str, facts: dict[str, Any]
) -> None:
    known = PACKS[name]
    results = known.assess(facts, today=TODAY)
    told = known.sheet(results, today=TODAY)
    assert sorted(card.scheme for card in told.cards) == sorted(result.scheme for result in results)
    kinds = [VERDICTS.index(card.kind) for card in told.cards]
    assert kinds == sorted(kinds)
    for each in told.cards:
        assert not any(word in each.verdict for word in REFUSALS)
        assert each.section("where")
        assert each.deciding is not None
        assert each.amount == "" or "元" in each.amount


PACKS = {name: open_pack(name) for name in ("shifan-xian", "shifan-qu")}
