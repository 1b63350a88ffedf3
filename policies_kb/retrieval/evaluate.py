"""Measuring the answers: eval.yml, its fixed split, and the figures `jzt kb eval` prints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Final, Literal, get_args

from pydantic import Field

from policies_kb.sections import ClauseNumber
from policies_kb.types import Answer, Frozen
from policies_kb.yamlfile import load_model

Split = Literal["dev", "test"]
Style = Literal["elderly", "young", "neighbour", "traditional", "homophone", "voice", "dialect", "plain"]
STYLES: Final[tuple[Style, ...]] = get_args(Style)


class Question(Frozen):
    """One question. Without `clause` the honest answer is that the pack does not say."""

    q: str = Field(min_length=1)
    clause: tuple[ClauseNumber, ...] = Field(
        default=(), description="'document-id number', any of which is right"
    )
    fact: tuple[str, ...] = Field(default=(), description="words the answer must contain, all of them")
    style: Style = Field(default="plain", description="who speaks, or how it was typed")
    seen: bool = Field(
        default=False, description="the engine was tuned on it, so it may never be a test question"
    )

    @property
    def split(self) -> Split:
        """Decided by the words of the question, so that nobody picks; what was tuned on is development."""
        if self.seen:
            return "dev"
        return "test" if hashlib.sha256(self.q.encode()).digest()[0] % 2 else "dev"


class EvalFile(Frozen):
    """`eval.yml` of a pack."""

    questions: tuple[Question, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `cases`. Without cases the share is 0 and the interval says nothing."""

    hits: int
    cases: int

    @property
    def share(self) -> float:
        """0..1, rounded to four places."""
        return round(self.hits / self.cases, 4) if self.cases else 0.0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Wilson's interval (E. B. Wilson, 1927), which stays honest for small counts and shares near 0 or 1."""
        if not self.cases:
            return 0.0, 1.0
        z = NormalDist().inv_cdf((1 + level) / 2)
        n, share = self.cases, self.hits / self.cases
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    answer_accuracy: of all questions, the share answered with an accepted clause among the citations and every fact
    in the answer, or rightly refused. citation_recall_at_1: of the answerable ones, the share whose first citation is
    an accepted clause. refusal_precision: of the refused ones, the share the pack has no answer to; refusal_recall:
    of those without an answer, the share refused.
    """

    answer_accuracy: Rate
    citation_recall_at_1: Rate
    refusal_precision: Rate
    refusal_recall: Rate
    n: int

    def plain(self) -> dict[str, float | int]:
        """The five keys of the contract."""
        return {**{name: rate.share for name, rate in self.rates().items()}, "n": self.n}

    def rates(self) -> dict[str, Rate]:
        """The four rates by name, in the contract's order."""
        return {
            "answer_accuracy": self.answer_accuracy,
            "citation_recall_at_1": self.citation_recall_at_1,
            "refusal_precision": self.refusal_precision,
            "refusal_recall": self.refusal_recall,
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with its answer. `right` and `first` as in `Figures`; `fault` says what is wrong, None: nothing."""

    question: Question
    answer: Answer
    right: bool
    first: bool
    fault: str | None


def load_questions(path: Path) -> tuple[Question, ...]:
    """The questions of an eval.yml.

    Raises:
        DataFileError: naming file, line and field.
    """
    return load_model(path, EvalFile).questions


def chosen(questions: Iterable[Question], split: Split | None, style: Style | None = None) -> list[Question]:
    """The questions of a split and a style; None: of any."""
    return [
        question
        for question in questions
        if split in (None, question.split) and style in (None, question.style)
    ]


def measure(
    questions: Iterable[Question], ask: Callable[[str], Answer], titles: Mapping[str, str]
) -> list[Judged]:
    """Ask every question. `titles` maps document ids to titles, as citations carry titles."""
    return [_judge(question, ask(question.q), titles) for question in questions]


def figures(judged: Sequence[Judged]) -> Figures:
    """The figures of some questions."""
    answerable = [one for one in judged if one.question.clause]
    refused = [one for one in judged if not one.answer.answered]
    rightly = sum(not one.question.clause for one in refused)
    return Figures(
        answer_accuracy=Rate(sum(one.right for one in judged), len(judged)),
        citation_recall_at_1=Rate(sum(one.first for one in answerable), len(answerable)),
        refusal_precision=Rate(rightly, len(refused)),
        refusal_recall=Rate(rightly, len(judged) - len(answerable)),
        n=len(judged),
    )


def by_style(judged: Iterable[Judged]) -> dict[Style, Figures]:
    """The figures of each style that has questions."""
    groups: dict[Style, list[Judged]] = {style: [] for style in STYLES}
    for one in judged:
        groups[one.question.style].append(one)
    return {style: figures(group) for style, group in groups.items() if group}


def by_scheme(judged: Iterable[Judged], schemes: Mapping[str, frozenset[str]]) -> dict[str, Figures]:
    """The figures of the answerable questions of each scheme, those of most questions first.

    `schemes` maps `document-id number` to the schemes of the clause. A question counts for every scheme its accepted
    clauses are of; under "" stand those whose clauses are of no scheme in particular.
    """
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        if one.question.clause:
            of = frozenset().union(*(schemes.get(clause, frozenset()) for clause in one.question.clause))
            for scheme in of or {""}:
                groups.setdefault(scheme, []).append(one)
    return {
        scheme: figures(group)
        for scheme, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    }


def _judge(question: Question, answer: Answer, titles: Mapping[str, str]) -> Judged:
    if not question.clause:
        fault = "answered though the pack does not say" if answer.answered else None
        return Judged(question, answer, right=fault is None, first=False, fault=fault)
    if not answer.answered:
        return Judged(question, answer, right=False, first=False, fault="refused")
    accepted = {
        (titles.get(document, ""), number)
        for document, _, number in (reference.partition(" ") for reference in question.clause)
    }
    cited = [(citation.document, citation.clause) in accepted for citation in answer.citations]
    missing = [fact for fact in question.fact if fact not in answer.answer]
    first = cited[:1] == [True]
    fault = f"facts missing: {'、'.join(missing)}" if missing else None if first else "another clause"
    return Judged(question, answer, right=any(cited) and not missing, first=first, fault=fault)
