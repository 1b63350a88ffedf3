"""Lexical index over the clauses of one pack: BM25 over words and concepts, likeness to the questions a clause
answers, and what the question says of scheme and aspect."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Clause
from policies_kb.retrieval.learned import Sense
from policies_kb.retrieval.matters import unspoken
from policies_kb.retrieval.ragged import gathered, row_of
from policies_kb.retrieval.senses import Senses, likeness, rough_likeness
from policies_kb.retrieval.store import Contents
from policies_kb.retrieval.table import ASPECTS, Flags
from policies_kb.retrieval.text import Unit, bigrams, meaning, pair_code, sound_codes
from policies_kb.retrieval.weights import weights

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

# Sides of a matter that a question names by a question word (how long, how much); the others are named by words of
# content (公示, 投诉), which count as such.
ASKED: Final = frozenset(
    f"aspect:{aspect}"
    for aspect in ("who", "how_much", "documents", "where", "how_long", "steps", "decision", "service")
)
# Likeness to a listed question: by meaning, and by the character pairs of the wording.
LIKE_MEANING: Final = 0.65
LIKE_WORDING: Final = 0.35
# How many clauses are looked at beyond their score.
_KEPT: Final = 16
# Up to so many clauses every one is scored in full; of more, so many of the likeliest by words, pairs and structure.
FULL: Final = 2048
CANDIDATES: Final = 1024
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

    @property
    def readings(self) -> tuple[tuple[str, tuple[Unit, ...]], ...]:
        """The whole and the gists, each with its text."""
        return ((self.text, self.units), *self.gists)


@dataclass(frozen=True, slots=True)
class Hit:
    """A clause with its score and the evidence a confidence is made of, each 0..1.

    `parts` are the named addends of the score, `raw` the same before their weights; `asked` is the place among the
    clause's `asks` of the likest one; `outside` whether the question speaks of another office's business that the
    clause does not speak of.
    `covered` is the share of the question's meaning the clause speaks of, `worded` of its character pairs, `strange`
    how telling the most telling word is that the clause lacks; `mentioned` whether it is about a scheme
    asked for or at least speaks of it; `sense` what the question's sentence vector says, None without vectors.
    """

    clause: Clause
    score: float
    ask: float
    covered: float
    worded: float
    strange: float
    mentioned: bool
    aspect: bool
    outside: bool
    parts: tuple[tuple[str, float], ...]
    raw: Mapping[str, float]
    asked: int
    # It follows from the question, so two hits that are else the same have the same.
    sense: Sense | None = field(default=None, compare=False)

    def order(self) -> tuple[float, str, int]:
        """Sort key: best first, ties by place in the documents."""
        return -self.score, self.clause.document_id, self.clause.line


class Index:
    """Searches the arrays that `policies_kb.retrieval.build` made, wherever they lie. Deterministic; safe to share.

    n clauses, a listed questions, v words and concepts, p character pairs; rows of different lengths lie flat, see
    `policies_kb.retrieval.ragged`:

    - `idf` (v): how telling each token is; `vocabulary` numbers the tokens.
    - `having` (rows: n): the numbers of a clause's tokens, once each, in order.
    - `bm25_weights` and `bm25_rows` (rows: v): for each token the clauses that have it and its BM25 score there.
    - `asks` (rows: n): a clause's listed questions; `ask_tokens` with `ask_weights`, and `pairs` (rows: a): what each
      is compared by. `heading_tokens` with `heading_weights` (rows: n): the same for headings.
    - `pair_codes` (p): the pairs in order; `pair_rows` and `pair_weights` (rows: p): the clauses that have
      one anywhere and its BM25 score there. `sound_…`: the same for pairs of syllables.
    - `matter_…`: see `policies_kb.retrieval.matters`.
    - `own`, `schemed`, `aspect`, `document` (n) and `about` (schemes x n): the clause is of the pack itself, is about any scheme,
      its aspect as a number of `ASPECTS`, is about this scheme.
    - `ask_vectors`, `ask_heads`, `ask_keys`, `ask_places` (a), `ask_scale`, `clause_vectors` and `clause_centres` (n), where there
      are any: see `policies_kb.retrieval.senses`.
    """

    def __init__(
        self, contents: Contents, clauses: Sequence[Clause], rarity: Callable[[str], float], senses: Senses | None = None
    ) -> None:  # fmt: skip
        """`clauses[i]` is the clause of row i. `rarity` tells how telling a word is that no clause has, 0..1."""
        self.clauses = clauses
        self._a: dict[str, npt.NDArray[Any]] = dict(contents.arrays)
        self._number: Callable[[str], int | None] = contents.tries["vocabulary"].get
        self._scheme_at = {scheme: at for at, scheme in enumerate(contents.facts["schemes"])}
        self._rarity = rarity
        self._rarest = math.log(1 + max(len(clauses), 1))
        self._senses = senses if "ask_vectors" in self._a else None
        self._rank = weights(by_sense=self._senses is not None).rank

    @property
    def reads_sense(self) -> bool:
        """Whether it has sentence vectors."""
        return self._senses is not None

    def search(
        self, query: Query, *, schemes: frozenset[str] | None = None, thorough: bool = False
    ) -> list[Hit]:
        """The likeliest clauses, best first. `schemes` overrides what the question itself names.

        `thorough`: every clause is scored in full, however many there are.
        """
        if not self.clauses:
            return []
        wanted = query.schemes if schemes is None else schemes
        lexical = self.bm25(query)
        sense = self._sense(query.text)
        shared = self._shared(wanted)
        worded = [self._worded(text) for text, _ in query.readings]
        everywhere: dict[str, Floats] = {
            "bm25": lexical / (float(lexical.max()) or 1.0),
            "pairs": worded[0][0] / (worded[0][1] or 1.0),
            "pair_bm25": self._coded_bm25("pair", frozenset(map(pair_code, bigrams(query.text)))),
            "sound_bm25": self._coded_bm25("sound", sound_codes(query.text)),
            # Who names two schemes asks of a clause that ties them.
            "scheme": np.minimum(shared, 2.0),
            "clash": ((shared == 0) & self._a["schemed"] & bool(wanted)).astype(np.float64),
            "aspect": self._of_aspect(query.aspects).astype(np.float64),
            "own": self._a["own"].astype(np.float64),
            "unspoken": np.where(shared > 0, 0.0, unspoken(self._a, self._spoken(query.units))),
        }
        few = thorough or len(self.clauses) <= FULL
        rows = np.arange(len(self.clauses)) if few else self._likely(everywhere | self._rough_likeness(sense))
        whole = len(rows) == len(self.clauses)
        questions = self._all_questions if whole else self._questions(rows)
        like, as_asked = self._likeness(questions, query)
        ask = np.maximum.reduceat(like, questions.starts[:-1])
        raw: dict[str, Floats] = {
            "ask": ask,
            "second": _second(like, questions.starts),
            # A long list says most words once; that alone is no reason.
            "listed": np.log(np.diff(questions.starts)),
            "heading": self._headings(rows, query),
            **{name: values if whole else values[rows] for name, values in everywhere.items()},
            **self._likeness_by_sense(sense, rows, whole=whole),
        }
        parts = {name: self._rank[name] * values for name, values in raw.items()}
        # Rounded, so that another order of summation on another machine cannot change an order of clauses.
        scores = np.round(np.sum(list(parts.values()), axis=0), 6)
        readings = [self._weighed(units) for _, units in query.readings]
        others = [self._number(unit.word) for unit in query.units if unit.outside]
        nothing_else = bool(others) and len(others) == len(query.units)
        hits = []
        for at in np.argsort(-scores, kind="stable")[:_KEPT]:
            row = int(rows[at])
            clause = self.clauses[row]
            has = frozenset(self._having(row))
            begin, end = questions.starts[at], questions.starts[at + 1]
            hits.append(
                Hit(
                    clause=clause,
                    score=float(scores[at]),
                    ask=float(ask[at]),
                    covered=max(_share(reading, has) for reading in readings),
                    worded=max(float(met[row]) / (total or 1.0) for met, _, total in worded),
                    strange=max(
                        (weight for weight, tokens in readings[0] if has.isdisjoint(tokens)), default=0.0
                    )
                    / self._rarest,
                    mentioned=any(self._number(f"scheme:{one}") in has for one in wanted),
                    aspect=clause.aspect in query.aspects,
                    outside=any(number not in has for number in others) or nothing_else,
                    raw={name: float(values[at]) for name, values in raw.items()},
                    parts=tuple((name, float(values[at])) for name, values in parts.items()),
                    # Of equally like ones, that which is like the question as it was put, not shortened.
                    asked=int(np.lexsort((as_asked[begin:end], like[begin:end].round(9)))[-1]),
                    sense=sense,
                )
            )
        return sorted(hits, key=Hit.order)

    def bm25(self, query: Query) -> Floats:
        """Plain BM25 scores, one a clause: also the baseline the evaluation names."""
        total = np.zeros(len(self.clauses), dtype=np.float32)
        for unit in query.units:
            for token in unit.tokens:
                if (number := self._number(token)) is not None:
                    begin, end = self._a["bm25_starts"][number : number + 2]
                    # No clause stands twice among those of a token.
                    total[self._a["bm25_rows"][begin:end]] += self._a["bm25_weights"][begin:end]
        return total.astype(np.float64)

    def _likely(self, everywhere: Mapping[str, Floats]) -> Ints:
        """The rows worth scoring in full, in order, where there are too many to score all."""
        rough = np.sum([self._rank[name] * values for name, values in everywhere.items()], axis=0)
        return np.sort(np.argpartition(-rough, CANDIDATES)[:CANDIDATES])

    def _sense(self, text: str) -> Sense | None:
        return self._senses.of(text, self._a) if self._senses is not None else None

    def _likeness_by_sense(self, sense: Sense | None, rows: Ints, *, whole: bool) -> dict[str, Floats]:
        """What the question's sentence vector says of these rows; nothing without one."""
        if sense is None:
            return {}
        asks, clauses, starts = self._a["ask_vectors"], self._a["clause_vectors"], self._a["asks_starts"]
        if not whole:
            places, starts = gathered(starts, rows)
            asks, clauses = asks[places], clauses[rows]
        return {**likeness(sense, asks, clauses, starts, float(self._a["ask_scale"][0]))}

    def _rough_likeness(self, sense: Sense | None) -> dict[str, Floats]:
        if sense is None:
            return {}
        return {**rough_likeness(sense, self._a["clause_centres"], self._a["clause_vectors"])}

    def _spoken(self, units: Sequence[Unit]) -> set[int]:
        """The numbers of the tokens units are compared by."""
        numbers = (self._number(token) for unit in units for token in meaning(unit))
        return {number for number in numbers if number is not None}

    def _shared(self, wanted: frozenset[str]) -> Floats:
        """How many of the schemes asked for each clause is about."""
        known = [self._scheme_at[scheme] for scheme in wanted if scheme in self._scheme_at]
        return np.asarray(self._a["about"][known].sum(axis=0), dtype=np.float64)

    def _of_aspect(self, aspects: frozenset[str]) -> Flags:
        wanted = np.array([aspect in aspects for aspect in ASPECTS])
        return np.asarray(wanted[self._a["aspect"]])

    def _worded(self, text: str) -> tuple[Floats, float, float]:
        """(weight of the wording's character pairs that each clause has, weight of those any clause has, of all).

        Rare pairs weigh more; a pair that half the clauses have tells nothing, and takes longest.
        """
        met = np.zeros(len(self.clauses))
        known = 0.0
        numbers = self._pair_numbers(text)
        for number in numbers:
            begin, end = self._a["pair_rows_starts"][number : number + 2]
            weight = math.log(len(self.clauses) / int(end - begin)) if 2 * (end - begin) < len(met) else 0.0
            known += weight
            if weight:
                met[self._a["pair_rows"][begin:end]] += weight
        return met, known, known + self._rarest * (len(bigrams(text)) - len(numbers))

    def _coded_bm25(self, kind: str, codes: frozenset[int]) -> Floats:
        """BM25 over character pairs (`pair`) or syllable pairs (`sound`), one a clause, at most 1."""
        total = np.zeros(len(self.clauses), dtype=np.float32)
        for number in self._numbers(kind, codes):
            begin, end = self._a[f"{kind}_rows_starts"][number : number + 2]
            total[self._a[f"{kind}_rows"][begin:end]] += self._a[f"{kind}_weights"][begin:end]
        return total.astype(np.float64) / (float(total.max()) or 1.0)

    def _pair_numbers(self, text: str) -> Ints:
        return self._numbers("pair", frozenset(map(pair_code, bigrams(text))))

    def _numbers(self, kind: str, codes: frozenset[int]) -> Ints:
        """Places of those codes that the clauses have."""
        wanted = np.array(sorted(codes), dtype=np.uint32)
        known = self._a[f"{kind}_codes"]
        at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
        return at[known[at] == wanted] if len(known) else at[:0]

    def _questions(self, rows: Ints) -> _Questions:
        asks, starts = gathered(self._a["asks_starts"], rows)
        places, token_starts = gathered(self._a["ask_starts"], asks)
        pair_places, pair_starts = gathered(self._a["pairs_starts"], asks)
        return _Questions(
            starts=starts,
            tokens=self._a["ask_tokens"][places],
            weights=self._a["ask_weights"][places],
            row=row_of(token_starts),
            pairs=self._a["pairs"][pair_places],
            pair_row=row_of(pair_starts),
            pair_counts=np.diff(pair_starts),
        )

    @cached_property
    def _all_questions(self) -> _Questions:
        return self._questions(np.arange(len(self.clauses)))

    def _likeness(self, questions: _Questions, query: Query) -> tuple[Floats, Floats]:
        """How like each listed question is to the likest reading of the query, and to the first, 0..1."""
        each = [self._like(questions, text, units) for text, units in query.readings]
        return np.max(each, axis=0), each[0]

    def _like(self, questions: _Questions, text: str, units: Sequence[Unit]) -> Floats:
        meant = np.bincount(
            questions.row,
            weights=questions.weights * self._vector(units)[questions.tokens],
            minlength=len(questions.pair_counts),
        )
        asked = np.zeros(len(self._a["pair_codes"]))
        asked[self._pair_numbers(text)] = 1.0
        shared = np.bincount(questions.pair_row, weights=asked[questions.pairs], minlength=len(meant))
        dice = 2 * shared / np.maximum(questions.pair_counts + len(bigrams(text)), 1)
        return np.asarray(LIKE_MEANING * meant + LIKE_WORDING * dice, dtype=np.float64)

    def _headings(self, rows: Ints, query: Query) -> Floats:
        """How like each row's heading is to the query, 0..1."""
        places, starts = gathered(self._a["heading_starts"], rows)
        weights = (
            self._a["heading_weights"][places] * self._vector(query.units)[self._a["heading_tokens"][places]]
        )
        return np.asarray(np.bincount(row_of(starts), weights=weights, minlength=len(rows)), dtype=np.float64)

    def _having(self, row: int) -> list[int]:
        begin, end = self._a["having_starts"][row : row + 2]
        numbers: list[int] = self._a["having"][begin:end].tolist()
        return numbers

    def _weighed(self, units: Sequence[Unit]) -> list[tuple[float, list[int]]]:
        """For each unit that means anything: how much of the question's meaning it carries, and its tokens."""
        found = []
        for unit in units:
            if (unit.concepts and ASKED.issuperset(unit.concepts)) or _FIGURE.match(unit.word):
                continue
            known = [number for token in unit.tokens if (number := self._number(token)) is not None]
            # A word no clause knows: telling if it is rare in general Chinese too, else mere chat.
            weight = float(self._a["idf"][known].max()) if known else self._rarest * self._rarity(unit.word)
            found.append((weight, known))
        return found

    def _vector(self, units: Sequence[Unit]) -> Floats:
        """The weight of every token in `units`, of length 1 with those that no clause has."""
        vector: dict[str, float] = {}
        for unit in units:
            tokens = meaning(unit)
            for token in tokens:
                number = self._number(token)
                idf = self._rarest * self._rarity(unit.word) if number is None else self._a["idf"][number]
                vector[token] = max(vector.get(token, 0.0), float(idf) / math.sqrt(len(tokens)))
        length = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
        found = np.zeros(len(self._a["idf"]))
        for token, weight in vector.items():
            if (number := self._number(token)) is not None:
                found[number] = weight / length
        return found


