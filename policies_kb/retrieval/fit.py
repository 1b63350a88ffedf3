"""Fits weights.json on the development questions of every shipped pack: `python -m policies_kb.retrieval.fit`.

Ranking: a multinomial logistic regression over the likeliest clauses of each answerable question. Confidence: a
logistic regression of "a clause that would be told is an accepted one". Both regularised, and both twice: with
sentence vectors and without. Printed before writing: both packs' figures by cross-validation, so that what is
written is not what is measured; questions of one clause are never on both sides of it. Every question is put to the
packs as they are and, counting less, to the packs thinned (see `Thinned`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Document
from policies_kb.loader import load_pack, pack_names
from policies_kb.pack import Pack
from policies_kb.retrieval import weights as shipped
from policies_kb.retrieval.confidence import THRESHOLD, confidence, evidence, told
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.evaluate import Question, chosen, load_questions
from policies_kb.retrieval.index import Hit
from policies_kb.retrieval.judge import Judgement
from policies_kb.retrieval.learn import Asked, cached_vectors, heads, in_force, listed
from policies_kb.retrieval.learned import Learned, learned
from policies_kb.retrieval.weights import BothWeights, Weights

Array = npt.NDArray[np.float64]

_FOLDS: Final = 5
_STEPS: Final = 200
_RANK_PENALTY: Final = 1e-3
_PENALTY: Final = 10.0
# The share of questions without an answer that the confidence is calibrated for: as many as lets refusals be as often
# right as they are complete on fresh questions. Among those written it is greater.
_UNANSWERABLE: Final = 0.17
_AT_MOST: Final = {"clash": -1.2}
# How many questions the clauses of a document list in a thinned pack.
_LISTED: Final = (3, 5, 8, 12, 99)
# How much a question of a thinned pack counts: enough that a new county's few listed questions stand up to its parent's
# many, without cost to packs that list many throughout.
_THINNED: Final = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """One development question: its likeliest clauses as they were found, and which of them are accepted.

    `heads`: those features that were themselves learned from development questions, learned without this one's fold.
    """

    pack: str
    thin: bool
    fresh: bool
    answerable: bool
    fold: int
    judged: Judgement
    covered: frozenset[str]
    hits: tuple[Hit, ...]
    accepted: npt.NDArray[np.bool_]
    heads: Mapping[str, float]

    @property
    def weight(self) -> float:
        """How much it counts."""
        return _THINNED if self.thin else 1.0

    def scored(self, rank: Mapping[str, float]) -> list[tuple[Hit, bool]]:
        """The clauses with whether they are accepted, best first by these weights."""
        scored = [
            (replace(hit, score=sum(rank[name] * value for name, value in hit.raw.items())), bool(right))
            for hit, right in zip(self.hits, self.accepted, strict=True)
        ]
        return sorted(scored, key=lambda one: one[0].order())

    def evidence(self, scored: Sequence[tuple[Hit, bool]]) -> dict[str, float]:
        """What speaks for and against the best of `scored`."""
        hits = [hit for hit, _ in scored]
        found = evidence(self.judged.query, hits, self.judged.schemes, self.covered)
        return {name: self.heads.get(name, value) for name, value in found.items()}


def _right(scored: Sequence[tuple[Hit, bool]]) -> bool:
    """Whether a clause that would be told is accepted."""
    return any(right for _, right in scored[: len(told([hit for hit, _ in scored]))])


class Thinned:
    """A pack whose documents list some of their questions only, each document its own number: as a county's own pack with
    few listed questions stands beside its parent with many."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self.version = f"{pack.version} thinned"
        self.documents = tuple(_thinned(document) for document in pack.documents)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pack, name)


def _thinned(document: Document) -> Document:
    most = _LISTED[_draw(document.id) % len(_LISTED)]
    clauses = [
        clause.model_copy(update={"asks": tuple(sorted(clause.asks, key=lambda ask: _draw(ask))[:most])})
        for clause in document.clauses
    ]
    return document.model_copy(update={"clauses": tuple(clauses)})


