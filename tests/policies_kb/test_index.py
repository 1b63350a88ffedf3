"""The index finds what a plain reading of its rules finds, wherever its arrays lie, and is not built twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import jieba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.bench.corpus import VariedPack
from policies_kb.clauses import Clause, Document
from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.retrieval.build import assemble, read_batches
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.evaluate import chosen, load_questions
from policies_kb.retrieval.glossary import load_glossary
from policies_kb.retrieval.index import FULL, LIKE_MEANING, LIKE_WORDING, Hit
from policies_kb.retrieval.shelf import Shelf
from policies_kb.retrieval.store import Store
from policies_kb.retrieval.table import ASPECTS, ClauseTable, table_contents
from policies_kb.retrieval.text import Reader, Unit, bigrams, clean, meaning
from policies_kb.retrieval.words import Words, in_memory

TODAY = date(2026, 11, 22)
PACKS = ("shifan-xian", "shifan-qu")
QUESTIONS = (
    "低保怎么申请", "特困供养要什么条件", "低保标准是多少钱", "临时救助几天能批下来", "老人高龄津贴怎么领",
    "我家孩子白血病花了十几万能不能救助", "公示多少天", "今天天气怎么样", "abc 123", "对结果不服怎么办",
)  # fmt: skip


@cache
def pack(name: str) -> Pack:
    return load_pack(name)


@cache
def reader(name: str) -> Reader:
    return Reader(load_glossary(pack(name).files("glossary.yml")))


@cache
def retriever(name: str) -> Retriever:
    return Retriever(pack(name))


def clauses(name: str) -> list[Clause]:
    return [clause for document in pack(name).documents for clause in document.clauses]


def dev(name: str, every: int) -> list[str]:
    questions = chosen(load_questions(pack(name).files("eval.yml")[0]), "dev")
    return [question.q for question in questions][::every]


def told(hits: Sequence[Hit]) -> list[object]:
    return [replace(hit) for hit in hits]


# What an index must find


class Plain:
    """Likeness to listed questions, computed clause by clause as the rules say it."""

    def __init__(self, name: str, kept: Sequence[Clause]) -> None:
        self._reader = reader(name)
        found: list[set[str]] = []
        for clause in kept:
            texts = (clause.text, clause.heading, *clause.asks)
            tokens = {token for text in texts for unit in self._read(text) for token in unit.tokens}
            found.append(tokens | {f"scheme:{one}" for one in clause.schemes} | {f"aspect:{clause.aspect}"})
        self._idf: dict[str, float] = {}
        for token in set().union(*found):
            self._idf[token] = math.log(1 + len(kept) / sum(token in tokens for tokens in found))
        self._rarest = math.log(1 + len(kept))

    def ask(self, clause: Clause, readings: Sequence[tuple[str, Sequence[Unit]]]) -> float:
        return max(
            LIKE_MEANING * self._cosine(units, self._read(listed))
            + LIKE_WORDING * self._dice(text, self._reader.plain(clean(listed)))
            for text, units in readings
            for listed in clause.asks
        )

    def _read(self, text: str) -> tuple[Unit, ...]:
        return self._reader.read(self._reader.plain(clean(text)))

    def _cosine(self, one: Sequence[Unit], other: Sequence[Unit]) -> float:
        left, right = self._vector(one), self._vector(other)
        lengths = math.hypot(*left.values()) * math.hypot(*right.values())
        return (
            sum(weight * right.get(token, 0.0) for token, weight in left.items()) / lengths
            if lengths
            else 0.0
        )

    def _vector(self, units: Sequence[Unit]) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for unit in units:
            tokens = meaning(unit)
            for token in tokens:
                idf = self._idf.get(token, self._rarest * self._reader.rarity(unit.word))
                found[token] = max(found.get(token, 0.0), idf / math.sqrt(len(tokens)))
        return found

    @staticmethod
    def _dice(one: str, other: str) -> float:
        left, right = bigrams(one), bigrams(other)
        return 2 * len(left & right) / max(len(left) + len(right), 1)


@pytest.mark.parametrize("name", PACKS)
def test_likeness_to_listed_questions_is_what_the_rules_say(name: str) -> None:
    kept = [clause for clause in clauses(name) if clause.dated(TODAY) == "in_force"]
    shelf = Shelf(name, "test", lambda: kept, reader(name), Store(None))
    index = shelf.index(np.ones(len(kept), dtype=np.bool_))
    plain = Plain(name, kept)
    for question in (*QUESTIONS, *dev(name, 100)):
        query = retriever(name)._questions.read(clean(question))
        for hit in index.search(query):
            assert hit.ask == pytest.approx(plain.ask(hit.clause, query.readings), abs=1e-9)
            assert sum(value for _, value in hit.parts) == pytest.approx(hit.score, abs=1e-5)


@pytest.mark.parametrize("name", PACKS)
def test_the_likest_listed_question_is_the_question_itself_where_it_is_listed(name: str) -> None:
    for clause in clauses(name)[::7]:
        if clause.dated(TODAY) != "in_force":
            continue
        for at, asked in enumerate(clause.asks):
            same = [hit for hit in retriever(name).search(asked, today=TODAY) if hit.clause == clause]
            if same and clean(asked) == retriever(name)._questions.read(clean(asked)).text:
                likest = clean(same[0].clause.asks[same[0].asked])
                # A dialect's wording of it, listed too, is the same question.
                assert retriever(name)._questions.read(likest).text == clean(clause.asks[at])


def test_an_empty_choice_of_clauses_finds_nothing() -> None:
    shelf = Shelf("p", "test", lambda: clauses(PACKS[0]), reader(PACKS[0]), Store(None))
    index = shelf.index(np.zeros(len(shelf.table), dtype=np.bool_))
    query = retriever(PACKS[0])._questions.read("低保怎么申请")
    assert index.search(query) == []
    assert len(index.bm25(query)) == 0


# Wherever it lies


@pytest.mark.parametrize("name", PACKS)
def test_an_index_from_disk_finds_the_same_as_one_in_memory(name: str, tmp_path: Path) -> None:
    built, mapped = Retriever(pack(name), cache=tmp_path), Retriever(pack(name), cache=tmp_path)
    for question in (*QUESTIONS, *dev(name, 60)):
        expected = told(retriever(name).search(question, today=TODAY))
        assert told(built.search(question, today=TODAY)) == expected
        assert told(mapped.search(question, today=TODAY)) == expected
        answer = retriever(name).answer(question, today=TODAY)
        assert mapped.answer(question, today=TODAY) == answer


def test_an_index_read_by_several_processes_is_the_same() -> None:
    kept = clauses(PACKS[0])
    table = ClauseTable(table_contents(kept))
    rows = np.arange(len(kept))
    alone, shared = (
        assemble(read_batches(kept, reader(PACKS[0]), PACKS[0], workers), table, rows) for workers in (1, 2)
    )
    assert sorted(alone.tries["vocabulary"]) == sorted(shared.tries["vocabulary"])
    assert alone.facts == shared.facts
    for name, array in alone.arrays.items():
        np.testing.assert_array_equal(array, shared.arrays[name], err_msg=name)


class Unread:
    """A pack whose documents may not be looked at any more."""

    def __init__(self, real: Pack, version: str) -> None:
        self._real = real
        self.version = version

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    @property
    def documents(self) -> tuple[Document, ...]:
        raise AssertionError("the index was built again")


def test_a_start_with_the_index_on_disk_builds_nothing(tmp_path: Path) -> None:
    real = pack(PACKS[0])
    Retriever(real, cache=tmp_path).warm(TODAY)
    before = sorted(path.name for path in tmp_path.iterdir())
    later = Retriever(Unread(real, real.version), cache=tmp_path)  # type: ignore[arg-type]
    later.warm(TODAY)
    assert later.answer("低保怎么申请", today=TODAY).answered
    # Another day with the same clauses in force needs no other index.
    later.warm(TODAY + timedelta(days=1))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_other_contents_of_the_pack_are_another_index(tmp_path: Path) -> None:
    real = pack(PACKS[0])
    Retriever(real, cache=tmp_path)
    with pytest.raises(AssertionError, match="built again"):
        Retriever(Unread(real, "another version"), cache=tmp_path)  # type: ignore[arg-type]


def test_a_day_on_which_other_clauses_hold_is_another_index(tmp_path: Path) -> None:
    found = Retriever(pack(PACKS[0]), cache=tmp_path)
    found.warm(TODAY)
    before = len(list(tmp_path.glob("*.index.*/")))
    begins = sorted({clause.effective_from for clause in clauses(PACKS[0])})
    earlier = begins[len(begins) // 2]
    found.warm(earlier)
    assert len(list(tmp_path.glob("*.index.*/"))) > before
    for question in QUESTIONS:
        assert all(hit.clause.dated(earlier) == "in_force" for hit in found.search(question, today=earlier))


# Very many clauses


@cache
def many() -> Retriever:
    return Retriever(VariedPack(pack(PACKS[0]), FULL + 200))


def test_leaving_most_of_very_many_clauses_out_does_not_change_what_is_found_first() -> None:
    for question in (*QUESTIONS, *dev(PACKS[0], 30)):
        quick, thorough = (many().search(question, today=TODAY, thorough=full) for full in (False, True))
        assert quick[0].score == thorough[0].score, question
        assert all(hit.score <= thorough[0].score for hit in quick)


def test_varied_clauses_are_always_the_same_and_plausible() -> None:
    one, other = (VariedPack(pack(PACKS[0]), 700).documents[0].clauses for _ in range(2))
    assert one == other
    assert len({(clause.document_id, clause.line, clause.number) for clause in one}) == 700
    own = len(clauses(PACKS[0]))
    assert list(one[:own]) == clauses(PACKS[0])
    for clause in one[own:]:
        assert clause.text.strip()
        assert clause.asks
        assert clause.effective_from <= (clause.effective_to or date.max)
        # Another place's rules never speak of this one.
        assert pack(PACKS[0]).title not in clause.text


# The table of clauses


@pytest.mark.parametrize("name", PACKS)
def test_the_table_holds_every_clause_as_it_was(name: str, tmp_path: Path) -> None:
    kept = clauses(name)
    store = Store(tmp_path)
    for _ in range(2):
        table = ClauseTable(store.get(name, "clauses", "v1", lambda: table_contents(kept)))
        assert list(table) == kept
        assert table[-1] == kept[-1]
        assert list(table[2:5]) == kept[2:5]
        with pytest.raises(IndexError):
            table[len(kept)]


@given(
    name=st.sampled_from(PACKS),
    picked=st.none()
    | st.frozensets(st.sampled_from(["dibao", "tekun", "linshi_jinan", "no_such_scheme"]), max_size=3),
    aspects=st.sets(st.sampled_from(ASPECTS)),
    day=st.dates(date(2000, 1, 1), date(2060, 1, 1)),
)
@settings(max_examples=60, deadline=None)
def test_clauses_are_chosen_as_a_loop_over_all_would(
    name: str, picked: frozenset[str] | None, aspects: set[str], day: date
) -> None:
    table = table_of(name)

    def fits(clause: Clause) -> bool:
        about = picked is None or (bool(picked & set(clause.schemes)) if picked else not clause.schemes)
        return about and clause.aspect in aspects

    assert list(table.about(picked, aspects)) == [clause for clause in clauses(name) if fits(clause)]
    assert table.in_force(day).tolist() == [clause.dated(day) == "in_force" for clause in clauses(name)]


@cache
def table_of(name: str) -> ClauseTable:
    return ClauseTable(table_contents(clauses(name)))


def test_an_empty_table_chooses_nothing() -> None:
    table = ClauseTable(table_contents([]))
    assert len(table) == 0
    assert list(table.about(None, ASPECTS)) == []
    assert table.in_force(TODAY).tolist() == []


# The dictionary


@pytest.fixture(scope="module")
def mapped_words(tmp_path_factory: pytest.TempPathFactory) -> Words:
    store = Store(tmp_path_factory.mktemp("words"))
    Words.open(store)
    return Words.open(store)


def test_the_mapped_dictionary_is_jiebas(mapped_words: Words) -> None:
    theirs = jieba.Tokenizer()
    frequencies, total = theirs.gen_pfdict(theirs.get_dict_file())
    assert mapped_words.total == in_memory().total == total
    for word in [*list(frequencies)[::97], "低保", "最低生活保障", "没有这个词的", ""]:
        assert mapped_words.frequency(word) == in_memory().frequency(word) == frequencies.get(word, 0)


@given(text=st.text(st.sampled_from("低保特困申请怎么样的老人家里有一个月多少钱救助，。a1 𠮷"), max_size=40))
@settings(max_examples=150, deadline=None)
def test_words_are_cut_as_jieba_cuts_them(mapped_words: Words, text: str) -> None:
    def cut(words: Words) -> list[str]:
        tokenizer = words.tokenizer()
        tokenizer.add_word("特困申请", 20_000)
        return list(tokenizer.cut(text, HMM=False))

    theirs = own_jieba()
    assert cut(mapped_words) == cut(in_memory()) == list(theirs.cut(text, HMM=False))


@cache
def own_jieba() -> jieba.Tokenizer:
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    tokenizer.add_word("特困申请", 20_000)
    return tokenizer


def test_words_added_to_one_tokenizer_are_not_in_another(mapped_words: Words) -> None:
    added: Callable[[], jieba.Tokenizer] = mapped_words.tokenizer
    one = added()
    one.add_word("低保特困申请", 20_000)
    assert "低保特困申请" in list(one.cut("低保特困申请", HMM=False))
    assert "低保特困申请" not in list(added().cut("低保特困申请", HMM=False))
    assert mapped_words.frequency("低保特困申请") == 0
