"""Answers to policy questions from a pack's clauses: the clause's own words with its citation, or an honest "I do
not know" that names a person to ask. Nothing here writes a sentence of policy of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Literal, Protocol

from policies_kb.clauses import Aspect, Clause, Document
from policies_kb.retrieval.confidence import told
from policies_kb.retrieval.explain import Explanation, explain_part
from policies_kb.retrieval.figures import Figures, Valued
from policies_kb.retrieval.glossary import load_glossary
from policies_kb.retrieval.homophones import Homophones
from policies_kb.retrieval.index import Hit, Index, Query
from policies_kb.retrieval.judge import Judge, Judgement, Outcome
from policies_kb.retrieval.parts import Parts
from policies_kb.retrieval.question import ASKING, MOST_PARTS, Questions
from policies_kb.retrieval.scope import Places
from policies_kb.retrieval.senses import Senses
from policies_kb.retrieval.shelf import Shelf
from policies_kb.retrieval.store import Store
from policies_kb.retrieval.suggest import Suggestions
from policies_kb.retrieval.table import Flags
from policies_kb.retrieval.text import LONGEST, Reader, clean, has_content
from policies_kb.retrieval.vectors import MANIFEST
from policies_kb.retrieval.wording import (
    NO_CONTENT,
    NO_QUESTION,
    OF_A_CASE,
    OF_ONES_OWN,
    TOO_LONG,
    Wording,
    cite,
    in_need,
    sources,
)
from policies_kb.retrieval.words import Words
from policies_kb.types import Answer

# Sides residents often ask together, and how to ask for one alone.
_SIDE_ASKED: Final[dict[Aspect, str]] = {
    "where": "在哪里申请", "documents": "申请要带什么材料", "how_long": "申请要多久能批下来", "how_much": "一个月发多少钱",
}  # fmt: skip
# So sure an answer must be that is told beside what cannot wait.
_BEYOND_DOUBT: Final = 0.85
# Sides of a scheme that say who may have it, or what.
_GRANTS: Final = frozenset({"who", "how_much", "service"})


class Corpus(Valued, Protocol):
    """What the retriever needs of a pack (`policies_kb.pack.Pack` has it)."""

    @property
    def documents(self) -> tuple[Document, ...]: ...

    @property
    def version(self) -> str:
        """Changes with anything the documents or the glossary say."""
        ...

    @property
    def texts(self) -> Mapping[str, str]: ...

    def files(self, name: str) -> tuple[Path, ...]:
        """Files of this name in the pack and its ancestors, the pack's own first."""
        ...