def _draw(text: str) -> int:
    """A number that looks drawn and is the same every time."""
    return int.from_bytes(sha256(f"thinned {text}".encode()).digest()[:8])


def cases(today: date, *, by_sense: bool) -> list[Case]:
    """The development questions of the packs that have any, as the shipped engine reads them, and again with the packs
    thinned.

    Questions that a rule decides before any clause is looked at (another place, another year) teach nothing here.
    """
    found = []
    for name in pack_names():
        pack = load_pack(name)
        paths = [path for path in pack.files("eval.yml") if path.parent.name == name]
        questions = chosen(load_questions(paths[0]), "dev") if paths else []
        for corpus in (pack, Thinned(pack)) if questions else ():
            retriever = Retriever(corpus, by_sense=by_sense)
            for question in questions:
                judged = retriever.judge(question.q, today=today)
                judgement = next((one for one in judged if one.hits), None)
                if judgement is None:
                    continue
                accepted = np.array(
                    [
                        f"{hit.clause.document_id} {hit.clause.number}" in question.clause
                        for hit in judgement.hits
                    ]
                )
                found.append(
                    Case(
                        name, isinstance(corpus, Thinned), not question.seen, bool(question.clause), _fold(question),
                        judgement, retriever.schemes, judgement.hits, accepted, {},
                    )
                )  # fmt: skip
    return _with_heads(found)


def _fold(question: Question) -> int:
    group = question.clause[0] if question.clause else question.q
    return sha256(group.encode()).digest()[0] % _FOLDS


def _with_heads(known: Sequence[Case]) -> list[Case]:
    vectors = cached_vectors()
    lists = listed(in_force(), vectors)
    texts = [case.judged.query.text for case in known]
    asked = Asked(
        texts,
        vectors.read(texts, passage=False),
        np.array([case.answerable for case in known], dtype=np.bool_),
    )
    fold = np.array([case.fold for case in known])
    teaches = np.array([case.answerable or not case.judged.lapsed for case in known])
    whole = learned()
    found = list(known)
    for at in range(_FOLDS):
        arrays = {
            **whole.arrays,
            **heads(lists, asked.only((fold != at) & teaches), whole.arrays["question_centre"]),
        }
        without = Learned(arrays, "")
        for place in np.flatnonzero(fold == at).tolist():
            sense = without.sense(asked.vectors[place])
            found[place] = replace(
                found[place],
                heads={
                    "settled_wording": without.settled_wording(texts[place]),
                    "settled": sense.settled,
                    "unsettled": sense.unsettled,
                    "unsettled_few": sense.unsettled_few,
                },
            )
    return found


def fit_rank(known: Sequence[Case], names: Sequence[str]) -> dict[str, float]:
    """Weights that make the accepted clauses likeliest (Adam on the log-likelihood)."""
    rows = [
        (np.array([[hit.raw[name] for name in names] for hit in case.hits]), case.accepted, case.weight)
        for case in known
        if case.accepted.any()
    ]
    whole = sum(weight for *_, weight in rows)
    found = np.zeros(len(names))
    mean, square, rate = np.zeros(len(names)), np.zeros(len(names)), 0.3
    for step in range(1, _STEPS + 1):
        slope = _RANK_PENALTY * found
        for features, accepted, weight in rows:
            scores = features @ found
            likely = np.exp(scores - scores.max())
            likely /= likely.sum()
            wanted = likely * accepted
            slope -= weight / whole * (features.T @ (wanted / max(wanted.sum(), 1e-12) - likely))
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        found -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        rate *= 0.985
    fitted = {name: round(float(value), 3) for name, value in zip(names, found, strict=True)}
    # The questions seldom tempt with a clause about another scheme; the conversation's bare follow-ups do.
    return {**fitted, **{name: min(fitted[name], most) for name, most in _AT_MOST.items() if name in fitted}}


