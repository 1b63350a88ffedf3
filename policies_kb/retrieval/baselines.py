"""What the answers are compared with: three usual searches over the same clauses, none of which knows the field.

Each is given all the engine's own index is given of a clause: heading, text and the questions listed with it. Each
is measured as it comes, never refusing, and with the refusal threshold that is best on the development questions.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import bm25s
import jieba

from policies_kb.clauses import Clause
from policies_kb.retrieval.evaluate import Question, measure
from policies_kb.retrieval.wording import cite
from policies_kb.types import Answer

# jieba announces its dictionary on stderr, bm25s its index: nobody who runs the command is helped by it.
jieba.setLogLevel(logging.WARNING)
logging.getLogger("bm25s").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Found:
    """The best clause of a search. Scores compare within one search only."""

    clause: Clause
    score: float


class Baseline(Protocol):
    """A search over clauses."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def best(self, question: str) -> Found | None:
        """The likeliest clause; None when nothing is found."""
        ...


def baselines(clauses: Sequence[Clause]) -> tuple[Baseline, ...]:
    """The three, over `clauses` (at least one)."""
    return (
        Bm25("BM25(词)", words, clauses),
        Bm25("BM25(二字)", _pairs, clauses),
        Trigrams(clauses),
    )


def answering(baseline: Baseline, threshold: float = float("-inf")) -> Callable[[str], Answer]:
    """The best clause as an answer; a refusal when nothing is found or its score is below `threshold`."""

    def answer(question: str) -> Answer:
        found = baseline.best(question)
        if found is None or found.score < threshold:
            return Answer(answered=False, answer="", confidence=0.0)
        return Answer(
            answered=True, answer=found.clause.text, citations=(cite(found.clause),), confidence=1.0
        )

    return answer


def best_threshold(baseline: Baseline, questions: Sequence[Question], titles: Mapping[str, str]) -> float:
    """The score below which refusing gives the best answer accuracy on `questions`; the lowest of equals."""
    scored = [
        (found.score if (found := baseline.best(judged.question.q)) else float("-inf"), judged)
        for judged in measure(questions, answering(baseline), titles)
    ]

    def right(threshold: float) -> int:
        return sum(
            judged.right if score >= threshold else not judged.question.clause for score, judged in scored
        )

    return max(sorted({score for score, _ in scored} | {float("-inf")}), key=right)


def _text(clause: Clause) -> str:
    return "\n".join((clause.heading, clause.text, *clause.asks))


def words(text: str) -> list[str]:
    """jieba's words of a text, signs left out."""
    return [word for word in jieba.lcut(text) if word.isalnum()]


def _pairs(text: str) -> list[str]:
    signs = [sign for sign in text if sign.isalnum()]
    return ["".join(pair) for pair in pairwise(signs)] or signs


class Bm25:
    """bm25s (Lucene's variant, usual k1 and b) over tokens."""

    def __init__(self, name: str, tokens: Callable[[str], list[str]], clauses: Sequence[Clause]) -> None:
        self.name = name
        self._tokens = tokens
        self._clauses = clauses
        rows = [tokens(_text(clause)) for clause in clauses]
        self._known = {token for row in rows for token in row}
        self._index = bm25s.BM25()
        self._index.index(rows, show_progress=False)

    def best(self, question: str) -> Found | None:
        # bm25s cannot score a question of which it knows no token.
        tokens = [token for token in self._tokens(question) if token in self._known]
        if not tokens:
            return None
        scores = self._index.get_scores(tokens)
        at = int(scores.argmax())
        return Found(self._clauses[at], float(scores[at]))


class Trigrams:
    """SQLite FTS5 with its trigram tokenizer. It cannot find words of two characters, so a whole question hardly ever
    matches; the query is any of the question's trigrams."""

    name = "FTS5(三字)"

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self._clauses = clauses
        self._table = sqlite3.connect(":memory:")
        self._table.execute("CREATE VIRTUAL TABLE clause USING fts5(text, tokenize='trigram')")
        self._table.executemany(
            "INSERT INTO clause(rowid, text) VALUES (?, ?)",
            [(at, _text(clause)) for at, clause in enumerate(clauses)],
        )

    def best(self, question: str) -> Found | None:
        trigrams = dict.fromkeys(question[at : at + 3] for at in range(len(question) - 2))
        # Quoted, so that no sign of the question is read as FTS5's query language.
        quoted = " OR ".join(
            '"' + trigram.replace('"', '""') + '"' for trigram in trigrams if "\0" not in trigram
        )
        if not quoted:
            return None
        row = self._table.execute(
            "SELECT rowid, -bm25(clause) AS score FROM clause WHERE clause MATCH ? ORDER BY score DESC, rowid LIMIT 1",
            (quoted,),
        ).fetchone()
        return None if row is None else Found(self._clauses[row[0]], float(row[1]))
