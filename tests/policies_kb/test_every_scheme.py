"""Every scheme of the design stands in a pack: who, how, from which clause; and contract facts alone decide it."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies_kb.knowledge import PackKnowledge, open_pack
from policies_kb.loader import check_references
from policies_kb.pack import Scheme

TODAY = date(2026, 3, 5)
PACKS = ("shifan-xian", "shifan-qu")
BOTH = frozenset(PACKS)
COUNTY, DISTRICT = frozenset(PACKS[:1]), frozenset(PACKS[1:])

# The 35 ids of the design, and the packs whose documents carry them.
SCHEMES = {
    "dibao": BOTH,
    "dan_ren_bao": COUNTY,
    "tekun": BOTH,
    "di_shouru": BOTH,
    "zhichuxing": BOTH,
    "linshi_jinan": BOTH,
    "linshi_zhichu": BOTH,
    "yiliao": BOTH,
    "jiaoyu": BOTH,
    "zhufang": BOTH,
    "jiuye": BOTH,
    "shouzai": BOTH,
    "liulang": BOTH,
    "canji_shenghuo": BOTH,
    "canji_huli": COUNTY,
    "guer": BOTH,
    "kunjing_ertong": BOTH,
    "xinnongbao": COUNTY,
    "gaoling": DISTRICT,
    "changshou": DISTRICT,
    "yiyang_jiehe": DISTRICT,
    "kunnan_jiaoshi": COUNTY,
    "minban_daike": COUNTY,
    "jieri_bangfu": DISTRICT,
    "sangao": BOTH,
    "falv_yuanzhu": BOTH,
    "liangai": DISTRICT,
    "huimin_binzang": DISTRICT,
    "jinlin": DISTRICT,
    "yezhu_buchang": COUNTY,
    "jiaozheng_bangfu": DISTRICT,
    "song_wennuan": BOTH,
    "xuetuzhi": BOTH,
    "chuangye_jidi": DISTRICT,
    "huiqi": DISTRICT,
}


@cache
def knowledge_of(pack: str) -> PackKnowledge:
    return open_pack(pack)


def test_the_table_is_the_designs() -> None:
    assert len(SCHEMES) == 35
    for pack in PACKS:
        assert set(knowledge_of(pack).loaded.schemes) == {s for s, packs in SCHEMES.items() if pack in packs}


@pytest.mark.parametrize("pack", PACKS)
def test_no_source_points_into_the_air(pack: str) -> None:
    assert list(check_references(knowledge_of(pack).loaded)) == []


@pytest.mark.parametrize(("scheme_id", "packs"), SCHEMES.items(), ids=SCHEMES)
def test_a_scheme_says_who_and_how_from_its_clause(scheme_id: str, packs: frozenset[str]) -> None:
    for pack in sorted(packs):
        loaded = knowledge_of(pack).loaded
        scheme: Scheme = loaded.schemes[scheme_id]
        assert scheme.name
        assert scheme.summary
        assert scheme.conditions
        assert scheme.documents_needed or scheme.how_to_apply
        for source in [*(c.source for c in scheme.conditions), *(line.source for line in scheme.lines)]:
            document, clause = loaded.cite(source)
            assert document
            assert clause
        for condition in scheme.conditions:
            assert condition.yes
            assert condition.no
            assert condition.unknown


def sums(top: int) -> st.SearchStrategy[float]:
    return st.one_of(
        st.sampled_from([0, 540, 729.99, 730, 850, 1095, 1700, 1700.01]), st.integers(0, top).map(float)
    )


# A facts file as the design writes it: nothing but names of the contract.
MEMBER = st.fixed_dictionaries(
    {
        "relation": st.sampled_from(["self", "spouse", "child", "parent", "grandparent", "sibling", "other"]),
        "age": st.integers(0, 110),
        "income_month": sums(6000),
        "can_work": st.booleans(),
    },
    optional={
        "disability_level": st.integers(1, 4),
        "disability_kind": st.sampled_from(["visual", "physical", "intellectual", "mental"]),
        "serious_illness": st.booleans(),
        "student": st.booleans(),
    },
)
CONTRACT = st.fixed_dictionaries(
    {
        "household": st.lists(MEMBER, min_size=1, max_size=4),
        "area": st.sampled_from(["urban", "rural"]),
        "local_hukou": st.booleans(),
        "residence_here": st.booleans(),
        "savings": sums(60000),
        "cars": st.just(0),
        "homes": st.integers(0, 2),
        "emergency": st.sampled_from(["none", "accident", "fire", "illness", "disaster", "other"]),
        "medical_out_of_pocket_year": sums(30000),
        "rigid_expenses_month": sums(3000),
        "supporters_able": st.booleans(),
    },
    optional={
        "unemployed_months": st.integers(0, 40),
        "ever_registered_unemployed": st.booleans(),
        "student_stage": st.sampled_from(["preschool", "compulsory", "high", "college"]),
        "orphan": st.booleans(),
        "homeless_now": st.booleans(),
        "crop_damage_by_boar": st.booleans(),
        "debt": sums(50000),
        "teacher_in_service": st.booleans(),
    },
)


@pytest.mark.parametrize("pack", PACKS)
@settings(max_examples=40, deadline=None)
@given(facts=CONTRACT, today=st.sampled_from([TODAY, date(2022, 12, 1), date(2022, 8, 8)]))
def test_a_file_of_contract_names_is_decided(pack: str, facts: dict[str, Any], today: date) -> None:
    # "mental" and "intellectual" decide at level 3; a file that names the level names the kind too.
    people = [
        {"disability_kind": "physical", **one} if "disability_level" in one else one
        for one in facts["household"]
    ]
    for result in knowledge_of(pack).assess({**facts, "household": people}, today=today):
        # Pension is of the contract and cannot be guessed: left out, it may be missing. Nor can who is a woman.
        open_ = [name for name in result.missing if not name.startswith("pension.")]
        assert open_ == (["any_woman"] if result.scheme == "liangai" and open_ else []), result
        assert result.outcome != "unknown" or result.missing, result.scheme
