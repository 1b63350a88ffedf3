"""Questions put into words, with their choices and bands worked out for a household, and answers put into facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import inf

from pydantic import JsonValue

from policies_kb.pack import Fact, Pack
from policies_kb.rules.assess import Assessment
from policies_kb.rules.choosing import Chooser
from policies_kb.rules.facts import (
    MEMBERS,
    MOST_MEMBERS,
    RANGES,
    SIZE,
    FactProblem,
    FactsError,
    as_json,
    read_facts,
    read_value,
    split_key,
)
from policies_kb.rules.values import Bound
from policies_kb.types import Choice, FactQuestion

_FEN = Fraction(1, 100)


class UnknownFact(KeyError):
    """No fact of this key in the catalogue."""


def next_question(
    pack: Pack,
    data: Mapping[str, JsonValue],
    *,
    today: date,
    skipped: Collection[str] = (),
    schemes: Collection[str] = (),
    after: str | None = None,
) -> FactQuestion | None:
    """The next question, or None when every scheme is decided or nothing more can be asked.

    `after`: key of the question before, whose topic is kept to where it costs little.

    Raises:
        FactsError: `data` holds a value that cannot be used.
    """
    facts = read_facts(pack.facts, data, interview=True)
    chooser = Chooser(pack, facts, today, skipped=skipped, schemes=schemes)
    key = chooser.best(after)
    return question(pack, chooser.assessment, key) if key is not None else None


def question(pack: Pack, assessment: Assessment, key: str) -> FactQuestion:
    """The question for one fact, its choices and bands worked out for this household.

    Raises:
        UnknownFact: the catalogue has no such fact.
    """
    member, name = split_key(key)
    if name not in pack.facts:
        raise UnknownFact(key)
    fact = pack.facts[name]
    bands = [Choice(value=value, title=title) for value, title, _, _ in _bands(fact, assessment)]
    yes_no = (Choice(value=True, title="是"), Choice(value=False, title="不是"))
    choices = (*fact.choices, *bands) or (yes_no if fact.type == "bool" else ())
    return FactQuestion(
        key=key, label=fact.label, type=fact.type, unit=fact.unit, text=assessment.say(fact.question, member),
        simpler=assessment.say(fact.simpler, member), why=assessment.say(fact.why, member), choices=choices,
        minimum=None if fact.minimum is None else float(fact.minimum),
        maximum=None if fact.maximum is None else float(fact.maximum), beyond=fact.beyond,
    )  # fmt: skip


def _bands(fact: Fact, assessment: Assessment) -> list[tuple[float, str, Fraction, Bound]]:
    """(representative figure, words, lowest, highest) of each band; none where the bounds are not known yet."""
    bounds: list[tuple[Fraction, bool]] = []
    for band in fact.ranges:
        bound = assessment.world.number(band.up_to).exact
        if bound is None or bound <= 0:
            return []
        bounds.append((bound, band.inclusive))
    found: list[tuple[float, str, Fraction, Bound]] = []
    # Where "none" is a choice of its own, the first band begins above it.
    low = _FEN if any(choice.value == 0 for choice in fact.choices) else Fraction(0)
    for bound, inclusive in bounds:
        high = bound if inclusive else bound - _FEN
        words = f"{_yuan(bound)}元以内" if inclusive else f"不到{_yuan(bound)}元"
        found.append((_middle(low, high), f"{_yuan(low)}元以上，{words}" if found else words, low, high))
        low = high + _FEN if inclusive else bound
    if bounds:
        last = bounds[-1]
        words = f"超过{_yuan(last[0])}元" if last[1] else f"{_yuan(last[0])}元以上"
        found.append((round(float(low) + 1000.01, 2), words, low, inf))
    return found


def _middle(low: Fraction, high: Fraction) -> float:
    # A figure with a fen at its end is hardly ever typed by a person, so a band is told from an exact sum.
    return round(int((low + high) / 2) + 0.01, 2)


def _yuan(value: Fraction) -> str:
    return f"{Decimal(value.numerator) / Decimal(value.denominator):.2f}".rstrip("0").rstrip(".")


def with_answer(
    pack: Pack, data: Mapping[str, JsonValue], key: str, value: JsonValue, *, today: date
) -> dict[str, JsonValue]:
    """New facts with one answer put in; `data` is left as it was. A band's figure is kept with its bounds;
    a sum may also be told as [lowest, highest or null].

    Raises:
        UnknownFact: the catalogue has no such fact, or a household no such member.
        FactsError: the value cannot be used.
    """
    member, name = split_key(key)
    fact = pack.facts.get(name)
    if fact is None or fact.scope == ("member" if member is None else "household"):
        raise UnknownFact(key)
    if member is not None and member >= MOST_MEMBERS:
        raise UnknownFact(key)
    facts: dict[str, JsonValue] = {k: v for k, v in data.items() if k != key}
    ranges = {k: v for k, v in _ranges(facts).items() if k != key}
    if isinstance(value, list):
        value, ranges[key] = _as_range(key, fact, value)
    kept = as_json(read_value(key, fact, value))
    members = _members(facts)
    if member is not None:
        facts.pop(RANGES, None)
        if ranges:
            facts[RANGES] = ranges
        while len(members) <= member:
            members.append({n: None for n, f in pack.facts.items() if f.scope != "household"})
        members[member] = {**members[member], name: kept}
        facts[MEMBERS] = list(members)
        return facts
    if fact.ranges and key not in ranges:
        assessment = Assessment(pack, read_facts(pack.facts, facts, interview=True), today)
        for figure, _, low, high in _bands(fact, assessment):
            if figure == kept:
                ranges[key] = [as_json(low), None if high == inf else as_json(Fraction(high))]
    facts.pop(RANGES, None)
    if ranges:
        facts[RANGES] = ranges
    if key == SIZE and isinstance(kept, int) and len(members) > kept:
        facts[MEMBERS] = list(members[:kept])
    return {**facts, key: kept}


def _as_range(key: str, fact: Fact, bounds: list[JsonValue]) -> tuple[JsonValue, list[JsonValue]]:
    """(representative figure, [lowest, highest or null]) of a sum told as a range.

    Raises:
        FactsError: it is no range of sums.
    """
    low, high = (read_value(key, fact, bound) for bound in bounds) if len(bounds) == 2 else (None, None)
    if fact.type != "money" or not isinstance(low, Fraction) or (isinstance(high, Fraction) and high < low):
        raise FactsError([FactProblem(key, "不是一个范围", "写成 [最低, 最高]，最高不限写 null")])
    figure = _middle(low, high) if isinstance(high, Fraction) else round(float(low) + 1000.01, 2)
    return figure, [as_json(low), as_json(high)]


def _members(facts: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
    listed = facts.get(MEMBERS)
    return [dict(item) for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _ranges(facts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    told = facts.get(RANGES)
    return dict(told) if isinstance(told, dict) else {}
