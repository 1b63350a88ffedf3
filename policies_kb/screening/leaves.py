"""Values of facts over columns: what was told, inferred, spared by a question about the whole household, or is open.

The order of precedence is that of rules.world.World, for households whose members are all listed.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from math import inf
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from policies_kb.pack import Fact, Pack
from policies_kb.rules.facts import RELATION, SELF, SIZE, default_value, read_value
from policies_kb.rules.world import MEMBER_COUNT
from policies_kb.screening import numbers
from policies_kb.screening.columns import Cells, Chunk, Column, Ints, cell_of, is_symbol, options_of, unit_of
from policies_kb.screening.logic import BeyondColumns, Sym, Truth, statement
from policies_kb.screening.numbers import Bools, Num

Value = Num | Sym | Truth
Scalar = TypeVar("Scalar", bound=np.generic)


class Rows(numbers.Doubts, Protocol):
    """What the leaves need of the evaluator."""

    pack: Pack
    chunk: Chunk

    def truth(self, text: str, *, member: bool) -> Truth:
        """A condition over households, or over members."""

    def household(self, name: str) -> Value:
        """A name's value over households."""

    def repeat(self, rows: NDArray[Scalar]) -> NDArray[Scalar]:
        """Household rows once for each member."""

    def any_of(self, rows: Bools) -> Bools:
        """Households with any of these member rows."""

    def member_value(self, name: str) -> Value:
        """A name's value over members."""

    def total(self, each: Num) -> Num:
        """The members' sum."""


class _Filling:
    """A fact's column while what was not told is being filled in."""

    def __init__(self, column: Column | None, rows: int) -> None:
        none = np.zeros(rows, np.bool_)
        self.values: Cells = np.zeros(rows) if column is None else column.values
        self.known: Bools = none if column is None else column.told
        self.left_out: Bools = ~none if column is None else ~(column.told | column.null)
        self.told: Bools = none if column is None else column.told | column.null

    def fill(self, rows: Bools, values: Cells | float) -> None:
        """Take `values` in these rows where nothing is known yet."""
        taken = rows & ~self.known
        if taken.any():
            self.values = np.where(taken, values, self.values)
            self.known = self.known | taken


