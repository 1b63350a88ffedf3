"""What a pack's own texts spell: their usual words by sound, and the character pairs that stand in them.

Listed questions hold slips on purpose (申请才料), so of them only pairs of several clauses count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

import marisa_trie
from pypinyin import lazy_pinyin

from policies_kb.clauses import Clause
from policies_kb.retrieval.store import Contents
from policies_kb.retrieval.text import bigrams, clean
from policies_kb.retrieval.words import Words

# In so many clauses a word of so many counts in general Chinese is one that residents mean; names are not.
_CLAUSES: Final = 3
_USUAL: Final = 100
# Words more common than this (现在, 不是, 两个) sound like too many chance neighbours.
_COMMON: Final = 25_000
_LONGEST: Final = 4
# Vocabulary grows little beyond so many clauses, the time to read them does.
_ENOUGH: Final = 2000
_HAN: Final = re.compile(rf"^[\u3400-\u9fff]{{2,{_LONGEST}}}$")


class Spelling:
    """Of one pack. Immutable; safe to share."""

    def __init__(self, contents: Contents) -> None:
        self.by_sound: dict[tuple[str, ...], str] = {
            tuple(sound.split()): word for sound, word in contents.facts["words"].items()
        }
        """The most usual word of each sound (syllables without tones)."""
        self._pairs = contents.tries["pairs"]

    def strange(self, run: str) -> bool:
        """Whether no two neighbours of these characters stand side by side anywhere in the pack."""
        return not any(run[at : at + 2] in self._pairs for at in range(len(run) - 1))


def spelling_contents(clauses: Iterable[Clause], words: Words) -> Contents:
    """What a `Spelling` is made of; of very many clauses every so manieth is read."""
    every = list(clauses)
    tokenizer = words.tokenizer()
    counts: Counter[str] = Counter()
    pairs: set[str] = set()
    asked: Counter[str] = Counter()
    for clause in every[:: len(every) // _ENOUGH + 1]:
        texts = [clean(text) for text in (clause.heading, clause.text, *clause.asks)]
        pairs.update(*map(bigrams, texts[:2]))
        asked.update({pair for text in texts[2:] for pair in bigrams(text)})
        counts.update({word for text in texts for word in tokenizer.lcut(text, HMM=False)})
    pairs.update(pair for pair, count in asked.items() if count >= _CLAUSES)
    known: dict[str, str] = {}
    for word, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        if count >= _CLAUSES and _HAN.match(word) and _USUAL <= words.frequency(word) < _COMMON:
            known.setdefault(" ".join(lazy_pinyin(word)), word)
    return Contents(tries={"pairs": marisa_trie.Trie(sorted(pairs))}, facts={"words": known})
