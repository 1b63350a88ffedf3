"""Errors of data files: what an operator or pack author reads when a pack or flow is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a data file: where it is, what is wrong and how it is cured."""

    file: Path
    line: int | None
    field: str
    what: str
    cure: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line is not None else str(self.file)
        cure = f" Cure: {self.cure}" if self.cure else ""
        field = f" {self.field}:" if self.field else ""
        return f"{place}:{field} {self.what}{cure}"


class DataFileError(Exception):
    """A pack or flow file that cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
