"""What a pack's schemes say of every household of a chunk: outcomes, sums, and the facts that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import inf

import numpy as np
from numpy.typing import NDArray

from policies_kb.pack import AmountRule, Pack, Scheme
from policies_kb.screening import logic, numbers
from policies_kb.screening.columns import Chunk
from policies_kb.screening.logic import Truth
from policies_kb.screening.numbers import Bools, Needs, Num, constant
from policies_kb.screening.sheet import Sheet

Fen = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A sum a household, in fen; `known` where it is exact and the rules give one."""

    fen: Fen
    known: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """One scheme over a chunk. `missing`: fact → households it is missing in. For a scheme a person, `persons` holds
    the members it may be for: yes in `likely`, open in `unknown`."""

    likely: Bools
    unknown: Bools
    amount_month: Sum | None
    amount_once: Sum | None
    missing: Needs
    persons: Truth | None


class Screen:
    """One chunk under one pack on one day."""

    def __init__(self, pack: Pack, chunk: Chunk, today: date) -> None:
        self._pack = pack
        self._today = today
        self._chunk = chunk
        self._outcomes: dict[str, tuple[Truth, Truth | None]] = {}
        self.sheet = Sheet(pack, chunk, today, lambda scheme: self._outcome(scheme)[0])

    def verdicts(self, scheme_id: str) -> Verdicts:
        """Outcomes and sums of one scheme.

        Raises:
            BeyondColumns: its rules hold something the columns cannot do.
        """
        scheme = self._pack.schemes[scheme_id]
        outcome, persons = self._outcome(scheme_id)
        rows = self._chunk.size
        likely = np.broadcast_to(outcome.yes, rows)
        unknown = np.zeros(rows, np.bool_) if outcome.open is None else np.broadcast_to(outcome.open, rows)
        month, month_needs = self._amount(scheme.amount_month, likely, persons)
        once, once_needs = self._amount(scheme.amount_once, likely, persons)
        missing = numbers.union(outcome.needs, month_needs, once_needs)
        return Verdicts(likely, unknown, month, once, missing, persons)

    def _outcome(self, scheme_id: str) -> tuple[Truth, Truth | None]:
        if scheme_id not in self._outcomes:
            self._outcomes[scheme_id] = self._judge(self._pack.schemes[scheme_id])
        return self._outcomes[scheme_id]

    def _judge(self, scheme: Scheme) -> tuple[Truth, Truth | None]:
        begins, ends = scheme.effective_from, scheme.effective_to
        member = scheme.per == "member"
        if (begins is not None and self._today < begins) or (ends is not None and self._today > ends):
            never = Truth(np.zeros(self._chunk.size, np.bool_))
            return never, Truth(np.zeros(int(self._chunk.starts[-1]), np.bool_)) if member else None
        parts = [self.sheet.truth(condition.when, member=member) for condition in scheme.conditions]
        found = logic.both(parts or [Truth(np.array(True))])
        return (self.sheet.any_member(found), found) if member else (found, None)

    def _amount(
        self, rule: AmountRule | None, likely: Bools, persons: Truth | None
    ) -> tuple[Sum | None, Needs]:
        if rule is None:
            return None, {}
        member = persons is not None
        value = self.sheet.number(rule.sum, member=member)
        refused = self.sheet.truth(rule.when, member=member).no if rule.when else np.array(False)
        if persons is None:
            given = likely & ~refused
        else:
            given = likely & ~self.sheet.any_of(refused & persons.yes)
            value = self.sheet.total(self._of_persons(value, refused, persons))
        needs = numbers.where_needed(value.needs, given)
        fen, exact = numbers.fen(self.sheet, value)
        rows = self._chunk.size
        return Sum(np.broadcast_to(fen, rows), np.broadcast_to(exact, rows) & given), needs

    def _of_persons(self, value: Num, refused: Bools, persons: Truth) -> Num:
        """What each adds: members it is not for nothing, those still open perhaps something.

        `refused`: members whose sum no clause gives; while they are open, the household's is open above.
        """
        if persons.open is not None and (refused & persons.open).any():
            boundless = numbers.bounds(Fraction(0), inf)
            value = numbers.spread_over(self.sheet, ~(refused & persons.open), None, value, boundless, {})
        drop = None if persons.open is None else persons.no
        return numbers.spread_over(self.sheet, persons.yes, drop, value, constant(0), persons.needs)
