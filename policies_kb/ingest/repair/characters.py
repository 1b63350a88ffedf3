"""Single characters: width, spaces, quotation marks, stray marks, leftovers of HTML.

Only what cannot change the meaning is touched. Round brackets keep their width: the numbering of official documents
is printed with either. A comma between digits stays (10,000).
"""

from __future__ import annotations

import re
import unicodedata

from policies_kb.ingest.repair.edit import substitute
from policies_kb.ingest.repair.words import is_word
from policies_kb.ingest.types import RepairedLine

_HAN = r"\u3400-\u9fff"
# What counts as Chinese beside a punctuation mark: characters, full-width marks and brackets.
_CHINESE = rf"{_HAN}\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01“”‘’《》〈〉〔〕【】…—()\uff08\uff09%\uff05℃"
_FULL = {",": "\uff0c", ";": "\uff1b", ":": "\uff1a", "?": "\uff1f", "!": "\uff01"}

_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u0000-\u0008\u000b-\u001f\u007f]"
)
_ODD_SPACE = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\t]+")
_EDGES = re.compile(r"^\s+|\s+$")
_SPACES = re.compile(r" {2,}")
_BY_PUNCTUATION = re.compile(
    rf"(?<=[{_HAN}0-9]) +(?=[\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01,;:”’》\u3009)\uff09])"
    rf"|(?<=[\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01“‘《〈(\uff08]) +(?=[{_HAN}0-9“《])"
)
_BETWEEN = re.compile(rf"(?<=(?P<left>[{_HAN}])) (?=(?P<right>[{_HAN}]))")
# A word at least this often in jieba's corpus is one word, also where a space cuts it.
_COMMON = 300
_SENTENCE = re.compile(rf"[{_HAN}]{{4}}.*[，。；]|[，。；].*[{_HAN}]{{4}}")
_AFTER_NUMBER = re.compile(rf"(?<=^[(\uff08][一二三四五六七八九十][)\uff09]) +(?=[{_HAN}])")
_FULL_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff05\uff0b\uff0f\uff1c-\uff1e\uff20]+")
_COMPATIBILITY = re.compile(
    "[\uf900-\ufaff\u2e80-\u2fd5\u3220-\u3229\u32c0-\u32cb\u3358-\u3370\u33a0-\u33dd]"
)
_HALF_PUNCTUATION = re.compile(
    rf"(?<=[{_CHINESE}A-Za-z0-9])[,;:?!](?=[{_CHINESE}])|(?<=[{_CHINESE}])[,;:?!](?=[{_CHINESE}A-Za-z0-9]|$)"
)
_TIME = re.compile(r"\d:\d")
_HTML = re.compile(
    r"</?[a-zA-Z][a-zA-Z0-9]{0,9}(\s[^<>]*)?/?>|</?[a-zA-Z]{1,10}$|/[pP]>|&(?:nbsp|ensp|emsp);?"
)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|ldquo|rdquo|mdash|middot|hellip);")
_ENTITIES = {
    "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&ldquo;": "“", "&rdquo;": "”", "&mdash;": "—",
    "&middot;": "·", "&hellip;": "…",
}  # fmt: skip
# A lone apostrophe or backtick beside Chinese: scraped pages carry them after 的 and before a comma.
_STRAY = re.compile(
    rf"(?<=[{_HAN}])(?:https?://|www\.)(?=[{_HAN}])|"
    rf"(?<=[{_CHINESE}])['`´](?=[{_CHINESE},;:?!]|$)|(?<=[{_HAN}])[`´](?=\S)|^[`´'](?=[{_HAN}])"
)
_PAIR = re.compile(r'"([^"“”]*)"')
_SINGLE_PAIR = re.compile(rf"(?<![A-Za-z])'([{_HAN}][^'\n]{{0,30}}[{_HAN}])'(?![A-Za-z])")


def repair_spaces(line: RepairedLine) -> RepairedLine:
    """Invisible characters and spaces that carry nothing. Spaces between words of a title or a list of names stay."""
    line = substitute(line, _INVISIBLE, "", "space")
    line = substitute(line, _ODD_SPACE, " ", "space")
    line = substitute(line, _EDGES, "", "space")
    line = substitute(line, _SPACES, " ", "space")
    line = substitute(line, _BY_PUNCTUATION, "", "space")
    line = substitute(line, _BETWEEN, _joined_word, "space") if _SENTENCE.search(line.text) else line
    return substitute(line, _AFTER_NUMBER, "", "space")


def _joined_word(match: re.Match[str]) -> str:
    """Nothing for the space inside a word (缴 纳); the space where its two sides are words of their own."""
    return "" if is_word(match["left"] + match["right"], _COMMON) else " "


def repair_width(line: RepairedLine) -> RepairedLine:
    """Full-width letters and digits become half-width; `, ; : ? !` in Chinese text become full-width."""
    line = substitute(line, _FULL_WIDTH, lambda match: unicodedata.normalize("NFKC", match.group()), "width")
    line = substitute(
        line, _COMPATIBILITY, lambda match: unicodedata.normalize("NFKC", match.group()), "width"
    )

    def punctuation(match: re.Match[str]) -> str:
        around = line.text[max(0, match.start() - 1) : match.end() + 1]
        return match.group() if _TIME.fullmatch(around) else _FULL[match.group()]

    return substitute(line, _HALF_PUNCTUATION, punctuation, "width")


def repair_quotes(line: RepairedLine) -> RepairedLine:
    """Straight double quotation marks of a Chinese line become “ and ”, where they stand in pairs."""
    if line.text.count('"') % 2 or not re.search(rf"[{_HAN}]", line.text):
        return line
    return substitute(line, _PAIR, r"“\1”", "quotes")


def repair_stray(line: RepairedLine) -> RepairedLine:
    """Lone apostrophes and backticks, and leftovers of HTML. Two apostrophes around a word are quotation marks."""
    line = substitute(line, _HTML, "", "stray")
    line = substitute(line, _ENTITY, lambda match: _ENTITIES[match.group()], "stray")
    line = substitute(line, _SINGLE_PAIR, r"‘\1’", "quotes") if _quoted(line.text) else line
    return substitute(line, _STRAY, "", "stray")


def _quoted(text: str) -> bool:
    """Two apostrophes that stand around one short word: 'word'. Two strays have whole sentences between them."""
    return text.count("'") == 2 and bool(re.search(rf"(?<![{_HAN}\u7684])'[{_HAN}]{{1,12}}'", text))
