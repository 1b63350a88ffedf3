"""A bare short line between two numbered paragraphs that follow each other: a name or slogan the website put there.

It is marked, not dropped: nothing but its place speaks against it.
"""

from __future__ import annotations

import re
from typing import Final

from policies_kb.ingest.numbering import marker_at
from policies_kb.ingest.repair.edit import marked
from policies_kb.ingest.types import Mark, RepairedLine

# Letters and characters without any punctuation, shorter than a sentence.
_BARE: Final = re.compile(r"[\u3400-\u9fffA-Za-z0-9]{2,10}")
_ENDED: Final = re.compile(r"[。\uff1b;！!]$")


def mark_stray_lines(lines: tuple[RepairedLine, ...]) -> tuple[RepairedLine, ...]:
    """Mark them in a repaired file."""
    kept = [at for at, line in enumerate(lines) if line.dropped is None and line.text]
    result = list(lines)
    for before, at, after in zip(kept, kept[1:], kept[2:], strict=False):
        line = lines[at]
        if (
            line.part == "body"
            and not line.level
            and _BARE.fullmatch(line.text)
            and _ENDED.search(lines[before].text)
            and _follow(lines[before].text, lines[after].text)
        ):
            why = "夹在两条之间的短行，可能是网站加的字，请对照原件。"
            result[at] = marked(line, Mark("stray_line", line.text, why))
    return tuple(result)


def _follow(before: str, after: str) -> bool:
    """Whether the two paragraphs bear numbers of one rank, one after the other."""
    one, other = marker_at(before), marker_at(after)
    return one is not None and other is not None and one.level is other.level and other.value == one.value + 1