class Retriever:
    """Answers questions over one pack. Deterministic; built in well under a second; safe to share.

    Raises on construction:
        DataFileError: the pack's glossary.yml is wrong.
    """

    def __init__(
        self, pack: Corpus, *, cache: Path | Store | None = None, by_sense: bool = True, workers: int = 1
    ) -> None:  # fmt: skip
        """`cache`: a folder where indexes are kept from one start to the next; None: they are built at every start.

        `by_sense`: use sentence vectors. `workers`: processes that build an index.
        """
        store = cache if isinstance(cache, Store) else Store(cache)
        glossary = load_glossary(pack.files("glossary.yml"))
        words = Words.open(store)
        reader = Reader(glossary, words)
        senses = Senses.open(pack.files(MANIFEST)) if by_sense else None
        self._shelf = Shelf(
            pack.name,
            pack.version,
            lambda: _clauses(pack),
            reader,
            store,
            workers=workers,
            senses=senses,
        )
        self._clauses = self._shelf.table
        self._figures = Figures(pack)
        self._in_force: dict[date, Flags] = {}
        self._questions = Questions(
            glossary, reader, Homophones(glossary, words, self._shelf.spelling(words))
        )
        topics = "|".join(
            re.escape(word)
            for word, concepts in sorted(glossary.concepts.items())
            if any(concept.startswith("scheme:") for concept in concepts)
        )
        places = Places(glossary.elsewhere, glossary.home, topics)
        self._judge = Judge(self._questions, places, topics, self._clauses.schemes, self._index)
        self._parts = Parts(self._questions, self._judge)
        self._wording = Wording(glossary, self._clauses, pack.texts, self._figures)
        self._suggestions = Suggestions(glossary, self._questions, self._judge, self._clauses)

    def answer(
        self, question: str, *, today: date, scheme: str | None = None, aspect: str | None = None
    ) -> Answer:
        """Answer `question` by the clauses in force on `today`.

        `scheme` and `aspect` are what the conversation is about; they count when the question names none itself.
        Never raises: whatever cannot be answered is refused kindly, with `answered` false.
        """
        text = clean(question)
        if not has_content(text) or len(question) > LONGEST:
            said = TOO_LONG if has_content(text) else NO_CONTENT
            return Answer(
                answered=False, answer=said, confidence=1.0, suggestions=self._suggestions.common(today)
            )
        urgent, rest = self._questions.urgent(text)
        judged = [
            one
            for _, one in self._parts.judged(rest, today, scheme, aspect)
            if not urgent or _surely_asked(one)
        ]
        found = [self._say(one, today) for one in judged]
        first = "\n".join(one.say for one in urgent)
        if not found or (urgent and not any(one.answered for one in found)):
            return Answer(
                answered=False,
                answer=f"{first}{self._wording.person()}" if urgent else NO_QUESTION,
                confidence=0.0,
                suggestions=() if urgent else self._suggestions.common(today),
            )
        answer = found[0] if len(found) == 1 else self._join(found, [one.outcome for one in judged])
        return answer.model_copy(update={"answer": f"{first}\n\n{answer.answer}"}) if urgent else answer

    def explain(
        self, question: str, today: date, scheme: str | None = None, aspect: str | None = None
    ) -> Explanation:
        """Why `answer` answers as it does. Never raises."""
        text = clean(question)
        read = has_content(text) and len(question) <= LONGEST
        urgent, rest = self._questions.urgent(text) if read else ([], "")
        return Explanation(
            question=question,
            cleaned=text,
            scheme=scheme,
            urgent=tuple(one.topic for one in urgent),
            parts=tuple(
                explain_part(part, judged) for part, judged in self._parts.judged(rest, today, scheme, aspect)
            ),
            answer=self.answer(question, today=today, scheme=scheme, aspect=aspect),
        )

    def reads_sense(self, today: date) -> bool:
        """Whether sentence vectors help to find the clauses in force, or words alone do."""
        return self._index(today, True).reads_sense

    @property
    def schemes(self) -> frozenset[str]:
        """Every scheme any clause of the pack is about."""
        return self._clauses.schemes

    def judge(self, question: str, *, today: date) -> list[Judgement]:
        """What is found for each part of a message taken alone."""
        return [judged for _, judged in self._parts.judged(clean(question), today, None, None)]

    def search(self, question: str, *, today: date, thorough: bool = False) -> list[Hit]:
        """The likeliest clauses in force for a question taken alone, best first. `thorough`: see `Index.search`."""
        query = self._questions.read(clean(question))
        return self._index(today, True).search(query, thorough=thorough)

    def warm(self, today: date) -> None:
        """Build what would else be built when first asked."""
        self._index(today, True)
        self._index(today, False)

    def baseline(self, question: str, *, today: date) -> Answer:
        """Plain BM25's best clause and never a refusal: what the evaluation compares with."""
        index = self._index(today, True)
        scores = index.bm25(self._questions.read(clean(question)))
        clause = index.clauses[int(scores.argmax())]
        return Answer(answered=True, answer=clause.text, citations=(cite(clause),), confidence=1.0)

    def _index(self, today: date, in_force: bool) -> Index:
        """The index over the clauses that are in force (or not) today; days with the same clauses share one."""
        mask = self._in_force.get(today)
        if mask is None:
            mask = self._clauses.in_force(today)
            for at in self._clauses.figured:
                # A clause whose figure has no value today would tell one that does not hold.
                mask[at] &= not self._figures.lapsed(self._clauses[at], today)
            self._in_force = {today: mask}
        return self._shelf.index(mask if in_force else ~mask)

    def _say(self, judged: Judgement, today: date) -> Answer:
        """The answer or refusal a judgement comes to."""
        sure = round(judged.confidence, 3)
        if judged.outcome != "answered":
            assess: Literal["assess"] | None = "assess" if in_need(judged) else None
            return Answer(
                answered=False,
                answer=self._wording.refusal(judged, today),
                confidence=sure,
                suggestions=self._next(judged, today),
                leads_to="case_status" if judged.outcome == "case_status" else assess,
            )
        best = judged.hits[0].clause
        sides = self._other_sides(judged, today) if judged.schemes else []
        near = [hit.clause for hit in told(judged.hits)[1:] if _of_these(hit.clause, judged.schemes)]
        chosen = [best, *(sides or near)]
        lines, quoted = self._wording.told(chosen, judged.query, today)
        if (
            not judged.query.schemes
            and judged.schemes
            and best.schemes
            and not judged.schemes & set(best.schemes)
        ):
            # The conversation was about another scheme: nobody may take this for a rule of that one.
            lines.insert(0, self._wording.about(best))
        leads_to = "case_status" if judged.status else "assess" if _may_have(judged, best) else None
        if leads_to is not None:
            lines.append(OF_A_CASE if judged.status else OF_ONES_OWN)
        citations = tuple(map(cite, quoted))
        return Answer(
            answered=True,
            answer="\n".join([*lines, sources(citations)]),
            citations=citations,
            confidence=sure,
            suggestions=self._suggestions.after(quoted, judged.hits, judged.schemes, today),
            leads_to=leads_to,
            scheme=_one_scheme(judged.schemes, best),
            aspect=_one_aspect(judged.query, best),
        )

    def _next(self, judged: Judgement, today: date) -> tuple[str, ...]:
        match judged.outcome:
            case "which_scheme":
                return self._suggestions.which(judged.query.text, today)
            case "unknown" | "other_place" | "other_year":
                return self._suggestions.near(judged.schemes, today)
        return self._suggestions.common(today)

    def _other_sides(self, judged: Judgement, today: date) -> list[Clause]:
        """For a message that asks several sides of one scheme in one breath: a clause for each of the others."""
        query, told = judged.query, judged.hits[0].clause
        asked: list[Aspect] = [
            aspect for aspect in _SIDE_ASKED if aspect in query.aspects and aspect != told.aspect
        ]
        if len(query.aspects & set(_SIDE_ASKED)) < 2 or len(ASKING.findall(query.text)) < 2:
            return []
        found: list[Clause] = []
        for aspect in asked[: MOST_PARTS - 1]:
            side = self._questions.about(_SIDE_ASKED[aspect], judged.schemes)
            other = self._judge.judge_query(side, judged.schemes, today)
            if other.outcome == "answered" and other.hits[0].clause.aspect == aspect:
                found += [other.hits[0].clause] if other.hits[0].clause != told else []
        return found

    def _join(self, found: Sequence[Answer], outcomes: Sequence[Outcome]) -> Answer:
        """One answer of several; no line is told twice. How to learn of one's own application is told as it would be
        alone; of what could not be answered it is said once, at the end."""
        answered = [one for one in found if one.answered]
        if not answered:
            return found[0]
        kept: list[Answer] = []
        for one in answered:
            rest = _not_told(one, kept)
            if rest is not None:
                kept.append(rest)
        elsewhere = [
            one.answer for one, outcome in zip(found, outcomes, strict=True) if outcome == "case_status"
        ]
        said = [*(one.answer for one in kept), *dict.fromkeys(elsewhere)]
        if len(answered) + len(elsewhere) < len(found):
            said.append(self._wording.part_unknown())
        leads = [one.leads_to for one in found if one.leads_to]
        return Answer(
            answered=True,
            answer="\n\n".join(said),
            citations=tuple(dict.fromkeys(citation for one in kept for citation in one.citations)),
            confidence=min(one.confidence for one in answered),
            suggestions=kept[-1].suggestions,
            leads_to=leads[0] if leads else None,
            scheme=kept[0].scheme,
            aspect=kept[-1].aspect,
        )


