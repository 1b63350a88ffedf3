"""How likely a piece of Chinese is: log probability of its best segmentation into words of jieba's dictionary."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache, lru_cache

import jieba
import opencc

from policies_kb.ingest.repair.traditional import simplified
from policies_kb.ingest.repair.words import dictionary

# In place of a probability, natural logarithms: a character no dictionary has, a symbol, a mark of punctuation.
_UNKNOWN = -19.0
_SYMBOL = -26.0
_OFTEN = 20
_PUNCTUATION = -4.0
_USUAL = frozenset("\uff0c。、,")
_MARKS = frozenset("\u3000 \uff0c。、\uff1b\uff1a\uff1f\uff01,;:?!()\uff08\uff09“”‘’《》〈〉〔〕【】—…·%.-/")


@cache
def is_common(character: str) -> bool:
    """Whether the character is one that ordinary text is written with (traditional ones by their simplified form)."""
    return dictionary()[0].get(simplified(character), 0) >= 3


@cache
def is_in_gb2312(character: str) -> bool:
    """Whether the simplified character is one of the 6763 that GB 2312 lists."""
    return len(_gb2312(character)) == 2


@cache
def is_everyday(character: str) -> bool:
    """Whether the simplified character is one of the 3755 commonest ones (GB 2312 level 1)."""
    data = _gb2312(character)
    return len(data) == 2 and 0xB0 <= data[0] <= 0xD7


def _gb2312(character: str) -> bytes:
    try:
        return character.encode("gb2312")
    except UnicodeEncodeError:
        return b""


@cache
def _traditional_forms(plain: str) -> frozenset[str]:
    # The standards differ: 为 is 爲 by OpenCC's own, 為 in Taiwan and Hong Kong and in most converted pages.
    return frozenset(str(converter.convert(plain)) for converter in _converters())


@cache
def is_standard(character: str) -> bool:
    """Whether it is the simplified form or a standard traditional form of it: 強 and 為 yes, 彊 no."""
    plain = simplified(character)
    return plain == character or character in _traditional_forms(plain)


@cache
def is_traditional_form(character: str) -> bool:
    """Whether traditional text may have the character."""
    return character in _traditional_forms(character) or simplified(character) != character


@cache
def _words_by_first() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for word, frequency in dictionary()[0].items():
        if len(word) == 2 and frequency >= _OFTEN:
            found[word[0]].append(word[1])
    return {first: tuple(seconds) for first, seconds in found.items()}


@cache
def followers(character: str) -> tuple[str, ...]:
    """The characters that make a frequent two-character word after `character`, in its own script."""
    seconds = _words_by_first().get(simplified(character), ())
    return tuple(str(_to_traditional().convert(second)) for second in seconds) if seconds else ()


@lru_cache(maxsize=400_000)
def word_gain(first: str, second: str) -> float:
    """How much likelier two characters are as a word than side by side; 0 where they make none."""
    frequencies, total = dictionary()
    frequency = frequencies.get(_simple(first) + _simple(second), 0) if first and second else 0
    if not frequency:
        return 0.0
    return max(0.0, math.log(frequency) - total - _alone(first) - _alone(second))


@cache
def _alone(character: str) -> float:
    return log_probability(character)


def in_a_word(text: str, at: int) -> bool:
    """Whether the character at `at` is part of a word of two characters or more in the likeliest segmentation."""
    plain = "".join(map(_simple, text))
    end = 0
    for word in jieba.lcut(plain, HMM=False):
        end += len(word)
        if end > at:
            return len(word) > 1
    return False


@cache
def _to_traditional() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


@cache
def _converters() -> tuple[opencc.OpenCC, ...]:
    return (_to_traditional(), opencc.OpenCC("s2tw"), opencc.OpenCC("s2hk"))


def log_probability(text: str) -> float:
    """Log probability of `text`, which may be traditional; the higher the likelier, always negative."""
    frequencies, total = dictionary()
    text = "".join(map(_simple, text))
    best = [0.0] + [-math.inf] * len(text)
    for start in range(len(text)):
        for end in range(start + 1, min(len(text), start + 7) + 1):
            word = text[start:end]
            frequency = frequencies.get(word, 0)
            if frequency:
                score = math.log(frequency) - total
            elif end == start + 1:
                score = _single(word)
            else:
                continue
            best[end] = max(best[end], best[start] + score)
    return best[-1]


@cache
def _simple(character: str) -> str:
    return simplified(character)


def _single(character: str) -> float:
    if character in _USUAL:
        return _PUNCTUATION
    if character in _MARKS or character.isascii():
        return _PUNCTUATION - 4.0
    return _UNKNOWN if "\u4e00" <= character <= "\u9fff" else _SYMBOL
