"""jieba's dictionary of general Chinese, as a trie mapped from disk instead of half a million dict entries read at
every start."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Final, Protocol

import jieba
import marisa_trie
import numpy as np

from policies_kb.retrieval.store import Contents, Store

# jieba announces the building of its prefix dictionary on stderr; a resident's terminal is no place for it.
jieba.setLogLevel(logging.WARNING)

_SCOPE: Final = "words"


class Frequencies(Protocol):
    """What jieba's Tokenizer asks of its FREQ: how often a word was counted, 0 for the beginning of a longer one."""

    def get(self, word: str, default: int, /) -> int: ...

    def __getitem__(self, word: str, /) -> int: ...

    def __contains__(self, word: object, /) -> bool: ...


class Words:
    """How often each word stands in general Chinese. Immutable; safe to share."""

    def __init__(self, frequencies: Frequencies, total: int) -> None:
        self._frequencies = frequencies
        self.total = total
        """How many words were counted."""

    @classmethod
    def open(cls, store: Store) -> Words:
        """jieba's dictionary, from the store; the first time it takes about a second to read."""
        if store.folder is None:
            return in_memory()
        key = f"jieba {version('jieba')}"
        contents = store.get(_SCOPE, "frequencies", key, _read)
        return cls(_Trie(contents), contents.facts["total"])

    def frequency(self, word: str) -> int:
        """How often jieba's corpus has the word; 0 when it does not know it."""
        return self._frequencies.get(word, 0)

    def rarity(self, word: str) -> float:
        """How telling a word is in general Chinese: 0 (very common) to 1 (rare or unknown)."""
        return min(1.0, max(0.0, 1.0 - math.log10(self.frequency(word) + 1) / 5.0))

    def tokenizer(self) -> jieba.Tokenizer:
        """A tokenizer of its own with this dictionary, to which words may be added."""
        tokenizer = jieba.Tokenizer()
        base = self._frequencies
        # A copy where the base is a dict already: reading very many texts is a tenth faster so.
        tokenizer.FREQ = dict(base) if isinstance(base, dict) else _Added(base)
        tokenizer.total = self.total
        tokenizer.initialized = True
        return tokenizer


class _Trie:
    """Frequencies in a trie: its word number is the place in the array."""

    def __init__(self, contents: Contents) -> None:
        self._number = contents.tries["words"].get
        self._counts = memoryview(contents.arrays["counts"].data)

    def get(self, word: str, default: int = 0, /) -> int:
        at = self._number(word)
        return default if at is None else self._counts[at]

    def __getitem__(self, word: str, /) -> int:
        at = self._number(word)
        if at is None:
            raise KeyError(word)
        found: int = self._counts[at]
        return found

    def __contains__(self, word: object, /) -> bool:
        return self._number(word) is not None


class _Added:
    """A dictionary with words added over it, which stays as it is."""

    def __init__(self, base: Frequencies) -> None:
        self._base = base
        self._own: dict[str, int] = {}

    def get(self, word: str, default: int = 0, /) -> int:
        found = self._own.get(word)
        return self._base.get(word, default) if found is None else found

    def __getitem__(self, word: str, /) -> int:
        found = self._own.get(word)
        return self._base[word] if found is None else found

    def __contains__(self, word: object, /) -> bool:
        return word in self._own or word in self._base

    def __setitem__(self, word: str, frequency: int) -> None:
        self._own[word] = frequency


def _read() -> Contents:
    frequencies, total = _jieba()
    trie = marisa_trie.Trie(frequencies.keys())
    counts = np.zeros(len(trie), dtype=np.uint32)
    for word, frequency in frequencies.items():
        counts[trie[word]] = frequency
    return Contents({"counts": counts}, {"words": trie}, {"total": total})


def _jieba() -> tuple[Mapping[str, int], int]:
    tokenizer = jieba.Tokenizer()
    # Not initialize(): that reads and writes a cache of code objects in the folder of temporary files, which anybody
    # on the machine may have put there.
    frequencies, total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    return frequencies, total


@lru_cache(maxsize=1)
def in_memory() -> Words:
    """jieba's dictionary as it reads it itself: a second to begin with, faster for reading very many texts."""
    return Words(*_jieba())
