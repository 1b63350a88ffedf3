"""Characters of a wrong decoding."""

from __future__ import annotations

from policies_kb.ingest.types import RepairedLine


def repair_mojibake(line: RepairedLine) -> RepairedLine:
    """Restore characters of a wrong decoding."""
    return line
