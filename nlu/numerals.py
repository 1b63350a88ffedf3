"""Numbers as people say them: 一千二, 1.2万, 两百来块, 八百多, 三四百, 俩, 半年.

cn2an reads the exact numerals; what it refuses (about-words, ranges, 俩, 百把, units of money) is taken off here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import cn2an

_DIGITS = "零〇一二两三四五六七八九"
_CORE = r"(?:\d[\d,]*(?:\.\d+)?(?:[十百千万亿wWkK](?:\d+)?)*|[零〇一二两三四五六七八九十百千万亿廿卅俩仨](?:[零〇一二两三四五六七八九十百千万亿点])*)"
# A number with the words that make it approximate: 两百来, 八百多, 一千左右, 百把, 千把.
NUMBER = re.compile(rf"(?P<core>{_CORE})(?P<about>来|多|几|余|把|出头|左右|上下)?")
_NOT_ONE = tuple("下些般直样点起定共切旦概时向辈")
_TAILS = {"万": 1e4, "亿": 1e8}
_VAGUE = ("几", "数", "上", "成")
_RANGE_DIGITS = re.compile(
    r"(?P<a>[一二两三四五六七八九])[、,]?(?P<b>[二两三四五六七八九])(?P<unit>[十百千万]+)?"
)
_SPAN = re.compile(rf"(?P<low>{_CORE})[块元岁人口]*(?:多)?\s*(?:-|—|–|~|到|至)\s*(?P<high>{_CORE})")
_VALUE = dict(zip("零一二三四五六七八九", range(10), strict=True)) | {
    "两": 2,
    "〇": 0,
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number found in a text: its value, where it stands, and whether it was said as an estimate."""

    value: float
    start: int
    end: int
    about: bool = False


def read(text: str) -> float | None:
    """The value of one whole numeral, or None when the text is not exactly one.

    Estimates give their floor (八百多 → 800, 十来 → 10); adjacent digits give the middle (三四百 → 350).
    """
    text = re.sub(r"\s", "", text)
    pair = _RANGE_DIGITS.fullmatch(text)
    if pair:
        low, high = _VALUE[pair["a"]], _VALUE[pair["b"]]
        if high == low + 1:
            unit = _cn2an("一" + pair["unit"]) if pair["unit"] else 1.0
            return None if unit is None else (low + high) / 2 * unit
    text = re.sub(r"(?:来|多|几|余|把|出头|左右|上下)$", "", text)
    text = text.replace("俩", "两").replace("仨", "三").replace(",", "")
    text = re.sub(r"[wW]", "万", text)
    text = re.sub(r"[kK]", "千", text)
    if text and text[0] in "百千万":
        text = "一" + text
    text = {"一百八十": "一百八十"}.get(text, text)
    return _cn2an(text)


def _cn2an(text: str) -> float | None:
    # Longer than any sum or count: a run of digits, or nonsense.
    if not text or len(text) > 24:
        return None
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text) if len(text) <= 15 else None
    mixed = re.fullmatch(r"(\d+(?:\.\d+)?)([十百千万亿]+)(\d)?", text)
    if mixed:
        unit = _cn2an("一" + mixed[2])
        if unit is None:
            return None
        # 1万2 and 2千5 leave the last unit unsaid, as 一万二 does.
        return round(float(mixed[1]) * unit + (float(mixed[3]) * unit / 10 if mixed[3] else 0), 2)
    try:
        return float(cn2an.cn2an(text, "smart"))
    except (ValueError, KeyError, IndexError, OverflowError):
        return None


def find(text: str) -> list[Number]:
    """Every number in the text, in order. A span (八百到一千) is one number, its middle, said as an estimate."""
    found: list[Number] = []
    position = 0
    while position < len(text):
        span = _SPAN.match(text, position)
        if span:
            low, high = read(span["low"]), read(span["high"])
            if low is not None and high is not None:
                # 三到五百 means 三百到五百.
                if low < 10 <= high and span["high"][-1:] in "十百千万":
                    unit = _cn2an("一" + span["high"][-1])
                    low = low * unit if unit else low
                if low < high:
                    found.append(Number((low + high) / 2, span.start(), span.end(), about=True))
                    position = span.end()
                    continue
        match = NUMBER.match(text, position)
        if match is None:
            position += 1
            continue
        value = read(match["core"])
        if value is None or (match["core"][0] in "百千万" and text[:position].endswith(_VAGUE)):
            # 好几百 says no number.
            position = match.end()
            continue
        if match["core"] == "一点" or (
            match["core"] == "一" and text[match.end() : match.end() + 1] in _NOT_ONE
        ):
            # 一下, 一些, 一点积蓄, 一辈子 count nothing.
            position = match.end()
            continue
        pair = _RANGE_DIGITS.fullmatch(match["core"])
        end = match.end()
        unit = _TAILS.get(text[end : end + 1]) if match["about"] in {"来", "多", "几", "余"} else None
        if unit is not None:
            # 十几万 is ten of ten thousand, not ten.
            value, end = value * unit, end + 1
        found.append(Number(value, match.start(), end, about=match["about"] is not None or pair is not None))
        position = end
    return found
