"""Words written with characters that merely sound right (地保 for 低保, 绝定 for 决定), put right: those of the glossary,
and the usual ones of the pack's own texts.

A run is replaced where the text then falls into much more usual words. That is judged on the words of the text
around it too, so a run that merely cuts through words (里有 of 楼里有个) stays what it is.
"""

from __future__ import annotations

import math
import re
from typing import Final

from pypinyin import lazy_pinyin

from policies_kb.retrieval.glossary import Glossary
from policies_kb.retrieval.spelling import Spelling
from policies_kb.retrieval.text import OR_NOT
from policies_kb.retrieval.words import Words

# How much likelier (natural logarithm) the text must become. Between the true and the false repairs of the
# development questions: 照聊 8.9, 受宰 6.2 against 要签 4.9, 账上 4.3, 里有 1.8.
_GAIN: Final = 5.0
# A rare word of its own (地保) that sounds like the name of a scheme and shares a character with it needs only be the
# rarer of the two; 漏雨 is not 楼宇.
_GAIN_OF_A_WORD: Final = 0.0
# A slip for the name of a scheme: 低宝 3.5.
_GAIN_OF_A_SLIP: Final = 2.0
# Of the pack's other words: 处里 5.8, 处份 6.2, 青单 6.4, 极体 7.1 were right, 就试 5.1, 几本 5.4, 全免 5.5, 灾还 5.7 not.
_GAIN_OF_OTHERS: Final = 5.75
# The frequency of a glossary word the general dictionary does not have.
_GLOSSARY: Final = 30
_RARE: Final = 300
_LONGEST: Final = 6
_AROUND: Final = 8
_HAN: Final = re.compile(r"^[\u3400-\u9fff]+$")
_PARTICLE: Final = re.compile("[吗呢吧啊呀嘛么]")
_OR_NOT: Final = re.compile(OR_NOT)


class Homophones:
    """Repairs cleaned text with one pack's words. Deterministic; safe to share."""

    def __init__(self, glossary: Glossary, words: Words, spelling: Spelling | None = None) -> None:
        """`spelling`: of the pack's texts; None: only the glossary's words are put right."""
        self._words = words
        self._spelling = spelling
        self._known = glossary.concepts
        self._log_total = math.log(words.total)
        self._sounds: dict[tuple[str, ...], str] = {}
        self._others = spelling.by_sound if spelling else {}
        for word, concepts in sorted(glossary.concepts.items()):
            named = any(concept.startswith(("scheme:", "same:")) for concept in concepts)
            if named and 2 <= len(word) <= _LONGEST and _HAN.match(word):
                self._sounds.setdefault(tuple(lazy_pinyin(word)), word)

    def repair(self, text: str) -> str:
        """`text` with what was written by sound replaced; of overlapping runs the one that gains most."""
        sounds = [lazy_pinyin(char)[0] for char in text]
        found = [
            (gain, at, word)
            for at in range(len(text))
            for size in range(2, min(_LONGEST, len(text) - at) + 1)
            if (word := self._meant(tuple(sounds[at : at + size]))) is not None
            and (gain := self._gain(text, at, word)) is not None
        ]
        taken: set[int] = set()
        chars = list(text)
        for _, at, word in sorted(found, key=lambda one: (-one[0], -len(one[2]), one[1])):
            span = range(at, at + len(word))
            if taken.isdisjoint(span):
                taken.update(span)
                chars[at : at + len(word)] = word
        return "".join(chars)

    def _meant(self, sounds: tuple[str, ...]) -> str | None:
        return self._sounds.get(sounds) or self._others.get(sounds)

    def _gain(self, text: str, at: int, word: str) -> float | None:
        """How much likelier the text is with `word` at `at`; None where that is not enough."""
        end = at + len(word)
        run = text[at:end]
        if run == word or run in self._known or _PARTICLE.search(run) or not _HAN.match(run):
            return None
        asking = _OR_NOT.search(text, max(0, at - 2), end + 2)
        if asking and asking.start() < end and asking.end() > at:
            return None
        frequency = self._words.frequency(run)
        if frequency >= _RARE:
            return None
        alike = any(one == other for one, other in zip(run, word, strict=True))
        if not alike and not self._of_a_scheme(word):
            # Nobody who writes by sound misses every character; 借到 is not 街道.
            return None
        slip = alike and self._slip(run)
        if word not in self._known and not slip:
            return None
        before, after = text[max(0, at - _AROUND) : at], text[end : end + _AROUND]
        gain = self._likelihood(before + word + after) - self._likelihood(before + run + after)
        return gain if gain >= self._least(word, of_its_own=alike and frequency > 0, slip=slip) else None

    def _slip(self, run: str) -> bool:
        """Whether nobody else writes so."""
        return self._spelling is not None and self._spelling.strange(run)

    def _least(self, word: str, *, of_its_own: bool, slip: bool) -> float:
        if word not in self._known:
            return _GAIN_OF_OTHERS
        if not self._of_a_scheme(word):
            return _GAIN
        return _GAIN_OF_A_WORD if of_its_own else _GAIN_OF_A_SLIP if slip else _GAIN

    def _of_a_scheme(self, word: str) -> bool:
        return any(concept.startswith("scheme:") for concept in self._known.get(word, ()))

    def _likelihood(self, text: str) -> float:
        """The log-likelihood of the text's likeliest division into words."""
        best = [0.0] * (len(text) + 1)
        for at in range(len(text) - 1, -1, -1):
            best[at] = max(
                math.log(frequency) - self._log_total + best[end]
                for end in range(at + 1, min(len(text), at + _LONGEST + 1) + 1)
                if (frequency := self._frequency(text[at:end]))
            )
        return best[0]

    def _frequency(self, word: str) -> int:
        found = self._words.frequency(word)
        return found or (_GLOSSARY if word in self._known else 0) or (1 if len(word) == 1 else 0)
