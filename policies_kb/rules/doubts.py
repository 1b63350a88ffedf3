"""Doubts: what among a household's facts is unlikely or contradictory, by the `checks` of the pack.

Pure: facts in, doubts out. What cannot be at all is no doubt but an error (`FactsError`, with every field). Nothing is
changed or left out here; whoever asks decides what to do with a doubt: the chat asks once and believes the answer,
the command line and the batch report it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

from pydantic import JsonValue

from policies_kb.pack import Check, Fact, Pack, Remedy
from policies_kb.rules.assess import Assessment
from policies_kb.rules.facts import SIZE, Facts, as_json, member_key, read_facts
from policies_kb.rules.questions import with_answer
from policies_kb.rules.shown import shown_number
from policies_kb.rules.values import Number, Symbol, Value
from policies_kb.types import Doubt, DoubtChoice

SAID = "said"
_WAN = Fraction(10_000)


def doubts(
    pack: Pack, data: Mapping[str, JsonValue], *, today: date, interview: bool = False
) -> tuple[Doubt, ...]:
    """Every doubt about these facts, in the order of the pack's checks. `interview`: see read_facts.

    Raises:
        FactsError: a value cannot be used at all.
    """
    return doubts_of(pack, read_facts(pack.facts, data, interview=interview), today)


def raised(
    pack: Pack, data: Mapping[str, JsonValue], key: str, value: JsonValue, *, today: date
) -> tuple[Doubt, ...]:
    """The doubts an answer brings that were not there before it; `data` are the facts of an interview so far.

    Raises:
        UnknownFact: the catalogue has no such fact.
        FactsError: the value cannot be used at all.
    """
    # A smaller household would drop its last members: what is told of them must be seen first.
    answered = {**data, key: value} if key == SIZE else with_answer(pack, data, key, value, today=today)
    before = {doubt.ask for doubt in doubts(pack, data, today=today, interview=True)}
    return tuple(
        doubt for doubt in doubts(pack, answered, today=today, interview=True) if doubt.ask not in before
    )


def doubts_of(pack: Pack, facts: Facts, today: date) -> tuple[Doubt, ...]:
    """Every doubt about facts that were read already."""
    assessment = Assessment(pack, facts, today)
    return tuple(
        _doubt(pack, assessment, name, check, member)
        for name, check in pack.checks.items()
        for member in _members(check, facts)
        if assessment.world.truth(check.when, member).value is True
    )


def reports_of(
    pack: Pack, facts: Facts, today: date, held: Iterable[tuple[str, int | None]]
) -> tuple[tuple[str, str], ...]:
    """(key, line for whoever keeps the register) of checks already known to hold: (check, member)."""
    assessment = Assessment(pack, facts, today)
    found = []
    for name, member in held:
        check = pack.checks[name]
        extra = {SAID: _said(pack, assessment, check.about, member)}
        found.append((_key(pack, check.about, member), assessment.say(check.report, member, extra)))
    return tuple(found)


def _members(check: Check, facts: Facts) -> Iterator[int | None]:
    if check.per == "household":
        yield None
    else:
        yield from range(len(facts.members))


def _doubt(pack: Pack, assessment: Assessment, name: str, check: Check, member: int | None) -> Doubt:
    extra = {SAID: _said(pack, assessment, check.about, member)}
    return Doubt(
        check=name,
        key=_key(pack, check.about, member),
        ask=assessment.say(check.ask, member, extra),
        report=assessment.say(check.report, member, extra),
        choices=tuple(_choice(pack, assessment, check, remedy, member) for remedy in check.choices),
    )


def _choice(
    pack: Pack, assessment: Assessment, check: Check, remedy: Remedy, member: int | None
) -> DoubtChoice:
    title = assessment.say(remedy.title, member, {SAID: _said(pack, assessment, check.about, member)})
    if remedy.again:
        return DoubtChoice(title=title, again=_key(pack, remedy.again, member))
    value = assessment.world.evaluate(remedy.value or _as_told(pack, check.about), member)
    return DoubtChoice(title=title, value=_plain(pack.facts[check.about], value))


def _as_told(pack: Pack, name: str) -> str:
    """The expression for what was said of the fact: a household's, before anything is worked out from others."""
    return f"told.{name}" if pack.facts[name].scope == "household" else name


def _plain(fact: Fact, value: Value) -> JsonValue:
    """A known value as JSON, a figure as it would be said: whole where the fact is, else to the fen."""
    if isinstance(value, Number):
        if value.exact is None:
            return None
        return (
            as_json(Fraction(round(value.exact * 100), 100)) if fact.type == "money" else round(value.exact)
        )
    if isinstance(value, Symbol):
        return next(iter(value.options)) if len(value.options) == 1 else None
    return value.value


def _key(pack: Pack, name: str, member: int | None) -> str:
    return name if member is None or pack.facts[name].scope == "household" else member_key(member, name)


def _said(pack: Pack, assessment: Assessment, name: str, member: int | None) -> str:
    """A sum as people say it: 3万元, 3.5万元, 850元; empty where the fact is no known figure."""
    value = assessment.world.resolve(_as_told(pack, name), member)
    if not isinstance(value, Number) or value.exact is None:
        return ""
    tens = value.exact / _WAN
    if abs(value.exact) >= _WAN and (tens * 100).denominator == 1:
        return f"{format(Decimal(tens.numerator) / Decimal(tens.denominator), 'f')}万元"
    return f"{shown_number(value)}元"
