"""Sentence vectors for a hundred thousand varied clauses: read for a sample, made for the rest.

Reading a million texts takes hours and measures nothing but the encoder over and over. So some variants are really
read, which gives the time a text takes and how far a variant's vector lies from that of what it was varied from; all
others are made as far from theirs, by chance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from policies_kb.clauses import Clause
from policies_kb.retrieval.encoder import Encoder
from policies_kb.retrieval.learned import Floats, unit
from policies_kb.retrieval.senses import told
from policies_kb.retrieval.text import clean
from policies_kb.retrieval.vectors import Text

_SEED: Final = 20_261_128
# Variants really read, of questions and of passages.
_SAMPLE: Final = 200
# A variant's question may begin with a place of so many characters that its origin lacks.
_PLACE: Final = 3

Reading = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True, slots=True)
class Sampled:
    """Of texts really read: milliseconds a text, and the cosine to what each was varied from, mean of all."""

    ms: float
    likeness: float


class Nearby:
    """An encoder whose vectors of variants are made; its name is the real one's, whose place it takes."""

    def __init__(self, real: Encoder, own: Sequence[Clause], clauses: Sequence[Clause]) -> None:
        """`clauses[i]` was varied from `own[i % len(own)]`. Reads every text of `own`: a minute or two."""
        self.name = real.name
        asks = list(dict.fromkeys(clean(ask) for clause in own for ask in clause.asks))
        said = list(dict.fromkeys(map(told, own)))
        self._random = np.random.default_rng(_SEED)
        self._asked = _Kind(asks, real.questions)
        self._said = _Kind(said, real.passages)
        for at, clause in enumerate(clauses[len(own) :], start=len(own)):
            origin = own[at % len(own)]
            first = self._asked.at[clean(origin.asks[0])]
            for ask in map(clean, clause.asks):
                self._asked.at.setdefault(ask, self._asked.at.get(ask[_PLACE:], first))
            self._said.at.setdefault(told(clause), self._said.at[told(origin)])

    def sample(self, texts: Sequence[Text]) -> Mapping[str, Any]:
        """Really read some of the texts, evenly chosen, and make all others like them.

        Returns: for questions and passages how many there are, milliseconds a text, likeness; and the hours all take.
        """
        kinds = {"questions": (self._asked, False), "passages": (self._said, True)}
        found: dict[str, Any] = {}
        hours = 0.0
        for name, (kind, passage) in kinds.items():
            these = [one.text for one in texts if one.passage == passage]
            sampled = kind.sample(these[:: max(1, len(these) // _SAMPLE)][:_SAMPLE])
            found[name] = {
                "texts": len(these),
                "ms": round(sampled.ms, 1),
                "likeness": round(sampled.likeness, 3),
            }
            hours += len(these) * sampled.ms / 3_600_000
        return {**found, "hours": round(hours, 2)}

    def questions(self, texts: Sequence[str]) -> Floats:
        """Made vectors of varied questions."""
        return self._asked.made(texts, self._random)

    def passages(self, texts: Sequence[str]) -> Floats:
        """Made vectors of varied clauses."""
        return self._said.made(texts, self._random)


class _Kind:
    """Origins of one kind with their vectors; `at` is the origin's row of every text."""

    def __init__(self, origins: Sequence[str], read: Reading) -> None:
        self.at = {text: row for row, text in enumerate(origins)}
        self._read = read
        self._origins = read(origins)
        self._away = 0.0

    def sample(self, texts: Sequence[str]) -> Sampled:
        if not texts:
            return Sampled(0.0, 1.0)
        cpu = time.process_time()
        read = self._read(texts)
        spent = time.process_time() - cpu
        likeness = float((unit(read) * self._from(texts)).sum(axis=1).mean())
        # The tangent of the angle: so much of what is at right angles is added to a vector of length 1.
        self._away = float(np.sqrt(max(1 / likeness**2 - 1, 0.0)))
        return Sampled(spent * 1000 / len(texts), likeness)

    def made(self, texts: Sequence[str], random: np.random.Generator) -> Floats:
        origins = self._from(texts)
        aside = unit(random.standard_normal(origins.shape, dtype=np.float32))
        return unit(origins + self._away * aside)

    def _from(self, texts: Sequence[str]) -> Floats:
        return unit(self._origins[[self.at[text] for text in texts]])
