"""Counts what a part's screening says: per scheme and town, missing facts, who comes of age, which cards expire."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc

from policies_kb.pack import Pack
from policies_kb.rules.expression import names_in
from policies_kb.screening import people
from policies_kb.screening.columns import Ints
from policies_kb.screening.engine import Screened, ScreenedChunk
from policies_kb.screening.numbers import Bools
from policies_kb.screening.rows import Register
from policies_kb.screening.tally import Change, SchemeCount, Tally, TownCount
from policies_kb.screening.words import words

CARD = "disability_card_expires"


def count(pack: Pack, register: Register, screened: ScreenedChunk, today: date) -> Tally:
    """The counts of one part. What is something to use and no support counts by itself, so that a service most
    people may use does not hide who is in need."""
    chunk = register.chunk
    services = {scheme for scheme in screened.schemes if pack.schemes[scheme].service}
    usable = np.zeros(chunk.size, np.bool_)
    likely, unknown, found = (np.zeros(chunk.size, np.bool_) for _ in range(3))
    tally = Tally(
        households=chunk.size, persons=int(chunk.starts[-1]), received=bool(register.receiving),
        singly=int(screened.singly.sum()), marked=int(register.problems.marked.sum()),
    )  # fmt: skip
    for scheme, columns in screened.schemes.items():
        told = newly(register, scheme, columns)
        tally.schemes[scheme] = _scheme(columns, told)
        if scheme in services:
            usable |= columns.likely
            continue
        likely |= columns.likely
        unknown |= columns.unknown
        if told is not None:
            found |= told[0]
    tally.any_likely, tally.any_unknown, tally.any_found, tally.any_service = (
        int(rows.sum()) for rows in (likely, unknown, found, usable)
    )
    # Where nothing but services is wanted, what they miss is what is missing.
    counted = [each for scheme, each in screened.schemes.items() if scheme not in services]
    for fact, rows in _missing(chunk.size, counted or [*screened.schemes.values()]).items():
        tally.missing[fact] = int(rows.sum())
    problems = register.problems.table()
    tally.problems = problems.num_rows
    for pair in pc.value_counts(problems.column("field")).to_pylist():
        tally.fields[pair["values"]] = pair["counts"]
    _towns(tally, register, likely, unknown, found)
    expired, soon = card_rows(register, today)
    tally.cards_expired, tally.cards_soon = int(expired.sum()), int(soon.sum())
    for age, rows in birthday_rows(pack, register, today).items():
        tally.birthdays[age] = int(rows.sum())
    return tally


def newly(register: Register, scheme: str, columns: Screened) -> tuple[Bools, Bools] | None:
    """(likely and not received, received and no more likely) by the register; None where it does not tell."""
    received = register.receiving.get(scheme)
    if received is None:
        return None
    return columns.likely & ~received, received & ~columns.likely & ~columns.unknown


def changes(before: ScreenedChunk, after: ScreenedChunk) -> dict[str, Change]:
    """What other figures change, scheme by scheme."""
    found: dict[str, Change] = {}
    for scheme, old in before.schemes.items():
        new = after.schemes[scheme]
        found[scheme] = Change(
            before=int(old.likely.sum()), after=int(new.likely.sum()), gained=int((new.likely & ~old.likely).sum()),
            lost=int((old.likely & ~new.likely).sum()), open=int(new.unknown.sum()),
            month_before=int(old.month[old.month_known].sum()), month_after=int(new.month[new.month_known].sum()),
        )  # fmt: skip
    return found


def _scheme(columns: Screened, told: tuple[Bools, Bools] | None) -> SchemeCount:
    new, gone = (0, 0) if told is None else (int(rows.sum()) for rows in told)
    persons = 0 if columns.likely_persons is None else int(columns.likely_persons.sum())
    return SchemeCount(
        likely=int(columns.likely.sum()), unknown=int(columns.unknown.sum()), persons=persons,
        found=new, doubtful=gone, told=told is not None, month=int(columns.month[columns.month_known].sum()),
        month_known=int(columns.month_known.sum()), once=int(columns.once[columns.once_known].sum()),
        once_known=int(columns.once_known.sum()),
    )  # fmt: skip


def _missing(rows: int, schemes: list[Screened]) -> dict[str, Bools]:
    found: dict[str, Bools] = {}
    for columns in schemes:
        for fact in dict.fromkeys(fact for names in columns.missing_sets for fact in names):
            holds = np.array([fact in names for names in columns.missing_sets], np.bool_)
            own = found.setdefault(fact, np.zeros(rows, np.bool_))
            own |= holds[columns.missing]
    return found


def _towns(tally: Tally, register: Register, likely: Bools, unknown: Bools, found: Bools) -> None:
    encoded = pc.dictionary_encode(register.towns)
    codes: Ints = encoded.indices.to_numpy()
    names = encoded.dictionary.to_pylist()

    def per_town(rows: Bools) -> list[int]:
        counted: list[int] = np.bincount(codes[rows], minlength=len(names)).tolist()
        return counted

    each = [
        np.bincount(codes, minlength=len(names)).tolist(),
        np.bincount(codes, weights=register.chunk.counts, minlength=len(names)).astype(int).tolist(),
        *(per_town(rows) for rows in (likely, found, unknown, register.problems.marked)),
    ]
    for name, *counts in zip(names, *each, strict=True):
        tally.towns.setdefault(name, TownCount()).add(TownCount(*counts))


def card_rows(register: Register, today: date) -> tuple[Bools, Bools]:
    """(members whose card has expired, whose card expires within the days of words.yml)."""
    card = register.chunk.members.get(CARD)
    if card is None:
        none = np.zeros(len(register.rows), np.bool_)
        return none, none
    first, last = today.toordinal(), (today + timedelta(days=words().card_days)).toordinal()
    expired = card.told & (card.values < first)
    return expired, card.told & (card.values >= first) & (card.values <= last)


def birthday_rows(pack: Pack, register: Register, today: date) -> dict[int, Bools]:
    """Age worth a reminder → members who reach it within the days of words.yml, beginning tomorrow."""
    then = people.ages(register.born, today + timedelta(days=words().birthday_days))
    now = people.ages(register.born, today)
    return {age: (now >= 0) & (now < age) & (then >= age) for age in ages_of(pack, today)}


def ages_of(pack: Pack, today: date) -> tuple[int, ...]:
    """Ages worth a reminder: those of words.yml and those the pack's rules compare with."""
    texts = [condition.when for scheme in pack.schemes.values() for condition in scheme.conditions]
    texts += [quantity.value for quantity in pack.quantities.values()]
    used = frozenset().union(*(names_in(text) for text in texts))
    found = set(words().birthdays)
    for name in used & frozenset(pack.parameters):
        dated = pack.parameters[name].on(today)
        if pack.parameters[name].unit == "周岁" and dated is not None and not isinstance(dated.value, dict):
            found.add(int(dated.value))
    return tuple(sorted(found))
