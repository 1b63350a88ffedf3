"""Intervals of exact numbers in columns: the vectorised counterpart of policies_kb.rules.values.Number.

A column holds numerators, whole numbers kept in float64 (exact below 2^53; ±inf for an open bound), one static
positive rational `scale` and, once something was divided by a variable, a positive whole denominator a row: the value
is numerator × scale ÷ denominator. Comparisons multiply crosswise, so nothing is ever rounded. Rows where a whole
number would not fit are reported through `Doubts`, which gives them to the single path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, inf, lcm
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Needs = Mapping[str, Bools]
EXACT = 2.0**53
NO_NEEDS: Needs = {}


class Doubts(Protocol):
    """Takes the rows whose arithmetic cannot be proved exact."""

    def doubt(self, rows: Bools) -> None:
        """Mark rows (households, or members standing for theirs)."""


@dataclass(frozen=True, slots=True, eq=False)
class Num:
    """Numbers between `low` and `high`, row by row. `low is high` where every row is known.

    `bound`: no finite numerator is larger; `open`: some bound may be infinite; `needs`: fact → rows it would narrow.
    `const`: the number, where it is one and the same exact number in every row.
    """

    low: Floats
    high: Floats
    scale: Fraction
    bound: float
    den: Floats | None = None
    den_bound: float = 1.0
    open: bool = False
    needs: Needs = field(default_factory=dict)
    const: Fraction | None = None

    @property
    def sure(self) -> bool:
        """Whether every row is exact."""
        return self.low is self.high


def constant(value: Fraction | int) -> Num:
    """The same exact number in every row."""
    exact = Fraction(value)
    sign = np.array(float((exact > 0) - (exact < 0)))
    return Num(sign, sign, abs(exact) or Fraction(1), 1.0, const=exact)


def bounds(low: Fraction, high: Fraction | float) -> Num:
    """The same interval in every row; `high` may be infinite."""
    if low == high:
        return constant(low)
    if isinstance(high, float):
        scale, top = Fraction(1, low.denominator), np.array(inf)
    else:
        scale = Fraction(1, lcm(low.denominator, high.denominator))
        top = np.array(float(high / scale))
    least = float(low / scale)
    finite = [abs(least)] if isinstance(high, float) else [abs(least), abs(float(top))]
    return Num(np.array(least), top, scale, max(finite), open=isinstance(high, float))


def union(*parts: Needs) -> dict[str, Bools]:
    """Needs of several values together."""
    found: dict[str, Bools] = {}
    for part in parts:
        for name, rows in part.items():
            found[name] = found[name] | rows if name in found else rows
    return found


def where_needed(needs: Needs, rows: Bools) -> dict[str, Bools]:
    """Needs, in these rows only."""
    return {name: kept for name, mask in needs.items() if (kept := mask & rows).any()}


def narrowed(
    sheet: Doubts, low: Floats, high: Floats, scale: Fraction, bound: float, den: Floats | None, den_bound: float,
    needs: Needs, *, open_: bool,
) -> Num:  # fmt: skip
    """An interval; exact rows need nothing."""
    if open_:
        for side in (low, high) if low is not high else (low,):
            lost = np.isnan(side)
            if lost.any():
                sheet.doubt(lost)
    kept = where_needed(needs, low != high) if needs and low is not high else {}
    return Num(low, high, scale, bound, den, den_bound, open_, kept)


def grown(sheet: Doubts, values: Floats, factor: Floats | float, bound: float) -> Floats:
    """values × factor (positive, whole); rows that no longer fit are doubted. `bound`: of the product."""
    if isinstance(factor, float) and factor == 1.0:
        return values
    product: Floats = values * factor
    if bound >= EXACT:
        _fits(sheet, product)
    return product


def _fits(sheet: Doubts, values: Floats) -> None:
    large = (np.abs(values) >= EXACT) & np.isfinite(values)
    if large.any():
        sheet.doubt(large)


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Two numbers in one unit over one denominator."""

    a_low: Floats
    a_high: Floats
    b_low: Floats
    b_high: Floats
    scale: Fraction
    den: Floats | None
    den_bound: float
    a_bound: float
    b_bound: float


