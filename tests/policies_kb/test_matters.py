"""What a document is about, and lists of unlike length, in the ranking of clauses."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies_kb.clauses import Document
from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.matters import matters, unspoken

TODAY = date(2026, 11, 28)


def arrays(asks: list[list[list[int]]], document: list[int]) -> dict[str, np.ndarray[Any, Any]]:
    """`asks[clause][ask]` are the tokens of a listed question, each once, in order."""
    every = [tokens for clause in asks for tokens in clause]
    of = np.array(document, dtype=np.int32)
    found = matters(
        np.array([token for tokens in every for token in tokens], dtype=np.int32),
        np.cumsum([0, *map(len, every)]),
        np.array([len(clause) for clause in asks], dtype=np.int32),
        of,
    )
    return {**found, "document": of}


PROBATION, PAY = 0, 1
MANY = [[PROBATION, PAY]] * 6 + [[PROBATION]] * 6
OTHERS = [[PAY]] * 12 + [[2]] * 12


def test_what_most_questions_of_a_document_speak_of_is_its_matter() -> None:
    found = arrays([MANY, OTHERS], [0, 1])
    assert found["matter_tokens"].tolist() == [PROBATION]
    assert found["matter_starts"].tolist() == [0, 1, 1]
    assert unspoken(found, {PAY})[0] > 0
    assert unspoken(found, {PAY})[1] == 0
    assert unspoken(found, {PROBATION}).tolist() == [0, 0]


def test_of_a_pack_of_one_document_nothing_is_missing() -> None:
    found = arrays([MANY, MANY], [0, 0])
    assert unspoken(found, set()).tolist() == [0, 0]


def test_a_few_listed_questions_make_no_matter() -> None:
    found = arrays([[[PROBATION]] * 4, OTHERS], [0, 1])
    assert unspoken(found, set()).tolist() == [0, 0]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=5)), max_size=8
    ),
    st.sets(st.integers(0, 8)),
)
def test_speaking_of_more_never_makes_more_missing(
    clauses: list[tuple[int, list[set[int]]]], spoken: set[int]
) -> None:
    found = arrays(
        [[sorted(ask) for ask in asks] for _, asks in clauses], [document for document, _ in clauses]
    )
    some, more = unspoken(found, spoken), unspoken(found, spoken | {1, 2})
    assert len(some) == len(clauses)
    assert (some >= more).all()
    assert (more >= 0).all()


@pytest.mark.parametrize(
    ("question", "of"),
    [
        ("我妈这两年憋屈得很 有没有人给开导开导", "jiaozheng"),
        ("想学门手艺 街道有没有培训", "jiaozheng"),
    ],
)
def test_who_does_not_speak_of_probation_is_told_nothing_of_it(question: str, of: str) -> None:
    hits = Retriever(load_pack("shifan-qu")).search(question, today=TODAY)
    assert of not in hits[0].clause.document_id


class _FewListed:
    """A county's pack whose own clauses list three questions, beside its parent with all of its."""

    def __init__(self, pack: Pack, most: int) -> None:
        self._pack = pack
        self.version = f"{pack.version} {most}"
        self.documents = tuple(self._few(document, most) for document in pack.documents)
        self.left_out = [
            (ask, clause.document_id, clause.number)
            for document in pack.documents
            for clause in document.clauses
            if clause.pack == pack.name
            for ask in sorted(clause.asks, key=_draw)[most : most + 2]
        ]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pack, name)

    def _few(self, document: Document, most: int) -> Document:
        clauses = [
            clause.model_copy(update={"asks": tuple(sorted(clause.asks, key=_draw)[:most])})
            if clause.pack == self._pack.name
            else clause
            for clause in document.clauses
        ]
        return document.model_copy(update={"clauses": tuple(clauses)})


def _draw(text: str) -> bytes:
    return sha256(text.encode()).digest()


@pytest.mark.parametrize("name", ["shifan-xian", "shifan-qu"])
def test_a_countys_few_listed_questions_stand_up_to_its_parents_many(name: str) -> None:
    corpus = _FewListed(load_pack(name), 3)
    retriever = Retriever(corpus)
    asked = corpus.left_out[::5]
    first = [retriever.search(ask, today=TODAY)[0].clause for ask, *_ in asked]
    right = sum(
        (clause.document_id, clause.number) == (document, number)
        for clause, (_, document, number) in zip(first, asked, strict=True)
    )
    parents = sum(clause.pack != name for clause in first)
    assert right / len(asked) > 0.6
    assert parents / len(asked) < 0.1
