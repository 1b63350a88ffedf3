"""Dates as Chinese official documents print them: 2022年3月5日, 二〇二二年三月五日, 20xx年1月."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import cn2an

_D = "0-9\uff10-\uff19"
_HAN = "〇○零Oo一二三四五六七八九十廿卅"
_MASK = "xX×*＊_○"
_YEAR = f"(?<![{_D}])(?P<year>[12\uff11\uff12][{_D}]{{3}}|[12][{_D}][{_MASK}]{{1,2}}|[12][{_MASK}]{{2,3}}|[xX×*＊]{{2,4}}|[一二][〇○零Oo一二三四五六七八九]{{3}})"
_NUMBER = f"[{_D}]{{1,2}}|[xX×*＊]{{1,2}}|[一二三四五六七八九十廿卅]{{1,3}}"
_GAP = r"[ \u3000]*"
_DATE = re.compile(
    f"(?:{_YEAR}{_GAP}年{_GAP})(?:(?P<month>{_NUMBER}){_GAP}月(?:{_GAP}(?P<day>{_NUMBER}){_GAP}[日号])?)?(?P<end>底|末)?"
    f"|(?P<month2>[{_D}]{{1,2}}){_GAP}月{_GAP}(?P<day2>[{_D}]{{1,2}}){_GAP}[日号]"
    r"|(?P<iso>[12]\d{3}[-/.]\d{1,2}[-/.]\d{1,2})(?!\d)"
)
_EFFECTIVE = (
    re.compile("自(?P<when>.{4,24}?)(?:\\([^)]{0,8}\\)|\uff08[^\uff09]{0,8}\uff09)?起(?:正式)?(?:施行|实施|执行|生效|试行)"),
    re.compile("从(?P<when>.{4,24}?)起(?:正式)?(?:施行|实施|执行|生效|试行)"),
    re.compile("(?:施行|实施|执行|生效)(?:日期|时间)(?:为|是|:|\uff1a)(?P<when>.{4,24}?)(?:[。\uff0c,\uff1b;]|$)"),
)  # fmt: skip
_ON_ISSUE = re.compile(
    "自(?:本[^。,\uff0c]{0,8})?(?:公布|发布|印发|发文|下发|通知发布|通知印发|颁布)之日起(?:正式)?(?:施行|实施|执行|生效|试行)?"
)
# A certificate's validity (残疾人证有效期10年) is not the document's.
_YEARS = re.compile(
    f"(?<![证卡书照])有效期(?:为|是|限)?{_GAP}(?P<n>[{_D}]{{1,2}}|[一二两三四五六七八九十]{{1,2}}){_GAP}年"
)
_UNTIL = re.compile("(?<![证卡书照])有效期(?:限)?(?:至|到)(?P<when>.{4,16}?)(?:[。\uff0c,\uff1b;止]|$)")


@dataclass(frozen=True, slots=True)
class PrintedDate:
    """A date as printed. A part that is missing or masked (20xx) is None; offsets are 0-based, end exclusive.

    `masked`: a part of it is written with x, * or the like: somebody took it out.
    """

    text: str
    start: int
    end: int
    year: int | None
    month: int | None
    day: int | None
    masked: bool

    def first(self) -> date | None:
        """The first day it can mean; None where the year, or what was printed of it, is not known."""
        if self.year is None or self.masked:
            return None
        return _real(self.year, self.month or 1, self.day or 1)

    def last(self) -> date | None:
        """The last day it can mean: 2022年底 is 31 December."""
        if self.year is None or self.masked:
            return None
        month = self.month or 12
        day = self.day or (calendar.monthrange(self.year, month)[1] if 1 <= month <= 12 else 31)
        return _real(self.year, month, day)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a document says it is in force. A date that cannot be told is None, `quote` has its words."""

    begins: date | None
    ends: date | None
    begins_quote: str
    ends_quote: str
    on_issue: bool = False


def find_dates(text: str) -> Iterator[PrintedDate]:
    """Every date of a text, in order."""
    for match in _DATE.finditer(text):
        iso = match["iso"]
        if iso:
            year, month, day = re.split("[-/.]", iso)
            parts: tuple[str | None, str | None, str | None] = (year, month, day)
        else:
            parts = (match["year"], match["month"] or match["month2"], match["day"] or match["day2"])
        masked = any(part is not None and _number(part) is None for part in parts)
        yield PrintedDate(
            match[0],
            match.start(),
            match.end(),
            _number(parts[0]),
            _number(parts[1]),
            _number(parts[2]),
            masked,
        )


def validity(text: str, issued: date | None) -> Validity:
    """What a document's text says of its own time: 自…起施行, 有效期5年, 有效期至…底."""
    begins: date | None = None
    begins_quote, on_issue = "", False
    for shape in _EFFECTIVE:
        match = shape.search(text)
        found = next(find_dates(match["when"]), None) if match else None
        if match and found:
            begins, begins_quote = found.first(), match[0]
            break
    if not begins_quote and (match := _ON_ISSUE.search(text)):
        begins, begins_quote, on_issue = issued, match[0], True
    ends: date | None = None
    ends_quote = ""
    if match := _UNTIL.search(text):
        found = next(find_dates(match["when"]), None)
        ends, ends_quote = (found.last() if found else None), match[0]
    elif match := _YEARS.search(text):
        ends_quote = match[0]
        years = _number(match["n"].replace("两", "二"))
        ends = _after(begins, years) if begins and years else None
    return Validity(begins, ends, begins_quote, ends_quote, on_issue)


def _after(begins: date, years: int) -> date | None:
    """The last day of a validity of so many years: from 2022-01-21, 5 years: 2027-01-20."""
    same = _real(begins.year + years, begins.month, begins.day) or date(begins.year + years, 3, 1)
    return same - timedelta(days=1)


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _number(printed: str | None) -> int | None:
    if printed is None:
        return None
    if printed.isdigit():
        return int(printed)
    plain = re.sub("[○Oo零]", "〇", printed).replace("廿", "二十").replace("卅", "三十")
    if not plain or not set(plain) <= set("〇一二三四五六七八九十"):
        return None
    if "十" not in plain:
        return int("".join(str("〇一二三四五六七八九".index(char)) for char in plain))
    return int(cn2an.cn2an(plain, "smart"))
