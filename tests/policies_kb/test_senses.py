"""Sentence vectors help and a pack that has none yet is answered by words."""

from __future__ import annotations

import itertools
import logging
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies_kb.loader import load_pack
from policies_kb.retrieval import senses as sensing
from policies_kb.retrieval.encoder import SIZE
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.learned import BUCKETS, learned, unit, wording
from policies_kb.retrieval.senses import Senses, likeness, listed_sense
from policies_kb.retrieval.text import clean
from policies_kb.retrieval.vectors import text_key
from tests.support.encoders import ByHash

TODAY = date(2026, 11, 22)
QUESTIONS = ("低保怎么申请", "特困供养要什么条件", "公示多少天", "护照过期了在哪换", "今天天气怎么样")


def test_questions_that_mean_the_same_lie_together() -> None:
    senses = Senses.open()
    one, same, other = (
        senses.of(text).vector for text in ("低保要带什么材料", "办低保需要哪些证件", "野猪吃了庄稼怎么赔")
    )
    assert one @ same > 0.5 > one @ other


def test_shipped_vectors_are_those_the_encoder_makes() -> None:
    senses = Senses.open()
    clause = load_pack("shifan-xian").documents[0].clauses[0]
    shipped = senses.arrays([clause])
    assert senses._shipped
    senses.__dict__["_shipped"] = {}
    made = senses.arrays([clause])
    for name in ("ask_vectors", "ask_heads", "clause_vectors"):
        assert np.abs(shipped[name] - made[name]).max() < 0.02, name
    asked = clean(clause.asks[0])
    again, read = listed_sense(shipped, asked), senses.of(asked)
    assert again is not None
    assert again.vector @ read.vector > 0.99
    assert again.settled == pytest.approx(read.settled, abs=0.02)
    assert listed_sense(shipped, "没有人列出过这一句") is None


@pytest.fixture
def by_hash(monkeypatch: pytest.MonkeyPatch) -> ByHash:
    made = ByHash()
    monkeypatch.setattr(sensing, "encoder", lambda: made)
    return made


def test_an_index_with_vectors_from_disk_finds_the_same_and_reads_no_text_again(
    by_hash: ByHash, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sensing, "MOST_UNREAD", 100_000)
    pack = load_pack("shifan-qu")
    built = Retriever(pack, cache=tmp_path)
    expected = [built.answer(question, today=TODAY) for question in QUESTIONS]
    assert built.reads_sense(TODAY)
    by_hash.read.clear()
    mapped = Retriever(pack, cache=tmp_path)
    assert [mapped.answer(question, today=TODAY) for question in QUESTIONS] == expected
    assert len(by_hash.read) <= 3 * len(QUESTIONS)


@pytest.mark.usefixtures("by_hash")
def test_vectors_of_very_many_questions_take_a_byte_a_column_and_find_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensing, "MOST_UNREAD", 100_000)
    pack = load_pack("shifan-qu")
    exact = Retriever(pack)
    exact.warm(TODAY)
    monkeypatch.setattr(sensing, "_MANY", 100)
    small = Retriever(pack)
    arrays = small._index(TODAY, True)._a
    assert arrays["ask_vectors"].dtype == np.int8
    assert arrays["ask_vectors"].shape == exact._index(TODAY, True)._a["ask_vectors"].shape
    for question in (*QUESTIONS, clean(pack.documents[0].clauses[0].asks[0])):
        one, other = (engine.search(question, today=TODAY) for engine in (exact, small))
        assert one[0].clause == other[0].clause
        assert one[0].score == pytest.approx(other[0].score, abs=0.05)


@pytest.mark.usefixtures("by_hash")
def test_a_pack_with_too_many_texts_to_read_is_answered_by_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sensing, "MOST_UNREAD", 10)
    with caplog.at_level(logging.WARNING):
        engine = Retriever(load_pack("shifan-xian"))
        assert not engine.reads_sense(TODAY)
    assert "words alone" in caplog.text
    assert engine.answer("低保公示几天", today=TODAY).answered


def test_other_vectors_are_another_index(
    by_hash: ByHash, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sensing, "MOST_UNREAD", 100_000)
    pack = load_pack("shifan-xian")
    Retriever(pack, cache=tmp_path).warm(TODAY)
    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.setattr(by_hash, "name", "hash 2")
    Retriever(pack, cache=tmp_path).warm(TODAY)
    assert {path.name for path in tmp_path.iterdir()} - before


@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_likeness_is_that_of_a_loop(seed: int, sizes: list[int]) -> None:
    random = np.random.default_rng(seed)
    asks, clauses = (
        unit(random.normal(size=(count, 128)).astype(np.float32)) for count in (sum(sizes), len(sizes))
    )
    sense = learned().sense(unit(random.normal(size=SIZE).astype(np.float32)))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    found = likeness(sense, asks, clauses, starts)
    for at, (begin, end) in enumerate(itertools.pairwise(starts)):
        near = [float(asks[row] @ sense.vector) for row in range(begin, end)]
        assert found["sense_ask"][at] == pytest.approx(max(near), abs=1e-5)
        assert found["sense_asks"][at] == pytest.approx(
            1 + np.log(sum(np.exp(10 * (one - 1)) for one in near)) / 10, abs=1e-5
        )
        assert found["sense_text"][at] == pytest.approx(float(clauses[at] @ sense.vector), abs=1e-5)
        assert found["sense_asks"][at] >= found["sense_ask"][at] - 1e-5


@given(st.text(max_size=80))
def test_any_wording_has_places(text: str) -> None:
    places = wording(text)
    assert places == sorted(set(places))
    assert all(0 <= place < BUCKETS for place in places)
    assert np.isfinite(learned().settled_wording(text))


def test_wordings_documents_settle_are_told_from_those_they_do_not() -> None:
    settled, unsettled = (
        np.mean([learned().settled_wording(text) for text in texts])
        for texts in (
            ("低保要什么条件", "特困怎么申请", "临时救助要带什么材料"),
            ("护照在哪里换", "帮我唱首歌", "明天下雨吗"),
        )
    )
    assert settled > unsettled


def test_a_text_has_one_name_as_a_question_and_another_as_a_passage() -> None:
    assert text_key("低保", passage=True) != text_key("低保", passage=False)
    assert len(text_key("低保", passage=True)) == 8
