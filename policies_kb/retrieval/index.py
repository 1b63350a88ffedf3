"""Lexical index over the clauses of one pack: BM25 over words and concepts, likeness to the questions a clause
answers, and what the question says of scheme and aspect."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import bm25s
import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Clause
from policies_kb.retrieval.meaning import Vectors, encode
from policies_kb.retrieval.text import Reader, Unit, bigrams, clean, rarity

# A clause within a pack: document id and line.
Key = tuple[str, int]
# Sides of a matter that a question names by a question word (how long, how much); the others are named by words of
# content (公示, 投诉), which count as such.
ASKED: Final = frozenset(
    f"aspect:{aspect}"
    for aspect in ("who", "how_much", "documents", "where", "how_long", "steps", "decision", "service")
)
# Weights of the parts of a score; found on the questions of the packs' eval.yml (docs/decisions.md).
W_TEXT: Final = 0.30
W_ASK: Final = 0.50
W_HEADING: Final = 0.15
W_MEANING: Final = 0.45
# How many clauses the sentence vectors re-rank: they cost milliseconds each the first time.
CANDIDATES: Final = 16
SCHEME_MATCH: Final = 0.08
SCHEME_CLASH: Final = -0.20
ASPECT_MATCH: Final = 0.07
OWN_PACK: Final = 0.03


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
    """A clause with its score and the evidence a confidence is made of, each 0..1."""

    clause: Clause
    at: int
    score: float
    ask: float
    text: float
    covered: float
    scheme: bool
    aspect: bool
    meaning: float = 0.0

    def order(self) -> tuple[float, str, int]:
        """Sort key: best first, ties by place in the documents."""
        return -self.score, self.clause.document_id, self.clause.line


class Index:
    """Built once for a pack; searching is deterministic and takes well below a millisecond a hundred clauses."""

    def __init__(
        self, clauses: Sequence[Clause], reader: Reader, *, own_pack: str, vectors: dict[Key, Vectors]
    ) -> None:
        """`vectors` keeps the sentence vectors once computed; the indexes of one pack share it."""
        self.clauses = tuple(clauses)
        self._own_pack = own_pack
        texts = [reader.read(clean(clause.text)) for clause in self.clauses]
        headings = [reader.read(clean(clause.heading)) for clause in self.clauses]
        asks = [[reader.read(clean(ask)) for ask in clause.asks] for clause in self.clauses]
        bags = [
            [token for units in (text, heading, heading, *ask) for unit in units for token in unit.tokens]
            for text, heading, ask in zip(texts, headings, asks, strict=True)
        ]
        self._tokens = [
            frozenset(bag) | {f"scheme:{scheme}" for scheme in clause.schemes} | {f"aspect:{clause.aspect}"}
            for bag, clause in zip(bags, self.clauses, strict=True)
        ]
        frequency = Counter(token for tokens in self._tokens for token in tokens)
        count = max(len(self.clauses), 1)
        self._idf = {token: math.log(1 + count / found) for token, found in frequency.items()}
        self._rarest = math.log(1 + count)
        self._asks = [[self._vector(ask) for ask in found] for found in asks]
        self._ask_pairs = [[bigrams(clean(ask)) for ask in clause.asks] for clause in self.clauses]
        self._said = vectors
        self._headings = [self._vector(heading) for heading in headings]
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
        vector = self._vector(query.units)
        wordings = [(vector, bigrams(query.text))]
        wordings += [(self._vector(units), bigrams(text)) for text, units in query.gists]
        hits = []
        for at, clause in enumerate(self.clauses):
            ask = max(
                0.65 * _cosine(wording, other) + 0.35 * _dice(pairs, other_pairs)
                for wording, pairs in wordings
                for other, other_pairs in zip(self._asks[at], self._ask_pairs[at], strict=True)
            )
            text = float(lexical[at]) / ceiling
            score = W_ASK * ask + W_TEXT * text
            score += W_HEADING * _cosine(vector, self._headings[at])
            scheme = bool(wanted & set(clause.schemes))
            if scheme:
                score += SCHEME_MATCH
            elif wanted and clause.schemes:
                score += SCHEME_CLASH
            aspect = clause.aspect in query.aspects
            if aspect:
                score += ASPECT_MATCH
            if clause.pack == self._own_pack:
                score += OWN_PACK
            hits.append(Hit(clause, at, score, ask, text, self._covered(query, at), scheme, aspect))
        hits.sort(key=Hit.order)
        return self._reranked(query, hits[:CANDIDATES])

    def warm(self) -> None:
        """Compute every clause's sentence vectors now (some seconds) instead of when first needed."""
        self._vectors(range(len(self.clauses)))

    def _reranked(self, query: Query, hits: list[Hit]) -> list[Hit]:
        """The hits in the order they have when the likeness of meaning is added."""
        asked = encode([query.text, *(text for text, _ in query.gists)]).T
        self._vectors([hit.at for hit in hits])
        found = []
        for hit in hits:
            # Rounded, so that another order of summation on another machine cannot change an order of clauses.
            meaning = round(float((self._said[_key(hit.clause)] @ asked).max()), 4)
            found.append(replace(hit, meaning=meaning, score=hit.score + W_MEANING * meaning))
        return sorted(found, key=Hit.order)

    def _vectors(self, wanted: Iterable[int]) -> None:
        """See that the vectors of what each wanted clause answers are there."""
        missing = [clause for at in wanted if _key(clause := self.clauses[at]) not in self._said]
        said = [(*clause.asks, clause.heading) for clause in missing]
        encoded = encode([words for several in said for words in several])
        begin = 0
        for clause, several in zip(missing, said, strict=True):
            self._said[_key(clause)] = encoded[begin : begin + len(several)]
            begin += len(several)

    def bm25(self, query: Query) -> npt.NDArray[np.float64]:
        """Plain BM25 scores, one a clause: also the baseline the evaluation names."""
        known = [token for unit in query.units for token in unit.tokens if token in self._idf]
        if not known:
            return np.zeros(len(self.clauses))
        return np.asarray(self._bm25.get_scores(known), dtype=np.float64)

    def weight(self, unit: Unit) -> float:
        """How much of the question's meaning a unit carries."""
        known = [self._idf[token] for token in unit.tokens if token in self._idf]
        if known:
            return max(known)
        # A word no clause knows: telling if it is rare in general Chinese too, else mere chat.
        return self._rarest * rarity(unit.word)

    def _covered(self, query: Query, at: int) -> float:
        """The share of the question's meaning the clause speaks of: of the whole, or of the question proper."""
        return max(self._share(units, at) for units in (query.units, *(units for _, units in query.gists)))

    def _share(self, units: Sequence[Unit], at: int) -> float:
        total = met = 0.0
        tokens = self._tokens[at]
        for unit in units:
            if unit.concepts and ASKED.issuperset(unit.concepts):
                continue
            weight = self.weight(unit)
            total += weight
            if any(token in tokens for token in unit.tokens):
                met += weight
        return met / total if total else 0.0

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


def _key(clause: Clause) -> Key:
    return clause.document_id, clause.line


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    """Likeness of two vectors of length 1."""
    return sum(weight * other[token] for token, weight in one.items() if token in other)


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0
