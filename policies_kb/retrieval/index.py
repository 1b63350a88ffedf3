"""Lexical index over the clauses of one pack: BM25 over words and concepts, likeness to the questions a clause
answers, and what the question says of scheme and aspect."""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import bm25s
import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Clause
from policies_kb.retrieval.text import Reader, Unit, bigrams, clean, rarity

# bm25s says at debug level that it builds an index; nobody who runs the service is helped by it.
logging.getLogger("bm25s").setLevel(logging.WARNING)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Sides of a matter that a question names by a question word (how long, how much); the others are named by words of
# content (公示, 投诉), which count as such.
ASKED: Final = frozenset(
    f"aspect:{aspect}"
    for aspect in ("who", "how_much", "documents", "where", "how_long", "steps", "decision", "service")
)
# Weights of the parts of a score; found on the questions of the packs' eval.yml (docs/decisions.md).
W_TEXT: Final = 0.35
W_ASK: Final = 0.50
W_HEADING: Final = 0.15
SCHEME_MATCH: Final = 0.08
SCHEME_CLASH: Final = -0.20
ASPECT_MATCH: Final = 0.07
OWN_PACK: Final = 0.03
# How many clauses are looked at beyond their score.
_KEPT: Final = 16
# Ages, sums and spans belong to the story: that no clause has them says nothing of the question.
_FIGURE: Final = re.compile(
    r"^[0-9一二三四五六七八九十百千万两几半多亿零.%]+(元|块|块钱|岁|年|个|月|天|口|人|次|斤|亩)?$"
)


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the index sees it. `gists` are its parts that may be the question proper, told of the story."""

    text: str
    units: tuple[Unit, ...]
    gists: tuple[tuple[str, tuple[Unit, ...]], ...]
    schemes: frozenset[str]
    aspects: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A clause with its score and the evidence a confidence is made of, each 0..1.

    `parts` are the named addends of the score; `asked` the place among the clause's `asks` of the likest. `covered` is the share of the question's meaning the clause speaks of; `mentioned` whether it is about a scheme
    asked for or at least speaks of it.
    """

    clause: Clause
    score: float
    ask: float
    covered: float
    mentioned: bool
    aspect: bool
    parts: tuple[tuple[str, float], ...]
    asked: int

    def order(self) -> tuple[float, str, int]:
        """Sort key: best first, ties by place in the documents."""
        return -self.score, self.clause.document_id, self.clause.line


class _Postings:
    """Weighted keys of many rows, turned round: the dot product with a query in time of the keys they share."""

    def __init__(self, rows: Sequence[dict[str, float]]) -> None:
        found: dict[str, tuple[list[int], list[float]]] = {}
        for at, row in enumerate(rows):
            for key, weight in row.items():
                places, weights = found.setdefault(key, ([], []))
                places.append(at)
                weights.append(weight)
        self._rows = len(rows)
        self._of = {key: (np.array(places), np.array(weights)) for key, (places, weights) in found.items()}

    def dot(self, query: Iterable[tuple[str, float]]) -> Floats:
        total = np.zeros(self._rows)
        for key, weight in query:
            if (posting := self._of.get(key)) is not None:
                total[posting[0]] += posting[1] * weight
        return total