def align(sheet: Doubts, a: Num, b: Num) -> Aligned:
    """Both numbers as whole numbers of one unit."""
    scale = a.scale if b.const == 0 else b.scale if a.const == 0 else common(a.scale, b.scale)
    a_factor: Floats | float = 1.0 if a.const == 0 else float(a.scale / scale)
    b_factor: Floats | float = 1.0 if b.const == 0 else float(b.scale / scale)
    a_bound = a.bound if a.const == 0 else a.bound * float(a.scale / scale)
    b_bound = b.bound if b.const == 0 else b.bound * float(b.scale / scale)
    den, den_bound = a.den, a.den_bound
    if a.den is not b.den:
        if b.den is not None:
            a_factor, a_bound = b.den * a_factor, a_bound * b.den_bound
        if a.den is not None:
            b_factor, b_bound = a.den * b_factor, b_bound * a.den_bound
        if a.den is None:
            den, den_bound = b.den, b.den_bound
        elif b.den is not None:
            den_bound = a.den_bound * b.den_bound
            den = grown(sheet, a.den, b.den, den_bound)
    a_low = grown(sheet, a.low, a_factor, a_bound)
    a_high = a_low if a.sure else grown(sheet, a.high, a_factor, a_bound)
    b_low = grown(sheet, b.low, b_factor, b_bound)
    b_high = b_low if b.sure else grown(sheet, b.high, b_factor, b_bound)
    return Aligned(a_low, a_high, b_low, b_high, scale, den, den_bound, a_bound, b_bound)


def common(a: Fraction, b: Fraction) -> Fraction:
    """The largest unit both are whole multiples of."""
    if a == b:
        return a
    over = a.denominator * b.denominator
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator), over)


def add(sheet: Doubts, a: Num, b: Num) -> Num:
    """a + b."""
    if a.const is not None and b.const is not None:
        return constant(a.const + b.const)
    pair = align(sheet, a, b)
    low = pair.a_low + pair.b_low
    high = low if a.sure and b.sure else pair.a_high + pair.b_high
    bound = pair.a_bound + pair.b_bound
    if bound >= EXACT:
        for side in (low, high):
            _fits(sheet, side)
    return narrowed(
        sheet, low, high, pair.scale, bound, pair.den, pair.den_bound, union(a.needs, b.needs), open_=a.open or b.open
    )  # fmt: skip


def negate(a: Num) -> Num:
    """-a."""
    if a.const is not None:
        return constant(-a.const)
    low = -a.high
    high = low if a.sure else -a.low
    return Num(low, high, a.scale, a.bound, a.den, a.den_bound, a.open, a.needs)


