"""Lines of paged files: paragraphs from printed lines, running headers and page numbers told from the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from policies_kb.ingest.numbering import marker_at
from policies_kb.ingest.types import Mark, Part, SourceLine

_PAGE_NUMBER = re.compile(
    r"^[\s\-‐‑–—―－·]*(?:第\s*)?\d{1,4}(?:\s*页)?(?:\s*[,\uff0c/]?\s*(?:共\s*)?\d{1,4}\s*页?)?[\s\-‐‑–—―－·]*$"
)
_DIGITS = re.compile(r"\d+")
_ENDS = re.compile(r"[。\uff1b\uff1a\uff01\uff1f;:!?]$")
_HAN_END = re.compile(r"[\u3400-\u9fff\uff0c、\uff09)”》0-9A-Za-z%]$")
# Running headers stand on at least this share of the pages.
_SHARE = 0.5
_MARGIN = 0.10
_FULL = 0.88
# A first line is indented by two characters; a title by more, and as much on the other side.
_INDENT = 0.1
_OFF_MIDDLE = 0.03


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed line. left, right, top are shares (0..1) of the page's width and height."""

    text: str
    page: int
    left: float
    right: float
    top: float
    part: Part = "body"
    marks: tuple[Mark, ...] = ()


def paragraphs(lines: Sequence[Printed], pages: int) -> tuple[SourceLine, ...]:
    """Printed lines as paragraphs, numbered from 1, with headers and footers kept apart.

    A printed line goes on with the next one where it is filled to the right edge, ends in no full stop, and the next
    begins neither with a number nor indented. Over a page break the furniture between is stepped over.
    """
    sorted_out = _furniture(lines, pages)
    body = [line for line in sorted_out if line.part == "body"]
    right = _edge([line.right for line in body], highest=True)
    left = _edge([line.left for line in body], highest=False)
    result: list[SourceLine] = []
    last: Printed | None = None
    at = -1
    for line in sorted_out:
        text = line.text.strip()
        if not text:
            continue
        if line.part == "body" and last is not None and _goes_on(last, line, left, right):
            before = result[at]
            gap = (
                " "
                if before.text[-1].isascii()
                and before.text[-1].isalpha()
                and text[0].isascii()
                and text[0].isalpha()
                else ""
            )
            result[at] = replace(before, text=before.text + gap + text, marks=before.marks + line.marks)
        else:
            result.append(SourceLine(text, len(result) + 1, line.page, line.part, 0, line.marks))
            if line.part == "body":
                at = len(result) - 1
        if line.part != "header" and line.part != "footer":
            last = line if line.part == "body" else None
    return tuple(result)


def _goes_on(first: Printed, second: Printed, left: float, right: float) -> bool:
    if _ENDS.search(first.text.strip()) or marker_at(second.text):
        return False
    if _centred(first, left) and not _centred(second, left):
        return False
    width = max(0.05, right - left)
    filled = first.right >= right - (1 - _FULL) * width
    indented = second.left > left + 0.03 * max(width, 0.3)
    return filled and not indented and bool(_HAN_END.search(first.text.strip()))


def _centred(line: Printed, left: float) -> bool:
    """Whether a line stands in the middle of the page, as titles do."""
    return line.left > left + _INDENT and abs(line.left - (1.0 - line.right)) < _OFF_MIDDLE


def _edge(values: Sequence[float], *, highest: bool) -> float:
    if not values:
        return 1.0 if highest else 0.0
    ordered = sorted(values)
    return ordered[int((len(ordered) - 1) * (0.9 if highest else 0.1))]


def _furniture(lines: Sequence[Printed], pages: int) -> list[Printed]:
    """The lines with `part` set for running headers and footers and for page numbers in the margins."""
    first: dict[int, float] = {}
    final: dict[int, float] = {}
    for line in lines:
        first[line.page] = min(line.top, first.get(line.page, 1.0))
        final[line.page] = max(line.top, final.get(line.page, 0.0))

    def where(line: Printed) -> Part | None:
        if line.top <= max(_MARGIN, first[line.page] + 0.005) and line.top < 0.2:
            return "header"
        if line.top >= 1 - _MARGIN or (line.top >= final[line.page] - 0.005 and line.top > 0.8):
            return "footer"
        return None

    seen: Counter[tuple[Part, str]] = Counter()
    for line in lines:
        place = where(line)
        if place:
            seen[place, _DIGITS.sub("#", line.text.strip())] += 1
    result = []
    for line in lines:
        place = where(line)
        text = line.text.strip()
        running = place and pages >= 3 and seen[place, _DIGITS.sub("#", text)] >= max(3, _SHARE * pages)
        if line.part == "body" and place and (running or _PAGE_NUMBER.match(text)):
            result.append(replace(line, part=place))
        else:
            result.append(line)
    return result
