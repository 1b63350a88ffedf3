"""Dates as people write them, read to a whole day or not at all."""

from __future__ import annotations

import re
from datetime import date, timedelta

_CN = str.maketrans("零〇一二三四五六七八九", "00123456789")
_NUM = r"(?:\d{1,2}|[一二三四五六七八九十廿卅]{1,3})"
_FULL = re.compile(
    rf"(?P<y>\d{{4}}|\d{{2}}|[零〇一二三四五六七八九]{{2,4}})\s*[年./\-]\s*(?P<m>{_NUM})\s*[月./\-]\s*(?P<d>{_NUM})\s*[日号]?"
)
_COMPACT = re.compile(r"(?<!\d)(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?!\d)")
_NO_YEAR = re.compile(rf"(?P<rel>今年|去年|前年|明年)?\s*(?P<m>{_NUM})\s*月\s*(?P<d>{_NUM})\s*[日号]?")
_MONTH_REL = re.compile(rf"(?P<rel>这个月|本月|上个月|上月|下个月|下月)(?P<d>{_NUM})[日号]")
_RELATIVE = {"大前天": -3, "前天": -2, "昨天": -1, "昨晚": -1, "今天": 0, "今早": 0, "刚才": 0, "明天": 1, "后天": 2, "大后天": 3}  # fmt: skip
_WEEK = re.compile(r"(?P<rel>上上|上|这|本|下)?(?:个)?(?:周|星期|礼拜)(?P<day>[一二三四五六日天末])")
_AGO = re.compile(r"(?P<n>\d{1,3}|[一二两三四五六七八九十]{1,3})天(?P<way>前|后)")
_LUNAR = re.compile(r"农历|阴历|旧历|腊月|正月|初[一二三四五六七八九十]")


def read_date(text: str, today: date | None = None) -> date | None:
    """The day meant. None for a month or year alone, for lunar dates (they are asked for in the solar calendar)
    and for days that do not exist; relative days need `today`."""
    if _LUNAR.search(text):
        return None
    full = _FULL.search(text) or _COMPACT.search(text)
    if full:
        return _day(year(full["y"], today), _small(full["m"]), _small(full["d"]))
    if today is None:
        return None
    for word in sorted(_RELATIVE, key=len, reverse=True):
        if word in text:
            return today + timedelta(days=_RELATIVE[word])
    ago = _AGO.search(text)
    if ago:
        days = _small(ago["n"].replace("两", "二"))
        return None if days is None else today + timedelta(days=-days if ago["way"] == "前" else days)
    month = _MONTH_REL.search(text)
    if month:
        shift = {"上": -1, "下": 1}.get(month["rel"][0], 0)
        index = today.year * 12 + today.month - 1 + shift
        return _day(index // 12, index % 12 + 1, _small(month["d"]))
    partial = _NO_YEAR.search(text)
    if partial:
        shift = {"去年": -1, "前年": -2, "明年": 1}.get(partial["rel"] or "", 0)
        return _day(today.year + shift, _small(partial["m"]), _small(partial["d"]))
    week = _WEEK.search(text)
    if week and week["day"] != "末":
        shift = {"上上": -2, "上": -1, "下": 1}.get(week["rel"] or "", 0)
        monday = today - timedelta(days=today.weekday())
        return monday + timedelta(weeks=shift, days="一二三四五六日天".index(week["day"]) % 7 if week["day"] != "天" else 6)  # fmt: skip
    return None


def no_such_day(text: str) -> str | None:
    """The words of a date the calendar has not (2月30日, 2026-13-01); None where none is written out."""
    full = _FULL.search(text) or _COMPACT.search(text) or _NO_YEAR.search(text)
    return full.group().strip() if full and not _LUNAR.search(text) else None


def year(text: str, today: date | None = None) -> int | None:
    """A year of four digits, or of two (58 → 1958; the future is never meant)."""
    digits = text.translate(_CN)
    if not digits.isdigit():
        return None
    if len(digits) == 4:
        return int(digits)
    if len(digits) != 2:
        return None
    century = 2000 if today is not None and int(digits) <= today.year % 100 else 1900
    return century + int(digits)


def _small(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    text = text.replace("廿", "二十").replace("卅", "三十")
    match = re.fullmatch(r"(?P<tens>[二三])?(?P<ten>十)?(?P<ones>[一二三四五六七八九])?", text)
    if match is None or not text:
        return None
    ones = "零一二三四五六七八九".index(match["ones"]) if match["ones"] else 0
    if not match["ten"]:
        # 三 alone lands in `tens`.
        return "零一二三".index(match["tens"]) if match["tens"] and not match["ones"] else (ones if not match["tens"] else None)  # fmt: skip
    tens = "零一二三".index(match["tens"]) if match["tens"] else 1
    return tens * 10 + ones


def _day(y: int | None, m: int | None, d: int | None) -> date | None:
    if y is None or m is None or d is None:
        return None
    try:
        return date(y, m, d)
    except ValueError:
        return None
