"""The register's path and the single path agree: outcomes, sums and missing facts, for whatever households there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.rules.assess import Assessment
from policies_kb.rules.facts import Facts, read_facts
from policies_kb.screening.columns import chunk_of
from policies_kb.screening.engine import screen
from tests.policies_kb.screening.households import households
from tests.policies_kb.test_assess_cases import TABLE, facts_of

TODAY = date(2026, 3, 5)
PACKS = ("shifan-xian", "shifan-qu")
OUTCOMES = {(True, False): "likely", (False, True): "unknown", (False, False): "unlikely"}


@cache
def pack_of(name: str) -> Pack:
    return load_pack(name)


def singly(pack: Pack, facts: Facts, today: date = TODAY) -> dict[str, Any]:
    """scheme → (outcome, sum a month, sum once, missing, members it is likely for), by the single path."""
    assessment = Assessment(pack, facts, today)
    found = {}
    for result in assessment.results():
        cases = assessment.verdict(result.scheme).cases
        members = [case.member for case in cases if case.member is not None and case.outcome.value is True]
        sums = result.amount_month, result.amount_once
        found[result.scheme] = (result.outcome, *sums, result.missing, members)
    return found


def together(pack: Pack, each: Sequence[Facts], today: date = TODAY) -> tuple[list[dict[str, Any]], int]:
    """The same by columns, and how many households the single path had to be asked about."""
    chunk = chunk_of(pack.facts, each)
    screened = screen(pack, chunk, today)
    found: list[dict[str, Any]] = [{} for _ in each]
    for scheme, columns in screened.schemes.items():
        for row, results in enumerate(found):
            members: list[int] = []
            if columns.likely_persons is not None:
                own = columns.likely_persons[chunk.starts[row] : chunk.starts[row + 1]]
                members = np.flatnonzero(own).tolist()
            results[scheme] = (
                OUTCOMES[bool(columns.likely[row]), bool(columns.unknown[row])],
                columns.month[row] / 100 if columns.month_known[row] else None,
                columns.once[row] / 100 if columns.once_known[row] else None,
                columns.missing_sets[columns.missing[row]],
                members,
            )
    return found, int(screened.singly.sum())


@pytest.mark.parametrize("name", PACKS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_households_get_the_outcomes_of_the_single_path(name: str, data: st.DataObject) -> None:
    pack = pack_of(name)
    told = data.draw(st.lists(households(pack), min_size=1, max_size=6))
    each = [read_facts(pack.facts, facts) for facts in told]
    found, _ = together(pack, each)
    for facts, results in zip(each, found, strict=True):
        assert results == singly(pack, facts)


@pytest.mark.parametrize("name", ["guojia", *PACKS])
def test_every_case_of_the_rules_gets_its_outcome_by_columns(name: str) -> None:
    pack = pack_of(name)
    cases: Sequence[Mapping[str, Any]] = [
        case for case in TABLE["cases"] if case.get("pack", "shifan-xian") == name or name == "guojia"
    ]
    each = [read_facts(pack.facts, facts_of(dict(case))) for case in cases]
    listed = [facts for facts in each if facts.members]
    assert len(listed) > 5
    found, asked_singly = together(pack, listed)
    assert asked_singly == 0
    for facts, results in zip(listed, found, strict=True):
        assert results == singly(pack, facts)


def test_sums_finer_than_a_fen_and_sums_beyond_exact_floats_go_to_the_single_path() -> None:
    pack = pack_of("shifan-xian")
    plain = {"area": "urban", "local_hukou": True, "savings": 0, "homes": 0, "cars": 0}
    each = [
        read_facts(
            pack.facts, {**plain, **more, "household": [{"income_month": income}, {"income_month": 0}]}
        )
        for more, income in (
            ({}, 1459.998),
            ({}, 1459.99),
            ({"savings": 10**10, "rigid_expenses_month": 10**8, "medical_out_of_pocket_year": 10**9}, 10**8),
        )
    ]
    found, asked_singly = together(pack, each)
    assert asked_singly >= 1
    assert found == [singly(pack, facts) for facts in each]
