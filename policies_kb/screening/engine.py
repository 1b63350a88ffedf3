"""Screens a chunk: columns where they are proved exact, the single path for the rest, one result for both."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np

from policies_kb.pack import Pack
from policies_kb.rules.assess import Assessment, reported_names
from policies_kb.rules.values import Number
from policies_kb.screening.columns import Chunk, Ints, Singles
from policies_kb.screening.logic import BeyondColumns
from policies_kb.screening.numbers import Bools, Needs
from policies_kb.screening.verdicts import Fen, Screen, Sum, Verdicts

_GROUP = 60  # facts told apart in one whole number


@dataclass(slots=True, eq=False)
class Screened:
    """One scheme over a chunk. Sums are in fen and told only where `month_known`/`once_known`.

    `missing` numbers, for each household, the entry of `missing_sets`: contract names in the catalogue's order.
    `likely_persons`/`unknown_persons`: for a scheme a person, the members it is likely or open for.
    """

    likely: Bools
    unknown: Bools
    month: Fen
    month_known: Bools
    once: Fen
    once_known: Bools
    missing: Ints
    missing_sets: list[tuple[str, ...]]
    likely_persons: Bools | None
    unknown_persons: Bools | None


@dataclass(frozen=True, slots=True, eq=False)
class ScreenedChunk:
    """Every scheme of the pack over a chunk. `singly`: households the single path was asked about; `doubts`: check of
    the pack → households, or members, of whom it holds (see rules.doubts); of the ones asked singly it may not."""

    schemes: dict[str, Screened]
    singly: Bools
    doubts: dict[str, Bools]


def screen(pack: Pack, chunk: Chunk, today: date, only: Collection[str] = ()) -> ScreenedChunk:
    """What the schemes of the pack say of each household, identical to asking the single path about each.

    `only`: ids of the schemes wanted (none: all); what these refer to is worked out and not told.
    """
    sheet = Screen(pack, chunk, today)
    wanted = [scheme for scheme in pack.schemes if not only or scheme in only]
    try:
        found = {scheme: _columns(pack, chunk, sheet.verdicts(scheme)) for scheme in wanted}
        doubts = _doubts(pack, sheet)
        singly = sheet.sheet.doubtful
    except (BeyondColumns, RecursionError):
        found = {scheme: _blank(chunk, person=pack.schemes[scheme].per == "member") for scheme in wanted}
        singly, doubts = np.ones(chunk.size, np.bool_), {}
    singles = Singles(pack.facts, chunk)
    for row in np.flatnonzero(singly).tolist():
        _one(Assessment(pack, singles.facts(row), today), chunk, row, found)
    return ScreenedChunk(found, singly, doubts)


def _doubts(pack: Pack, screen: Screen) -> dict[str, Bools]:
    found: dict[str, Bools] = {}
    for name, check in pack.checks.items():
        yes = screen.sheet.truth(check.when, member=check.per == "member").yes
        if yes.any():
            found[name] = yes
    return found


def _columns(pack: Pack, chunk: Chunk, found: Verdicts) -> Screened:
    month, month_known = _sum(chunk, found.amount_month)
    once, once_known = _sum(chunk, found.amount_once)
    missing, sets = _missing(pack, chunk, found.missing)
    rows = int(chunk.starts[-1])
    likely = unknown = None
    if found.persons is not None:
        likely = np.array(np.broadcast_to(found.persons.yes, rows))
        unknown = np.zeros(rows, np.bool_)
        if found.persons.open is not None:
            unknown |= found.persons.open
    return Screened(
        np.array(found.likely), np.array(found.unknown), month, month_known, once, once_known, missing, sets,
        likely, unknown,
    )  # fmt: skip


def _sum(chunk: Chunk, found: Sum | None) -> tuple[Fen, Bools]:
    if found is None:
        return np.zeros(chunk.size, np.int64), np.zeros(chunk.size, np.bool_)
    return np.where(found.known, found.fen, 0), np.array(found.known)


def _missing(pack: Pack, chunk: Chunk, needs: Needs) -> tuple[Ints, list[tuple[str, ...]]]:
    """Each household's set of missing facts, the sets numbered."""
    names = sorted(needs, key=list(pack.facts).index)
    codes = np.zeros(chunk.size, np.int64)
    sets: list[tuple[str, ...]] = [()]
    for first in range(0, len(names), _GROUP):
        group = names[first : first + _GROUP]
        bits = np.zeros(chunk.size, np.int64)
        for at, name in enumerate(group):
            bits |= needs[name].astype(np.int64) << at
        found, inverse = np.unique(bits, return_inverse=True)
        pairs, codes = np.unique(codes * len(found) + inverse, return_inverse=True)
        sets = [
            (
                *sets[pair // len(found)],
                *(name for at, name in enumerate(group) if found[pair % len(found)] >> at & 1),
            )
            for pair in pairs.tolist()
        ]
    return codes, [reported_names(pack.facts, each) for each in sets]


def _blank(chunk: Chunk, *, person: bool) -> Screened:
    rows, members = chunk.size, int(chunk.starts[-1])

    def no(count: int) -> Bools:
        return np.zeros(count, np.bool_)

    def nought() -> Fen:
        return np.zeros(rows, np.int64)

    return Screened(
        no(rows), no(rows), nought(), no(rows), nought(), no(rows), nought(), [()],
        no(members) if person else None, no(members) if person else None,
    )  # fmt: skip


def _one(assessment: Assessment, chunk: Chunk, row: int, found: dict[str, Screened]) -> None:
    """Put the single path's answer about one household into the columns."""
    first = int(chunk.starts[row])
    for scheme, columns in found.items():
        verdict = assessment.verdict(scheme)
        columns.likely[row], columns.unknown[row] = (
            verdict.outcome.value is True,
            verdict.outcome.value is None,
        )
        columns.month[row], columns.month_known[row] = _fen(verdict.amount_month)
        columns.once[row], columns.once_known[row] = _fen(verdict.amount_once)
        missing = assessment.missing(verdict)
        if missing not in columns.missing_sets:
            columns.missing_sets.append(missing)
        columns.missing[row] = columns.missing_sets.index(missing)
        if columns.likely_persons is not None and columns.unknown_persons is not None:
            last = int(chunk.starts[row + 1])
            columns.likely_persons[first:last] = columns.unknown_persons[first:last] = False
            for case in verdict.cases:
                if case.member is not None:
                    columns.likely_persons[first + case.member] = case.outcome.value is True
                    columns.unknown_persons[first + case.member] = case.outcome.value is None


def _fen(value: Number | None) -> tuple[int, bool]:
    exact = None if value is None else value.exact
    if exact is None:
        return 0, False
    whole = (abs(exact) * 200 + 1) // 2  # half away from nought
    return (-whole if exact < 0 else whole), True
