"""Screens one part of a register and leaves its results in files: what each process, or each machine, runs."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import ceil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from bot.screening import outputs
from bot.screening.source import Ragged, open_source
from bot.screening.spread import household_column, identity_keys, parted, with_households
from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.rules.doubts import doubts_of, reports_of
from policies_kb.rules.facts import split_key
from policies_kb.screening.columns import Singles
from policies_kb.screening.counting import changes, count
from policies_kb.screening.engine import ScreenedChunk, screen
from policies_kb.screening.problems import SCHEMA
from policies_kb.screening.rows import Register, RegisterReader
from policies_kb.screening.tally import Tally
from policies_kb.screening.whatif import what_if
from policies_kb.screening.words import Headers

_ROWS_AT_ONCE = 60_000


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for every part. `figures`: what-if figures by name; `only`: schemes wanted (none: all)."""

    pack: str
    packs_dir: Path | None
    today: date
    headers: Headers
    repeated: tuple[int, ...]
    ragged: tuple[Ragged, ...]
    figures: tuple[tuple[str, str], ...]
    only: tuple[str, ...]
    with_names: bool
    csv: bool
    parquet: bool
    folder: Path


@dataclass(frozen=True, slots=True)
class Part:
    """One part: a file that spread() wrote, or the files of a town's own register (`town`: the folder's name)."""

    number: int
    paths: tuple[Path, ...]
    town: str | None = None


@dataclass(frozen=True, slots=True)
class PartDone:
    """Counts of a part, who screened it (machine and process), and the files it left in the job's folder."""

    number: int
    process: str
    tally: Tally
    results: Path | None
    readable: Path | None
    problems: Path
    reminders: Path


@lru_cache(maxsize=4)
def _pack(name: str, folder: Path | None) -> Pack:
    return load_pack(name, folder)


def screen_part(job: Job, part: Part) -> PartDone:
    """Read, screen and write one part."""
    pack = _pack(job.pack, job.packs_dir)
    other = what_if(pack, dict(job.figures), job.today) if job.figures else None
    repeated = np.array(job.repeated, np.int64)
    reader = RegisterReader(pack, job.headers, job.today, repeated, part.town or "")
    tally = Tally()
    writer = _Writer(job, part)
    for batch, ragged in _pieces(job, part):
        register = reader.read(pa.Table.from_batches([batch]))
        _ragged(job, register, ragged)
        screened = screen(pack, register.chunk, job.today, job.only)
        tally.doubts += _doubts(reader, register, screened)
        counted = count(pack, register, screened, job.today)
        if other is not None:
            counted.changes = changes(screened, screen(other, register.chunk, job.today, job.only))
        tally.add(counted)
        writer.write(pack, register, screened)
    return writer.done(tally)


def keys_of(headers: Headers, part: Part) -> NDArray[np.int64]:
    """Keys of the identity numbers in a town's register."""
    each = [identity_keys(batch, headers) for path in part.paths for batch, _ in open_source(path).batches()]
    return np.concatenate([np.zeros(0, np.int64), *each])


def _pieces(job: Job, part: Part) -> list[tuple[pa.RecordBatch, list[Ragged]]]:
    """Rows of whole households, few enough at once."""
    batches: list[pa.RecordBatch] = []
    ragged = list(job.ragged)
    for path in part.paths:
        if part.town is None:
            with pa.memory_map(str(path)) as file:
                batches += pa.ipc.open_stream(file).read_all().to_batches()
        else:
            source = open_source(path)
            batches += [with_households(batch, job.headers) for batch, _ in source.batches()]
            ragged += source.ragged
    if not batches:
        return []
    whole = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
    count = ceil(whole.num_rows / _ROWS_AT_ONCE)
    pieces = parted(whole, job.headers, count) if count > 1 else [(0, whole)]
    return [(batch, ragged) for _, batch in pieces]


def _ragged(job: Job, register: Register, ragged: list[Ragged]) -> None:
    for each in ragged:
        at = np.flatnonzero(register.rows == each.row)
        register.problems.add(
            at, household_column(job.headers), "", f"这一行有{each.found}格，应当有{each.expected}格",
            "核对这一行是不是少了或多了逗号；缺的格当作没写",
        )  # fmt: skip


