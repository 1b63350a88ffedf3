"""Next questions offered to the resident: only such as are answered when asked alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import islice
from typing import Final

from policies_kb.clauses import Clause
from policies_kb.retrieval.glossary import Glossary
from policies_kb.retrieval.index import Hit
from policies_kb.retrieval.judge import Judge
from policies_kb.retrieval.question import Questions, without_pronouns
from policies_kb.retrieval.table import ClauseTable
from policies_kb.retrieval.text import clean

MOST: Final = 3
# Clauses whose questions are tried for one answer: each try is a search.
_TRIES: Final = 16
# Sides residents ask next.
_NEXT: Final = frozenset({"who", "how_much", "documents", "where", "how_long", "payment"})
# The schemes most often meant, when none is named.
_COMMON: Final = ("dibao", "tekun", "linshi_jinan")


class Suggestions:
    """Suggests over one pack; what was found is kept for the day."""

    def __init__(self, glossary: Glossary, questions: Questions, judge: Judge, table: ClauseTable) -> None:
        self._glossary = glossary
        self._questions = questions
        self._judge = judge
        self._table = table
        self._kept: dict[tuple[str, int, date], str | None] = {}

    def common(self, today: date) -> tuple[str, ...]:
        """Questions residents ask most, as far as the pack answers them."""
        wanted = (("where", "dibao"), ("documents", None), ("who", "linshi_jinan"))
        found: list[str] = []
        for aspect, scheme in wanted:
            schemes = frozenset({scheme}) if scheme else frozenset()
            for clause in islice(self._table.about(schemes, {aspect}), _TRIES):
                ask = self._of(clause, today)
                if ask and ask not in found:
                    found.append(ask)
                    break
        return tuple(found)

    def near(self, schemes: frozenset[str], today: date) -> tuple[str, ...]:
        """Questions on the schemes a refused question was about; the common ones where there are none."""
        near: list[str] = []
        for clause in islice(self._table.about(schemes, _NEXT), _TRIES) if schemes else ():
            if len(near) < MOST:
                near += [ask for ask in [self._of(clause, today)] if ask and ask not in near]
        return tuple(near) or self.common(today)

    def which(self, text: str, today: date) -> tuple[str, ...]:
        """The question with each of the common schemes named."""
        said = without_pronouns(text)
        asked = [f"{self._glossary.names[one]}{said}" for one in _COMMON if one in self._glossary.names]
        return tuple(one for one in asked if self._is_answered(one, today)) or self.common(today)

    def after(
        self, told: Sequence[Clause], hits: Sequence[Hit], schemes: frozenset[str], today: date
    ) -> tuple[str, ...]:
        """Next questions on the same scheme, of other sides than those just told; without a scheme, from the same
        documents."""
        about = (schemes & set(told[0].schemes)) or set(told[0].schemes) or schemes
        documents = {clause.document_id for clause in told}
        aspects = {clause.aspect for clause in told}
        found: list[str] = []
        near = [
            hit.clause
            for hit in hits
            if bool(about & set(hit.clause.schemes)) or not (about or hit.clause.schemes)
        ]
        others = self._table.about(frozenset(about), _NEXT - aspects)
        if not about:
            near = [clause for clause in near if clause.document_id in documents]
            others = (clause for clause in others if clause.document_id in documents)
        for clause in (*near, *islice(others, _TRIES)):
            if clause.aspect in _NEXT and clause.aspect not in aspects and clause not in told:
                ask = self._of(clause, today)
                if ask and ask not in found:
                    found.append(ask)
                    aspects.add(clause.aspect)
            if len(found) == MOST:
                break
        return tuple(found)

    def _of(self, clause: Clause, today: date) -> str | None:
        """The first question the clause lists that, asked alone, is answered by it; None when there is none."""
        key = (clause.document_id, clause.line, today)
        if key not in self._kept:
            self._kept[key] = next((ask for ask in clause.asks if self._leads(ask, clause, today)), None)
        return self._kept[key]

    def _leads(self, ask: str, clause: Clause, today: date) -> bool:
        if clause.dated(today) != "in_force":
            return False
        judged = self._judge.judge(clean(ask), today=today)
        if judged.outcome != "answered":
            return False
        told = judged.hits[0].clause
        return (told.document_id, told.number) == (clause.document_id, clause.number)

    def _is_answered(self, ask: str, today: date) -> bool:
        return self._judge.judge(clean(ask), today=today).outcome == "answered"
