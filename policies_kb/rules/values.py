"""Three-valued values: what is known of a number, a choice or a statement, and which answers would narrow it.

A number is an interval, so a half-known household can already be decided: with one income known and the other only
known not to be negative, the average has a lower bound. Arithmetic is exact (fractions of yuan); no binary floats
but the infinities.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf

Bound = Fraction | float  # a float bound is one of the infinities
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Number:
    """A number between `low` and `high`. `needs`: keys of the facts that would narrow it; empty when exact."""

    low: Bound
    high: Bound
    needs: frozenset[str] = NOTHING

    @property
    def exact(self) -> Fraction | None:
        """The number, when it is known."""
        return Fraction(self.low) if self.low == self.high and self.low not in (inf, -inf) else None


@dataclass(frozen=True, slots=True)
class Symbol:
    """One of a set of possible choices."""

    options: frozenset[str]
    needs: frozenset[str] = NOTHING


@dataclass(frozen=True, slots=True)
class Truth:
    """Yes, no, or not known (None)."""

    value: bool | None
    needs: frozenset[str] = NOTHING


Value = Number | Symbol | Truth


def number(value: Fraction | int) -> Number:
    """A known number."""
    exact = Fraction(value)
    return Number(exact, exact)


def narrowed(low: Bound, high: Bound, needs: frozenset[str]) -> Number:
    """An interval; an exact one needs nothing."""
    return Number(low, high, NOTHING if low == high else needs)


def truth(value: bool | None, needs: frozenset[str]) -> Truth:
    """A statement; a decided one needs nothing."""
    return Truth(value, NOTHING if value is not None else needs)


def add(a: Number, b: Number) -> Number:
    """a + b."""
    return narrowed(a.low + b.low, a.high + b.high, a.needs | b.needs)


def negate(a: Number) -> Number:
    """-a."""
    return Number(-a.high, -a.low, a.needs)


def multiply(a: Number, b: Number) -> Number:
    """a × b."""
    products = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return narrowed(min(products), max(products), a.needs | b.needs)


def divide(a: Number, b: Number) -> Number:
    """a ÷ b; unbounded where b may be nought."""
    if b.low <= 0 <= b.high:
        return Number(-inf, inf, a.needs | b.needs)
    return multiply(a, narrowed(_inverse(b.high), _inverse(b.low), b.needs))


def _times(x: Bound, y: Bound) -> Bound:
    # Interval arithmetic takes 0 × ∞ as 0: the bound is approached, never reached.
    return Fraction(0) if x == 0 or y == 0 else x * y


def _inverse(x: Bound) -> Bound:
    return Fraction(0) if x in (inf, -inf) else 1 / Fraction(x)


def less(a: Number, b: Number, *, or_equal: bool) -> Truth:
    """a < b, or a ≤ b."""
    needs = a.needs | b.needs
    if a.high < b.low or (or_equal and a.high <= b.low):
        return Truth(True)
    if a.low > b.high or (not or_equal and a.low >= b.high):
        return Truth(False)
    return Truth(None, needs)


def equal(a: Value, b: Value) -> Truth:
    """a == b, for two values of one kind."""
    if isinstance(a, Number) and isinstance(b, Number):
        if a.exact is not None and b.exact is not None:
            return Truth(a.exact == b.exact)
        apart = a.high < b.low or b.high < a.low
        return truth(False if apart else None, a.needs | b.needs)
    if isinstance(a, Symbol) and isinstance(b, Symbol):
        if not a.options & b.options:
            return Truth(False)
        return truth(True if len(a.options | b.options) == 1 else None, a.needs | b.needs)
    if isinstance(a, Truth) and isinstance(b, Truth):
        known = a.value is not None and b.value is not None
        return truth(a.value == b.value if known else None, a.needs | b.needs)
    raise TypeError("values of different kinds compared")


def among(a: Symbol, options: frozenset[str]) -> Truth:
    """Whether the choice is one of `options`."""
    if a.options <= options:
        return Truth(True)
    return truth(None if a.options & options else False, a.needs)


def invert(a: Truth) -> Truth:
    """not a."""
    return Truth(None if a.value is None else not a.value, a.needs)


def both(parts: list[Truth]) -> Truth:
    """All of them: one that fails decides, and then nothing more is needed."""
    if any(part.value is False for part in parts):
        return Truth(False)
    return _open(parts, True)


def either(parts: list[Truth]) -> Truth:
    """Any of them: one that holds decides."""
    if any(part.value is True for part in parts):
        return Truth(True)
    return _open(parts, False)


def _open(parts: list[Truth], closed: bool) -> Truth:
    unknown = [part for part in parts if part.value is None]
    if not unknown:
        return Truth(closed)
    return Truth(None, frozenset().union(*(part.needs for part in unknown)))


def hull(a: Value, b: Value, needs: frozenset[str]) -> Value:
    """What is known when either a or b holds, `needs` deciding which."""
    together = a.needs | b.needs | needs
    if isinstance(a, Number) and isinstance(b, Number):
        return narrowed(min(a.low, b.low), max(a.high, b.high), together)
    if isinstance(a, Symbol) and isinstance(b, Symbol):
        options = a.options | b.options
        return Symbol(options, NOTHING if len(options) == 1 else together)
    if isinstance(a, Truth) and isinstance(b, Truth):
        return truth(a.value if a.value == b.value else None, together)
    raise TypeError("values of different kinds joined")
