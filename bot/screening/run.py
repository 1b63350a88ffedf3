"""A whole screening: spread the register, screen the parts on an executor, put the results together."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from bot.screening.outputs import HEADERS
from bot.screening.part import Job, Part, PartDone, keys_of, screen_part
from bot.screening.source import Ragged, Source, SourceError, open_source
from bot.screening.spread import repeated, spread
from policies_kb.pack import Pack
from policies_kb.screening.problems import SCHEMA
from policies_kb.screening.tally import Tally
from policies_kb.screening.words import Headers, read_headers

KINDS = {"card_expired": "残疾证已到期", "card_expires": "残疾证快到期", "birthday": "快满岁数"}
_SORTED_PROBLEMS = 2_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `input`: a register's file, or a folder with a file or folder a town."""

    input: Path
    out: Path
    pack: str
    packs_dir: Path | None
    today: date
    own_columns: Mapping[str, str] = field(default_factory=dict)
    figures: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ()
    with_names: bool = False
    csv: bool = True
    parquet: bool = True
    workers: int = 2


@dataclass(slots=True)
class Progress:
    """Told how far a screening is: bytes of the register read of `size`, parts done of `parts`."""

    reading: Callable[[int, int], None] = lambda done, size: None
    parts: Callable[[int, int], None] = lambda done, parts: None


