"""A chunk of a register in columns: facts of many households, and the way there and back to single households."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from policies_kb.pack import Fact
from policies_kb.rules.facts import Facts
from policies_kb.screening.logic import MOST_OPTIONS, BeyondColumns
from policies_kb.screening.numbers import EXACT, Bools

Ints = NDArray[np.int64]
Cells = NDArray[np.float64]
_HUNDREDTH = Fraction(1, 100)


def unit_of(fact: Fact) -> Fraction:
    """The unit a fact's column counts in: fen for sums, hundredths for other decimals, else ones."""
    return _HUNDREDTH if fact.type in {"money", "number"} else Fraction(1)


def is_symbol(fact: Fact) -> bool:
    """Whether the rules see the fact as a choice among texts."""
    return fact.type == "text" or (
        fact.type == "choice" and not all(isinstance(choice.value, int) for choice in fact.choices)
    )


def options_of(fact: Fact) -> tuple[str, ...]:
    """The texts a choice fact may be."""
    options = tuple(str(choice.value) for choice in fact.choices)
    if len(options) > MOST_OPTIONS:
        raise BeyondColumns(f"a fact with more than {MOST_OPTIONS} choices")
    return options


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One fact, a row a household or a member.

    `told`: rows with a value; `null`: rows said to be not known (neither: left out). `values`: whole numbers of the
    fact's unit, 1/0 for yes/no, the option's number for a
    choice, the day's number for a date; anything where not told. `odd`: rows whose value is
    no whole number of the unit, exactly.
    """

    values: Cells
    told: Bools
    null: Bools
    odd: Mapping[int, Fraction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Households with their members in order: household h has the members starts[h] .. starts[h + 1] - 1.

    `told_size`: how many people there were said to be, where somebody said so.
    """

    starts: Ints
    household: Mapping[str, Column]
    members: Mapping[str, Column]
    told_size: Mapping[int, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Households."""
        return len(self.starts) - 1

    @property
    def counts(self) -> Ints:
        """Members of each household."""
        return np.diff(self.starts)


class Singles:
    """Reads single households out of a chunk, as the single path has them."""

    def __init__(self, catalogue: Mapping[str, Fact], chunk: Chunk) -> None:
        self._chunk = chunk
        self._household = [
            (name, column, _value_of(catalogue[name])) for name, column in chunk.household.items()
        ]
        self._members = [(name, column, _value_of(catalogue[name])) for name, column in chunk.members.items()]

    def facts(self, at: int) -> Facts:
        """The facts of one household."""
        first, last = int(self._chunk.starts[at]), int(self._chunk.starts[at + 1])
        members = tuple(_record(self._members, row) for row in range(first, last))
        told = self._chunk.told_size.get(at)
        return Facts(_record(self._household, at), members, max(told or 0, last - first), {}, (), told)


Reading = tuple[str, Column, Callable[[int], object]]


def _record(columns: Sequence[Reading], row: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, column, value_of in columns:
        if column.told[row]:
            found[name] = column.odd[row] if row in column.odd else value_of(int(column.values[row]))
        elif column.null[row]:
            found[name] = None
    return found


def _value_of(fact: Fact) -> Callable[[int], object]:
    """What a cell of the fact's column stands for."""
    if fact.type == "bool":
        return bool
    if fact.type == "date":
        return lambda cell: date.fromordinal(cell).isoformat()
    if is_symbol(fact):
        return options_of(fact).__getitem__
    unit = unit_of(fact)
    return lambda cell: cell * unit


def cell_of(fact: Fact, value: object) -> tuple[float, Fraction | None]:
    """(cell, exact value where the cell cannot hold it) of a value as the rules keep it."""
    if isinstance(value, bool):
        return float(value), None
    if isinstance(value, Fraction):
        cell = value / unit_of(fact)
        whole = cell.denominator == 1 and abs(cell) < EXACT
        return (float(cell), None) if whole else (0.0, value)
    if fact.type == "date":
        return float(date.fromisoformat(str(value)).toordinal()), None
    return float(options_of(fact).index(str(value))), None


def chunk_of(catalogue: Mapping[str, Fact], households: Sequence[Facts]) -> Chunk:
    """Columns of checked facts; every household has at least one member listed, and no ranges."""
    starts = np.concatenate([[0], np.cumsum([len(facts.members) for facts in households])]).astype(np.int64)
    members = [member for facts in households for member in facts.members]
    told_size = {at: facts.told_size for at, facts in enumerate(households) if facts.told_size is not None}
    top = _columns(catalogue, [facts.household for facts in households])
    return Chunk(starts, top, _columns(catalogue, members), told_size)


def _columns(catalogue: Mapping[str, Fact], records: Sequence[Mapping[str, object]]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for name in dict.fromkeys(name for record in records for name in record):
        if catalogue[name].type == "text":
            continue
        values = np.zeros(len(records))
        told, null = np.zeros(len(records), np.bool_), np.zeros(len(records), np.bool_)
        odd: dict[int, Fraction] = {}
        for row, record in enumerate(records):
            value = record.get(name)
            told[row], null[row] = value is not None, name in record and value is None
            if value is not None:
                values[row], exact = cell_of(catalogue[name], value)
                if exact is not None:
                    odd[row] = exact
        found[name] = Column(values, told, null, odd)
    return found
