"""Properties that hold for every household: hypothesis looks for one that breaks them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies_kb.knowledge import PackKnowledge, open_pack
from policies_kb.pack import Fact
from policies_kb.rules.assess import Assessment
from policies_kb.rules.facts import read_facts, split_key
from policies_kb.types import FactQuestion

TODAY = date(2026, 3, 5)
PACKS = ("shifan-xian", "shifan-qu")
RANK = {"unlikely": 0, "unknown": 1, "likely": 2}
QUICK = settings(max_examples=60, deadline=None)


@cache
def knowledge_of(pack: str) -> PackKnowledge:
    return open_pack(pack, None)


def yuan(top: int) -> st.SearchStrategy[float]:
    """Sums with fen, often near a threshold."""
    near = st.sampled_from([540, 730, 810, 850, 1095, 1700, 17520, 20400])
    return st.one_of(
        st.integers(0, top * 100).map(lambda fen: fen / 100),
        st.tuples(near, st.integers(-1, 1), st.integers(1, 4)).map(
            lambda t: (t[0] * t[2] * 100 + t[1]) / 100
        ),
    )


def member(told: bool) -> st.SearchStrategy[dict[str, Any]]:
    required = {
        "relation": st.sampled_from(["self", "spouse", "child", "parent", "other"]),
        "age": st.integers(0, 130),
        "income_month": yuan(4000),
        "can_work": st.booleans(),
    }
    optional = {
        "disability_level": st.integers(0, 4),
        "disability_kind": st.sampled_from(["visual", "physical", "intellectual", "mental"]),
        "serious_illness": st.booleans(),
        "student": st.booleans(),
    }
    if told:
        return st.fixed_dictionaries({**required, **optional})
    return st.fixed_dictionaries({}, optional={**required, **optional})


TOP = {
    "area": st.sampled_from(["urban", "rural"]),
    "local_hukou": st.booleans(),
    "residence_here": st.booleans(),
    "savings": yuan(60000),
    "homes": st.integers(0, 3),
    "cars": st.integers(0, 2),
    "disability_vehicle": st.booleans(),
    "emergency": st.sampled_from(["none", "accident", "fire", "illness", "disaster", "other"]),
    "rigid_expenses_month": yuan(3000),
    "medical_out_of_pocket_year": yuan(40000),
    "supporters_able": st.booleans(),
}


def any_value(fact: Fact) -> st.SearchStrategy[Any]:
    """A plausible value of any fact of the catalogue."""
    if fact.type == "bool":
        return st.booleans()
    if fact.choices:
        return st.sampled_from([choice.value for choice in fact.choices])
    if fact.type == "date":
        return st.integers(-400, 400).map(lambda days: (TODAY + timedelta(days=days)).isoformat())
    if fact.type == "money":
        return yuan(60000)
    return st.integers(0, 70)


@cache
def others(pack: str, scopes: frozenset[str]) -> dict[str, st.SearchStrategy[Any]]:
    """Strategies for the facts of the catalogue that the tables above do not name, questions that screen left out."""
    return {
        name: any_value(fact)
        for name, fact in knowledge_of(pack).loaded.facts.items()
        if fact.scope in scopes
        and not fact.screens
        and fact.totals is None
        and name not in {*TOP, "household_size"}
    }


def whole(pack: str) -> st.SearchStrategy[dict[str, Any]]:
    """Households of which everything is told."""
    people = st.tuples(st.fixed_dictionaries(others(pack, frozenset({"member", "either"}))), member(True))
    top = {**others(pack, frozenset({"household"})), **TOP}
    everybody = st.lists(people.map(lambda pair: {**pair[0], **pair[1]}), min_size=1, max_size=4)
    return st.fixed_dictionaries({**top, "household": everybody})


PARTIAL = st.fixed_dictionaries(
    {}, optional={**TOP, "household": st.lists(member(False), min_size=1, max_size=4)}
)


def spared(catalogue: Mapping[str, Fact], name: str) -> bool:
    """Whether a facts file may leave the fact out: it stands for something there, or it only screens such facts."""
    return catalogue[name].absent is not None or any(spared(catalogue, of) for of in catalogue[name].screens)


@pytest.mark.parametrize("pack", PACKS)
@QUICK
@given(data=st.data())
def test_a_household_fully_told_is_fully_decided(pack: str, data: st.DataObject) -> None:
    facts, knowledge = data.draw(whole(pack)), knowledge_of(pack)
    for result in knowledge.assess(facts, today=TODAY):
        assert result.outcome != "unknown"
        assert result.missing == ()
    # In a conversation what is beyond the contract's facts is still asked for; in a file it stands for something.
    question = knowledge.next_question(facts, today=TODAY)
    assert question is None or spared(knowledge.loaded.facts, split_key(question.key)[1])


@pytest.mark.parametrize("pack", PACKS)
@QUICK
@given(facts=PARTIAL)
def test_any_valid_facts_are_assessed_and_unknown_says_what_is_missing(
    pack: str, facts: dict[str, Any]
) -> None:
    for result in knowledge_of(pack).assess(facts, today=TODAY):
        assert (result.outcome == "unknown") <= bool(result.missing)
        assert (result.amount_month or 0) >= 0


@pytest.mark.parametrize("pack", PACKS)
@QUICK
@given(data=st.data(), who=st.integers(0, 4), more=yuan(3000))
def test_more_income_never_makes_assistance_by_income_more_likely(
    pack: str, data: st.DataObject, who: int, more: float
) -> None:
    facts = data.draw(whole(pack))
    who %= len(facts["household"])
    richer = [dict(item) for item in facts["household"]]
    richer[who]["income_month"] += more
    before = {r.scheme: r for r in knowledge_of(pack).assess(facts, today=TODAY)}
    after = {r.scheme: r for r in knowledge_of(pack).assess({**facts, "household": richer}, today=TODAY)}
    downward = ["dibao", "tekun", "linshi_zhichu", "zhichuxing"]
    downward += ["di_shouru", "dan_ren_bao"] if pack == "shifan-xian" else []
    for scheme in downward:
        assert RANK[after[scheme].outcome] <= RANK[before[scheme].outcome]
    if before["dibao"].outcome == after["dibao"].outcome == "likely":
        assert (after["dibao"].amount_month or 0) <= (before["dibao"].amount_month or 0)


@pytest.mark.parametrize("pack", PACKS)
@QUICK
@given(data=st.data(), more=yuan(30000))
def test_more_savings_never_help(pack: str, data: st.DataObject, more: float) -> None:
    facts = data.draw(whole(pack))
    saved = {**facts, "savings": facts["savings"] + more}
    before = {r.scheme: r for r in knowledge_of(pack).assess(facts, today=TODAY)}
    for result in knowledge_of(pack).assess(saved, today=TODAY):
        assert RANK[result.outcome] <= RANK[before[result.scheme].outcome]


@pytest.mark.parametrize("pack", PACKS)
@QUICK
@given(data=st.data())
def test_what_is_known_stays_true_when_more_is_told(pack: str, data: st.DataObject) -> None:
    """A likely or unlikely said with half the facts is never taken back by the other half."""
    facts, catalogue = data.draw(whole(pack)), knowledge_of(pack).loaded.facts
    # What is inferred (absent_when) is an assumption the resident can correct, so it is not part of this.
    sure = {name for name, fact in catalogue.items() if fact.absent_when is None} | {"income_month"}
    dropped = data.draw(st.sets(st.sampled_from(sorted((sure & set(facts)) - {"household"}))))
    hidden = data.draw(st.sets(st.sampled_from(sorted(sure & set(facts["household"][0]) - {"relation"}))))
    if "income_month" in hidden:
        # A small child's or pupil's income is taken for nought until told otherwise: also an assumption, so it is
        # true here.
        children = [
            {**item, "income_month": 0}
            if item["age"] < 16 or item.get("student") or item.get("student_stage", "none") != "none"
            else item
            for item in facts["household"]
        ]
        facts = {**facts, "household": children}
    less = {key: None if key in dropped else value for key, value in facts.items()}
    less["household"] = [
        {k: None if k in hidden else v for k, v in item.items()} for item in facts["household"]
    ]
    full = {r.scheme: r for r in knowledge_of(pack).assess(facts, today=TODAY)}
    for result in knowledge_of(pack).assess(less, today=TODAY):
        if result.outcome != "unknown":
            whole_result = full[result.scheme]
            assert result.outcome == whole_result.outcome
            for told, span, known in (
                (result.amount_month, result.amount_month_range, whole_result.amount_month),
                (result.amount_once, result.amount_once_range, whole_result.amount_once),
            ):
                assert told in (None, known)
                if span is not None and known is not None:
                    assert span[0] <= known
                    assert span[1] is None or known <= span[1]


def some_answer(fact: Fact, question: FactQuestion, pick: random.Random) -> Any:
    if question.choices and (fact.type != "money" or pick.random() < 0.5):
        return pick.choice(question.choices).value
    if fact.type == "bool":
        return pick.random() < 0.5
    if question.key == "household_size":
        return pick.randint(1, 4)
    if fact.type == "date":
        return (TODAY + timedelta(days=pick.randint(-400, 400))).isoformat()
    if fact.type == "int":
        return pick.choice([0, 1, 2, 15, 17, 40, 66])
    if fact.type == "number":
        return pick.choice([0, 0.5, 9.5, 12, 30, 31])
    most = fact.maximum if fact.maximum is not None else 30000
    return pick.choice([sum_ for sum_ in (0, 1, 2.5, 15, 300, 700.5, 900, 1500, 4000, 30000) if sum_ <= most])


def conversation(
    knowledge: PackKnowledge, pick: random.Random, facts: dict[str, Any] | None = None
) -> list[tuple[dict[str, Any], str]]:
    """Answer or skip at random until no question is left: (facts before, key asked) of each."""
    facts = dict(facts or {})
    asked: list[tuple[dict[str, Any], str]] = []
    skipped: list[str] = []
    while (question := knowledge.next_question(facts, skipped=skipped, today=TODAY)) is not None:
        asked.append((facts, question.key))
        assert len(asked) < 200, "the questions never end"
        if pick.random() < 0.15:
            skipped.append(question.key)
            continue
        fact = knowledge.loaded.facts[split_key(question.key)[1]]
        facts = knowledge.with_answer(facts, question.key, some_answer(fact, question, pick))
    keys = [key for _, key in asked]
    assert len(keys) == len(set(keys)), "nothing is asked twice"
    return asked


@pytest.mark.parametrize("pack", PACKS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_questions_end_and_none_is_asked_twice(pack: str, seed: int) -> None:
    conversation(knowledge_of(pack), random.Random(seed))  # noqa: S311


@pytest.mark.parametrize("pack", PACKS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_conversation_without_skips_decides_everything_or_says_what_is_inexact(
    pack: str, seed: int
) -> None:
    pick = random.Random(seed)  # noqa: S311
    knowledge = knowledge_of(pack)
    facts: dict[str, Any] = {}
    asked: list[str] = []
    while (question := knowledge.next_question(facts, today=TODAY)) is not None:
        assert question.key not in asked, facts
        asked.append(question.key)
        fact = knowledge.loaded.facts[split_key(question.key)[1]]
        facts = knowledge.with_answer(facts, question.key, some_answer(fact, question, pick))
    told = set(facts.get("ranges") or {}) | {"household_income_month"}
    for result in knowledge.assess(facts, today=TODAY):
        if result.outcome == "unknown":
            assert told & set(facts), "only a band can leave a scheme open"


SUMS = (0, 1, 300, 539, 600, 731, 851, 1000, 1096, 1500, 1701, 2500, 4000, 9000, 18000, 30000, 60000, 200000)


def random_value(name: str, fact: Fact, pick: random.Random, none: float) -> Any:
    """Any value of a fact; `none`: how often it is what most people tell."""
    if name == "household_size":
        return pick.randint(1, 3)
    if fact.absent is not None and fact.type != "bool" and pick.random() < none:
        return fact.absent
    if fact.type == "money":
        return pick.choice(SUMS) if pick.random() < 0.5 else 0
    if fact.choices:
        return pick.choice(fact.choices).value
    if fact.type == "bool":
        # What is rare of one person is rarer still to hold of nobody else in the household.
        return pick.random() < (1 - none if fact.absent is False else 0.5)
    if fact.type == "date":
        return (TODAY + timedelta(days=pick.randint(-400, 400))).isoformat()
    return pick.choice((1, 2, 15, 17, 40, 57, 66))


def telling_values(fact: Fact) -> list[Any]:
    if fact.type == "money":
        return [0, 1000, 5000, 1000000]
    if fact.choices:
        return [choice.value for choice in fact.choices]
    if fact.type == "date":
        return [(TODAY + timedelta(days=days)).isoformat() for days in (-40, 10, 400)]
    if fact.type == "bool":
        return [True, False]
    least, most = fact.minimum or 0, fact.maximum or 100
    return [number for number in (0, 1, 2, 17, 40, 57, 66, 100) if least <= number <= most]


def completed(knowledge: PackKnowledge, facts: dict[str, Any], pick: random.Random) -> dict[str, Any]:
    """A fully told household that agrees with everything told so far."""
    catalogue = knowledge.loaded.facts
    whole = {key: value for key, value in facts.items() if key != "ranges"}
    # Some questions decide where much is told of one person, others only where nothing is told of anybody else.
    none = pick.choice((0.25, 0.75, 0.9))
    for name, (low, high) in (facts.get("ranges") or {}).items():
        whole[name] = pick.choice(
            [
                low,
                high if high is not None else low + pick.choice((5000, 60000)),
                (low + (high or low + 90)) / 2,
            ]
        )
    size = whole.setdefault("household_size", pick.randint(1, 3))
    for name, fact in catalogue.items():
        if fact.ask and fact.scope != "member" and not fact.screens:
            whole.setdefault(name, random_value(name, fact, pick, none))
    members = [dict(item) for item in whole.get("household", [])]
    members += [{} for _ in range(size - len(members))]
    for record in members:
        for name, fact in catalogue.items():
            if (
                fact.scope != "household"
                and name not in {"relation", "income_month"}
                and record.get(name) is None
            ):
                screen = next((key for key, other in catalogue.items() if name in other.screens), "")
                spared = whole.get(screen) is False
                record[name] = (
                    catalogue[screen].screens[name] if spared else random_value(name, fact, pick, none)
                )
        if record.get("income_month") is None:
            alone = whole["household_income_month"] if size == 1 else whole["household_income_month"] / 2
            record["income_month"] = pick.choice([0, alone]) if size > 1 else alone
    whole["household"] = members
    return whole


def signature(knowledge: PackKnowledge, facts: dict[str, Any]) -> tuple[Any, ...]:
    assessment = Assessment(knowledge.loaded, read_facts(knowledge.loaded.facts, facts), TODAY)
    found: list[Any] = []
    for scheme in knowledge.loaded.schemes.values():
        verdict = assessment.verdict(scheme.id)
        found += [verdict.outcome.value, verdict.amount_month, verdict.amount_once]
        if any(note.ask for note in scheme.notes):
            # What is asked for a sentence changes what is said.
            found.append(assessment.result(scheme.id).reasons)
    return tuple(found)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("seed", range(3))
def test_every_question_asked_can_change_an_outcome(pack: str, seed: int) -> None:
    """For each question there is a household, agreeing with all that was told, where its answer decides."""
    pick = random.Random(seed)  # noqa: S311
    knowledge = knowledge_of(pack)
    for before, key in conversation(knowledge, pick):
        name = split_key(key)[1]
        fact = knowledge.loaded.facts[name]
        for _ in range(3000):
            ends = set()
            state = pick.getstate()
            for value in telling_values(fact):
                # The same random state completes the household alike, so only this answer differs.
                pick.setstate(state)
                told = knowledge.with_answer(before, key, value)
                ends.add(signature(knowledge, completed(knowledge, told, pick)))
            if len(ends) > 1:
                break
        else:
            pytest.fail(f"{key} decides nothing after {before}")
