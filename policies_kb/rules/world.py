"""Evaluates expressions of a pack over a household's facts on a given day."""

from __future__ import annotations

import ast
from collections.abc import Callable, Set
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, inf

from policies_kb.pack import Fact, Pack
from policies_kb.rules.expression import ONE_NUMBER, name_of, parse, texts_of
from policies_kb.rules.facts import (
    MOST_MEMBERS,
    RELATION,
    SELF,
    SIZE,
    Facts,
    default_value,
    known,
    member_key,
    read_value,
    split_key,
    unknown,
)
from policies_kb.rules.links import links_of
from policies_kb.rules.values import (
    Bound,
    Number,
    Symbol,
    Truth,
    Value,
    add,
    among,
    both,
    divide,
    either,
    equal,
    hull,
    invert,
    less,
    multiply,
    narrowed,
    negate,
    number,
)

MEMBER_COUNT = "members"
TODAY = "today"
# told.NAME: what was said of the household itself (checks only); told.members: how many members are listed.
TOLD = "told."
ROUNDED: dict[str, Callable[[Fraction], int]] = {"floor": floor, "ceil": ceil}


class World:
    """One household on one day, under one pack. Values are worked out when first asked for."""

    def __init__(self, pack: Pack, facts: Facts, today: date, outcome: Callable[[str], Truth]) -> None:
        self._pack = pack
        self._facts = facts
        self._today = today
        self._outcome = outcome
        self._kept: dict[tuple[str, int | None], Value] = {}
        self._evaluated: dict[tuple[str, int | None], Value] = {}
        self._links = links_of(pack)

    def reuse(self, other: World, names: Set[str]) -> None:
        """Take over what another world worked out and an answer to facts of these names cannot change.

        Sound where this world knows all the other knew and, of `names`, more: what is known only becomes narrower.
        """
        for mine, theirs in ((self._kept, other._kept), (self._evaluated, other._evaluated)):
            mine.update((key, value) for key, value in theirs.items() if untouched(value.needs, names))

    @property
    def indices(self) -> range:
        """Members to look at, listed or only counted."""
        return range(self._facts.size if self._facts.size is not None else self.ghost)

    @property
    def ghost(self) -> int:
        """Index of a member who may or may not exist, while the number of members is not known."""
        return max(1, len(self._facts.members))

    @property
    def complete(self) -> bool:
        """Whether the number of members is known."""
        return self._facts.size is not None

    def evaluate(self, text: str, member: int | None = None) -> Value:
        """The value of an expression, within a member's facts when `member` is given."""
        key = (text, member)
        if key not in self._evaluated:
            self._evaluated[key] = self._node(parse(text), member)
        return self._evaluated[key]

    def truth(self, text: str, member: int | None = None) -> Truth:
        """The value of a condition."""
        return _truth(self.evaluate(text, member))

    def number(self, text: str, member: int | None = None) -> Number:
        """The value of a figure."""
        return _number(self.evaluate(text, member))

    def resolve(self, name: str, member: int | None = None) -> Value:
        """The value of a fact, parameter or quantity."""
        key = (name, member)
        if key not in self._kept:
            self._kept[key] = self._resolve(name, member)
        return self._kept[key]

    def _resolve(self, name: str, member: int | None) -> Value:
        if name == MEMBER_COUNT:
            return self._size()
        if name == TODAY:
            return number(self._today.toordinal())
        if name.startswith(TOLD):
            return self._told(name.removeprefix(TOLD))
        if name in self._pack.quantities:
            return self.evaluate(self._pack.quantities[name].value, member)
        if name in self._pack.parameters:
            return self._parameter(name)
        fact = self._pack.facts[name]
        if fact.scope == "household" or member is None:
            return self._total(name, fact) if fact.totals else self._household_fact(name, fact)
        return self._member_fact(name, fact, member)

    def _told(self, name: str) -> Value:
        if name == MEMBER_COUNT:
            return number(len(self._facts.members))
        fact = self._pack.facts[name]
        if name in self._facts.ranges:
            low, high = self._facts.ranges[name]
            return narrowed(low, high, frozenset({name}))
        told = self._facts.household.get(name)
        if name == SIZE and self._facts.told_size is not None:
            told = Fraction(self._facts.told_size)
        return known(fact, told) if told is not None else unknown(fact, name)

    def _size(self) -> Number:
        if self._facts.size is not None:
            return number(self._facts.size)
        least = Fraction(max(1, len(self._facts.members)))
        return narrowed(least, Fraction(MOST_MEMBERS), frozenset({SIZE}))

    def _parameter(self, name: str) -> Number:
        parameter = self._pack.parameters[name]
        dated = parameter.on(self._today)
        if dated is None:
            return Number(Fraction(0), inf)
        if not isinstance(dated.value, dict):
            return number(Fraction(dated.value))
        by = self.resolve(parameter.by or "")
        if not isinstance(by, Symbol):
            raise TypeError(f"parameter {name} depends on {parameter.by}, which is not a choice")
        values = [Fraction(value) for option, value in dated.value.items() if option in by.options]
        return narrowed(min(values), max(values), by.needs)

    def _household_fact(self, name: str, fact: Fact) -> Value:
        told = self._facts.household
        if name in self._facts.ranges:
            low, high = self._facts.ranges[name]
            return narrowed(low, high, frozenset({name}))
        if told.get(name) is not None:
            return known(fact, told[name])
        if fact.scope == "either" and (own := self._of_members(name, fact)) is not None:
            return own
        if (followed := self._followed(name, fact, None)) is not None:
            return followed
        # A member's "not known" is no answer left out.
        unsure = fact.scope == "either" and any(
            record.get(name, "") is None for record in self._facts.members
        )
        if self._stands_for_absent(fact, None, left_out=name not in told and not unsure):
            return known(fact, default_value(fact))
        return self._screened(name, fact) or unknown(fact, name)

    def _of_members(self, name: str, fact: Fact) -> Value | None:
        """What members tell of a fact asked of the household: any yes, the applicant's value, or the only one."""
        values = [record[name] for record in self._facts.members if record.get(name) is not None]
        if fact.type == "bool" and values:
            return known(fact, True) if True in values else None
        own = self._facts.members[self._applicant].get(name) if values else None
        if own is not None:
            return known(fact, own)
        return known(fact, values[0]) if len(values) == 1 else None

    @property
    def _applicant(self) -> int:
        """Index of the member who asks: the one told as `self`, else the first."""
        relations = [record.get(RELATION) for record in self._facts.members]
        return relations.index(SELF) if SELF in relations else 0

    def _stands_for_absent(self, fact: Fact, member: int | None, *, left_out: bool) -> bool:
        """Whether the catalogue's `absent` counts: inferred from another fact (`absent_when`), or left out."""
        if fact.absent is None:
            return False
        return left_out if fact.absent_when is None else self.truth(fact.absent_when, member).value is True

    def _screened(self, name: str, fact: Fact) -> Value | None:
        """The fact's value when a question that screens it was answered with no."""
        for screen in self._links.screens.get(name, ()):
            if self._no(screen):
                return known(fact, read_value(name, fact, self._pack.facts[screen].screens[name]))
        return None

    def _followed(self, name: str, fact: Fact, member: int | None) -> Value | None:
        """The fact's value where, in an interview, it follows from other answers."""
        if not self._facts.interview:
            return None
        whom = [member] if member is not None or fact.scope == "household" else [*self.indices]
        for follow in fact.follows:
            if (len(whom) == 1 or self.complete) and all(
                self.truth(follow.when, one).value is True for one in whom
            ):
                return known(fact, read_value(name, fact, follow.value))
        return self._singled_out(name, fact, member) if member is not None else None

    def _singled_out(self, name: str, fact: Fact, member: int) -> Value | None:
        """The value of the only member left whom a "yes, somebody in the household" can mean."""
        for screen in self._links.screens.get(name, ()):
            spared = self._pack.facts[screen].screens
            if self._facts.household.get(screen) is not True or len(spared) > 1 or not self.complete:
                continue
            usual = read_value(name, fact, spared[name])
            records = [*self._facts.members, *[{}] * (len(self.indices) - len(self._facts.members))]
            if all(record.get(name) == usual for at, record in enumerate(records) if at != member):
                return _anything_but(fact, usual, member_key(member, name))
        return None

    def _no(self, screen: str) -> bool:
        value = self.resolve(screen)
        return isinstance(value, Truth) and value.value is False

    def _member_fact(self, name: str, fact: Fact, index: int) -> Value:
        listed = index < len(self._facts.members)
        record = self._facts.members[index] if listed else {}
        if listed and (bounds := self._facts.ranges.get(member_key(index, name))) is not None:
            return narrowed(*bounds, frozenset({member_key(index, name)}))
        if record.get(name) is not None:
            return known(fact, record[name])
        own = fact.scope == "either" and index == self._applicant
        if own and self._facts.household.get(name) is not None:
            return known(fact, self._facts.household[name])
        if name == RELATION and index == self._applicant:
            return known(fact, SELF)
        if (followed := self._followed(name, fact, index)) is not None:
            return followed
        left_out = listed and name not in record and not (own and name in self._facts.household)
        if self._stands_for_absent(fact, index, left_out=left_out):
            return known(fact, default_value(fact))
        if (screened := self._screened(name, fact)) is not None:
            return screened
        key = member_key(index, name) if self.complete or listed else SIZE
        found = unknown(fact, key)
        return self._below_total(name, index, found) if isinstance(found, Number) else found

    def _below_total(self, name: str, index: int, found: Number) -> Number:
        """A member's sum cannot exceed the household's, and is the household's in a household of one."""
        total = self._links.total.get(name)
        if total is not None and (total in self._facts.household or total in self._facts.ranges):
            whole = self._household_fact(total, self._pack.facts[total])
            if isinstance(whole, Number):
                alone = self._facts.size == 1
                return narrowed(whole.low if alone else found.low, min(found.high, whole.high), found.needs)
        return found

    def _total(self, name: str, fact: Fact) -> Number:
        """The members' sums when all are told; otherwise the household's sum as told; otherwise what is known.

        What is only taken for granted of a member (a pupil earns nothing) does not stand against a sum that was told.
        """
        of = fact.totals or ""
        parts = [_number(self.resolve(of, index)) for index in self.indices]
        summed = number(0)
        for part in parts:
            summed = add(summed, part)
        told = self._facts.household.get(name) is not None or name in self._facts.ranges
        records = self._facts.members
        each_told = len(records) == len(self.indices) and all(one.get(of) is not None for one in records)
        if self.complete and summed.exact is not None and (each_told or not told):
            return summed
        if told:
            return _number(self._household_fact(name, fact))
        if not self.complete:
            return narrowed(summed.low, inf, summed.needs | {SIZE, name})
        return narrowed(summed.low, summed.high, summed.needs)

    def _node(self, node: ast.expr, member: int | None) -> Value:
        if (name := name_of(node)) is not None:
            return self.resolve(name, member)
        match node:
            case ast.Constant(value=bool() as flag):
                return Truth(flag)
            case ast.Constant(value=str() as text):
                return Symbol(frozenset({text}))
            case ast.Constant(value=int() | float() as figure):
                return number(Fraction(Decimal(str(figure))))
            case ast.BoolOp(op=op, values=values):
                parts = [_truth(self._node(value, member)) for value in values]
                return both(parts) if isinstance(op, ast.And) else either(parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return invert(_truth(self._node(operand, member)))
            case ast.UnaryOp(operand=operand):
                return negate(_number(self._node(operand, member)))
            case ast.BinOp(left=left, op=op, right=right):
                return _compute(op, _number(self._node(left, member)), _number(self._node(right, member)))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                chosen = _truth(self._node(test, member))
                if chosen.value is not None:
                    return self._node(body if chosen.value else orelse, member)
                return hull(self._node(body, member), self._node(orelse, member), chosen.needs)
            case ast.Compare():
                return self._compare(node, member)
            case ast.Call(func=ast.Name(id=function), args=args):
                return self._call(function, args, member)
        raise TypeError(f"unchecked expression: {ast.unparse(node)}")

    def _compare(self, node: ast.Compare, member: int | None) -> Truth:
        parts: list[Truth] = []
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            a = self._node(left, member)
            if isinstance(op, ast.In | ast.NotIn):
                found = among(_symbol(a), texts_of(right) or frozenset())
            else:
                b = self._node(right, member)
                found = _compared(op, a, b)
            parts.append(invert(found) if isinstance(op, ast.NotIn | ast.NotEq) else found)
            left = right
        return both(parts)

    def _call(self, function: str, args: list[ast.expr], member: int | None) -> Value:
        if function == "scheme":
            return self._outcome(next(iter(texts_of(args[0]) or {""})))
        if function in {"min", "max", *ONE_NUMBER}:
            return _pick(function, [_number(self._node(arg, member)) for arg in args])
        each = [self._node(args[0], index) for index in self.indices]
        if function == "sum_members":
            total = number(0)
            for part in each:
                total = add(total, _number(part))
            return total if self.complete else narrowed(total.low, inf, total.needs | {SIZE})
        truths = [_truth(part) for part in each]
        if not self.complete:
            truths.append(_truth(self._node(args[0], self.ghost)))
        if function == "any_member":
            return either(truths)
        if function == "all_members":
            return both(truths)
        sure = Fraction(sum(truth.value is True for truth in truths))
        open_ = [truth for truth in truths if truth.value is None]
        high = sure + len(open_) if self.complete else Fraction(MOST_MEMBERS)
        return narrowed(sure, high, frozenset().union(*(truth.needs for truth in open_)))


def _anything_but(fact: Fact, usual: object, key: str) -> Value | None:
    """A value of which only this is known: it is not the usual one."""
    if fact.type == "bool":
        return Truth(usual is not True)
    rest = [choice.value for choice in fact.choices if choice.value != usual]
    figures = [Fraction(value) for value in rest if isinstance(value, int)]
    if fact.type != "choice" or len(figures) != len(rest):
        return None
    return narrowed(min(figures), max(figures), frozenset({key}))


def untouched(needs: Set[str], names: Set[str]) -> bool:
    """Whether none of the needed facts is one of these names."""
    return not needs or all(split_key(need)[1] not in names for need in needs)


def _compute(op: ast.operator, a: Number, b: Number) -> Number:
    if isinstance(op, ast.Add):
        return add(a, b)
    if isinstance(op, ast.Sub):
        return add(a, negate(b))
    return multiply(a, b) if isinstance(op, ast.Mult) else divide(a, b)


def _compared(op: ast.cmpop, a: Value, b: Value) -> Truth:
    if isinstance(op, ast.Eq | ast.NotEq):
        return equal(a, b)
    if isinstance(op, ast.Lt | ast.LtE):
        return less(_number(a), _number(b), or_equal=isinstance(op, ast.LtE))
    return less(_number(b), _number(a), or_equal=isinstance(op, ast.GtE))


def _pick(function: str, parts: list[Number]) -> Number:
    needs = frozenset().union(*(part.needs for part in parts))
    if function in ROUNDED:
        rounded = ROUNDED[function]
        return narrowed(_whole(parts[0].low, rounded), _whole(parts[0].high, rounded), needs)
    if function == "abs":
        low, high = parts[0].low, parts[0].high
        ends: list[Bound] = [low if low >= 0 else -low, high if high >= 0 else -high]
        least = Fraction(0) if low <= 0 <= high else _least(ends)
        return narrowed(least, -_least([-end for end in ends]), needs)
    lows, highs = [part.low for part in parts], [part.high for part in parts]
    if function == "min":
        return narrowed(_least(lows), _least(highs), needs)
    return narrowed(-_least([-low for low in lows]), -_least([-high for high in highs]), needs)


def _whole(bound: Bound, rounded: Callable[[Fraction], int]) -> Bound:
    return bound if bound in (inf, -inf) else Fraction(rounded(Fraction(bound)))


def _least(bounds: list[Bound]) -> Bound:
    least = bounds[0]
    for bound in bounds[1:]:
        least = bound if bound < least else least
    return least


def _truth(value: Value) -> Truth:
    if isinstance(value, Truth):
        return value
    raise TypeError("a statement is wanted")


def _number(value: Value) -> Number:
    if isinstance(value, Number):
        return value
    raise TypeError("a figure is wanted")


def _symbol(value: Value) -> Symbol:
    if isinstance(value, Symbol):
        return value
    raise TypeError("a choice is wanted")
