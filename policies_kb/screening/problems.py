"""What is wrong in a register, gathered as columns: one line a row and fault, for whoever keeps the register."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from policies_kb.screening.columns import Ints
from policies_kb.screening.numbers import Bools

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("household", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("what", pa.string()),
        ("cure", pa.string()),
    ]
)


class Problems:
    """Problems of one part of a register. Rows are given by their place in the part."""

    def __init__(self, households: pa.Array, home: Ints, rows: Ints) -> None:
        self._households = households
        self._home = home
        self._rows = rows
        self._found: list[pa.Table] = []
        self.marked: Bools = np.zeros(len(households), np.bool_)

    def add(self, at: Ints, field: str, value: str | pa.Array, what: str | pa.Array, cure: str) -> None:
        """The same fault in these rows; `value` and `what` may differ from row to row."""
        if not len(at):
            return
        homes = self._home[at]
        self.marked[homes] = True

        def every(text: str | pa.Array) -> pa.Array:
            return pa.repeat(pa.scalar(text, pa.string()), len(at)) if isinstance(text, str) else text

        columns = [
            pa.array(self._rows[at]), self._households.take(pa.array(homes)), every(field), every(value), every(what),
            every(cure),
        ]  # fmt: skip
        self._found.append(pa.table(columns, schema=SCHEMA))

    def table(self) -> pa.Table:
        """Every problem, in the order of the rows."""
        return pa.concat_tables([SCHEMA.empty_table(), *self._found]).sort_by("row")
