"""Measuring the answers: eval.yml, its fixed split, and the figures `jzt kb eval` prints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from policies_kb.types import Answer, Citation, Frozen
from policies_kb.yamlfile import load_model

Split = Literal["dev", "test"]
Style = Literal["elderly", "young", "neighbour", "traditional", "homophone", "voice", "dialect", "plain"]


class Question(Frozen):
    """One question. Without `clause` the honest answer is that the pack does not say."""

    q: str = Field(min_length=1)
    clause: tuple[str, ...] = Field(default=(), description="'document-id number', any of which is right")
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
class Figures:
    """What was measured. A figure without cases is 0."""

    answer_accuracy: float
    citation_recall_at_1: float
    refusal_precision: float
    refusal_recall: float
    n: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A question that was not answered as it should be."""

    question: Question
    answer: Answer
    why: str


def load_questions(path: Path) -> tuple[Question, ...]:
    """The questions of an eval.yml.

    Raises:
        DataFileError: naming file, line and field.
    """
    return load_model(path, EvalFile).questions


def measure(
    questions: Sequence[Question], ask: Callable[[str], Answer], titles: dict[str, str]
) -> tuple[Figures, list[Fault]]:
    """Ask every question. `titles` maps document ids to titles, as citations carry titles.

    answer_accuracy: of all questions, the share answered with an accepted clause among the citations and every
    fact in the answer, or rightly refused. citation_recall_at_1: of the answerable ones, the share whose first
    citation is an accepted clause. Refusal precision and recall are over the questions refused.
    """
    faults: list[Fault] = []
    right = first = answerable = refused = rightly_refused = unanswerable = 0
    for question in questions:
        answer = ask(question.q)
        if not question.clause:
            unanswerable += 1
            refused += not answer.answered
            rightly_refused += not answer.answered
            right += not answer.answered
            if answer.answered:
                faults.append(Fault(question, answer, "answered though the pack does not say"))
            continue
        answerable += 1
        if not answer.answered:
            refused += 1
            faults.append(Fault(question, answer, "refused"))
            continue
        accepted = {(titles.get(one.split(" ")[0], ""), one.split(" ")[1]) for one in question.clause}
        at_first = bool(answer.citations) and _key(answer.citations[0]) in accepted
        first += at_first
        facts = [fact for fact in question.fact if fact not in answer.answer]
        if any(_key(citation) in accepted for citation in answer.citations) and not facts:
            right += 1
        if not at_first or facts:
            faults.append(Fault(question, answer, f"facts missing: {facts}" if facts else "another clause"))
    figures = Figures(
        answer_accuracy=_share(right, len(questions)),
        citation_recall_at_1=_share(first, answerable),
        refusal_precision=_share(rightly_refused, refused),
        refusal_recall=_share(rightly_refused, unanswerable),
        n=len(questions),
    )
    return figures, faults


def chosen(questions: Sequence[Question], split: Split | None) -> list[Question]:
    """The questions of a split; None: all of them."""
    return [question for question in questions if split is None or question.split == split]


def _key(citation: Citation) -> tuple[str, str]:
    return citation.document, citation.clause


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
