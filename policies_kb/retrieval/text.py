"""Questions and clauses as comparable units: normalised, words mapped to concepts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from zlib import crc32

from opencc import OpenCC
from pypinyin import lazy_pinyin

from policies_kb.retrieval.glossary import Glossary
from policies_kb.retrieval.words import Words, in_memory

LONGEST = 2000
_SPACE = re.compile(r"\s+")
# Said at the end of a clause without changing what it asks.
_SIGH = re.compile(r"[啊呀哦噢哇呗哈嘛]+(?=[\s,，.。!！?？;；]|$)")
_CONTENT = re.compile(r"[0-9a-z\u3400-\u9fff]")
# High enough that a glossary word is cut out of its neighbours: 着火 of 着火烧光.
_GLOSSARY_FREQUENCY = 20_000
# Particles that may stand inside an expression: 着了火, 停了低保.
_PARTICLES = frozenset("了过着")
_OUTSIDE = "outside:"
# 给不给办: whether it is given is asked, not that it is not.
OR_NOT = r"(?P<said>[\u3400-\u9fff])[不没](?P=said)"


@cache
def _simplify() -> OpenCC:
    return OpenCC("t2s")


def clean(text: str) -> str:
    """One line of simplified, half-width, lower-case text without control characters or emoji.

    Longer text is cut at LONGEST characters: a question is in its first sentences.
    """
    folded = unicodedata.normalize("NFKC", text[: 4 * LONGEST])
    kept = "".join(
        " " if (category := unicodedata.category(char))[0] in "CZ" or category in {"So", "Sk"} else char
        for char in folded
    )
    return _SPACE.sub(" ", _simplify().convert(kept[:LONGEST])).strip().lower()


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Finds what any of the patterns finds; nothing where there are none."""
    return re.compile("|".join(patterns) or "(?!)")


def has_content(text: str) -> bool:
    """Whether cleaned text holds any letter, figure or Chinese character."""
    return bool(_CONTENT.search(text))


@dataclass(frozen=True, slots=True)
class Unit:
    """One meaningful piece of a text: the word, and every token that stands for it in the index.

    `outside`: topics of other offices' business it names; they stand for no word in the index.
    """

    word: str
    tokens: tuple[str, ...]
    outside: tuple[str, ...] = ()

    @property
    def concepts(self) -> tuple[str, ...]:
        return tuple(token for token in self.tokens if ":" in token)


class Reader:
    """Turns text into units with one pack's glossary. Deterministic; safe to share between threads."""

    def __init__(self, glossary: Glossary, words: Words | None = None) -> None:
        """`words`: the dictionary of general Chinese; default: jieba's, read into memory once a process."""
        self._glossary = glossary
        self._words = words or in_memory()
        self._tokenizer = self._words.tokenizer()
        for word in sorted(glossary.concepts):
            if len(word) > 1:
                self._tokenizer.add_word(
                    word, max(self._tokenizer.suggest_freq(word, tune=False), _GLOSSARY_FREQUENCY)
                )
        self._longest = max((len(word) for word in glossary.concepts), default=1)
        spoken = sorted(glossary.spoken, key=lambda word: (-len(word), word))
        self._spoken = any_of(map(re.escape, spoken))
        whole = sorted(word for word in glossary.concepts if re.search(OR_NOT, word))
        self._or_not = any_of([*map(re.escape, whole), OR_NOT])

    @property
    def glossary(self) -> Glossary:
        """The glossary it reads with."""
        return self._glossary

    def plain(self, text: str) -> str:
        """Cleaned text with what people say in their own way put in plain words: 咋申请啊 → 怎么申请."""
        return self._spoken.sub(lambda match: self._glossary.spoken[match[0]], _SIGH.sub("", text))

    def read(self, text: str) -> tuple[Unit, ...]:
        """Units of cleaned text."""
        told = self._or_not.sub(lambda match: match["said"] or match[0], text)
        words = [word for word in self._tokenizer.cut(told, HMM=False) if _CONTENT.search(word)]
        units: list[Unit] = []
        at = 0
        while at < len(words):
            size, joined = self._glossary_word(words, at)
            concepts = self._glossary.concepts.get(joined, ()) or self._inside(joined)
            if concepts:
                topics = tuple(one.removeprefix(_OUTSIDE) for one in concepts if one.startswith(_OUTSIDE))
                meant = (one for one in concepts if not one.startswith(_OUTSIDE))
                units.append(Unit(joined, (*meant, joined), topics))
            elif joined not in self._glossary.noise:
                units.append(Unit(joined, (joined,)))
            at += size
        return tuple(units)

    def _inside(self, word: str) -> tuple[str, ...]:
        """Concepts of the longest glossary words inside a long dictionary word such as 今天天气."""
        if len(word) < 3 or word in self._glossary.noise:
            return ()
        for size in range(len(word) - 1, 1, -1):
            found = [
                self._glossary.concepts.get(word[at : at + size], ()) for at in range(len(word) - size + 1)
            ]
            if any(found):
                return tuple(dict.fromkeys(concept for concepts in found for concept in concepts))
        return ()

    def _glossary_word(self, words: list[str], at: int) -> tuple[int, str]:
        """(how many words, joined) of the longest glossary word that begins at `at`, else the single word."""
        best = (1, words[at])
        joined = words[at]
        for end in range(at + 1, len(words)):
            if words[end] in _PARTICLES and joined + words[end] not in self._glossary.concepts:
                continue
            joined += words[end]
            if len(joined) > self._longest:
                break
            if joined in self._glossary.concepts:
                best = (end - at + 1, joined)
        return best

    def rarity(self, word: str) -> float:
        """How telling a word is in general Chinese: 0 (very common) to 1 (rare or unknown)."""
        return self._words.rarity(word)


_INITIAL = re.compile("^(?:zh|ch|sh|l(?=[aeiouv]))")
_ALIKE = {"zh": "z", "ch": "c", "sh": "s", "l": "n"}
_NASAL = re.compile("(?<=[ie])ng$")


def bigrams(text: str) -> frozenset[str]:
    """Character pairs of the Chinese and alphanumeric runs of cleaned text."""
    found: set[str] = set()
    for run in re.findall(r"[0-9a-z\u3400-\u9fff]+", text):
        found.update(run[at : at + 2] for at in range(len(run) - 1))
    return frozenset(found)


def pair_code(pair: str) -> int:
    """A character pair of `bigrams` as a number below 2**32."""
    return ord(pair[0]) << 16 | ord(pair[1])


@cache
def _syllable(char: str) -> str:
    """A character's usual syllable, sounds that many dialects do not tell apart made the same."""
    sound = lazy_pinyin(char)[0]
    return _NASAL.sub("n", _INITIAL.sub(lambda match: _ALIKE[match[0]], sound))


def sound_codes(text: str) -> frozenset[int]:
    """The syllable pairs of cleaned text as numbers below 2**32: what is left of a question typed by its sound."""
    found: set[int] = set()
    for run in re.findall(r"[\u3400-\u9fff]+", text):
        sounds = [_syllable(char) for char in run]
        found.update(crc32(f"{one} {other}".encode()) for one, other in pairwise(sounds))
    return frozenset(found)


def meaning(unit: Unit) -> tuple[str, ...]:
    """The tokens by which a unit is compared: a concept stands for the word; a word that has only an aspect, or
    nothing, stands for itself too."""
    bare = all(token.startswith("aspect:") for token in unit.concepts)
    return unit.tokens if bare else unit.concepts
