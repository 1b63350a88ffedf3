"""Which clause answers a question, how sure that is, and what else can honestly be said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from policies_kb.clauses import Clause
from policies_kb.retrieval.confidence import THRESHOLD, confidence, evidence, outside
from policies_kb.retrieval.index import Hit, Index, Query
from policies_kb.retrieval.question import (
    Questions,
    names_nothing_else,
    only_a_side,
    only_named,
    tells_income,
)
from policies_kb.retrieval.scope import Places, other_year, without_this_year

Outcome = Literal[
    "answered", "other_place", "other_year", "outside", "not_in_force", "missing_scheme", "unknown", "which_scheme",
    "case_status",
]  # fmt: skip
# Of a scheme no clause is about, a clause about another is told only to who asks in its own listed words.
_LISTED: Final = 0.8
# A question listed word for word is as like as this.
_SAME: Final = 0.999
# How much likelier the question must be to one a clause out of force lists, before that clause is what was asked.
_CLEARLY: Final = 0.1
# Or how much surer it must be, where it also scores higher.
_SURER: Final = 0.2
_NEVER: Final = 0.05
# So much (log-odds) behind the likeliest, a clause is hardly about what was asked.
_HARDLY: Final = 4.0
# Sides a clause can tell even to somebody who asks of their own application.
_TELLS_MORE: Final = frozenset({"how_long", "how_much", "documents", "objection", "payment", "exit"})
# Sides that one clause mostly tells together.
_HOW_TO_APPLY: Final = frozenset({"where", "steps"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found for one question. `named` is the place, year or topic a refusal names; `lapsed` whether what is
    asked is clearly liker to a clause that is not in force than to any that is; `personal` whether somebody asks if they
    may have something, `hardship` whether they tell of a need, `status` whether they ask of their application."""

    query: Query
    schemes: frozenset[str]
    outcome: Outcome
    confidence: float
    hits: tuple[Hit, ...] = ()
    features: dict[str, float] = field(default_factory=dict)
    undated: Clause | None = None
    named: str = ""
    personal: bool = False
    hardship: bool = False
    status: bool = False
    lapsed: bool = False


