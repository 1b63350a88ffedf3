"""What the facts of a catalogue have to do with each other: which question spares which, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from policies_kb.pack import Pack
from policies_kb.rules.expression import names_in


@dataclass(frozen=True, slots=True)
class Links:
    """Of one catalogue.

    `screens`: the questions whose "no" spares a fact. `total`: the household's sum of a member's sum. `implied`: a
    fact and every other whose value may follow from it; `given_by`: what a fact's value may follow from. `place`:
    (topic's place, fact's place) in the order of the catalogue.
    """

    screens: Mapping[str, tuple[str, ...]]
    total: Mapping[str, str]
    implied: Mapping[str, frozenset[str]]
    given_by: Mapping[str, frozenset[str]]
    place: Mapping[str, tuple[int, int]]


@lru_cache(maxsize=32)
def links_of(pack: Pack) -> Links:
    """The links of a pack's catalogue; worked out once for a pack."""
    screens: dict[str, tuple[str, ...]] = {}
    for key, fact in pack.facts.items():
        for name in fact.screens:
            screens[name] = (*screens.get(name, ()), key)
    topics = list(dict.fromkeys(fact.topic for fact in pack.facts.values() if fact.topic))
    return Links(
        screens=screens,
        total={fact.totals: key for key, fact in pack.facts.items() if fact.totals is not None},
        implied=_implied(pack),
        given_by=_given_by(pack),
        place={
            name: (topics.index(fact.topic) if fact.topic else len(topics), at)
            for at, (name, fact) in enumerate(pack.facts.items())
        },
    )


def _implied(pack: Pack) -> dict[str, frozenset[str]]:
    direct: dict[str, set[str]] = {name: set(fact.screens) for name, fact in pack.facts.items()}
    for name, fact in pack.facts.items():
        if fact.totals in pack.facts:
            direct[name].add(str(fact.totals))
            direct[str(fact.totals)].add(name)
        follows = (follow.when for follow in fact.follows)
        for expression in (fact.absent_when, fact.only_if, *follows):
            for other in facts_in(pack, expression):
                direct[other].add(name)
    return {name: _reached(direct, name) | {name} for name in direct}


def _given_by(pack: Pack) -> dict[str, frozenset[str]]:
    direct: dict[str, set[str]] = {name: set() for name in pack.facts}
    for name, fact in pack.facts.items():
        for expression in (fact.absent_when, *(follow.when for follow in fact.follows)):
            direct[name] |= facts_in(pack, expression)
        for screened in fact.screens:
            direct.setdefault(screened, set()).add(name)
    return {name: _reached(direct, name) for name in pack.facts}


def facts_in(pack: Pack, expression: str | None) -> frozenset[str]:
    """Facts an expression speaks of, through quantities too; those behind `scheme(...)` left out."""
    found: set[str] = set()
    met: set[str] = set()
    wanted = list(names_in(expression)) if expression is not None else []
    while wanted:
        name = wanted.pop()
        if name in met:
            # Also in a quantity defined by itself, which is told as a fault elsewhere.
            continue
        met.add(name)
        if name in pack.quantities:
            wanted.extend(names_in(pack.quantities[name].value))
        elif name in pack.facts:
            found.add(name)
    return frozenset(found)


def _reached(direct: Mapping[str, set[str]], start: str) -> frozenset[str]:
    """What `start` leads to; itself only where it leads back to itself."""
    found: set[str] = set()
    wanted = list(direct[start])
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted.extend(direct.get(name, ()))
    return frozenset(found)