class Index:
    """Built once for a pack; searching is deterministic and takes a few milliseconds at most."""

    def __init__(self, clauses: Sequence[Clause], reader: Reader, *, own_pack: str) -> None:
        self.clauses = tuple(clauses)
        texts = [reader.read(clean(clause.text)) for clause in self.clauses]
        headings = [reader.read(clean(clause.heading)) for clause in self.clauses]
        asks = [[reader.read(clean(ask)) for ask in clause.asks] for clause in self.clauses]
        bags = [
            [token for units in (text, heading, heading, *ask) for unit in units for token in unit.tokens]
            for text, heading, ask in zip(texts, headings, asks, strict=True)
        ]
        self._having = [
            frozenset(bag) | {f"scheme:{scheme}" for scheme in clause.schemes} | {f"aspect:{clause.aspect}"}
            for bag, clause in zip(bags, self.clauses, strict=True)
        ]
        frequency = Counter(token for tokens in self._having for token in tokens)
        count = max(len(self.clauses), 1)
        self._idf = {token: math.log(1 + count / found) for token, found in frequency.items()}
        self._rarest = math.log(1 + count)
        self._has: dict[str, Flags] = {}
        for at, tokens in enumerate(self._having):
            for token in tokens:
                self._has.setdefault(token, np.zeros(count, dtype=np.bool_))[at] = True
        pairs = [bigrams(clean(ask)) for clause in self.clauses for ask in clause.asks]
        self._asks = _Postings([self._vector(ask) for found in asks for ask in found])
        self._pairs = _Postings([dict.fromkeys(found, 1.0) for found in pairs])
        self._pair_counts = np.array([len(found) for found in pairs])
        self._first = np.cumsum([0, *(len(found) for found in asks)])[:-1]
        self._headings = _Postings([self._vector(heading) for heading in headings])
        self._own = np.array([OWN_PACK * (clause.pack == own_pack) for clause in self.clauses])
        self._bm25 = bm25s.BM25(k1=1.2, b=0.6)
        # bm25s refuses an empty corpus; the token below stands in no question.
        self._bm25.index(bags or [["\0"]], show_progress=False)

    def search(self, query: Query, *, schemes: frozenset[str] | None = None) -> list[Hit]:
        """The likeliest clauses, best first. `schemes` overrides what the question itself names."""
        if not self.clauses:
            return []
        wanted = query.schemes if schemes is None else schemes
        lexical = self.bm25(query)
        ceiling = float(lexical.max()) or 1.0
        asks = np.max(
            [self._likeness(text, units) for text, units in ((query.text, query.units), *query.gists)], axis=0
        )
        ask = np.maximum.reduceat(asks, self._first)
        scheme, aspect = np.zeros(len(self.clauses)), np.zeros(len(self.clauses))
        for at, clause in enumerate(self.clauses):
            if shared := wanted & set(clause.schemes):
                # Who names two schemes asks of a clause that ties them.
                scheme[at] = SCHEME_MATCH * len(shared)
            elif wanted and clause.schemes:
                scheme[at] = SCHEME_CLASH
            if clause.aspect in query.aspects:
                aspect[at] = ASPECT_MATCH
        parts = {
            "ask": W_ASK * ask,
            "bm25": W_TEXT * lexical / ceiling,
            "heading": W_HEADING * self._headings.dot(self._vector(query.units).items()),
            "scheme": scheme,
            "aspect": aspect,
            "own": self._own,
        }
        scores = np.sum(list(parts.values()), axis=0)
        # Rounded, so that another order of summation on another machine cannot change an order of clauses.
        scores = np.round(scores, 6)
        covered = self._coverage(query)
        best = np.argsort(-scores, kind="stable")[:_KEPT]
        hits = [
            Hit(
                clause=(clause := self.clauses[at]),
                score=float(scores[at]),
                ask=float(ask[at]),
                covered=float(covered[at]),
                mentioned=bool(wanted) and any(f"scheme:{one}" in self._having[at] for one in wanted),
                aspect=clause.aspect in query.aspects,
                parts=tuple((name, float(values[at])) for name, values in parts.items()),
                asked=int(asks[self._first[at] : self._first[at] + len(clause.asks)].argmax()),
            )
            for at in best
        ]
        return sorted(hits, key=Hit.order)

    def bm25(self, query: Query) -> Floats:
        """Plain BM25 scores, one a clause: also the baseline the evaluation names."""
        known = [token for unit in query.units for token in unit.tokens if token in self._idf]
        if not known:
            return np.zeros(len(self.clauses))
        return np.asarray(self._bm25.get_scores(known), dtype=np.float64)

    def _likeness(self, text: str, units: Sequence[Unit]) -> Floats:
        """How like each listed question is to the wording, 0..1."""
        pairs = bigrams(text)
        shared = self._pairs.dot((pair, 1.0) for pair in pairs)
        dice = 2 * shared / np.maximum(self._pair_counts + len(pairs), 1)
        return np.asarray(0.65 * self._asks.dot(self._vector(units).items()) + 0.35 * dice, dtype=np.float64)

    def _weight(self, unit: Unit) -> float:
        """How much of the question's meaning a unit carries."""
        known = [self._idf[token] for token in unit.tokens if token in self._idf]
        if known:
            return max(known)
        # A word no clause knows: telling if it is rare in general Chinese too, else mere chat.
        return self._rarest * rarity(unit.word)

    def _coverage(self, query: Query) -> Floats:
        """The share of the question's meaning each clause speaks of: of the whole, or of the question proper."""
        readings = (query.units, *(units for _, units in query.gists))
        return np.asarray(np.max([self._share(units) for units in readings], axis=0), dtype=np.float64)

    def _share(self, units: Sequence[Unit]) -> Floats:
        total, met = 0.0, np.zeros(len(self.clauses))
        for unit in units:
            if (unit.concepts and ASKED.issuperset(unit.concepts)) or _FIGURE.match(unit.word):
                continue
            weight = self._weight(unit)
            total += weight
            here = np.zeros(len(self.clauses), dtype=np.bool_)
            for token in unit.tokens:
                if (having := self._has.get(token)) is not None:
                    here |= having
            met += weight * here
        return met / total if total else met

    def _vector(self, units: Sequence[Unit]) -> dict[str, float]:
        vector: dict[str, float] = {}
        for unit in units:
            # A concept stands for the word; a word that has only an aspect, or nothing, stands for itself too.
            bare = all(token.startswith("aspect:") for token in unit.concepts)
            tokens = unit.tokens if bare else unit.concepts
            for token in tokens:
                weight = self._idf.get(token, self._rarest * rarity(unit.word)) / math.sqrt(len(tokens))
                vector[token] = max(vector.get(token, 0.0), weight)
        length = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
        return {token: weight / length for token, weight in vector.items()}
