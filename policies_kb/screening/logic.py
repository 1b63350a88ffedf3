"""Three-valued statements and choices in columns: counterparts of Truth and Symbol of policies_kb.rules.values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from policies_kb.screening.numbers import Bools, Doubts, Needs, Num, align, union, where_needed

Bits = NDArray[np.int64]
MOST_OPTIONS = 62


class BeyondColumns(Exception):
    """The pack's rules hold something this evaluator does not do; every row goes to the single path."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Yes where `yes`, not known where `open` (None: nowhere), no elsewhere. Only open rows have needs."""

    yes: Bools
    open: Bools | None = None
    needs: Needs = field(default_factory=dict)

    @property
    def no(self) -> Bools:
        """Rows known not to hold."""
        return ~self.yes if self.open is None else ~(self.yes | self.open)


@dataclass(frozen=True, slots=True, eq=False)
class Sym:
    """Choices still possible in each row: bit i stands for options[i]."""

    options: tuple[str, ...]
    bits: Bits
    needs: Needs = field(default_factory=dict)


def statement(yes: Bools, no: Bools | None, needs: Needs) -> Truth:
    """A statement from where it is known to hold and known to fail (None: everywhere else)."""
    if no is None:
        return Truth(yes)
    open_ = ~(yes | no)
    return Truth(yes, open_, where_needed(needs, open_)) if open_.any() else Truth(yes)


def invert(a: Truth) -> Truth:
    """not a."""
    return Truth(a.no, a.open, a.needs)


def both(parts: Sequence[Truth]) -> Truth:
    """All of them; what fails decides, and then nothing more is needed."""
    if len(parts) == 1:
        return parts[0]
    yes = parts[0].yes
    for part in parts[1:]:
        yes = yes & part.yes
    if all(part.open is None for part in parts):
        return Truth(yes)
    no = parts[0].no
    for part in parts[1:]:
        no = no | part.no
    return statement(yes, no, union(*(part.needs for part in parts)))


def either(parts: Sequence[Truth]) -> Truth:
    """Any of them; what holds decides."""
    if len(parts) == 1:
        return parts[0]
    yes = parts[0].yes
    for part in parts[1:]:
        yes = yes | part.yes
    if all(part.open is None for part in parts):
        return Truth(yes)
    no = parts[0].no
    for part in parts[1:]:
        no = no & part.no
    return statement(yes, no, union(*(part.needs for part in parts)))


def less(sheet: Doubts, a: Num, b: Num, *, or_equal: bool) -> Truth:
    """a < b, or a ≤ b."""
    pair = align(sheet, a, b)
    yes = pair.a_high <= pair.b_low if or_equal else pair.a_high < pair.b_low
    if a.sure and b.sure:
        return Truth(yes)
    no = pair.a_low > pair.b_high if or_equal else pair.a_low >= pair.b_high
    return statement(yes, no, union(a.needs, b.needs))


def equal_numbers(sheet: Doubts, a: Num, b: Num) -> Truth:
    """a == b."""
    pair = align(sheet, a, b)
    if a.sure and b.sure and not (a.open or b.open):
        return Truth(pair.a_low == pair.b_low)
    exact = (a.low == a.high) & (b.low == b.high) & np.isfinite(a.low) & np.isfinite(b.low)
    no = (pair.a_high < pair.b_low) | (pair.b_high < pair.a_low)
    return statement(exact & (pair.a_low == pair.b_low), no, union(a.needs, b.needs))


def equal_truths(a: Truth, b: Truth) -> Truth:
    """a == b, for two statements."""
    same = a.yes == b.yes
    if a.open is None and b.open is None:
        return Truth(same)
    nowhere = np.zeros(1, np.bool_)
    known = ~((nowhere if a.open is None else a.open) | (nowhere if b.open is None else b.open))
    return statement(known & same, known & ~same, union(a.needs, b.needs))


def equal_choices(a: Sym, b: Sym) -> Truth:
    """a == b, for two choices."""
    options = tuple(dict.fromkeys((*a.options, *b.options)))
    if len(options) > MOST_OPTIONS:
        raise BeyondColumns(f"more than {MOST_OPTIONS} choices compared")
    mine, theirs = _renumbered(a, options), _renumbered(b, options)
    together = mine | theirs
    yes = (together & (together - 1)) == 0
    return statement(yes, (mine & theirs) == 0, union(a.needs, b.needs))


def _renumbered(a: Sym, options: tuple[str, ...]) -> Bits:
    if a.options == options[: len(a.options)]:
        return a.bits
    found = np.zeros_like(a.bits)
    for at, option in enumerate(a.options):
        found |= ((a.bits >> at) & 1) << options.index(option)
    return found


def among(a: Sym, wanted: frozenset[str]) -> Truth:
    """Whether the choice is one of `wanted`."""
    mask = sum(1 << at for at, option in enumerate(a.options) if option in wanted)
    return statement((a.bits & ~mask) == 0, (a.bits & mask) == 0, a.needs)


def choose_truth(pick: Bools, drop: Bools | None, a: Truth, b: Truth, needs: Needs) -> Truth:
    """a where `pick`, b where `drop` (None: everywhere else); between, known only where both agree."""
    if drop is None:
        yes = np.where(pick, a.yes, b.yes)
        no = np.where(pick, a.no, b.no)
        kept = union(where_needed(a.needs, pick), where_needed(b.needs, ~pick))
        return statement(yes, no, kept)
    between = ~(pick | drop)
    yes = np.where(pick, a.yes, np.where(drop, b.yes, a.yes & b.yes))
    no = np.where(pick, a.no, np.where(drop, b.no, a.no & b.no))
    kept = union(
        where_needed(a.needs, pick),
        where_needed(b.needs, drop),
        where_needed(union(a.needs, b.needs, needs), between),
    )
    return statement(yes, no, kept)


def choose_choice(pick: Bools, drop: Bools | None, a: Sym, b: Sym, needs: Needs) -> Sym:
    """a where `pick`, b where `drop` (None: everywhere else); between, what either allows."""
    options = tuple(dict.fromkeys((*a.options, *b.options)))
    if len(options) > MOST_OPTIONS:
        raise BeyondColumns(f"more than {MOST_OPTIONS} choices joined")
    mine, theirs = _renumbered(a, options), _renumbered(b, options)
    bits = np.where(pick, mine, theirs)
    kept = union(where_needed(a.needs, pick), where_needed(b.needs, ~pick if drop is None else drop))
    if drop is not None:
        between = ~(pick | drop)
        bits = np.where(between, mine | theirs, bits)
        several = between & ((bits & (bits - 1)) != 0)
        kept = union(kept, where_needed(union(a.needs, b.needs, needs), several))
    return Sym(options, bits, kept)
