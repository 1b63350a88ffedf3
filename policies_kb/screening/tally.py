"""Counts of a screening that can be added together: a part's, a town's, a whole county's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields


def _add_up(own: SchemeCount | Change | TownCount, other: SchemeCount | Change | TownCount) -> None:
    for each in fields(own):
        mine, its = getattr(own, each.name), getattr(other, each.name)
        setattr(own, each.name, (mine or its) if isinstance(mine, bool) else mine + its)


@dataclass(slots=True)
class SchemeCount:
    """One scheme. Sums are in fen; `*_known` count the likely households whose sum is exact.

    `found`: likely, and the register does not list it as received. `doubtful`: received by the register, and by the
    rules it does not fit any more; `told`: whether the register tells who receives it.
    """

    likely: int = 0
    unknown: int = 0
    persons: int = 0
    found: int = 0
    doubtful: int = 0
    month: int = 0
    month_known: int = 0
    once: int = 0
    once_known: int = 0
    told: bool = False

    def add(self, other: SchemeCount) -> None:
        """Take another part's counts in."""
        _add_up(self, other)


@dataclass(slots=True)
class Change:
    """One scheme under other figures: households that come in and go out, and what it costs a month in fen."""

    before: int = 0
    after: int = 0
    gained: int = 0
    lost: int = 0
    open: int = 0
    month_before: int = 0
    month_after: int = 0

    def add(self, other: Change) -> None:
        """Take another part's counts in."""
        _add_up(self, other)


@dataclass(slots=True)
class TownCount:
    """One town: its people, what was found, and how well its register is kept."""

    households: int = 0
    persons: int = 0
    likely: int = 0
    found: int = 0
    unknown: int = 0
    marked: int = 0

    def add(self, other: TownCount) -> None:
        """Take another part's counts in."""
        _add_up(self, other)


@dataclass(slots=True)
class Tally:
    """A part's counts. `missing`: fact → households it is missing in; `birthdays`: age → people who reach it soon.

    `any_*`: households with at least one scheme of support; `any_service`: with at least one service they may use.
    `received`: whether the register says who receives what. `singly`: households the single path was asked about.
    """

    households: int = 0
    persons: int = 0
    any_likely: int = 0
    any_found: int = 0
    any_unknown: int = 0
    any_service: int = 0
    marked: int = 0
    problems: int = 0
    doubts: int = 0
    singly: int = 0
    cards_expired: int = 0
    cards_soon: int = 0
    received: bool = False
    schemes: dict[str, SchemeCount] = field(default_factory=dict)
    towns: dict[str, TownCount] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    birthdays: Counter[int] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    changes: dict[str, Change] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take another part's counts in."""
        for each in fields(self):
            own, its = getattr(self, each.name), getattr(other, each.name)
            if isinstance(own, bool):
                setattr(self, each.name, own or its)
            elif isinstance(own, int):
                setattr(self, each.name, own + its)
            elif isinstance(own, Counter):
                own.update(its)
            else:
                for key, value in its.items():
                    own.setdefault(key, type(value)()).add(value)


def merged(parts: Iterable[Tally]) -> Tally:
    """The counts of all parts together."""
    whole = Tally()
    for part in parts:
        whole.add(part)
    return whole
