"""Random households over a whole catalogue: told, half told and absurd."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from policies_kb.pack import Fact, Pack

THRESHOLDS = (0, 540, 730, 810, 850, 1095, 1700, 17520, 20400)


def value_of(fact: Fact) -> st.SearchStrategy[Any]:
    """Any allowed value: near thresholds, at the ends, and sums with more decimals than a fen."""
    if fact.type == "bool":
        return st.booleans()
    if fact.type == "date":
        return st.dates().map(str)
    if fact.choices and fact.type == "choice":
        return st.sampled_from([choice.value for choice in fact.choices])
    low = int(fact.minimum) if fact.minimum is not None else -1000
    high = int(fact.maximum) if fact.maximum is not None else 10**12
    whole = st.one_of(st.integers(low, min(high, 70)), st.integers(low, high), st.just(high))
    if fact.type == "int":
        return whole
    near = st.tuples(st.sampled_from(THRESHOLDS), st.integers(-1, 1), st.integers(1, 4)).map(
        lambda t: max(low, min(high, round(t[0] * t[2] + t[1] / 100, 2)))
    )
    odd = st.integers(0, 10**7).map(lambda n: min(high, n / 3000))
    fen = st.integers(low * 100, min(high, 10**5) * 100).map(lambda n: n / 100)
    return st.one_of(near, near, fen, fen, whole, odd)


def households(pack: Pack) -> st.SearchStrategy[dict[str, Any]]:
    """Facts as JSON has them; each told, null or left out."""

    def facts(scopes: set[str]) -> dict[str, st.SearchStrategy[Any]]:
        return {
            name: st.one_of(value_of(fact), value_of(fact), value_of(fact), st.none())
            for name, fact in pack.facts.items()
            if fact.scope in scopes and fact.type != "text" and name != "household_size"
        }

    member, top = facts({"member", "either"}), facts({"household", "either"})

    def some(of: dict[str, st.SearchStrategy[Any]], most: int) -> st.SearchStrategy[dict[str, Any]]:
        # A few facts of many: drawing every one makes a household too large for the search.
        names = st.lists(st.sampled_from(sorted(of)), max_size=most, unique=True)
        return names.flatmap(lambda chosen: st.fixed_dictionaries({name: of[name] for name in chosen}))

    usual = {
        name: member[name] for name in ("relation", "age", "income_month", "can_work", "disability_level")
    }
    people = st.tuples(st.fixed_dictionaries({}, optional=usual), some(member, 5)).map(lambda t: t[0] | t[1])
    known = {
        name: top[name]
        for name in ("area", "local_hukou", "savings", "homes", "cars", "supporters_able", "emergency")
    }
    whole = st.tuples(st.fixed_dictionaries({}, optional=known), some(top, 12)).map(lambda t: t[0] | t[1])
    return st.tuples(whole, st.lists(people, min_size=1, max_size=5)).map(
        lambda t: {**t[0], "household": t[1]}
    )