class Judge:
    """Judges questions over a pack's clauses. `index` gives the index of the clauses in force, or not, on a day."""

    def __init__(
        self, questions: Questions, places: Places, topics: str, covered: frozenset[str], index: Callable[[date, bool], Index],
    ) -> None:  # fmt: skip
        self._questions = questions
        self._places = places
        self._topics = topics
        self._covered = covered
        self._index = index

    def judge(
        self, text: str, *, today: date, schemes: frozenset[str] = frozenset(), aspect: str | None = None, story: str = "",
    ) -> Judgement:  # fmt: skip
        """Judge one cleaned part of a message. `schemes` and `aspect`: what the conversation is about; `story`: the
        whole message."""
        text = without_this_year(text, today) or text
        query = self._questions.in_context(text, schemes, aspect)
        about = query.schemes or schemes
        place = self._places.asked(text, story)
        if place is not None:
            return Judgement(query, about, "other_place", _NEVER, named=place)
        year = other_year(text, today, self._topics)
        if year is not None:
            return Judgement(query, about, "other_year", _NEVER, named=year)
        judged = self.judge_query(query, about, today)
        if judged.outcome != "answered" and query.aspects and aspect is not None:
            # Of whom or what was named now there may be another side to tell than the one spoken of last.
            plain = self._questions.in_context(text, schemes, None)
            other = self.judge_query(plain, plain.schemes or schemes, today) if plain != query else judged
            return other if other.outcome == "answered" else judged
        return judged

    def judge_query(self, query: Query, schemes: frozenset[str], today: date) -> Judgement:
        """Judge a question already read."""
        personal, status = self._questions.is_personal(query), self._questions.is_of_a_case(query)
        if not schemes and not status and self._questions.is_short_for_more(query):
            return Judgement(query, schemes, "which_scheme", 0.3)
        overview = only_named(query)
        if overview:
            # Only the scheme was named: a short overview. What it is comes first.
            query = self._questions.what_is(query)
        index = self._index(today, True)
        hits = tuple(index.search(query, schemes=schemes))
        if only_a_side(query):
            hits = tuple(hit for hit in hits if _tells_of(hit.clause, query, schemes))
        if overview:
            hits = _what_it_is_first(hits, schemes)
        elif tells_income(query):
            # Which conditions the income is held against comes first.
            hits = tuple(sorted(hits, key=lambda hit: not _tells_who(hit.clause, schemes)))
        else:
            hits = _own_first(hits)
        features = evidence(query, hits, schemes, self._covered) if hits else {}
        sure = confidence(features) if hits else 0.0
        if hits and hits[0].ask >= _SAME and not _of_others(hits[0].clause, schemes):
            # Whoever wrote the pack said that this clause answers this question.
            sure = max(sure, THRESHOLD)
        if overview and hits and hits[0].aspect and schemes & set(hits[0].clause.schemes):
            # Nothing but what the scheme is can be meant.
            sure = max(sure, THRESHOLD)
        undated = self._index(today, False).search(query, schemes=schemes)
        undated_sure = confidence(evidence(query, undated, schemes, self._covered)) if undated else 0.0
        outcome: Outcome = "answered"
        named = ""
        lapsed = bool(hits and undated) and (
            undated[0].ask > hits[0].ask + _CLEARLY
            or (undated_sure > sure + _SURER and undated[0].score > hits[0].score)
        )
        if lapsed and undated_sure > sure:
            # What was asked stands in a clause that is not in force: another clause would be a wrong answer.
            sure = min(sure, 1.0 - undated_sure)
        missing = bool(schemes) and not schemes & self._covered
        if (
            missing
            and hits
            and hits[0].clause.schemes
            and hits[0].ask < _LISTED
            and names_nothing_else(query)
        ):
            # The pack says nothing of the one thing named, and another scheme's rules are no answer.
            sure = min(sure, _NEVER)
        if status and not query.aspects & _TELLS_MORE:
            # How far one's own application has come stands in no clause, however like the words are.
            sure = min(sure, _NEVER)
        elif (
            sure < THRESHOLD
            and personal
            and not outside(query)
            and hits
            and schemes & set(hits[0].clause.schemes)
        ):
            # Whether somebody may have it: the clause that is likeliest, and the self-assessment it leads into.
            sure = THRESHOLD
        if sure < THRESHOLD:
            if status:
                outcome = "case_status"
            elif topics := outside(query):
                outcome, named = "outside", topics[0]
            elif undated_sure >= THRESHOLD or _only_lapsed(schemes, hits, undated):
                outcome = "not_in_force"
            elif missing:
                outcome, named = "missing_scheme", self._questions.said_of(query, schemes)
            else:
                outcome = "unknown"
        return Judgement(
            query, schemes, outcome, sure, hits=hits, features=features, named=named, personal=personal,
            hardship=self._questions.is_hardship(query), status=status,
            undated=undated[0].clause if outcome == "not_in_force" else None, lapsed=lapsed,
        )  # fmt: skip


def _of_others(clause: Clause, schemes: frozenset[str]) -> bool:
    """Whether a clause is about schemes, and none of them is one of `schemes` (none: any may be meant)."""
    return bool(schemes and clause.schemes) and not schemes & set(clause.schemes)


def _what_it_is_first(hits: tuple[Hit, ...], schemes: frozenset[str]) -> tuple[Hit, ...]:
    """The clauses that say what the scheme is before the others, unless they hardly do."""
    best = max((hit.score for hit in hits), default=0.0)
    return tuple(
        sorted(
            hits,
            key=lambda hit: (
                not (hit.aspect and schemes & set(hit.clause.schemes) and hit.score > best - _HARDLY)
            ),
        )
    )


def _own_first(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """A question that the pack and its parent both list word for word is the pack's own to answer."""
    if not hits or hits[0].ask < _SAME:
        return hits
    told = frozenset(hits[0].clause.schemes)
    own = [hit for hit in hits if hit.ask >= _SAME and hit.raw["own"] and not _of_others(hit.clause, told)]
    return (own[0], *(hit for hit in hits if hit is not own[0])) if own else hits


def _only_lapsed(schemes: frozenset[str], hits: Sequence[Hit], undated: Sequence[Hit]) -> bool:
    """Whether a clause that is not in force, and none that is, is likeliest and about a scheme that was named."""
    return bool(undated and schemes & set(undated[0].clause.schemes)) and (
        not hits or undated[0].score > hits[0].score
    )


def _tells_who(clause: Clause, schemes: frozenset[str]) -> bool:
    return clause.aspect == "who" and bool(schemes & set(clause.schemes))


def _tells_of(clause: Clause, query: Query, schemes: frozenset[str]) -> bool:
    """Whether the clause can answer a question that only names a scheme and a side (“新农保多久能批下来”): it is about
    the scheme, or about all of them and this side."""
    if clause.schemes:
        return bool(schemes & set(clause.schemes))
    sides = query.aspects | (_HOW_TO_APPLY if query.aspects & _HOW_TO_APPLY else frozenset())
    return not sides or clause.aspect in sides
