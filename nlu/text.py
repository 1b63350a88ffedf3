"""Residents' writing brought to one form: width, traditional characters, control characters, clauses."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import opencc

from nlu import lexicon

# What a resident types by thumb or voice stays far below this; more is a pasted document.
MAX_CHARS = 2000

_CLAUSE = re.compile(r"(?:[^。!?;,\n…~]|(?<=\d),(?=\d{3}))+[。!?;,\n…~]*")
_SENTENCE_SPACE = re.compile(r"(?<=[一-鿿]{2})\s+(?=[一-鿿]{2})")
_LEADING = re.compile(
    r"^(?:你好|您好|请问(?:一下|下)?|麻烦(?:你|您)?(?:一下|下)?|那个|那就|那|嗯+|呃+|哎呀|哎哟|唉呀|好勒|好嘞|那我问你|哎+|唉+|诶|喂|哦+|噢|啊+|老师|同志|师傅|领导|大姐|妹子|小姑娘|小伙子|亲|就是说|就是|我说|其实|反正|额|俺说)[,\s]*"
)
_PICTURES = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]")
_TRAILING = re.compile(
    r"[\s,。!?;…~.]*(?:谢谢(?:你|您|了|啦)?|多谢|好吗|好不好|行吗|行不|可以吗|麻烦(?:你|您)?了|哈+|哦+|噢|啊+|呀|呗|嘛|哟|哩|咯|吧|啦|喽|咧)?[\s,。!?;…~.]*$"
)


@cache
def _simplifier() -> opencc.OpenCC:
    # t2s changes characters only; tw2sp would also replace regional words and so change names and addresses.
    return opencc.OpenCC("t2s")


def normalise(text: str) -> str:
    """One form of a message: NFKC (full-width → half-width), simplified characters, no control characters.

    Newlines stay; runs of blanks become one. At most MAX_CHARS characters are looked at.
    """
    text = unicodedata.normalize("NFKC", text[: MAX_CHARS * 2])
    kept = "".join(
        char
        for char in text
        if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    kept = re.sub(r"[^\S\n]+", " ", kept).strip()[:MAX_CHARS]
    # What was taken out may have kept two combining marks apart, whose order is fixed once they touch.
    kept = unicodedata.normalize("NFC", kept)
    simplified: str = _simplifier().convert(kept)
    # OpenCC leaves 著 alone where it may be either; residents mean the particle (活著), save in a few words.
    simplified = re.sub(r"(?<![显名编专原土巨论译拙])著(?![名作述称])", "着", simplified)
    return _typos().sub(lambda match: lexicon.typos()[match.group()], simplified)


@cache
def _typos() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, lexicon.typos())))


def has_words(text: str) -> bool:
    """Whether there is anything to read: a letter, a digit or a Chinese character."""
    return any(char.isalnum() for char in text)


def clauses(text: str) -> list[str]:
    """The message cut at its punctuation, each clause with the marks that end it. 1,200 stays whole."""
    text = _SENTENCE_SPACE.sub(",", text)
    return [part.strip() for part in _CLAUSE.findall(text) if has_words(part)]


def bare(text: str) -> str:
    """The clause without greeting words, particles and end marks: what control words are compared with."""
    text = _PICTURES.sub("", text).strip() or text
    while (cut := _LEADING.sub("", text, count=1)) != text and has_words(cut):
        text = cut
    while (cut := _TRAILING.sub("", text, count=1)) != text and has_words(cut):
        text = cut
    return text.strip(" ,。!?;…~.、:\"'“”()")
