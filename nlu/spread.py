"""Sums said as a range: 两三百, 不到五百, 一千来块, 八百多, 三四千块一年 -> (lowest, highest) in the asked period."""

from __future__ import annotations

import re

from nlu import numerals
from nlu.extract import amounts, apart, money

# How far an estimate (一千来块, 八百左右) may lie from its figure.
ABOUT = 0.1
_BELOW = re.compile(r"(?:不到|不足|不超过|超不过|最多|顶多|没到|不上|少于|低于)\D{0,3}$")
_NEARLY = re.compile(r"(?:将近|快到?|接近|差不多到)\D{0,2}$")
_ABOVE = re.compile(r"(?:至少|最少|起码|超过|不止|不低于|多于|高于)\D{0,3}$")
_BELOW_AFTER = re.compile(r"^\s*(?:块|元|块钱)?(?:都|还)?(?:以下|以内|之内|不到)")
_ABOVE_AFTER = re.compile(r"^\s*(?:块|元|块钱)?(?:以上|往上|开外|朝上)")
_MORE = re.compile(r"(?:多|几|余|出头)")
_ABOUT_AFTER = re.compile(r"^\s*(?:块|元|块钱)?(?:左右|上下|来块|把块)")
_SPAN = re.compile(r"(?P<low>[^-—–~到至]+)(?:-|—|–|~|到|至)(?P<high>.+)")
_PAIR = re.compile(r"(?P<a>[一二两三四五六七八九])[、,]?(?P<b>[二两三四五六七八九])(?P<unit>[十百千万]+)")


def spread(text: str, name: str = "") -> tuple[float, float | None] | None:
    """(lowest, highest or None for no limit) in yuan per the period the slot's name says.

    None where the sum is told exactly, or cannot be read.
    """
    value = money(text, name)
    text = apart(text)
    found = [one for one in amounts(text) if one.value]
    if value is None or value <= 0 or len(found) != 1:
        return None
    number = found[0]
    bounds = _bounds(text, number)
    if bounds is None:
        return None
    # What money() made of the figure, it makes of its bounds: 三四千块一年 is asked for by the month.
    # Periods are twelfths of a year; taken from a rounded sum, the ratio is a little off.
    per = round(value / number.value * 12) / 12
    low, high = bounds
    return _yuan(low * per), None if high is None else _yuan(high * per)


def _yuan(value: float) -> float:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _bounds(text: str, number: numerals.Number) -> tuple[float, float | None] | None:
    said, before, after = text[number.start : number.end], text[: number.start], text[number.end :]
    value = number.value
    if (pair := _pair(said)) is not None:
        return pair
    if _BELOW.search(before) or _BELOW_AFTER.search(after):
        return 0, value - 0.01
    if _ABOVE.search(before) or _ABOVE_AFTER.search(after):
        return value, None
    if _NEARLY.search(before):
        return value * (1 - ABOUT), value
    if _MORE.search(said) or re.match(r"^\s*(?:块|元)?多", after):
        return value, value + _unit(value) - 0.01
    if number.about or _ABOUT_AFTER.search(after):
        return value * (1 - ABOUT), value * (1 + ABOUT)
    return None


def _pair(said: str) -> tuple[float, float] | None:
    """Two figures in one: 三四百, 八百到一千, 三到五百."""
    if span := _SPAN.fullmatch(said):
        high = numerals.read(span["high"])
        low = numerals.read(span["low"].rstrip("块元多"))
        if low is None or high is None:
            return None
        if low < 10 <= high and span["high"][-1:] in "十百千万":
            low *= numerals.read("一" + span["high"][-1]) or 1
        return (low, high) if low < high else None
    found = _PAIR.fullmatch(said)
    if found is None:
        return None
    low, high = (numerals.read(digit + found["unit"]) for digit in (found["a"], found["b"]))
    return (low, high) if low is not None and high is not None and low < high else None


def _unit(value: float) -> float:
    """The place of the last figure said: 800 → 100, 1000 → 1000, 12000 → 1000."""
    unit = 1.0
    while value >= unit * 10 and value % (unit * 10) == 0:
        unit *= 10
    return unit
