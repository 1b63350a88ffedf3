"""Traditional characters turned simplified by OpenCC (t2s).

t2s and not tw2sp: the latter also rewrites regional words, and so names and addresses. Characters that simplified
text uses too (著 乾 後 徵 …) are turned only in text that is traditional as a whole, where OpenCC's phrase table
decides (乾淨 → 干净, 乾隆 stays); a single traditional character in simplified text is turned by itself.
"""

from __future__ import annotations

import re
from functools import cache

import opencc

from policies_kb.ingest.repair.edit import substitute, whole
from policies_kb.ingest.types import RepairedLine

_HAN = re.compile(r"[\u3400-\u9fff]")
# From this share of characters that only traditional text has, the whole line is read as traditional. Text turned by
# machine has 25-45 %, a simplified sentence that quotes a name 0-5 %.
_SHARE = 0.08


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def only_traditional(character: str) -> bool:
    """Whether simplified text never has this character: t2s turns it and GB 2312 does not hold it."""
    if not _HAN.match(character) or _converter().convert(character) == character:
        return False
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def simplified(text: str) -> str:
    """The text in simplified characters, whatever it was."""
    return str(_converter().convert(text))


def traditional_share(text: str) -> float:
    """Share (0..1) of the Chinese characters that only traditional text has."""
    han = _HAN.findall(text)
    return sum(only_traditional(character) for character in han) / len(han) if han else 0.0


def is_traditional(text: str) -> bool:
    """Whether the text as a whole is traditional."""
    return traditional_share(text) >= _SHARE


def repair_traditional(line: RepairedLine, *, document: bool) -> RepairedLine:
    """Turn one line simplified; `document` says whether the file as a whole is traditional."""
    if not any(only_traditional(character) for character in line.text):
        # A short line of a traditional file may hold only characters that both have: 於是, 後.
        return whole(line, simplified(line.text), "traditional") if document else line
    if document or is_traditional(line.text):
        return whole(line, simplified(line.text), "traditional")
    return substitute(
        line,
        _HAN,
        lambda match: simplified(match.group()) if only_traditional(match.group()) else match.group(),
        "traditional",
    )
