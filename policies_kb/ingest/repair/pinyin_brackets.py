"""Readings in brackets that a publisher's reading aid left inside words: 責(zé)任 → 責任.

The bracket goes only where it holds a reading (pypinyin, with all readings of the character) of the character before
it. A bracket with tone marks that fits no reading stays and is marked: either the character or the reading is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from pypinyin import Style, pinyin

from policies_kb.ingest.repair.edit import marked, substitute
from policies_kb.ingest.types import Mark, RepairedLine

_TONED = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿế"
BRACKET = re.compile(rf"(?P<before>.?)[((](?P<reading>[a-züêɡ{_TONED}]{{1,7}})[))]")


@lru_cache(maxsize=30_000)
def readings(character: str) -> frozenset[str]:
    """Every reading of one character with tone marks, and the same without a tone (了 le)."""
    if not "\u3400" <= character <= "\U0003ffff":
        return frozenset()
    return frozenset(pinyin(character, style=Style.TONE, heteronym=True)[0])


def is_reading(reading: str, character: str) -> bool:
    """Whether `reading` (tone marks or none for the neutral tone) is one of the character's."""
    plain = unicodedata.normalize("NFC", reading).replace("ɡ", "g")
    return plain in readings(character)


def has_tone(reading: str) -> bool:
    """Whether it carries a tone mark and so can be nothing but a reading."""
    return any(letter in _TONED for letter in unicodedata.normalize("NFC", reading))


def repair_pinyin(line: RepairedLine) -> RepairedLine:
    """Take out readings in brackets; mark those that fit no character."""

    def one(match: re.Match[str]) -> str:
        fits = is_reading(match["reading"], match["before"])
        return match["before"] if fits else match.group()

    line = substitute(line, BRACKET, one, "pinyin")
    left = [match.group() for match in BRACKET.finditer(line.text) if has_tone(match["reading"])]
    why = "括号里的拼音不是前面那个字的读音, 字可能错了, 请对照原件。"
    return marked(line, *(Mark("pinyin", text, why.replace(", ", "\uff0c")) for text in left))