def fit_confidence(known: Sequence[Case], rank: Mapping[str, float]) -> tuple[float, dict[str, float]]:
    """(bias, weights) by Newton's method."""
    scored = [case.scored(rank) for case in known]
    found_of = [case.evidence(one) for case, one in zip(known, scored, strict=True)]
    names = list(found_of[0])
    features = np.array([[1.0, *(one[name] for name in names)] for one in found_of])
    right = np.array([float(_right(one)) for one in scored])
    answerable = np.array([case.answerable for case in known])
    counts = np.array([case.weight for case in known])
    fewer = _UNANSWERABLE / (1 - _UNANSWERABLE) * counts[answerable].sum() / max(counts[~answerable].sum(), 1)
    weight = counts * np.where(answerable, 1.0, fewer)
    # By each feature's spread, so that its unit does not matter; the bias has none and is free.
    penalty = np.diag(_PENALTY * features.var(axis=0))
    found = np.zeros(features.shape[1])
    for _ in range(30):
        sure = 1.0 / (1.0 + np.exp(-features @ found))
        curve = (features.T * (weight * sure * (1.0 - sure))) @ features + penalty
        # Features without any spread weigh nothing.
        curve += np.diag(np.where(np.diag(curve) > 0, 0.0, 1.0))
        found += np.linalg.solve(curve, features.T @ (weight * (right - sure)) - penalty @ found)
    return round(float(found[0]), 3), {
        name: round(float(value), 3) for name, value in zip(names, found[1:], strict=True)
    }


def fit(known: Sequence[Case]) -> Weights:
    """Both."""
    rank = fit_rank(known, list(known[0].hits[0].raw))
    bias, confidence = fit_confidence(known, rank)
    return Weights(rank=rank, confidence=confidence, bias=bias)


def cross_validated(known: Sequence[Case], say: Callable[[str], Any]) -> None:
    """Figures of each pack by weights that were fitted without the question asked."""
    outcomes: list[tuple[Case, bool, bool, bool]] = []
    for at in range(_FOLDS):
        fitted = fit([case for case in known if case.fold != at])
        for case in (case for case in known if case.fold == at):
            scored = case.scored(fitted.rank)
            sure = confidence(case.evidence(scored), fitted) >= THRESHOLD
            outcomes.append((case, sure, scored[0][1], _right(scored)))
    for pack, thin, fresh in product(sorted({case.pack for case in known}), (False, True), (True, False)):
        some = [one for one in outcomes if (one[0].pack, one[0].thin, one[0].fresh) == (pack, thin, fresh)]
        if some:
            answerable = [one for one in some if one[0].answerable]
            refused = [one for one in some if not one[1]]
            first = sum(one[1] and one[2] for one in answerable)
            right = sum(one[1] and one[3] for one in answerable)
            well = sum(not one[0].answerable for one in refused)
            none = len(some) - len(answerable)
            say(
                f"{pack}{' thinned' if thin else ''} {'fresh' if fresh else 'tuned on'}: n {len(some)}"
                f" ranked first {sum(one[2] for one in answerable) / max(len(answerable), 1):.3f}"
                f" recall@1 {first / max(len(answerable), 1):.3f} accuracy {(right + well) / max(len(some), 1):.3f}"
                f" refusal precision {well / max(len(refused), 1):.3f} recall {well / max(none, 1):.3f}"
            )


def main() -> None:
    """Print the cross-validated figures, then write weights.json."""
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    both: dict[bool, Weights] = {}
    for by_sense in (False, True):
        known = cases(today, by_sense=by_sense)
        sys.stdout.write("with sentence vectors\n" if by_sense else "words alone\n")
        cross_validated(known, lambda line: sys.stdout.write(f"{line}\n"))
        both[by_sense] = fit(known)
    fitted = BothWeights(by_words=both[False], by_sense=both[True])
    text = json.dumps(fitted.model_dump(), ensure_ascii=False, indent=2) + "\n"
    if "--dry-run" not in sys.argv:
        shipped.FILE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
