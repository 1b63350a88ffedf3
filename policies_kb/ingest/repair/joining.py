"""Lines of one sentence that a page break, a line wrap or a copy broke apart, put together.

Joined is only what cannot be two lines on purpose: the first ends in the middle of a sentence, the second begins with
no number and no heading, and there is a reason for the break: a page number at the seam, lines filled to the common
width, an open bracket or comma, or a first line far too long for a heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from policies_kb.ingest.numbering import marker_at
from policies_kb.ingest.types import Repair, RepairedLine

_ENDS_OPEN = re.compile(r"[\u3400-\u9fff0-9A-Za-z%\uff0c、,“‘《〈〔(\uff08—-]$")
_ENDS_COMMA = re.compile(r"[\uff0c、,“‘《〈〔(\uff08]$")
_BEGINS_NEW = re.compile(
    r"^(?:附件|附表|附[:\uff1a]|抄送|主题词|第[一二三四五六七八九十百零\d]+[章节条篇部])|[:\uff1a]$"
)
_BEGINS_OPEN = re.compile(r"^[\u3400-\u9fff0-9A-Za-z“‘《〈〔(\uff08\uff0c。、\uff1b\uff1a)\uff09”’》%]")
_SENTENCE_END = re.compile(r"[。\uff1b\uff01\uff1f;!?][”’)\uff09]?$")
# From this length a line without a full stop is no heading.
_LONG = 40
# A wrapped line fills at least this share of the common width.
_FULL = 0.85
_SHORTEST_WRAP = 16


def wrap_width(lines: Sequence[RepairedLine]) -> int | None:
    """The width in characters at which the file's lines were wrapped, or None where they are whole paragraphs."""
    lengths = sorted(len(line.text) for line in lines if line.text and line.part == "body")
    if len(lengths) < 6:
        return None
    widest = lengths[-1 - len(lengths) // 20]
    filled = sum(1 for length in lengths if _FULL * widest <= length <= widest * 1.1)
    return widest if _SHORTEST_WRAP <= widest <= 90 and filled >= max(3, 0.3 * len(lengths)) else None


def join_lines(lines: Sequence[RepairedLine]) -> tuple[RepairedLine, ...]:
    """Join broken sentences. Dropped lines between two halves stay where they are."""
    width = wrap_width([line for line in lines if line.dropped is None])
    joined: list[RepairedLine] = []
    last: int | None = None
    blank = False
    for line in lines:
        if line.dropped is not None:
            joined.append(line)
        elif not line.text:
            joined.append(line)
            blank = True
        elif last is not None and _belongs(joined[last], line, width, blank):
            joined[last] = _together(joined[last], line)
        else:
            joined.append(line)
            last, blank = len(joined) - 1, False
    return tuple(joined)


def _belongs(first: RepairedLine, second: RepairedLine, width: int | None, blank: bool) -> bool:
    if first.part != "body" or second.part != "body" or first.level or second.level:
        return False
    if not _ENDS_OPEN.search(first.text) or not _BEGINS_OPEN.match(second.text):
        return False
    if marker_at(second.text) or _BEGINS_NEW.search(second.text):
        return False
    if _page_seam(first, second):
        return True
    if blank or (first.page is not None and first.page != second.page and len(first.text) < _SHORTEST_WRAP):
        return False
    if width is not None and len(first.text) >= _FULL * width:
        return len(first.text) >= _SHORTEST_WRAP
    if _ENDS_COMMA.search(first.text):
        return len(first.text) >= _SHORTEST_WRAP
    return len(first.text) >= _LONG and (len(second.text) >= _LONG or bool(_SENTENCE_END.search(second.text)))


def _page_seam(first: RepairedLine, second: RepairedLine) -> bool:
    """A page number stood where the lines meet, and the first is no heading."""
    at_start = any(repair.kind == "page_number" and repair.after and second.text.startswith(repair.after[:4])
                   for repair in second.repairs)  # fmt: skip
    return at_start and len(first.text) >= _LONG


def _together(first: RepairedLine, second: RepairedLine) -> RepairedLine:
    gap = " " if first.text[-1].isascii() and first.text[-1].isalpha() and second.text[0].isascii() else ""
    seam = Repair(
        "joined", f"{first.text[-6:]}\n{second.text[:6]}", f"{first.text[-6:]}{gap}{second.text[:6]}"
    )
    return replace(
        first,
        text=f"{first.text}{gap}{second.text}",
        original=f"{first.original}\n{second.original}",
        joined=(*first.joined, second.line, *second.joined),
        repairs=(*first.repairs, *second.repairs, seam),
        marks=first.marks + tuple(mark for mark in second.marks if mark not in first.marks),
    )
