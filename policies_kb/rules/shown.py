"""Figures of the rules put into words, and into yuan for results."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import inf

from policies_kb.rules.values import Number, Value


def shown_day(value: Value) -> str:
    """A day's number as a date."""
    if not isinstance(value, Number) or value.exact is None:
        return "还不清楚"
    day = date.fromordinal(int(value.exact))
    return f"{day.year}年{day.month}月{day.day}日"


def shown_number(value: Number) -> str:
    """A figure for reading: exact, or the span it lies in."""
    if value.exact is not None:
        return plain(value.exact)
    if value.low == -inf or value.high == inf:
        return "还不清楚" if value.low in (-inf, 0) else f"至少{_round(Fraction(value.low))}"
    return f"{_round(Fraction(value.low))}到{_round(Fraction(value.high))}"


def _round(value: Fraction) -> str:
    # Bounds of a band lie a fen beside a round figure; a span is read more easily without it.
    return str(round(value))


def _cents(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def plain(value: Fraction) -> str:
    """Exact yuan, to the fen, without needless noughts."""
    text = f"{_cents(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def span(value: Number | None) -> tuple[float, float | None] | None:
    """(lowest, highest) in yuan of a sum that is open; no highest where only the least is known."""
    if value is None or value.exact is not None or (value.high == inf and value.low <= 0):
        return None
    low = float(_cents(Fraction(value.low))) if value.low > 0 else 0.0
    return low, None if value.high == inf else float(_cents(Fraction(value.high)))


def yuan(value: Number | None) -> float | None:
    """The exact sum; None while it is open."""
    exact = value.exact if value is not None else None
    return None if exact is None else float(_cents(exact))
