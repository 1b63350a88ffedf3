"""What repair did to a file, in figures for the operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from policies_kb.ingest.types import Repaired


@dataclass(frozen=True, slots=True)
class RepairReport:
    """Counts of lines of the original that are not empty. A line may be repaired and marked at once.

    repaired: kept lines that were changed; marked: kept lines a person must look at; dropped: lines left out.
    by_kind: repairs as `repair.<kind>` and marks as `mark.<kind>`, counted one by one over kept lines, and dropped
    lines as `dropped.<reason>`.
    """

    lines: int
    repaired: int
    marked: int
    dropped: int
    by_kind: Mapping[str, int]

    @property
    def repaired_share(self) -> float:
        """Share (0..1) of the lines that were repaired."""
        return self.repaired / self.lines if self.lines else 0.0

    @property
    def marked_share(self) -> float:
        """Share (0..1) of the lines that were marked."""
        return self.marked / self.lines if self.lines else 0.0

    @property
    def dropped_share(self) -> float:
        """Share (0..1) of the lines that were dropped."""
        return self.dropped / self.lines if self.lines else 0.0


def report(repaired: Repaired) -> RepairReport:
    """Count what was repaired, marked and dropped."""
    lines = changed = marked = dropped = 0
    kinds: Counter[str] = Counter()
    for line in repaired.lines:
        size = sum(1 for text in line.original.split("\n") if text.strip())
        lines += size
        if line.dropped is not None:
            dropped += size
            kinds[f"dropped.{line.dropped}"] += size
            continue
        changed += size if line.repairs else 0
        marked += size if line.marks else 0
        kinds.update(f"repair.{repair.kind}" for repair in line.repairs)
        kinds.update(f"mark.{mark.kind}" for mark in line.marks)
    return RepairReport(lines, changed, marked, dropped, dict(kinds.most_common()))
