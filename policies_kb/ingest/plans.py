"""Finds where each plan begins in a file that holds several."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from policies_kb.ingest.numbering import Level, marker_at
from policies_kb.ingest.words import words

_HAN = "一二三四五六七八九十"
_COUNT = f"(?:[{_HAN}]{{1,3}}|[0-9\uff10-\uff19]{{1,2}})"
_LONGEST_TITLE = 60
# The ways collections number their plans. `stem` tells one collection's headings from stray lines of another's.
_NUMBERED = (
    re.compile(f"^第{_COUNT}(?P<stem>篇)[\\s:\uff1a\u3000]*(?P<title>.*)$"),
    re.compile(f"^(?P<stem>篇)[\\s\u3000]*{_COUNT}(?:[\\s:\uff1a\u3000]+(?P<title>.*))?$"),
    re.compile(
        f"^(?P<stem>.{{2,30}}?)[\\s\u3000]*篇[\\s\u3000]*{_COUNT}(?:[\\s:\uff1a\u3000]+(?P<title>.*))?$"
    ),
    re.compile(f"^(?P<stem>(?:方案|范文|例文))[\\s\u3000]*{_COUNT}[\\s:\uff1a\u3000]*(?P<title>.*)$"),
    re.compile(r"^(?P<stem>[^0-9。\uff0c,]{2,30}?(?:方案|意见|办法|范文))[\s\u3000]*[0-9]{1,2}$"),
)
_FEW = 2
_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan of a file: its lines are [begin, end) of the lines given, the title line (if any) the first.

    `title` is the heading as the collection prints it, without what web sites add; "" when the file gives none.
    `generic` says that the heading names no subject (试点方案 篇3).
    """

    begin: int
    end: int
    body: int
    title: str
    printed: str
    generic: bool


def find_plans(lines: Sequence[str]) -> tuple[Plan, ...]:
    """The plans of a file, in order; one plan without title when no heading of a collection is found.

    What stands before the first heading (the collection's own title, an introduction of the web site) belongs to
    no plan, unless it is numbered like one.
    """
    starts = _numbered(lines) or _titled(lines)
    if not starts:
        return (Plan(0, len(lines), 0, "", "", False),)
    plans = []
    if _is_plan(lines[: starts[0][0]]):
        # The first one's heading was not recognised: its text must not be lost with the site's introduction.
        plans.append(Plan(0, starts[0][0], 0, "", "", True))
    for at, (begin, printed) in enumerate(starts):
        end = starts[at + 1][0] if at + 1 < len(starts) else len(lines)
        title = bare_title(printed)
        plans.append(Plan(begin, end, begin + 1, title, lines[begin].strip(), _generic(title)))
    return tuple(plans)


def bare_title(printed: str) -> str:
    """A title without what web sites put around it: 【方案精选】…优秀篇."""
    known = words().titles
    title = printed.strip()
    changed = True
    while changed:
        changed = False
        for extra in known.before:
            if title.startswith(extra) and len(title) > len(extra):
                title, changed = title[len(extra) :].lstrip(" :\uff1a\u3000"), True
        for extra in known.after:
            if title.endswith(extra) and len(title) > len(extra) + 3:
                title, changed = title[: -len(extra)].rstrip(" :\uff1a\u3000("), True
    return title


def is_title(line: str) -> bool:
    """Whether a line reads like the title of an official document."""
    text = bare_title(line)
    text = re.sub(r"[(\uff08](试行|暂行|草案|送审稿|修订|征求意见稿)[)\uff09]$", "", text)
    # A line of links names several titles: 工作方案 自然灾害宣传工作方案.
    if any(piece.endswith(words().titles.nouns) for piece in text.split()[:-1]):
        return False
    plain = not re.search("[。\uff0c,\uff1b;!?\uff01\uff1f]", text) and marker_at(text) is None
    return plain and 6 <= len(text) <= _LONGEST_TITLE and text.endswith(words().titles.nouns)


def _is_plan(lines: Sequence[str]) -> bool:
    """Whether lines are numbered like a plan: they count at least to 二、 or 第二条."""
    tops = [
        marker
        for line in lines
        if (marker := marker_at(line)) and marker.level in {Level.FIRST, Level.ARTICLE}
    ]
    return any(marker.value >= _FEW for marker in tops)


def _generic(title: str) -> bool:
    return not title or title in words().titles.generic


def _numbered(lines: Sequence[str]) -> list[tuple[int, str]]:
    """(line, title) of headings that carry a plan's number; only the family most headings belong to."""
    found: list[tuple[int, str, str]] = []
    for at, line in enumerate(lines):
        text = line.strip()
        if not text or len(text) > _LONGEST_TITLE:
            continue
        for shape in _NUMBERED:
            match = shape.match(text)
            if match:
                title = match.groupdict().get("title") or ""
                stem = match["stem"]
                found.append((at, stem, title.strip() or (stem if len(stem) > 1 else "")))
                break
    families = Counter(stem for _, stem, _ in found)
    if not families:
        return []
    stem, count = families.most_common(1)[0]
    return [(at, title) for at, own, title in found if own == stem] if count >= _FEW else []


def _titled(lines: Sequence[str]) -> list[tuple[int, str]]:
    """(line, title) of title lines that are followed by a plan that begins its numbering anew."""
    found: list[tuple[int, str]] = []
    numbered = False
    for at, line in enumerate(lines):
        marker = marker_at(line)
        if marker is not None:
            numbered = numbered or marker.level in {Level.FIRST, Level.ARTICLE}
            continue
        if not is_title(line) or not _begins_after(lines, at):
            continue
        if found and not numbered:
            # Two title lines before any clause: the later one stands nearer to the text.
            found.pop()
        found.append((at, line.strip()))
        numbered = False
    return found if len(found) >= _FEW else []


def _begins_after(lines: Sequence[str], at: int) -> bool:
    """Whether one of the next lines with text begins a numbering (一、 or 第一条), before any other number."""
    following = [line for line in lines[at + 1 : at + 1 + 3 * _AHEAD] if line.strip()][:_AHEAD]
    for line in following:
        marker = marker_at(line)
        if marker is not None:
            return marker.value == 1 and marker.level in {
                Level.CHAPTER, Level.ARTICLE, Level.FIRST, Level.SECOND, Level.THIRD,
            }  # fmt: skip
    return False
