"""Text that was decoded by the wrong table: put back by encoding it again and decoding the bytes rightly.

Three kinds: UTF-8 read as GBK (政策 → 鏀跨瓥), UTF-8 read as Windows-1252 or Latin-1 (政策 → æ”¿ç–), GBK read as
either (政策 → Õþ²ß). ftfy knows the second only, and the lost bytes must be marked one by one here, so that one byte
walk serves all three. A stretch is restored only where its bytes prove it: they decode strictly, the result is Chinese
of common characters (GB 2312 level 1), and what is shown is not. A byte that was lost on the way leaves □.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from policies_kb.ingest.repair.language import is_everyday, is_in_gb2312
from policies_kb.ingest.repair.traditional import simplified

UNKNOWN = "□"
"""Stands for a character nobody knows."""
_LOST = -1
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LATIN = re.compile("[\u0080-\u00b6\u00b8-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0401-\u0491]")
_PUNCTUATION = re.compile(
    "[\u00b7\u00d7\u2013-\u2014\u2018-\u201d\u2026\u2103\u2160-\u216b\u2460-\u249b\u25a1\u3000-\u3017\uff01-\uff5e]"
)
_HAN = re.compile("[\u3400-\u9fff]")
# EF BF BD is the replacement character itself: what it replaced is gone.
_REPLACED = re.compile("(?:锟斤拷)+(?:锟斤?)?|(?:ï¿½)+")
# At least this share of the restored Chinese must be everyday characters, and at most that share may be lost.
_EVERYDAY = 0.9
_MOST_LOST = 0.34
_FEWEST_HIGH = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """text[start:end] becomes `text`, in which □ stands for each character whose bytes were lost."""

    start: int
    end: int
    text: str


_Encode = Callable[[str], tuple[int, ...] | None]
_Decode = Callable[[list[int], int], tuple[str, int] | None]


def stretches(text: str) -> Iterator[Stretch]:
    """The stretches of `text` that a wrong decoding made and their bytes restore, from left to right."""
    at = 0
    while (match := _NOT_ASCII.search(text, at)) is not None:
        start = match.start()
        replaced = _REPLACED.match(text, start)
        found = _best(text, start)
        if found is None and replaced:
            found = Stretch(start, replaced.end(), UNKNOWN)
        if found is None:
            at = start + 1
            continue
        yield found
        at = found.end


def _best(text: str, start: int) -> Stretch | None:
    if text[start] == "\ufffd":
        return None
    kinds: tuple[tuple[_Encode, _Decode], ...] = ((_gbk_bytes, _utf8),)
    if text[start] < "\u0100" or _LATIN.match(text[start]):
        kinds = ((_latin_bytes, _utf8), (_latin_bytes, _gbk))
    found = [stretch for encode, decode in kinds if (stretch := _walk(text, start, encode, decode))]
    return max(found, key=lambda stretch: stretch.end, default=None)


def _walk(text: str, start: int, encode: _Encode, decode: _Decode) -> Stretch | None:
    """The longest stretch from `start` whose bytes decode; None where it proves nothing."""
    # Almost every start fails at its first character: four shown ones hold all its bytes.
    first = [value for character in text[start : start + 4] for value in encode(character) or ()]
    if not first or decode(first, 0) is None:
        return None
    values: list[int] = []
    owners: list[int] = []
    for at in range(start, len(text)):
        data = encode(text[at])
        if data is None:
            break
        values.extend(data)
        owners.extend([at] * len(data))
    # Byte positions at which a shown character ends, so that a stretch never takes half of one.
    parsed = ""
    best: Stretch | None = None
    position = 0
    while position < len(values):
        step = decode(values, position)
        if step is None:
            break
        character, position = step
        parsed += character
        whole = position == len(values) or owners[position] != owners[position - 1]
        # Plain ASCII behind a stretch needs no restoring and is left to what follows.
        if whole and not character.isascii():
            end = owners[position - 1] + 1
            if _proven(text[start:end], parsed):
                best = Stretch(start, end, parsed)
    return best


def _proven(shown: str, restored: str) -> bool:
    han = _HAN.findall(simplified(restored))
    lost = restored.count(UNKNOWN)
    if not han or lost > _MOST_LOST * (len(han) + lost):
        return False
    high = len(_NOT_ASCII.findall(shown))
    if high < _FEWEST_HIGH or not all(map(is_in_gb2312, han)):
        return False
    if sum(map(is_everyday, han)) < _EVERYDAY * len(han):
        return False
    shown_han = _HAN.findall(simplified(shown))
    if not shown_han:
        # Latin letters: three bytes of UTF-8 cannot stand together by chance, two pairs of GBK could.
        # Dashes and quotation marks of clean text are bytes of that table too (—— would be 枣): letters must prove it.
        letters = len(_LATIN.findall(shown))
        return letters >= max(2, len(han)) and (high > _FEWEST_HIGH or (len(han) == 1 and not lost))
    return len(han) > 1 and sum(map(is_everyday, shown_han)) < _EVERYDAY * len(shown_han)


@lru_cache(maxsize=8192)
def _gbk_bytes(character: str) -> tuple[int, ...] | None:
    # € is 80 by one table and A2E3 by another: which it was, nobody knows.
    if character in "\ufffd€":
        return (_LOST,)
    try:
        return tuple(character.encode("gb18030"))
    except UnicodeEncodeError:
        return None


@lru_cache(maxsize=1024)
def _latin_bytes(character: str) -> tuple[int, ...] | None:
    if character == "\ufffd":
        return (_LOST,)
    if ord(character) < 0x100:
        return (ord(character),)
    for table in ("cp1252", "cp1251"):
        try:
            return tuple(character.encode(table))
        except UnicodeEncodeError:
            continue
    return None


def _utf8(values: list[int], at: int) -> tuple[str, int] | None:
    """One character of UTF-8 at `at` and where the next begins; □ where a byte is lost, None where it is no UTF-8."""
    first = values[at]
    if 0 <= first < 0x80:
        return chr(first), at + 1
    if first == _LOST:
        return _lost(values, at + 1)
    if first == 0xC2 or first == 0xC3:
        length = 2
    elif 0xE2 <= first <= 0xEF:
        length = 3
    else:
        return None
    data = values[at : at + length]
    if len(data) == length and all(0x80 <= value <= 0xBF for value in data[1:]):
        return _chinese(bytes(data), "utf-8", at + length)
    end = at + 1
    while end < min(len(values), at + length) and 0x80 <= values[end] <= 0xBF:
        end += 1
    # Cut short: the byte that is missing was lost, shown as the replacement character, as ? or not at all.
    if end < len(values) and values[end] in (_LOST, ord("?")):
        return _lost(values, end + 1)
    return (UNKNOWN, end) if length == 3 and end == at + 2 else None


def _lost(values: list[int], at: int) -> tuple[str, int]:
    while at < len(values) and (values[at] == _LOST or 0x80 <= values[at] <= 0xBF):
        at += 1
    return UNKNOWN, at


def _gbk(values: list[int], at: int) -> tuple[str, int] | None:
    """One character of GBK. A lost byte ends it: what follows could be read from either half."""
    if 0 <= values[at] < 0x80:
        return chr(values[at]), at + 1
    data = values[at : at + 2]
    if len(data) < 2 or not (0x81 <= data[0] <= 0xFE and 0x40 <= data[1] <= 0xFE):
        return None
    return _chinese(bytes(data), "gbk", at + 2)


def _chinese(data: bytes, encoding: str, end: int) -> tuple[str, int] | None:
    """The decoded character where official Chinese has it."""
    try:
        character = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if character == "\ufffd":
        return UNKNOWN, end
    known = _PUNCTUATION.match(character) or (_HAN.match(character) and is_in_gb2312(simplified(character)))
    return (character, end) if known else None