def _doubts(reader: RegisterReader, register: Register, screened: ScreenedChunk) -> int:
    """List what is unlikely in the facts; it is believed all the same."""
    pack, chunk = reader.pack, register.chunk
    titles = {name: fact.label for name, fact in pack.facts.items()}
    titles |= {name: column.header.header for name, column in reader.columns.items()}
    rows: dict[str, list[int]] = {}
    reports: dict[str, list[str]] = {}
    singles = Singles(pack.facts, chunk)
    for home, held in _held(pack, register, screened).items():
        facts = singles.facts(home)
        if screened.singly[home]:
            told = [(doubt.key, doubt.report) for doubt in doubts_of(pack, facts, reader.today)]
        else:
            told = list(reports_of(pack, facts, reader.today, held))
        for key, text in told:
            member, name = split_key(key)
            rows.setdefault(titles[name], []).append(int(chunk.starts[home]) + (member or 0))
            reports.setdefault(titles[name], []).append(text)
    for title, at in rows.items():
        texts = pa.array(reports[title], pa.string())
        register.problems.add(
            np.array(at, np.int64), title, "", texts, "核对；没有错就不用改，已经照写的算了"
        )
    return sum(len(at) for at in rows.values())


def _held(pack: Pack, register: Register, screened: ScreenedChunk) -> dict[int, list[tuple[str, int | None]]]:
    """Household → checks that hold of it, with the member."""
    starts = register.chunk.starts
    found: dict[int, list[tuple[str, int | None]]] = {
        home: [] for home in np.flatnonzero(screened.singly).tolist()
    }
    for name, yes in screened.doubts.items():
        at = np.flatnonzero(yes)
        if pack.checks[name].per == "household":
            for home in at.tolist():
                found.setdefault(home, []).append((name, None))
        else:
            homes = np.searchsorted(starts, at, side="right") - 1
            for home, member in zip(homes.tolist(), (at - starts[homes]).tolist(), strict=True):
                found.setdefault(home, []).append((name, member))
    return found


class _Writer:
    """Writes a part's tables."""

    def __init__(self, job: Job, part: Part) -> None:
        self._job = job
        self._number = part.number
        self._results: pa.ipc.RecordBatchFileWriter | None = None
        self._csv: pa.csv.CSVWriter | None = None
        self._problems: list[pa.Table] = []
        self._reminders: list[pa.Table] = []

    def _path(self, kind: str) -> Path:
        return self._job.folder / f"{self._number:06d}.{kind}"

    def write(self, pack: Pack, register: Register, screened: ScreenedChunk) -> None:
        """Add a piece."""
        table = outputs.results(pack, register, screened, with_names=self._job.with_names)
        if self._job.parquet:
            if self._results is None:
                self._results = pa.ipc.new_stream(self._path("results"), table.schema)
            self._results.write_table(table)
        if self._job.csv:
            shown = outputs.readable(pack, table)
            if self._csv is None:
                options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
                self._csv = pyarrow.csv.CSVWriter(self._path("csv"), shown.schema, write_options=options)
            self._csv.write_table(shown)
        self._problems.append(register.problems.table())
        self._reminders.append(
            outputs.reminders(pack, register, self._job.today, with_names=self._job.with_names)
        )

    def done(self, tally: Tally) -> PartDone:
        """Close the files."""
        for writer in (self._results, self._csv):
            if writer is not None:
                writer.close()
        _write(self._path("problems"), pa.concat_tables([SCHEMA.empty_table(), *self._problems]))
        if self._reminders:
            _write(self._path("reminders"), pa.concat_tables(self._reminders))
        return PartDone(
            self._number,
            f"{socket.gethostname()} {os.getpid()}",
            tally,
            self._path("results") if self._results is not None else None,
            self._path("csv") if self._csv is not None else None,
            self._path("problems"),
            self._path("reminders"),
        )


def _write(path: Path, table: pa.Table) -> None:
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)
