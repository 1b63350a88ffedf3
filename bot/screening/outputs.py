"""A part's results as tables: one row a household and scheme that is likely or open, and whom to remind of what."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from policies_kb.pack import Pack
from policies_kb.screening.counting import CARD, birthday_rows, card_rows, newly
from policies_kb.screening.engine import Screened, ScreenedChunk
from policies_kb.screening.rows import Register
from policies_kb.screening.words import labels

Rows = NDArray[np.int64]
OUTCOMES = ("likely", "unknown")
_BITS = 60
# Parquet keeps the contract's names; the CSV is for reading, with these headers.
HEADERS = {
    "household": "户编号", "town": "乡镇", "scheme": "方案", "outcome": "结果", "amount_month": "每月金额(元)",
    "amount_once": "一次性金额(元)", "missing": "还缺的情况", "persons": "第几位家人", "new": "新发现",
    "marked": "名册有疑问", "person": "第几位家人", "row": "行号", "kind": "提醒", "when": "日期或年龄", "name": "姓名",
    "identity": "身份证号", "field": "列", "value": "写的内容", "what": "哪里不对", "cure": "怎么改",
}  # fmt: skip
OUTCOME_WORDS = {"likely": "可能符合", "unknown": "还缺情况"}
YES_NO = {True: "是", False: "否"}


def results(pack: Pack, register: Register, screened: ScreenedChunk, *, with_names: bool) -> pa.Table:
    """Results of one part, household by household."""
    parts = [
        _of_scheme(at, register, scheme, columns)
        for at, (scheme, columns) in enumerate(screened.schemes.items())
    ]
    table = pa.concat_tables(parts).combine_chunks()
    order = np.lexsort((table.column("scheme").to_numpy(), table.column("at").to_numpy()))
    table = table.take(pa.array(order))
    at = table.column("at").combine_chunks()
    schemes = pa.array(list(screened.schemes), pa.string())
    columns = {
        "household": register.households.take(at),
        "town": register.towns.take(at),
        "scheme": pa.DictionaryArray.from_arrays(table.column("scheme").combine_chunks(), schemes),
        "outcome": pa.DictionaryArray.from_arrays(
            pc.cast(table.column("unknown"), pa.int8()).combine_chunks(), pa.array(OUTCOMES)
        ),
        **{name: table.column(name) for name in ("amount_month", "amount_once", "missing", "persons", "new")},
        "marked": pa.array(register.problems.marked[at.to_numpy()]),
    }
    if with_names:
        firsts = pa.array(register.chunk.starts[:-1]).take(at)
        columns |= _names(register, firsts)
    return pa.table(columns)


def _names(register: Register, rows: pa.Array) -> dict[str, pa.Array]:
    """Names and identity numbers of these members (a household's: the first listed)."""
    blank = pa.repeat(pa.scalar("", pa.string()), len(rows))
    return {
        "name": blank if register.names is None else register.names.take(rows),
        "identity": blank if register.identities is None else register.identities.take(rows),
    }


def _of_scheme(number: int, register: Register, scheme: str, columns: Screened) -> pa.Table:
    at = np.flatnonzero(columns.likely | columns.unknown)
    new = pa.nulls(len(at), pa.bool_())
    told = newly(register, scheme, columns)
    if told is not None:
        new = pa.array(told[0][at])
    sets = pa.array(["、".join(names) for names in columns.missing_sets], pa.string())
    return pa.table(
        {
            "at": pa.array(at),
            "scheme": pa.array(np.full(len(at), number, np.int16)),
            "unknown": pa.array(columns.unknown[at]),
            "amount_month": _yuan(columns.month, columns.month_known, at),
            "amount_once": _yuan(columns.once, columns.once_known, at),
            "missing": sets.take(pa.array(columns.missing[at])),
            "persons": _persons(register, columns, at),
            "new": new,
        }
    )


def _yuan(fen: Rows, known: NDArray[np.bool_], at: Rows) -> pa.Array:
    return pa.array(fen[at] / 100, mask=~known[at])


def _persons(register: Register, columns: Screened, at: Rows) -> pa.Array:
    """Numbers of the members a scheme is likely for, or open for; empty for a household's scheme."""
    if columns.likely_persons is None or columns.unknown_persons is None:
        return pa.repeat(pa.scalar("", pa.string()), len(at))
    starts, counts = register.chunk.starts, register.chunk.counts
    place = np.arange(int(starts[-1])) - np.repeat(starts[:-1], counts)
    own = np.where(np.repeat(columns.likely, counts), columns.likely_persons, columns.unknown_persons)
    bits = np.where(own & (place < _BITS), np.int64(1) << np.minimum(place, _BITS), 0)
    each = np.bitwise_or.reduceat(bits, starts[:-1])[at]
    kinds, codes = np.unique(each, return_inverse=True)
    texts = ["、".join(str(bit + 1) for bit in range(_BITS) if kind >> bit & 1) for kind in kinds.tolist()]
    found = pa.array(texts, pa.string()).take(pa.array(codes))
    crowded = np.flatnonzero(counts[at] > _BITS)
    if not len(crowded):
        return found
    listed = found.to_pylist()
    for index in crowded.tolist():
        first, last = int(starts[at[index]]), int(starts[at[index] + 1])
        listed[index] = "、".join(str(number + 1) for number in np.flatnonzero(own[first:last]).tolist())
    return pa.array(listed, pa.string())


def reminders(pack: Pack, register: Register, today: date, *, with_names: bool) -> pa.Table:
    """Whom to remind: cards that expired or expire soon, and people who come of an age soon."""
    expired, soon = card_rows(register, today)
    parts = []
    card = register.chunk.members.get(CARD)
    for kind, rows in (("card_expired", expired), ("card_expires", soon)):
        at = np.flatnonzero(rows)
        days = [] if card is None else [date.fromordinal(int(day)).isoformat() for day in card.values[at]]
        parts.append((kind, at, days))
    for age, reached in birthday_rows(pack, register, today).items():
        at = np.flatnonzero(reached)
        parts.append(("birthday", at, [str(age)] * len(at)))
    rows = np.concatenate([at for _, at, _ in parts]).astype(np.int64)
    homes = np.searchsorted(register.chunk.starts, rows, side="right") - 1
    columns = {
        "row": pa.array(register.rows[rows]),
        "household": register.households.take(pa.array(homes)),
        "town": register.towns.take(pa.array(homes)),
        "person": pa.array(rows - register.chunk.starts[homes] + 1),
        "kind": pa.array([kind for kind, at, _ in parts for _ in range(len(at))], pa.string()),
        "when": pa.array([when for _, _, days in parts for when in days], pa.string()),
    }
    if with_names:
        columns |= _names(register, pa.array(rows))
    return pa.table(columns)


def readable(pack: Pack, table: pa.Table) -> pa.Table:
    """Results as an office reads them: names for ids, words for outcomes, labels for missing facts."""

    def reworded(name: str, word: dict[str, str]) -> pa.Array:
        encoded = table.column(name).combine_chunks()
        if not pa.types.is_dictionary(encoded.type):
            encoded = pc.dictionary_encode(encoded)
        texts = [
            "、".join(word.get(part, part) for part in text.split("、"))
            for text in encoded.dictionary.to_pylist()
        ]
        return pa.array(texts, pa.string()).take(encoded.indices)

    words = {
        "scheme": {scheme.id: scheme.name for scheme in pack.schemes.values()},
        "outcome": OUTCOME_WORDS,
        "missing": labels(pack),
    }
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if name in words:
            column = reworded(name, words[name])
        elif pa.types.is_boolean(column.type):
            column = pc.if_else(column, YES_NO[True], YES_NO[False])
        columns[HEADERS[name]] = column
    return pa.table(columns)