def _share(reading: Sequence[tuple[float, list[int]]], has: frozenset[int]) -> float:
    """The share of a question's meaning that a clause with these tokens speaks of."""
    total = sum(weight for weight, _ in reading)
    met = sum(weight for weight, tokens in reading if not has.isdisjoint(tokens))
    return met / total if total else 0.0


def _second(likeness: Floats, starts: Ints) -> Floats:
    """The second likest question of each clause: two that fit say more than one; 0 where it lists but one."""
    best = np.maximum.reduceat(likeness, starts[:-1])
    others = likeness.copy()
    counts = np.diff(starts)
    is_best = likeness == np.repeat(best, counts)
    # Only the first of equals is taken away.
    places = np.flatnonzero(is_best)
    owners = np.repeat(np.arange(len(counts)), counts)[places]
    first = np.ones(len(places), dtype=np.bool_)
    first[1:] = owners[1:] != owners[:-1]
    others[places[first]] = 0.0
    return np.asarray(np.maximum.reduceat(others, starts[:-1]))


@dataclass(frozen=True, slots=True)
class _Questions:
    """The listed questions of some clauses, gathered. `starts` tells which are whose."""

    starts: Ints
    tokens: npt.NDArray[np.int32]
    weights: Floats
    row: Ints
    pairs: npt.NDArray[np.int32]
    pair_row: Ints
    pair_counts: Ints
