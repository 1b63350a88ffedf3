"""Suppositions: “如果我存款是三万呢” as the facts supposed, or sums supposed to be more or less."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from pydantic import JsonValue

from nlu import lexicon
from nlu.extract import integer, money

_YUAN = frozenset({"household_income_month", "savings", "medical_out_of_pocket_year", "rigid_expenses_month"})
_END = re.compile(
    r"(?:的话|呢|会(?:怎么样|怎样|咋样)|咋样|怎么样|行不行|可以吗|能行吗|吗|嘛|啊|呀|[?,。!])+$"
)
# What else is asked in the same breath: the supposition stands before it.
_ASKED = re.compile(
    r"[,，]?(?:那|就|还|我|俺|又|这样)*(?:能不能|可不可以|能|可以|会不会|够不够|还有|有没有|算不算|怎么算|多少|变).*$"
)


@dataclass(frozen=True, slots=True)
class Supposition:
    """`facts`: other answers; `more`: yuan added to what was told (negative: taken away)."""

    facts: dict[str, JsonValue] = field(default_factory=dict)
    more: dict[str, float] = field(default_factory=dict)


def suppose(text: str, today: date | None = None) -> Supposition | None:
    """What the text supposes, or None when it supposes nothing that can be worked out."""
    opens, changes = lexicon.suppositions()
    if not opens.search(text):
        return None
    found = Supposition()
    said = _ASKED.sub("", _END.sub("", opens.sub("", text)))
    for clause in re.split(r"[,，。;；]", said):
        _read(clause, changes, found, today)
    return found if found.facts or found.more else None


def _read(
    clause: str,
    changes: Collection[tuple[lexicon.Supposed, re.Pattern[str]]],
    found: Supposition,
    today: date | None,
) -> None:
    for change, words in changes:
        if not words.search(clause):
            continue
        if change.value is not None:
            found.facts.setdefault(change.fact, change.value)
            return
        value = money(clause, change.fact) if change.fact in _YUAN else integer(clause, change.fact, today)
        if not isinstance(value, int | float):
            continue
        if change.more or change.less:
            found.more[change.fact] = -float(value) if change.less else float(value)
        else:
            found.facts.setdefault(change.fact, value)
        return
