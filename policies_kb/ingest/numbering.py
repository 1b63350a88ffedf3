"""The official numbering of Chinese documents (GB/T 9704): 第一章, 第一条, 一、, (一), 1., (1)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum

import cn2an

_HAN = "一二三四五六七八九十"
# 一 to 九百九十九, never a year (二〇一六).
_NUMERAL = f"(?:[一二三四五六七八九]百(?:零[一二三四五六七八九]|〇[一二三四五六七八九]|[{_HAN}]{{1,3}})?|[{_HAN}]{{1,3}})"
_DIGIT = "0-9\uff10-\uff19"
_OPEN, _CLOSE = "(\uff08\ufe59\u3014", ")\uff09\ufe5a\u3015"
_GAP = "[ \t\u3000\u00a0]*"
_COMMA = "、.\uff0e\uff61\u2024"


class Level(IntEnum):
    """Ranks from the outside in. A number of one rank closes everything of the same and deeper ranks."""

    APPENDIX = 0
    CHAPTER = 1
    DIVISION = 2  # 第一节
    ARTICLE = 3  # 第一条
    FIRST = 4  # 一、
    SECOND = 5  # (一)
    THIRD = 6  # 1.
    FOURTH = 7  # (1), 1)


GROUPS = frozenset({Level.CHAPTER, Level.DIVISION})
"""Ranks that group clauses but are no part of a clause's number."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A printed number: its rank, its value (1-based), and where it stands in the text it was read from.

    `start` is before leading blanks, `end` after blanks behind the number; both 0-based, end exclusive.
    """

    level: Level
    value: int
    text: str
    start: int
    end: int
    half: bool = False
    """Printed with a closing bracket only: 1)."""


def _bracketed(inner: str) -> str:
    return f"[{_OPEN}]{_GAP}(?P<n>{inner}){_GAP}[{_CLOSE}]{_GAP}[、.\uff0e]?"


# A dot that is a decimal point is no number: 1.5倍; but 1.2016年底前 is number 1.
_DOT_ENDS = f"(?![{_DIGIT}](?!(?:[09\uff10\uff19][{_DIGIT}]{{2}}|[0\uff10][xX*×]{{2}})年))"
_SHAPES: tuple[tuple[Level, re.Pattern[str]], ...] = tuple(
    (level, re.compile(shape))
    for level, shape in (
        (Level.APPENDIX, f"附{_GAP}[件表]{_GAP}(?P<n>[{_DIGIT}]{{1,2}}|[{_HAN}]{{1,3}}|){_GAP}(?:[:\uff1a]|(?=$|\n))"),
        (Level.CHAPTER, f"第(?P<n>{_NUMERAL}|[{_DIGIT}]{{1,3}})(?:章|部分)"),
        (Level.DIVISION, f"第(?P<n>{_NUMERAL}|[{_DIGIT}]{{1,3}})节(?![课约日])"),
        (Level.ARTICLE, f"第(?P<n>[{_HAN}百千零〇]+|[{_DIGIT}]{{1,4}})条(?:之(?P<of>[{_HAN}]+))?(?![款的例规和、至到之])"),
        (Level.FIRST, f"(?P<n>{_NUMERAL}){_GAP}[{_COMMA}](?![{_HAN}]{{1,3}}[、级类等月年个天])"),
        (Level.SECOND, _bracketed(_NUMERAL)),
        (Level.FOURTH, _bracketed(f"[{_DIGIT}]{{1,3}}")),
        (Level.FOURTH, f"(?P<n>[{_DIGIT}]{{1,3}}){_GAP}[)\uff09]{_GAP}[、.\uff0e]?"),
        (Level.SECOND, f"(?P<n>{_NUMERAL}){_GAP}[)\uff09]{_GAP}[、.\uff0e]?"),
        (Level.THIRD, f"(?P<n>[{_DIGIT}]{{1,3}}){_GAP}[、\uff0e\uff61\u2024](?![{_DIGIT}]{{1,2}}[、级类])"),
        (Level.THIRD, f"(?P<n>[{_DIGIT}]{{1,3}})\\.{_DOT_ENDS}"),
        (Level.SECOND, "(?P<n>[㈠-㈩])、?"),
        (Level.FOURTH, "(?P<n>[⑴-⒇])、?"),
        (Level.THIRD, "(?P<n>[⒈-⒛])、?"),
    )
)  # fmt: skip
_LEAD = re.compile(r"[^\S\n]*")
_BLANKS = re.compile(_GAP)
# What stands before a number that is only referred to: 第(五)项, 按照(二)、(三)
_REFERRING = frozenset("第见按照和、及至到与或述款条项")
_ENDED = frozenset("。\uff1b;\uff01!\uff1f?:\uff1a")
_CANDIDATE = re.compile(f"[{_OPEN}{_HAN}{_DIGIT}㈠-㈩⑴-⒛第]")


def marker_at(text: str, start: int = 0) -> Marker | None:
    """The number that stands at `start` of `text`, blanks before it allowed; None when there is none."""
    lead = _LEAD.match(text, start)
    at = lead.end() if lead else start
    for level, shape in _SHAPES:
        match = shape.match(text, at)
        if match is None:
            continue
        value = _value(match["n"])
        if value is None or (value == 0 and level is not Level.APPENDIX):
            continue
        blanks = _BLANKS.match(text, match.end())
        of = match.groupdict().get("of")
        half = match[0].rstrip("、.\uff0e \t\u3000\u00a0")[-1:] in _CLOSE and match[0][0] not in _OPEN
        end = blanks.end() if blanks else match.end()
        return Marker(level, value, _canonical(level, match["n"], value, of), start, end, half)
    return None


def markers_inside(text: str, start: int, end: int) -> list[tuple[Marker, bool]]:
    """Numbers within a paragraph, from `start` to `end`, each with whether a sentence ended right before it.

    A number merely referred to (按第(五)项) is not among them; nor are 一、 and articles, which begin a line.
    """
    found: list[tuple[Marker, bool]] = []
    at = start
    while (candidate := _CANDIDATE.search(text, at, end)) is not None:
        at = candidate.start()
        before = text[at - 1] if at > start else ""
        marker = marker_at(text, at)
        inside = marker is not None and marker.level in {Level.SECOND, Level.THIRD, Level.FOURTH}
        ended = text[start:at].rstrip()[-1:] in _ENDED if text[start:at].strip() else False
        cuts = before != "" and (before in _REFERRING or before.isdigit() or before in f"{_HAN}{_OPEN}.·-—~")
        if marker is None or not inside or cuts or marker.end > end or (marker.half and not ended):
            at += 1
            continue
        found.append((marker, ended))
        at = marker.end
    return found


def _value(printed: str) -> int | None:
    plain = unicodedata.normalize("NFKC", printed).strip("()（）.").replace("〇", "零")
    if not plain:
        return 0
    if plain.isdigit():
        return int(plain)
    try:
        return int(cn2an.cn2an(plain, "smart"))
    except ValueError:
        return None


def _canonical(level: Level, printed: str, value: int, of: str | None) -> str:
    """The number as clause references write it: 三, (二), 4, (1), 第三条, 附件2."""
    if level is Level.APPENDIX:
        return f"附件{value or ''}"
    if level is Level.THIRD:
        return str(value)
    if level is Level.FOURTH:
        return f"({value})"
    han = han_number(value)
    if level is Level.SECOND:
        return f"({han})"
    if level is Level.FIRST:
        return han
    unit = {Level.CHAPTER: "章", Level.DIVISION: "节", Level.ARTICLE: "条"}[level]
    return f"第{han}{unit}" + (f"之{of}" if of else "")


def han_number(value: int) -> str:
    """1 to 999 in Chinese numerals as documents print them: 十二, not 一十二."""
    written = str(cn2an.an2cn(value))
    return written[1:] if written.startswith("一十") else written
