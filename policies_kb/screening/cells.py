"""One cell of a register as text → the value the rules keep, or what is wrong with it and how it is cured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

from policies_kb.pack import Fact
from policies_kb.rules.facts import FactsError, read_value
from policies_kb.screening.words import choice_words, tidy, words, yes_no

_NUMBER = re.compile(r"^(-?)(\d+|\d{1,3}(?:,\d{3})+)(\.\d+)?(?:元|元/月|元/年|岁|周岁|人|套|辆|年|个月)?$")
_WITH_UNIT = re.compile(r"^(-?\d+(?:\.\d+)?)(万元|万|千元|千)$")
_SCIENTIFIC = re.compile(r"^-?\d+(\.\d+)?[eE][+-]?\d{1,2}$")
_DATE = re.compile(
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00(?:\.0+)?)?)?$|^(\d{4})(\d{2})(\d{2})$"
)
_WAN = {"万元": 10000, "万": 10000, "千元": 1000, "千": 1000}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a cell and how it is cured (Chinese)."""

    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class Read:
    """A cell: `told` with its `value`, said to be not known (told without a value), or left out; or `wrong`."""

    told: bool = False
    value: object = None
    wrong: Wrong | None = None


LEFT_OUT = Read()
NOT_KNOWN = Read(told=True)


class CellReader:
    """Reads the cells of one fact's column. `factor`: what the header's unit makes of its sums."""

    def __init__(self, name: str, fact: Fact, factor: int = 1) -> None:
        self._name = name
        self._fact = fact
        self._factor = factor
        self._choices = choice_words(name, fact) if fact.choices else {}
        self._unknown = frozenset(words().unknown)

    def read(self, text: str) -> Read:
        """The value of a cell."""
        plain = tidy(text)
        if not plain:
            return LEFT_OUT
        if plain in self._unknown:
            return NOT_KNOWN
        try:
            value = self._value(plain)
            return value if isinstance(value, Read) else Read(True, read_value(self._name, self._fact, value))
        except FactsError as error:
            return Read(wrong=Wrong(error.problems[0].what, error.problems[0].cure))

    def _value(self, plain: str) -> object:
        fact = self._fact
        if fact.type == "bool":
            found = self._choices.get(plain, yes_no().get(plain.lower()))
            return found if found is not None else _not_among(plain, {"是": True, "否": False})
        if fact.type == "choice":
            if plain in self._choices:
                return self._choices[plain]
            whole = plain.removesuffix(".0")
            return self._choices[whole] if whole in self._choices else _not_among(plain, self._choices)
        if fact.type == "date":
            return read_date(plain)
        return self._number(plain)

    def _number(self, plain: str) -> object:
        if plain in words().nothing:
            return Fraction(0)
        match = _NUMBER.match(plain)
        if match is not None:
            return Fraction(Decimal(f"{match[1]}{match[2].replace(',', '')}{match[3] or ''}")) * self._factor
        if _SCIENTIFIC.match(plain):
            return Fraction(Decimal(plain)) * self._factor
        unit = _WITH_UNIT.match(plain)
        if unit is not None:
            meant = Decimal(unit[1]) * _WAN[unit[2]]
            return Read(
                wrong=Wrong(
                    f"“{plain}”带了单位“{unit[2]}”，这一列要用元",
                    f"如果没有写错，请改成 {meant.normalize():f}",
                )
            )
        return Read(wrong=Wrong(f"“{_short(plain)}”不是数字", "请写阿拉伯数字，不加“约”字；不知道就空着"))


def read_date(plain: str) -> Read:
    """A date as registers write it."""
    written = words().dates.get(plain)
    if written is not None:
        return Read(True, written.isoformat())
    match = _DATE.match(plain)
    try:
        if match is not None:
            year, month, day = (int(part) for part in match.groups() if part is not None)
            return Read(True, date(year, month, day).isoformat())
    except ValueError:
        return Read(wrong=Wrong(f"“{plain}”，没有这一天", "请核对年月日"))
    return Read(wrong=Wrong(f"“{_short(plain)}”不是日期", "请写成 2026-03-05 这样"))


def _not_among(plain: str, choices: Mapping[str, object]) -> Read:
    close = get_close_matches(plain, list(choices), 1)
    hint = f"是不是“{close[0]}”？" if close else ""
    titles = [word for word in dict.fromkeys(choices) if not word.isascii()][:8]
    return Read(wrong=Wrong(f"“{_short(plain)}”不认识", f"{hint}可以写：{'、'.join(titles)}；不知道就空着"))


def _short(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}…"
