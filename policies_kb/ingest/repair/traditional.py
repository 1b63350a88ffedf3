"""Traditional characters turned simplified by OpenCC (t2s).

t2s and not tw2sp: the latter also rewrites regional words, and so names and addresses. Characters that simplified
text uses too (著 乾 後 徵 …) are turned only in text that is traditional as a whole, where OpenCC's phrase table
decides (乾淨 → 干净, 乾隆 stays); a single traditional character in simplified text is turned by itself.
"""

from __future__ import annotations

import re
from functools import cache

import opencc

from policies_kb.ingest.repair.edit import marked, substitute, whole
from policies_kb.ingest.repair.words import is_word
from policies_kb.ingest.types import Mark, RepairedLine

_HAN = re.compile(r"[\u3400-\u9fff]")
# From this share of characters that only traditional text has, the whole line is read as traditional. Text turned by
# machine has 25-45 %, a simplified sentence that quotes a name 0-5 %.
_SHARE = 0.08
_LEAST = 2
_FREQUENT = 20


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
    """Whether the text as a whole is traditional; a single character may be a name or a misreading."""
    return sum(map(only_traditional, text)) >= _LEAST and traditional_share(text) >= _SHARE


def repair_traditional(line: RepairedLine, *, document: bool) -> RepairedLine:
    """Turn one line simplified; `document` says whether the file as a whole is traditional."""
    if not any(only_traditional(character) for character in line.text):
        # A short line of a traditional file may hold only characters that both have: 於是, 後.
        return whole(line, simplified(line.text), "traditional") if document else line
    if document or is_traditional(line.text):
        return whole(line, simplified(line.text), "traditional")
    return _single(line)


def _single(line: RepairedLine) -> RepairedLine:
    """One traditional character in simplified text: turned where it makes a word, else left and marked.

    Such a character is often a misreading of another one (约東 for 约束), so turning it would hide the fault.
    """
    left: list[str] = []

    def one(match: re.Match[str]) -> str:
        character = match.group()
        if not only_traditional(character):
            return character
        plain = simplified(character)
        before, after = line.text[: match.start()][-1:], line.text[match.end() : match.end() + 1]
        # Alone, at an edge of the line, it is no word's witness: 與论 there is 舆论 misread.
        if (before and is_word(before + plain, _FREQUENT)) or (after and is_word(plain + after, _FREQUENT)):
            return plain
        left.append(f"{before}{character}{after}")
        return character

    changed = substitute(line, _HAN, one, "traditional")
    why = "简体字里夹着繁体字\uff0c可能是认错的字\uff0c请对照原件。"
    return marked(changed, *(Mark("traditional", text, why) for text in left))
