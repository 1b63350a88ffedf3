"""What an answer did, and what another would change: verdicts compared with and without it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from pydantic import JsonValue

from policies_kb.pack import Condition, Pack
from policies_kb.rules.assess import Assessment, Case
from policies_kb.rules.facts import MEMBERS, RANGES, read_facts, split_key
from policies_kb.types import AnswerEffect, Change, Reason, SchemeResult


def effects(
    pack: Pack,
    data: Mapping[str, JsonValue],
    keys: Iterable[str],
    *,
    today: date,
    schemes: Collection[str] = (),
) -> tuple[AnswerEffect, ...]:
    """Conditions that each answer decided, in the order of `keys`; those of the most schemes first within a key.

    A condition counts as decided by an answer where it would be open without it.

    Raises:
        FactsError: `data` holds a value that cannot be used.
    """
    assessment = Assessment(pack, read_facts(pack.facts, data, interview=True), today)
    found: list[AnswerEffect] = []
    for key in keys:
        without = Assessment(pack, read_facts(pack.facts, _without(data, key), interview=True), today)
        decided: dict[tuple[Reason, bool], list[str]] = {}
        for scheme in pack.schemes.values():
            if schemes and scheme.id not in schemes:
                continue
            cases = {case.member: case for case in without.verdict(scheme.id).cases}
            for case in assessment.verdict(scheme.id).cases:
                for condition, met in _decided(scheme.conditions, case, cases.get(case.member)):
                    reason = assessment.reason_of(condition, met=met, member=case.member)
                    told = decided.setdefault((reason, met), [])
                    if scheme.id not in told:
                        told.append(scheme.id)
        ranked = sorted(decided.items(), key=lambda item: -len(item[1]))
        found += [
            AnswerEffect(key=key, schemes=tuple(told), met=met, reason=reason)
            for (reason, met), told in ranked
        ]
    return tuple(found)


def _decided(
    conditions: Sequence[Condition], case: Case, without: Case | None
) -> Iterable[tuple[Condition, bool]]:
    if without is None:
        return
    for condition, now, before in zip(conditions, case.conditions, without.conditions, strict=True):
        if now.value is not None and before.value is None:
            yield condition, now.value


def _without(data: Mapping[str, JsonValue], key: str) -> dict[str, JsonValue]:
    member, name = split_key(key)
    facts = {told: value for told, value in data.items() if told != key}
    ranges = facts.pop(RANGES, None)
    kept = {told: pair for told, pair in ranges.items() if told != key} if isinstance(ranges, dict) else {}
    if kept:
        facts[RANGES] = kept
    listed = facts.get(MEMBERS)
    if member is not None and isinstance(listed, list):
        facts[MEMBERS] = [
            {**record, name: None} if at == member and isinstance(record, dict) else record
            for at, record in enumerate(listed)
        ]
    return facts


def changes(before: Iterable[SchemeResult], after: Iterable[SchemeResult]) -> tuple[Change, ...]:
    """The schemes whose outcome or sum differs, each with the sentence that says why."""
    old = {result.scheme: result for result in before}
    found: list[Change] = []
    for result in after:
        was = old[result.scheme]
        if _essence(was) == _essence(result):
            continue
        new = [reason for reason in result.reasons if reason not in was.reasons]
        found.append(Change(before=was, after=result, reason=new[0] if new else None))
    return tuple(found)


def _essence(result: SchemeResult) -> tuple[object, ...]:
    return (
        result.outcome, result.borderline, result.amount_month, result.amount_once, result.amount_month_range,
        result.amount_once_range,
    )  # fmt: skip
