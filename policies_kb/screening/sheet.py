"""Evaluates expressions of a pack over the columns of a chunk: the vectorised counterpart of rules.world.World."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import inf
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from policies_kb.pack import Pack
from policies_kb.rules.expression import OVER_MEMBERS, name_of, parse, texts_of
from policies_kb.rules.world import MEMBER_COUNT, TODAY, TOLD
from policies_kb.screening import logic, numbers
from policies_kb.screening.columns import Chunk
from policies_kb.screening.leaves import Leaves
from policies_kb.screening.logic import BeyondColumns, Sym, Truth
from policies_kb.screening.numbers import Bools, Floats, Num, constant

Value = Num | Sym | Truth
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A value with what its rows are: households, or members where `member`."""

    value: Value
    member: bool


class Sheet:
    """One chunk on one day, under one pack. Every subexpression is worked out once.

    `doubtful`: households whose arithmetic is not proved exact so far.
    """

    def __init__(self, pack: Pack, chunk: Chunk, today: date, outcome: Callable[[str], Truth]) -> None:
        self.pack = pack
        self.chunk = chunk
        self.today = today
        self.doubtful: Bools = np.zeros(chunk.size, np.bool_)
        for at, told in chunk.told_size.items():
            # Members who are not listed: only the single path knows of them.
            self.doubtful[at] = told > chunk.starts[at + 1] - chunk.starts[at]
        self._outcome = outcome
        self._kept: dict[tuple[str, bool], Cell] = {}
        self._repeated: dict[int, tuple[NDArray[Any], NDArray[Any]]] = {}
        self._leaves = Leaves(self)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Members of each household."""
        return self.chunk.counts

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """First member row of each household."""
        return self.chunk.starts[:-1]

    def doubt(self, rows: Bools) -> None:
        """Give the households of these rows to the single path."""
        if rows.ndim == 0:
            self.doubtful |= bool(rows)
        elif len(rows) == self.chunk.size:
            self.doubtful |= rows
        else:
            self.doubtful |= np.logical_or.reduceat(rows, self.firsts)

    def truth(self, text: str, *, member: bool) -> Truth:
        """A condition over households, or over members."""
        return _truth(self._at(self.evaluate(text, member=member), member=member))

    def number(self, text: str, *, member: bool) -> Num:
        """A figure over households, or over members."""
        return _number(self._at(self.evaluate(text, member=member), member=member))

    def evaluate(self, text: str, *, member: bool) -> Cell:
        """An expression's value, at the level it really depends on."""
        return self._node(parse(text), member)

    def resolve(self, name: str, *, member: bool) -> Cell:
        """The value of a fact, parameter or quantity."""
        key = (name, member)
        if key not in self._kept:
            self._kept[key] = self._resolve(name, member)
        return self._kept[key]

    def household(self, name: str) -> Value:
        """A name's value over households."""
        return self.resolve(name, member=False).value

    def member_value(self, name: str) -> Value:
        """A name's value over members."""
        return self._at(self.resolve(name, member=True), member=True)

    def any_of(self, rows: Bools) -> Bools:
        """Households with any of these member rows."""
        found: Bools = np.logical_or.reduceat(self._full(rows), self.firsts)
        return found

    def any_member(self, each: Truth) -> Truth:
        """Households where it holds of any member."""
        found = self._over("any_member", each)
        return _truth(found)

    def _full(self, rows: Bools) -> Bools:
        return np.broadcast_to(rows, int(self.chunk.starts[-1])) if rows.ndim == 0 else rows

    def _resolve(self, name: str, member: bool) -> Cell:
        if name == MEMBER_COUNT:
            return Cell(self._leaves.listed, False)
        if name == TODAY:
            return Cell(constant(self.today.toordinal()), False)
        if name.startswith(TOLD):
            return Cell(self._leaves.told(name.removeprefix(TOLD)), False)
        if name in self.pack.quantities:
            return self.evaluate(self.pack.quantities[name].value, member=member)
        if name in self.pack.parameters:
            return Cell(self._parameter(name), False)
        fact = self.pack.facts[name]
        if fact.scope == "household" or not member:
            return Cell(
                self._leaves.total(name, fact) if fact.totals else self._leaves.household(name, fact), False
            )
        return Cell(self._leaves.member(name, fact), True)

    def _parameter(self, name: str) -> Num:
        parameter = self.pack.parameters[name]
        dated = parameter.on(self.today)
        if dated is None:
            return numbers.bounds(Fraction(0), inf)
        if not isinstance(dated.value, dict):
            return constant(Fraction(dated.value))
        by = _symbol(self.household(parameter.by or ""))
        values = {option: Fraction(value) for option, value in dated.value.items()}
        if len(set(values.values())) == 1 and set(values) == set(by.options):
            return constant(next(iter(values.values())))
        scale = _unit(list(values.values()))
        low, high = np.full(by.bits.shape, inf), np.full(by.bits.shape, -inf)
        for at, option in enumerate(by.options):
            if option in values:
                allowed = (by.bits >> at) & 1 == 1
                figure = float(values[option] / scale)
                low = np.where(allowed, np.minimum(low, figure), low)
                high = np.where(allowed, np.maximum(high, figure), high)
        sure = bool((low == high).all())
        bound = max(abs(float(value / scale)) for value in values.values())
        needs = {} if sure else numbers.where_needed(by.needs, low != high)
        return Num(low, low if sure else high, scale, bound, needs=needs)

    def _node(self, node: ast.expr, member: bool) -> Cell:
        if (name := name_of(node)) is not None:
            return self.resolve(name, member=member)
        key = (ast.dump(node), member)
        if key not in self._kept:
            self._kept[key] = self._computed(node, member)
        return self._kept[key]

    def _computed(self, node: ast.expr, member: bool) -> Cell:
        match node:
            case ast.Constant(value=bool() as flag):
                return Cell(Truth(np.array(flag)), False)
            case ast.Constant(value=str() as text):
                return Cell(Sym((text,), np.array(1, np.int64)), False)
            case ast.Constant(value=int() | float() as figure):
                return Cell(constant(Fraction(Decimal(str(figure)))), False)
            case ast.Compare():
                return self._compare(node, member)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._choose(
                    *self._level(*(self._node(part, member) for part in (test, body, orelse)))
                )
            case ast.Call(func=ast.Name(id=function), args=args):
                return self._call(function, args, member)
            case ast.BoolOp(op=op, values=parts):
                values, over = self._level(*(self._node(part, member) for part in parts))
                truths = [_truth(value) for value in values]
                return Cell(logic.both(truths) if isinstance(op, ast.And) else logic.either(truths), over)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                cell = self._node(operand, member)
                return Cell(logic.invert(_truth(cell.value)), cell.member)
            case ast.UnaryOp(operand=operand):
                cell = self._node(operand, member)
                return Cell(numbers.negate(_number(cell.value)), cell.member)
            case ast.BinOp(left=left, op=op, right=right):
                values, over = self._level(self._node(left, member), self._node(right, member))
                return Cell(self._arithmetic(op, _number(values[0]), _number(values[1])), over)
        raise BeyondColumns(f"not known over columns: {ast.unparse(node)}")

    def _arithmetic(self, op: ast.operator, a: Num, b: Num) -> Num:
        if isinstance(op, ast.Add):
            return numbers.add(self, a, b)
        if isinstance(op, ast.Sub):
            return numbers.add(self, a, numbers.negate(b))
        return numbers.multiply(self, a, b) if isinstance(op, ast.Mult) else numbers.divide(self, a, b)

    def _compare(self, node: ast.Compare, member: bool) -> Cell:
        parts: list[Cell] = []
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            a = self._node(left, member)
            if isinstance(op, ast.In | ast.NotIn):
                found, over = logic.among(_symbol(a.value), texts_of(right) or frozenset()), a.member
            else:
                (x, y), over = self._level(a, self._node(right, member))
                found = self._compared(op, x, y)
            parts.append(Cell(logic.invert(found) if isinstance(op, ast.NotIn | ast.NotEq) else found, over))
            left = right
        values, over = self._level(*parts)
        return Cell(logic.both([_truth(value) for value in values]), over)

    def _compared(self, op: ast.cmpop, a: Value, b: Value) -> Truth:
        if isinstance(op, ast.Eq | ast.NotEq):
            if isinstance(a, Num) and isinstance(b, Num):
                return logic.equal_numbers(self, a, b)
            if isinstance(a, Sym) and isinstance(b, Sym):
                return logic.equal_choices(a, b)
            return logic.equal_truths(_truth(a), _truth(b))
        if isinstance(op, ast.Lt | ast.LtE):
            return logic.less(self, _number(a), _number(b), or_equal=isinstance(op, ast.LtE))
        return logic.less(self, _number(b), _number(a), or_equal=isinstance(op, ast.GtE))

    def _choose(self, parts: list[Value], over: bool) -> Cell:
        test, body, orelse = _truth(parts[0]), parts[1], parts[2]
        drop = None if test.open is None else test.no
        if isinstance(body, Num):
            return Cell(numbers.spread_over(self, test.yes, drop, body, _number(orelse), test.needs), over)
        if isinstance(body, Sym):
            return Cell(logic.choose_choice(test.yes, drop, body, _symbol(orelse), test.needs), over)
        return Cell(logic.choose_truth(test.yes, drop, body, _truth(orelse), test.needs), over)

    def _call(self, function: str, args: list[ast.expr], member: bool) -> Cell:
        if function == "scheme":
            return Cell(self._outcome(next(iter(texts_of(args[0]) or {""}))), False)
        if function in OVER_MEMBERS:
            return Cell(self._over(function, self._at(self._node(args[0], True), member=True)), False)
        values, over = self._level(*(self._node(arg, member) for arg in args))
        figures = [_number(value) for value in values]
        if function in {"min", "max"}:
            return Cell(numbers.extreme(self, function, figures), over)
        if function == "abs":
            return Cell(numbers.absolute(figures[0]), over)
        if function in {"floor", "ceil"}:
            return Cell(numbers.rounded(self, function, figures[0]), over)
        raise BeyondColumns(f"not known over columns: {function}")

    def _over(self, function: str, value: Value) -> Value:
        """A member's value brought together over each household."""
        if function == "sum_members":
            return self.total(_number(value))
        each = _truth(value)
        needs = {name: self.any_of(rows) for name, rows in each.needs.items()}
        yes = self._full(each.yes)
        if function == "count_members":
            low = np.add.reduceat(yes.astype(np.float64), self.firsts)
            high = low
            if each.open is not None:
                high = low + np.add.reduceat(self._full(each.open).astype(np.float64), self.firsts)
            return Num(low, high, Fraction(1), float(self.counts.max(initial=1)), needs=needs)
        any_ = function == "any_member"
        if each.open is None:
            return Truth(
                np.logical_or.reduceat(yes, self.firsts)
                if any_
                else np.logical_and.reduceat(yes, self.firsts)
            )
        no = self._full(each.no)
        if any_:
            return logic.statement(
                np.logical_or.reduceat(yes, self.firsts), np.logical_and.reduceat(no, self.firsts), needs
            )
        return logic.statement(
            np.logical_and.reduceat(yes, self.firsts), np.logical_or.reduceat(no, self.firsts), needs
        )

    def total(self, each: Num) -> Num:
        """The members' sum."""
        rows, most = int(self.chunk.starts[-1]), float(self.counts.max(initial=1))
        den = each.den
        if den is not None:
            # One denominator a household only where it came down from the household.
            whole = np.broadcast_to(den, rows)
            first = whole[self.firsts]
            differ = np.logical_or.reduceat(whole != np.repeat(first, self.counts), self.firsts)
            if differ.any():
                self.doubt(differ)
            den = first
        low = np.add.reduceat(np.broadcast_to(each.low, rows), self.firsts)
        high = low if each.sure else np.add.reduceat(np.broadcast_to(each.high, rows), self.firsts)
        needs = {name: self.any_of(mask) for name, mask in each.needs.items()}
        bound = each.bound * most
        if bound >= numbers.EXACT:
            self.doubt(
                ((np.abs(low) >= numbers.EXACT) & np.isfinite(low))
                | (np.isfinite(high) & (np.abs(high) >= numbers.EXACT))
            )
        return numbers.narrowed(
            self, low, high, each.scale, bound, den, each.den_bound, needs, open_=each.open
        )

    def _level(self, *cells: Cell) -> tuple[list[Value], bool]:
        over = any(cell.member for cell in cells)
        return [self._at(cell, member=over) for cell in cells], over

    def _at(self, cell: Cell, *, member: bool) -> Value:
        """A value with a row for each member where `member` is wanted."""
        if cell.member or not member:
            return cell.value
        value = cell.value
        needs = {name: self.repeat(rows) for name, rows in value.needs.items()}
        if isinstance(value, Truth):
            return Truth(
                self.repeat(value.yes), None if value.open is None else self.repeat(value.open), needs
            )
        if isinstance(value, Sym):
            return Sym(value.options, self.repeat(value.bits), needs)
        low = self.repeat(value.low)
        high = low if value.sure else self.repeat(value.high)
        den: Floats | None = None if value.den is None else self.repeat(value.den)
        return Num(low, high, value.scale, value.bound, den, value.den_bound, value.open, needs, value.const)

    def repeat(self, rows: NDArray[Scalar]) -> NDArray[Scalar]:
        """Household rows once for each member. Kept by identity, so that one denominator stays one array."""
        if rows.ndim == 0:
            return rows
        kept = self._repeated.get(id(rows))
        if kept is None:
            # The original is kept too: its id must not be given to another array.
            kept = self._repeated[id(rows)] = (rows, np.repeat(rows, self.counts))
        return kept[1]


def _unit(values: list[Fraction]) -> Fraction:
    unit = Fraction(0)
    for value in values:
        unit = numbers.common(unit, abs(value))
    return unit or Fraction(1)


def _truth(value: Value) -> Truth:
    if isinstance(value, Truth):
        return value
    raise TypeError("a statement is wanted")


def _number(value: Value) -> Num:
    if isinstance(value, Num):
        return value
    raise TypeError("a figure is wanted")


def _symbol(value: Value) -> Sym:
    if isinstance(value, Sym):
        return value
    raise TypeError("a choice is wanted")
