"""Spreads a register's rows over part files by household, so that each part has whole households and fits in memory.

Rows of a household need not stand together. Measured on 2.6 million rows (see docs/decisions.md): Arrow streams by
hash of the household number, not an external sort.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bot.screening.source import Ragged, Source
from policies_kb.screening.rows import ROW
from policies_kb.screening.words import HOUSEHOLD, IDENTITY, Headers

_PART_BYTES = 6 << 20  # of the register, about 16,000 households
_MOST_PARTS = 512
_SOUND = r"^[0-9]{17}[0-9Xx]$"


@dataclass(frozen=True, slots=True)
class Spread:
    """Part files of a register. `repeated`: keys of identity numbers seen more than once."""

    parts: tuple[Path, ...]
    rows: int
    repeated: NDArray[np.int64]
    ragged: tuple[Ragged, ...]


def spread(source: Source, headers: Headers, folder: Path, done: Callable[[int], None]) -> Spread:
    """Write a register's rows into part files in `folder`; `done` is told the bytes read."""
    count = max(1, min(_MOST_PARTS, round(source.size / _PART_BYTES)))
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    keys: list[NDArray[np.int64]] = []
    rows = 0
    try:
        for batch, size in source.batches():
            named = with_households(batch, headers)
            keys.append(identity_keys(named, headers))
            for part, own in parted(named, headers, count):
                if part not in writers:
                    writers[part] = pa.ipc.new_stream(folder / f"{part:04d}.arrows", own.schema)
                writers[part].write_batch(own)
            rows += batch.num_rows
            done(size)
    finally:
        for writer in writers.values():
            writer.close()
    parts = tuple(folder / f"{part:04d}.arrows" for part in sorted(writers))
    return Spread(parts, rows, repeated(keys), tuple(source.ragged))


def household_column(headers: Headers) -> str:
    """The header of the household's number."""
    header = headers.of(HOUSEHOLD)
    return HOUSEHOLD if header is None else header.header


def with_households(batch: pa.RecordBatch, headers: Headers) -> pa.RecordBatch:
    """The batch without spaces around household numbers; a row without one is a household of its own."""
    name = household_column(headers)
    at = batch.schema.get_field_index(name)
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(batch.column(at), ""))
    empty = pc.equal(trimmed, "")
    if pc.any(empty).as_py():
        own = pc.binary_join_element_wise(
            "（没有户编号，第", pc.cast(batch.column(ROW), pa.string()), "行）", ""
        )
        trimmed = pc.if_else(empty, own, trimmed)
    return batch.set_column(at, name, trimmed)


def identity_keys(batch: pa.RecordBatch, headers: Headers) -> NDArray[np.int64]:
    """Keys of the batch's identity numbers, without the unsound."""
    header = headers.of(IDENTITY)
    if header is None:
        return np.zeros(0, np.int64)
    numbers = pc.utf8_trim_whitespace(pc.fill_null(batch.column(header.header), ""))
    whole = numbers.filter(pc.match_substring_regex(numbers, _SOUND))
    found: NDArray[np.int64] = pc.cast(pc.utf8_slice_codeunits(whole, 0, 17), pa.int64()).to_numpy()
    return found


def repeated(keys: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Keys that occur more than once."""
    ordered = np.sort(np.concatenate([np.zeros(0, np.int64), *keys]))
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def parted(batch: pa.RecordBatch, headers: Headers, count: int) -> list[tuple[int, pa.RecordBatch]]:
    """The batch's rows by the hash of their household: (part, rows) for each of `count` parts that has any."""
    if count == 1:
        return [(0, batch)]
    encoded = pc.dictionary_encode(batch.column(household_column(headers)))
    hashes = [zlib.crc32(text.encode()) % count for text in encoded.dictionary.to_pylist()]
    parts = np.array(hashes, np.int64)[encoded.indices.to_numpy()]
    order = np.argsort(parts, kind="stable")
    ordered = batch.take(pa.array(order))
    cuts = np.searchsorted(parts[order], np.arange(count + 1))
    return [
        (part, ordered.slice(cuts[part], cuts[part + 1] - cuts[part]))
        for part in range(count)
        if cuts[part] < cuts[part + 1]
    ]
