"""A register's file as batches of text, with each row's number: CSV in the encodings offices use, and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from policies_kb.screening.rows import ROW

_BLOCK = 8 << 20
_SAMPLE = 1 << 20
_PARQUET_ROWS = 65_536
CURE = "请打开文件核对，另存为“CSV UTF-8”再试。"


class SourceError(ValueError):
    """A register that cannot be read; the message names the file and the cure (Chinese)."""


@dataclass(slots=True)
class Ragged:
    """A row with too few or too many cells: what is there is read, the rest counts as left out."""

    row: int
    cells: list[str]
    expected: int
    found: int


@dataclass(slots=True)
class Source:
    """One file. `ragged` fills while the batches are read."""

    path: Path
    columns: tuple[str, ...]
    size: int
    encoding: str = ""
    delimiter: str = ","
    ragged: list[Ragged] = field(default_factory=list)

    @property
    def parquet(self) -> bool:
        """Whether the file is Parquet."""
        return not self.encoding

    def batches(self) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Batches of text with ROW, and about how many bytes of the file each stands for.

        Raises:
            SourceError: the file breaks off or is not in its encoding.
        """
        try:
            yield from self._parquet() if self.parquet else self._csv()
        except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
            raise SourceError(f"{self.path}：读到一半读不下去了（{_first_line(error)}）。{CURE}") from None

    def _parquet(self) -> Iterator[tuple[pa.RecordBatch, int]]:
        file = pyarrow.parquet.ParquetFile(self.path)
        each = self.size / max(1, file.metadata.num_rows)
        row = 2
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
            columns = [pc.cast(column, pa.string()) for column in batch.columns]
            numbers = pa.array(np.arange(row, row + batch.num_rows))
            row += batch.num_rows
            yield pa.record_batch([*columns, numbers], [*batch.schema.names, ROW]), int(each * batch.num_rows)

    def _csv(self) -> Iterator[tuple[pa.RecordBatch, int]]:
        skipped: list[int] = []

        def aside(row: pa.csv.InvalidRow) -> str:
            cells = next(csv.reader([row.text], delimiter=self.delimiter), [])
            whole = [*cells, *[""] * row.expected_columns][: row.expected_columns]
            self.ragged.append(Ragged(row.number, whole, row.expected_columns, row.actual_columns))
            skipped.append(row.number)
            return "skip"

        reader = pyarrow.csv.open_csv(
            self.path,
            # One thread: it alone can say which row a fault stands in, and it is not slower.
            read_options=pyarrow.csv.ReadOptions(
                block_size=_BLOCK, use_threads=False, encoding=self.encoding
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=aside
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.string()), strings_can_be_null=False
            ),
        )
        row = 2
        for batch in reader:
            upto = row + batch.num_rows + len(skipped)
            numbers = np.setdiff1d(np.arange(row, upto), np.array(skipped, np.int64))[: batch.num_rows]
            if len(numbers):
                row = int(numbers[-1]) + 1
                skipped[:] = [number for number in skipped if number >= row]
            yield batch.append_column(ROW, pa.array(numbers)), min(batch.nbytes, _BLOCK)
        if self.ragged:
            yield self._mended(), 0

    def _mended(self) -> pa.RecordBatch:
        columns = list(zip(*(ragged.cells for ragged in self.ragged), strict=True))
        arrays = [pa.array(column, pa.string()) for column in columns]
        return pa.record_batch(
            [*arrays, pa.array([ragged.row for ragged in self.ragged])], [*self.columns, ROW]
        )


def open_source(path: Path) -> Source:
    """Look at a file's head: its kind, encoding and columns.

    Raises:
        SourceError: it is not there, empty, or of a kind that is not read.
    """
    try:
        size = path.stat().st_size
        if path.suffix.lower() in {".xlsx", ".xls", ".et"}:
            raise SourceError(f"{path}：表格软件的文件不能直接读。请另存为“CSV UTF-8”再试。")
        if path.suffix.lower() == ".parquet":
            return Source(path, tuple(pyarrow.parquet.read_schema(path).names), size)
        with path.open("rb") as file:
            head = file.read(_SAMPLE)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}：读不了（{_first_line(error)}）。请核对文件名和权限。") from None
    if not head.strip():
        raise SourceError(f"{path}：是空的。请核对是不是选错了文件。")
    encoding = _encoding(path, head)
    line = next(csv.reader([head.decode(encoding, "ignore").lstrip("\ufeff").splitlines()[0]], strict=False))
    delimiter = ","
    if len(line) == 1:
        delimiter = next((mark for mark in ("\t", ";", "，", "|") if mark in line[0]), ",")
        if delimiter == "，":
            raise SourceError(f"{path}：各列之间用的是中文逗号“，”。请改成英文逗号，或者另存为“CSV UTF-8”。")
        line = line[0].split(delimiter)
    double = next((name for name in line if line.count(name) > 1), None)
    if double is not None:
        raise SourceError(f"{path}：表头“{double}”出现了两次。请改名或者删掉一列。")
    return Source(path, tuple(line), size, encoding, delimiter)


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{path}：是 Unicode(UTF-16) 文本。{CURE}")
    # A sample may end inside a character.
    for encoding in ("utf-8", "gb18030"):
        try:
            head[: -4 if len(head) == _SAMPLE else None].decode(encoding)
        except UnicodeDecodeError as error:
            if len(head) == _SAMPLE and error.start >= len(head) - 8:
                return encoding
            continue
        return encoding
    raise SourceError(f"{path}：既不是 UTF-8，也不是 GB18030(GBK)。{CURE}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