def multiply(sheet: Doubts, a: Num, b: Num) -> Num:
    """a × b; 0 × ∞ is 0, as in the single path."""
    if a.const is not None and b.const is not None:
        return constant(a.const * b.const)
    if b.const is not None:
        a, b = b, a
    if a.const == 0:
        return a
    scale = a.scale * b.scale
    if a.const is not None:
        low, high = (b.low, b.high) if a.const > 0 else (-b.high, -b.low)
        high = low if b.sure else high
        return Num(low, high, scale, b.bound, b.den, b.den_bound, b.open, b.needs)
    bound, den, den_bound = a.bound * b.bound, a.den, a.den_bound
    if b.den is not None:
        den_bound = a.den_bound * b.den_bound
        den = b.den if den is None else grown(sheet, den, b.den, den_bound)
    if a.sure and b.sure:
        low = high = _product(a.low, b.low)
    else:
        ends = [_product(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
        low = np.minimum(np.minimum(ends[0], ends[1]), np.minimum(ends[2], ends[3]))
        high = np.maximum(np.maximum(ends[0], ends[1]), np.maximum(ends[2], ends[3]))
    if bound >= EXACT:
        for side in (low, high):
            _fits(sheet, side)
    return narrowed(
        sheet, low, high, scale, bound, den, den_bound, union(a.needs, b.needs), open_=a.open or b.open
    )


def _product(x: Floats, y: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        product: Floats = x * y
    return np.where((x == 0) | (y == 0), 0.0, product)


def divide(sheet: Doubts, a: Num, b: Num) -> Num:
    """a ÷ b; unbounded where b may be nought. Rows where b is a span not around nought are doubted."""
    if b.const is not None and b.const != 0:
        return multiply(sheet, a, constant(1 / b.const))
    nought = (b.low <= 0) & (b.high >= 0)
    if not b.sure or b.open:
        spread = ~nought & ((b.low != b.high) | ~np.isfinite(b.low))
        if spread.any():
            sheet.doubt(spread)
    divisor = np.where(nought | ~np.isfinite(b.low), 1.0, np.abs(b.low))
    factor: Floats | float = 1.0 if b.den is None else b.den
    bound, den_bound = a.bound * b.den_bound, a.den_bound * b.bound
    low = grown(sheet, a.low, factor, bound)
    high = low if a.sure else grown(sheet, a.high, factor, bound)
    if not (b.low >= 0).all():
        below = b.low < 0
        low, high = np.where(below, -high, low), np.where(below, -low, high)
        high = low if a.sure else high
    den = divisor if a.den is None else grown(sheet, a.den, divisor, den_bound)
    open_ = a.open
    if nought.any():
        low, high, open_ = np.where(nought, -inf, low), np.where(nought, inf, high), True
    return narrowed(
        sheet, low, high, a.scale / b.scale, bound, den, den_bound, union(a.needs, b.needs), open_=open_
    )


def extreme(sheet: Doubts, function: str, parts: Sequence[Num]) -> Num:
    """min(…) or max(…)."""
    known = [part.const for part in parts if part.const is not None]
    if len(known) == len(parts):
        return constant(min(known) if function == "min" else max(known))
    pick = np.minimum if function == "min" else np.maximum
    found = parts[0]
    for part in parts[1:]:
        pair = align(sheet, found, part)
        low = pick(pair.a_low, pair.b_low)
        high = low if found.sure and part.sure else pick(pair.a_high, pair.b_high)
        found = Num(
            low, high, pair.scale, max(pair.a_bound, pair.b_bound), pair.den, pair.den_bound,
            found.open or part.open, union(found.needs, part.needs),
        )  # fmt: skip
    kept = {} if found.sure else where_needed(found.needs, found.low != found.high)
    return Num(found.low, found.high, found.scale, found.bound, found.den, found.den_bound, found.open, kept)


def absolute(a: Num) -> Num:
    """|a|."""
    if a.sure:
        low = np.abs(a.low)
        return Num(low, low, a.scale, a.bound, a.den, a.den_bound, a.open)
    ends = np.abs(a.low), np.abs(a.high)
    low = np.where((a.low <= 0) & (a.high >= 0), 0.0, np.minimum(*ends))
    high = np.maximum(*ends)
    needs = where_needed(a.needs, low != high)
    return Num(low, high, a.scale, a.bound, a.den, a.den_bound, a.open, needs)


def rounded(sheet: Doubts, function: str, a: Num) -> Num:
    """floor(a) or ceil(a)."""
    if a.bound * a.scale.numerator >= EXACT or a.den_bound * a.scale.denominator >= EXACT:
        _fits(sheet, np.abs(a.low) * a.scale.numerator)
        _fits(sheet, np.abs(a.high) * a.scale.numerator)
        _fits(sheet, np.array(float(a.scale.denominator)) if a.den is None else a.den * a.scale.denominator)
    low = _whole(function, a, a.low)
    high = low if a.sure else _whole(function, a, a.high)
    needs = {} if a.sure else where_needed(a.needs, low != high)
    return Num(low, high, Fraction(1), a.bound * float(a.scale) + 1, None, 1.0, a.open, needs)


def _whole(function: str, a: Num, values: Floats) -> Floats:
    finite = np.isfinite(values)
    top = np.where(finite, values, 0.0).astype(np.int64) * a.scale.numerator
    under = a.scale.denominator * (np.int64(1) if a.den is None else a.den.astype(np.int64))
    whole = top // under if function == "floor" else -(-top // under)
    return np.where(finite, whole.astype(np.float64), values)


def spread_over(sheet: Doubts, pick: Bools, drop: Bools | None, a: Num, b: Num, needs: Needs) -> Num:
    """a where `pick`, b where `drop` (None: everywhere else), and both possible in the rows between."""
    pair = align(sheet, a, b)
    low = np.where(pick, pair.a_low, pair.b_low)
    high = low if a.sure and b.sure else np.where(pick, pair.a_high, pair.b_high)
    kept = union(where_needed(a.needs, pick), where_needed(b.needs, ~pick if drop is None else drop))
    if drop is not None:
        between = ~(pick | drop)
        low = np.where(between, np.minimum(pair.a_low, pair.b_low), low)
        high = np.where(between, np.maximum(pair.a_high, pair.b_high), high)
        kept = union(kept, where_needed(union(a.needs, b.needs, needs), between & (low != high)))
    return Num(
        low, high, pair.scale, max(pair.a_bound, pair.b_bound), pair.den, pair.den_bound, a.open or b.open, kept
    )  # fmt: skip


def fen(sheet: Doubts, a: Num) -> tuple[NDArray[np.int64], Bools]:
    """(sums in fen, rounded half away from nought; rows where the sum is exact)."""
    exact = (a.low == a.high) & np.isfinite(a.low)
    scale = a.scale * 100
    above, under = 2.0 * scale.numerator, 2.0 * scale.denominator
    if max(a.bound * above + a.den_bound * under, a.den_bound * under) >= EXACT:
        _fits(sheet, np.where(exact, np.abs(a.low) * above + under * (1.0 if a.den is None else a.den), 0.0))
    size = np.where(exact, np.abs(a.low), 0.0).astype(np.int64) * (2 * scale.numerator)
    divisor = scale.denominator * (np.int64(1) if a.den is None else a.den.astype(np.int64))
    whole = (size + divisor) // (2 * divisor)
    return np.where(a.low < 0, -whole, whole), exact
