"""What is found for each part of a message: several questions in one, and few words that go on with what was asked before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from policies_kb.clauses import Clause
from policies_kb.retrieval.confidence import THRESHOLD
from policies_kb.retrieval.cuts import cuts, is_a_question
from policies_kb.retrieval.judge import Judge, Judgement
from policies_kb.retrieval.question import Questions

# A part of so many characters says too little to be understood alone.
_FEW_WORDS: Final = 8
# So sure a clause beside the one just told must be; and so much more telling may the words be that it lacks.
_GOING_ON: Final = 0.3
_STRANGER: Final = 0.1
# So sure each half must be where one part is read as two questions.
_SURE_OF_A_HALF: Final = 0.7
# So sure both halves must be where the part as a whole was read as the second.
_SURE_OF_BOTH: Final = 0.85


class Parts:
    """Judges messages part by part. Deterministic; safe to share."""

    def __init__(self, questions: Questions, judge: Judge) -> None:
        self._questions = questions
        self._judge = judge

    def judged(
        self, text: str, today: date, scheme: str | None, aspect: str | None
    ) -> list[tuple[str, Judgement]]:
        """Each part of a cleaned message with what was found for it; a scheme named is kept for the parts after it."""
        context = frozenset({scheme}) if scheme else frozenset()
        found: list[tuple[str, Judgement]] = []
        for part in self._questions.parts(text):
            judged = self._judge.judge(part, today=today, schemes=context, aspect=aspect, story=text)
            if found:
                judged = self._going_on(part, judged, found[-1], today)
            for one, found_for in self._apart(part, judged, today, context) or [(part, judged)]:
                context = found_for.schemes or context
                found.append((one, found_for))
        return found

    def _apart(
        self, part: str, whole: Judgement, today: date, context: frozenset[str]
    ) -> list[tuple[str, Judgement]]:
        """Two questions in one part (“能去救助站吗要不要钱的”), where read apart each has a clause of its own and nothing is
        lost that the part as a whole is told; else nothing."""
        best: list[tuple[str, Judgement]] = []
        for first, second in cuts(part):
            one = self._judge.judge(first, today=today, schemes=context)
            if one.outcome != "answered" or one.confidence < _SURE_OF_A_HALF:
                continue
            other = self._judge.judge(second, today=today, schemes=one.schemes or context)
            other = self._going_on(second, other, (first, one), today)
            if other.outcome != "answered" or other.confidence < _SURE_OF_A_HALF:
                continue
            clauses = [half.hits[0].clause for half in (one, other)]
            if clauses[0] == clauses[1] or not (
                self._questions.read(second).schemes or _beside(clauses[1], clauses[0])
            ):
                continue
            least = min(one.confidence, other.confidence)
            told = whole.hits[0].clause if whole.outcome == "answered" else clauses[0]
            # A part told of by its second half alone is mostly one question, its first half read as something else.
            two = told == clauses[1] and least >= _SURE_OF_BOTH and is_a_question(first)
            if told != clauses[0] and not two:
                continue
            if not best or least > min(half.confidence for _, half in best):
                best = [(first, one), (second, other)]
        return best

    def _going_on(
        self, part: str, judged: Judgement, before: tuple[str, Judgement], today: date
    ) -> Judgement:
        """A few words that name no scheme go on with the part before them (“孤儿管到几岁?有钱没?”): they are read with it,
        and what it was told of is not said to be unknown."""
        asked, told = before
        if told.outcome != "answered" or len(part) > _FEW_WORDS or self._questions.read(part).schemes:
            return judged
        best = told.hits[0]
        if judged.hits and _beside(judged.hits[0].clause, best.clause):
            if judged.outcome == "unknown" and judged.confidence >= _GOING_ON:
                return replace(judged, outcome="answered", confidence=max(judged.confidence, THRESHOLD))
            if judged.outcome == "answered":
                return judged
        both = self._questions.read(f"{asked},{part}")
        other = self._judge.judge_query(both, both.schemes or told.schemes, today)
        on = other.outcome == "answered" and _beside(other.hits[0].clause, best.clause)
        # A telling word that the clause lacks is of something it does not settle.
        return other if on and other.hits[0].strange <= best.strange + _STRANGER else judged


def _beside(clause: Clause, told: Clause) -> bool:
    """Whether a clause is of the document just told from, or about one of its schemes."""
    return clause.document_id == told.document_id or bool(set(told.schemes) & set(clause.schemes))
