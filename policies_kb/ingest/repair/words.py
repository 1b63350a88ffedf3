"""jieba's dictionary: which words there are and how often."""

from __future__ import annotations

import math
from functools import cache

import jieba


@cache
def dictionary() -> tuple[dict[str, int], float]:
    """Frequencies by word, and the logarithm of their sum."""
    jieba.setLogLevel("ERROR")
    jieba.initialize()
    return jieba.dt.FREQ, math.log(jieba.dt.total)


def is_word(text: str, least: int = 1) -> bool:
    """Whether jieba's dictionary has the word, at least `least` times in its corpus. Simplified characters."""
    return dictionary()[0].get(text, 0) >= least