def _not_told(answer: Answer, before: Sequence[Answer]) -> Answer | None:
    """`answer` without the lines told `before`, None where nothing is left but a heading.

    A clause told before is named again only for a figure it has now.
    """
    told = {line for one in before for line in one.answer.split("\n")}
    *lines, _ = answer.answer.split("\n")
    fresh = [line for line in lines if line not in told]
    if len(fresh) == len(lines):
        return answer
    if all(line.endswith("：") for line in fresh):
        return None
    text = "\n".join(fresh)
    cited = tuple(one for one in answer.citations if one.quote in text) or answer.citations
    return answer.model_copy(update={"answer": "\n".join([*fresh, sources(cited)]), "citations": cited})


def _surely_asked(judged: Judgement) -> bool:
    """Whether, beside what cannot wait, a need or a scheme is named, or the clause is beyond doubt: who asks only what to
    do now is told whom to call, and nothing else."""
    return judged.hardship or bool(judged.schemes) or judged.confidence >= _BEYOND_DOUBT


def _clauses(pack: Corpus) -> Iterator[Clause]:
    return (clause for document in pack.documents for clause in document.clauses)


def _may_have(judged: Judgement, clause: Clause) -> bool:
    """Whether somebody asks if they may have what the clause grants, which the self-assessment finds out."""
    return judged.personal and bool(clause.schemes) and clause.aspect in _GRANTS


def _of_these(clause: Clause, schemes: frozenset[str]) -> bool:
    """Whether a clause may be told beside the best one: it is not about other schemes than those asked about."""
    return not schemes or not clause.schemes or bool(schemes & set(clause.schemes))


def _one_scheme(schemes: frozenset[str], clause: Clause) -> str | None:
    """The scheme a follow-up question will be about."""
    both = [scheme for scheme in clause.schemes if scheme in schemes]
    if both:
        return both[0]
    return clause.schemes[0] if len(clause.schemes) == 1 else None


def _one_aspect(query: Query, clause: Clause) -> str:
    """The side a follow-up question that names none will be about: the one asked for."""
    return clause.aspect if clause.aspect in query.aspects or not query.aspects else min(query.aspects)
