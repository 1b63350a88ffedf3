"""Whether a question asks for the rules of another place or the figures of another year.

A place or a year may also be part of the resident's story (works in 北京, fell ill 去年): then it says nothing of what
is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

# What is said of a place one has lived or been in, rather than asks after.
_LIVED: Final = (
    "打工|务工|上班|工作|干活|做工|做生意|住|户口|户籍|看病|看的病|治病|医院|买|读|上学|上大学|念|回来|回老家|嫁|娶|来的|人[^均]|人$|"
    "流浪|出生|当兵|出差|出事|车祸|摔|病"
)
_FILLER: Final = (
    "(?:的|度|份|里|时候|那时|那会儿|开始|会|要|能|是|该|又|还|可以|你们|我们|咱们|区|县|镇|咱|我|全县|全区|县里|区里|这里|这边|本地|当地|城市|农村|城里|"
    "城镇|乡下|一个月|每月|每年|每人|平均|人均|最低|国家)*"
)
_FIGURE: Final = re.compile("多少|标准|收入线|几块|几百|几千|涨到|提高到|给几|发几|交几|多少钱")
_YEARS: Final = {
    "大前年": -3,
    "前年": -2,
    "去年": -1,
    "上一年": -1,
    "上年": -1,
    "明年": 1,
    "下一年": 1,
    "来年": 1,
    "后年": 2,
}
_DIGITS: Final = {digit: str(at) for at, digit in enumerate("零一二三四五六七八九")} | {"〇": "0", "○": "0"}
_YEAR: Final = re.compile(
    r"(?:19|20)\d\d(?=年)|[一二][零〇○九][零〇○一二三四五六七八九]{2}(?=年)|" + "|".join(_YEARS)
)
# Said of now, or a question whether something changes: no figure of another year is asked for.
_NOW: Final = re.compile("今年|现在|目前|涨不涨|会不会涨|会涨吗|还涨|涨吗|变不变|会变")


class Places:
    """Names of other places, found in cleaned text."""

    def __init__(self, elsewhere: Iterable[str], home: Iterable[str]) -> None:
        names = sorted(set(elsewhere) - set(home), key=lambda name: (-len(name), name))
        self._name = re.compile("|".join(map(re.escape, names))) if names else None

    def asked(self, text: str) -> str | None:
        """The other place whose rules are asked for, else None."""
        for match in self._name.finditer(text) if self._name else ():
            after = text[match.end() : match.end() + 7]
            if not re.match(f"(?:市|省|县|区|那边|那里|那儿|这边)?.{{0,2}}?(?:{_LIVED})", after):
                return match[0]
        return None


def other_year(text: str, today: date, topic: str) -> str | None:
    """The year, as written, other than today's for which a figure is asked; None when there is none.

    `topic` is a pattern of what may have a figure: the names of schemes, standards and benefits.
    """
    if not _FIGURE.search(text) or _NOW.search(text):
        return None
    for match in _YEAR.finditer(text):
        if _year(match[0], today) == today.year:
            continue
        rest = text[match.end() :].removeprefix("年")
        about = f"(?:{topic}|标准|补贴|补助|待遇|收入线|涨|提高|给多少|发多少|领多少|多少|几百|几块)"
        if re.match(_FILLER + about, rest):
            return match[0] if match[0] in _YEARS else f"{match[0]}年"
    return None


def without_this_year(text: str, today: date) -> str:
    """`text` without the words “of this year”, which say nothing of what is asked: documents tell what holds now."""
    return re.sub(rf"{today.year}年(?:度|的)?(?![\d一二三四五六七八九十])", "", text)


def _year(written: str, today: date) -> int:
    if written in _YEARS:
        return today.year + _YEARS[written]
    return int("".join(_DIGITS.get(char, char) for char in written))