class Leaves:
    """The facts of one chunk as values."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._screens: dict[str, list[str]] = {}
        for screen, fact in rows.pack.facts.items():
            for name in fact.screens:
                self._screens.setdefault(name, []).append(screen)

    @cached_property
    def listed(self) -> Num:
        """How many members are listed."""
        counts = self._rows.chunk.counts.astype(np.float64)
        return Num(counts, counts, Fraction(1), float(counts.max(initial=1)))

    def told(self, name: str) -> Value:
        """What was said of the household itself, before anything is worked out from other facts."""
        if name == MEMBER_COUNT:
            return self.listed
        fact = self._rows.pack.facts[name]
        found = self._told(name, fact, member=False)
        if name == SIZE:
            at = list(self._rows.chunk.told_size)
            values, known = np.zeros(len(found.values)), np.zeros(len(found.values), np.bool_)
            values[at], known[at] = list(self._rows.chunk.told_size.values()), True
            found.fill(known, values)
        return self._value(name, fact, found, member=False)

    def household(self, name: str, fact: Fact) -> Value:
        """A fact of the household."""
        found = self._told(name, fact, member=False)
        if fact.scope == "either":
            self._of_members(name, fact, found)
        self._default(name, fact, found, member=False)
        return self._value(name, fact, found, member=False)

    def member(self, name: str, fact: Fact) -> Value:
        """A fact of each member."""
        found = self._told(name, fact, member=True)
        if fact.scope == "either" and name in self._rows.chunk.household:
            own = self._rows.chunk.household[name]
            self._doubt_odd(own, member=False)
            at = self._applicants
            values, known = np.zeros(len(found.values)), np.zeros(len(found.values), np.bool_)
            values[at], known[at] = own.values, own.told
            found.fill(known, values)
            found.left_out[at] &= ~own.null
        if name == RELATION:
            asking = np.zeros(len(found.values), np.bool_)
            asking[self._applicants] = True
            found.fill(asking, float(options_of(fact).index(SELF)))
        self._default(name, fact, found, member=True)
        value = self._value(name, fact, found, member=True)
        return self._below_total(name, value) if isinstance(value, Num) and not value.sure else value

    def total(self, name: str, fact: Fact) -> Num:
        """A household's sum: the members' where all are told, else the household's as told, else what is known."""
        each = self._rows.member_value(fact.totals or "")
        if not isinstance(each, Num):
            raise TypeError("a figure is wanted")
        summed = self._rows.total(each)
        column = self._rows.chunk.household.get(name)
        if column is None or not column.told.any():
            return summed
        own = self._rows.chunk.members.get(fact.totals or "")
        firsts = self._rows.chunk.starts[:-1]
        each_told = (
            np.zeros(len(firsts), np.bool_) if own is None else np.logical_and.reduceat(own.told, firsts)
        )
        whole = self.household(name, fact)
        if not isinstance(whole, Num):
            raise TypeError("a figure is wanted")
        return numbers.spread_over(
            self._rows,
            ((summed.low == summed.high) & each_told) | ~column.told,
            None,
            summed,
            whole,
            {},
        )

    def _told(self, name: str, fact: Fact, *, member: bool) -> _Filling:
        chunk = self._rows.chunk
        column = (chunk.members if member else chunk.household).get(name)
        if column is not None:
            self._doubt_odd(column, member=member)
        if column is None and fact.type == "text":
            raise BeyondColumns(f"{name}: texts are not kept in columns")
        return _Filling(column, int(chunk.starts[-1]) if member else chunk.size)

    def _doubt_odd(self, column: Column, *, member: bool) -> None:
        if column.odd:
            rows = np.zeros(len(column.values), np.bool_)
            rows[list(column.odd)] = True
            self._rows.doubt(self._rows.any_of(rows) if member else rows)

    @property
    def _applicants(self) -> Ints:
        """Row of the member who asks in each household: the one told as `self`, else the first."""
        chunk = self._rows.chunk
        firsts = chunk.starts[:-1]
        relation = chunk.members.get(RELATION)
        if relation is None:
            return firsts
        own = relation.told & (relation.values == options_of(self._rows.pack.facts[RELATION]).index(SELF))
        last = int(chunk.starts[-1])
        found: Ints = np.minimum.reduceat(np.where(own, np.arange(last), last), firsts)
        return np.where(found == last, firsts, found)

    def _of_members(self, name: str, fact: Fact, found: _Filling) -> None:
        """What members tell of a fact asked of the household: any yes, the applicant's value, or the only one."""
        column = self._rows.chunk.members.get(name)
        if column is None:
            return
        self._doubt_odd(column, member=True)
        found.left_out &= ~self._rows.any_of(column.null)
        if fact.type == "bool":
            found.fill(self._rows.any_of(column.told & (column.values == 1)), 1.0)
            return
        at, firsts = self._applicants, self._rows.chunk.starts[:-1]
        found.fill(column.told[at], column.values[at])
        single = np.add.reduceat(column.told.astype(np.int64), firsts) == 1
        found.fill(single, np.add.reduceat(np.where(column.told, column.values, 0.0), firsts))

    def _default(self, name: str, fact: Fact, found: _Filling, *, member: bool) -> None:
        if fact.absent is not None and not found.known.all():
            if fact.absent_when is None:
                rows = found.left_out
            else:
                rows = self._rows.truth(fact.absent_when, member=member).yes
            found.fill(rows, self._cell(fact, default_value(fact)))
        for screen in self._screens.get(name, ()):
            if found.known.all():
                return
            asked = self._rows.household(screen)
            if not isinstance(asked, Truth):
                raise TypeError("a statement is wanted")
            value = read_value(name, fact, self._rows.pack.facts[screen].screens[name])
            found.fill(self._rows.repeat(asked.no) if member else asked.no, self._cell(fact, value))

    def _cell(self, fact: Fact, value: object) -> float:
        cell, odd = cell_of(fact, value)
        if odd is not None:
            raise BeyondColumns(f"{value} is no whole number of the column's unit")
        return cell

    def _value(self, name: str, fact: Fact, found: _Filling, *, member: bool) -> Value:
        open_ = ~found.known
        needs = self._needs(name, fact, open_, member=member) if open_.any() else {}
        if fact.type == "bool":
            yes = found.values == 1
            return statement(yes & found.known, ~yes & found.known, needs) if open_.any() else Truth(yes)
        if is_symbol(fact):
            options = options_of(fact)
            bits = np.left_shift(np.int64(1), found.values.astype(np.int64))
            return Sym(options, np.where(open_, np.int64((1 << len(options)) - 1), bits), needs)
        return self._figure(fact, found, open_, needs)

    def _needs(self, name: str, fact: Fact, open_: Bools, *, member: bool) -> dict[str, Bools]:
        # What makes sense only after another's answer is not missing before; see Assessment.open.
        if fact.only_if is not None:
            open_ = open_ & self._rows.truth(fact.only_if, member=member).yes
        return {name: open_} if open_.any() else {}

    def _figure(self, fact: Fact, found: _Filling, open_: Bools, needs: numbers.Needs) -> Num:
        scale = unit_of(fact)
        least, most = _limits(fact)
        if not open_.any():
            bound = float(np.abs(found.values).max(initial=1.0))
            return Num(found.values, found.values, scale, bound)
        low, high = _in_unit(least, scale), _in_unit(most, scale)
        ends = [abs(end) for end in (low, high) if end not in (inf, -inf)]
        bound = max([float(np.abs(np.where(open_, 0.0, found.values)).max(initial=1.0)), *ends])
        return Num(
            np.where(open_, low, found.values), np.where(open_, high, found.values), scale, bound,
            open=low == -inf or high == inf, needs=needs,
        )  # fmt: skip

    def _below_total(self, name: str, found: Num) -> Num:
        """A member's sum cannot exceed the household's, and is the household's in a household of one."""
        rows, chunk = self._rows, self._rows.chunk
        done = np.zeros(chunk.size, np.bool_)
        for total, fact in rows.pack.facts.items():
            column = chunk.household.get(total)
            if fact.totals != name or column is None:
                continue
            told = (column.told | column.null) & ~done
            done |= told
            whole = self.household(total, fact)
            if not isinstance(whole, Num):
                raise TypeError("a figure is wanted")
            pair = numbers.align(rows, found, Num(
                rows.repeat(whole.low), rows.repeat(whole.high), whole.scale, whole.bound, open=whole.open
            ))  # fmt: skip
            within = rows.repeat(told) & (pair.a_low != pair.a_high)
            alone = within & rows.repeat(chunk.counts == 1)
            low = np.where(alone, pair.b_low, pair.a_low)
            high = np.where(within, np.minimum(pair.a_high, pair.b_high), pair.a_high)
            needs = numbers.where_needed(found.needs, low != high)
            found = Num(
                low,
                high,
                pair.scale,
                max(pair.a_bound, pair.b_bound),
                open=found.open or whole.open,
                needs=needs,
            )
        return found


def _limits(fact: Fact) -> tuple[Fraction | float, Fraction | float]:
    """What is known of a figure nobody told; see rules.facts.unknown."""
    if fact.type == "date":
        return -inf, inf
    if fact.type == "choice":
        figures = [Fraction(choice.value) for choice in fact.choices if isinstance(choice.value, int)]
        return min(figures), max(figures)
    least = Fraction(fact.minimum) if fact.minimum is not None else -inf
    bounded = fact.maximum is not None and fact.type != "money"
    return least, Fraction(fact.maximum or 0) if bounded else inf


def _in_unit(bound: Fraction | float, unit: Fraction) -> float:
    if isinstance(bound, float):
        return bound
    cell = bound / unit
    if cell.denominator != 1:
        raise BeyondColumns(f"{bound} is no whole number of the column's unit")
    return float(cell)