@contextmanager
def whole_or_nothing(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place when the block ends, and goes away when it breaks off."""
    # Absolute: other processes and machines write into it.
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        yield work
        if out.exists():
            shutil.rmtree(out)
        work.replace(out)
        out.chmod(0o755)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def sources_of(path: Path) -> list[tuple[str | None, list[Source]]]:
    """(town, its files): one entry without a town for a file; for a folder one a town.

    Raises:
        SourceError: nothing there to read.
    """
    if path.is_file() or not path.exists():
        return [(None, [open_source(path)])]
    found: list[tuple[str | None, list[Source]]] = []
    for entry in sorted(path.iterdir()):
        files = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
        own = [open_source(file) for file in files if file.suffix.lower() in {".csv", ".txt", ".parquet"}]
        if own:
            # A partitioned Parquet folder names its town `乡镇=…`.
            found.append((entry.stem.rpartition("=")[2], own))
    if not found:
        raise SourceError(f"{path}：里面没有 CSV 或 Parquet 文件。请核对文件夹。")
    return found


def headers_of(
    pack: Pack, sources: Sequence[tuple[str | None, list[Source]]], own: Mapping[str, str]
) -> Headers:
    """What the columns are; every file has the same.

    Raises:
        SourceError: two files with different columns. ColumnsError: columns that cannot be used.
    """
    first = sources[0][1][0]
    for _, files in sources:
        for file in files:
            if set(file.columns) != set(first.columns):
                raise SourceError(f"{file.path}：表头和 {first.path.name} 不一样。请改成一样的表头。")
    return read_headers(pack, first.columns, own)


def run(
    wish: Wish, headers: Headers, executor: Executor, progress: Progress, work: Path
) -> tuple[Tally, int]:
    """Screen a register into the folder `work`; returns the counts, and how many processes took part.

    Raises:
        SourceError: the register breaks off, or holds nobody.
    """
    sources = sources_of(wish.input)
    with tempfile.TemporaryDirectory(prefix="parts.", dir=work) as parts_folder:
        folder = Path(parts_folder)
        job, parts = _prepared(wish, headers, sources, executor, progress, folder)
        futures = [executor.submit(screen_part, job, part) for part in parts]
        try:
            tally, processes = _gathered(wish, futures, progress, work)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    if not tally.persons:
        raise SourceError(f"{wish.input}：只有表头，没有人。请核对是不是选错了文件。")
    return tally, processes


def _prepared(
    wish: Wish, headers: Headers, sources: list[tuple[str | None, list[Source]]], executor: Executor,
    progress: Progress, folder: Path,
) -> tuple[Job, list[Part]]:  # fmt: skip
    def job(keys: list[int], ragged: Sequence[Ragged] = ()) -> Job:
        return Job(
            wish.pack, wish.packs_dir, wish.today, headers, tuple(keys), tuple(ragged), wish.figures, wish.only,
            wish.with_names, wish.csv, wish.parquet, folder,
        )  # fmt: skip

    town, files = sources[0]
    if town is None:
        read = 0

        def done(size: int) -> None:
            nonlocal read
            read = min(files[0].size, read + size)
            progress.reading(read, files[0].size)

        found = spread(files[0], headers, folder, done)
        progress.reading(files[0].size, files[0].size)
        return job(found.repeated.tolist(), found.ragged), [
            Part(number, (path,)) for number, path in enumerate(found.parts)
        ]
    parts = [
        Part(number, tuple(file.path.resolve() for file in own), name or "")
        for number, (name, own) in enumerate(sources)
    ]
    keys = [future.result() for future in [executor.submit(keys_of, headers, part) for part in parts]]
    return job(repeated(keys).tolist()), parts


def _gathered(
    wish: Wish, futures: Sequence[Future[PartDone]], progress: Progress, work: Path
) -> tuple[Tally, int]:
    tally, processes = Tally(), set()
    gather = _Gather(wish, work)
    try:
        for number, future in enumerate(futures):
            done = future.result()
            gather.take(done)
            tally.add(done.tally)
            processes.add(done.process)
            progress.parts(number + 1, len(futures))
    finally:
        gather.close()
    return tally, len(processes)


class _Gather:
    """Puts the parts' files together, in the order of the parts."""

    def __init__(self, wish: Wish, work: Path) -> None:
        self._work = work
        self._parquet: pyarrow.parquet.ParquetWriter | None = None
        self._csv = (work / "results.csv").open("wb") if wish.csv else None
        names = [
            "household", "town", "scheme", "outcome", "amount_month", "amount_once", "missing", "persons", "new",
            "marked", *(("name", "identity") if wish.with_names else ()),
        ]  # fmt: skip
        if self._csv is not None:
            self._csv.write(("\ufeff" + ",".join(HEADERS[name] for name in names) + "\n").encode())
        self._problems: list[pa.Table] = []
        self._reminders: list[pa.Table] = []

    def take(self, done: PartDone) -> None:
        """Add a part and remove its files."""
        if done.results is not None:
            table = _read(done.results)
            if self._parquet is None:
                self._parquet = pyarrow.parquet.ParquetWriter(self._work / "results.parquet", table.schema)
            self._parquet.write_table(table)
            done.results.unlink()
        if done.readable is not None and self._csv is not None:
            with done.readable.open("rb") as file:
                shutil.copyfileobj(file, self._csv, 1 << 20)
            done.readable.unlink()
        self._problems.append(_read(done.problems))
        done.problems.unlink()
        if done.reminders.exists():
            self._reminders.append(_read(done.reminders))
            done.reminders.unlink()

    def close(self) -> None:
        """Write what was kept until the end."""
        if self._parquet is not None:
            self._parquet.close()
        if self._csv is not None:
            self._csv.close()
        problems = pa.concat_tables([SCHEMA.empty_table(), *self._problems])
        if problems.num_rows <= _SORTED_PROBLEMS:
            problems = problems.sort_by("row")
        write_csv(self._work / "problems.csv", problems)
        if self._reminders:
            reminders = pa.concat_tables(self._reminders)
            kinds = pa.array([KINDS[kind] for kind in reminders.column("kind").to_pylist()], pa.string())
            at = reminders.schema.get_field_index("kind")
            write_csv(self._work / "reminders.csv", reminders.set_column(at, "kind", kinds).sort_by("row"))


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all()


def write_csv(path: Path, table: pa.Table) -> None:
    """A table as CSV that spreadsheet programs open rightly, with Chinese headers."""
    with path.open("wb") as out:
        out.write("\ufeff".encode())
        options = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none")
        named = table.rename_columns([HEADERS[name] for name in table.column_names])
        pyarrow.csv.write_csv(named, out, write_options=options)
