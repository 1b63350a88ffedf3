"""Building an index: clauses are read into batches of plain arrays (which may happen in several processes), the
batches are put together."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import bm25s
import marisa_trie
import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Clause
from policies_kb.retrieval.glossary import Glossary
from policies_kb.retrieval.matters import matters
from policies_kb.retrieval.ragged import counts_of, spans
from policies_kb.retrieval.store import Contents
from policies_kb.retrieval.table import ClauseTable, Rows
from policies_kb.retrieval.text import Reader, Unit, bigrams, clean, meaning, pair_code, sound_codes

# bm25s says at debug level that it builds an index; nobody who runs the service is helped by it.
logging.getLogger("bm25s").setLevel(logging.WARNING)

Array = npt.NDArray[Any]

# Clauses a process reads at a time.
_CHUNK: Final = 2000
# What a reading process works with: (reader, own pack).
_reading: tuple[Reader, str] | None = None

K1: Final = 1.2
B: Final = 0.6


@dataclass(frozen=True, slots=True)
class Batch:
    """Some clauses as numbers. `vocabulary` gives the numbers their words, for this batch alone.

    Ragged arrays come as a flat array and one of lengths. `ask_tokens` and `heading_tokens` run beside `…_shares`:
    among how many tokens of its unit each token shares the unit's weight.
    """

    vocabulary: list[str]
    bag: Array
    bag_sizes: Array
    named: Array
    named_sizes: Array
    ask_tokens: Array
    ask_shares: Array
    ask_sizes: Array
    asks: Array
    heading_tokens: Array
    heading_shares: Array
    heading_sizes: Array
    pairs: Array
    pair_sizes: Array
    clause_pairs: Array
    clause_pair_sizes: Array
    sounds: Array
    sound_sizes: Array
    own: Array


def read_batches(clauses: Iterable[Clause], reader: Reader, own_pack: str, workers: int) -> Iterator[Batch]:
    """Read clauses in so many processes; with one, in this."""
    if workers <= 1:
        yield read_batch(clauses, reader, own_pack=own_pack)
        return
    # Spawned, not forked: a fork of a process that has threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=_begin, initargs=(reader.glossary, own_pack)
    ) as pool:
        yield from pool.map(_read, _chunks(clauses))


def _begin(glossary: Glossary, own_pack: str) -> None:
    global _reading
    _reading = (Reader(glossary), own_pack)


def _read(clauses: Sequence[Clause]) -> Batch:
    assert _reading is not None, "_begin comes first"  # noqa: S101 - narrows the type
    reader, own_pack = _reading
    return read_batch(clauses, reader, own_pack=own_pack)


def _chunks(clauses: Iterable[Clause]) -> Iterator[list[Clause]]:
    rest = iter(clauses)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def read_batch(clauses: Iterable[Clause], reader: Reader, *, own_pack: str) -> Batch:
    """Read clauses: by far the longest part of building an index, about a millisecond a clause."""
    vocabulary: dict[str, int] = {}
    bag, bag_sizes, named, named_sizes, asks, own = [], [], [], [], [], []
    ask, heading = _Vectors(vocabulary), _Vectors(vocabulary)
    pairs: list[int] = []
    pair_sizes = []
    clause_pairs: list[int] = []
    clause_pair_sizes = []
    sounds: list[int] = []
    sound_sizes = []
    for clause in clauses:
        heading_said, body = reader.plain(clean(clause.heading)), reader.plain(clean(clause.text))
        title = reader.read(heading_said)
        wordings = [reader.plain(clean(wording)) for wording in clause.asks]
        asked = [reader.read(wording) for wording in wordings]
        # The heading counts twice: it says what the clause is about.
        units = (reader.read(body), title, title, *asked)
        tokens = [token for part in units for unit in part for token in unit.tokens]
        bag += [vocabulary.setdefault(token, len(vocabulary)) for token in tokens]
        bag_sizes.append(len(tokens))
        names = [*(f"scheme:{scheme}" for scheme in clause.schemes), f"aspect:{clause.aspect}"]
        named += [vocabulary.setdefault(name, len(vocabulary)) for name in names]
        named_sizes.append(len(names))
        heading.add(title)
        for units_asked, wording in zip(asked, wordings, strict=True):
            ask.add(units_asked)
            found = sorted(map(pair_code, bigrams(wording)))
            pairs += found
            pair_sizes.append(len(found))
        # What the clause says anywhere, once for each wording that says it.
        said = [pair_code(pair) for part in (body, heading_said, *wordings) for pair in bigrams(part)]
        clause_pairs += sorted(said)
        clause_pair_sizes.append(len(said))
        heard = [code for part in (body, heading_said, *wordings) for code in sound_codes(part)]
        sounds += sorted(heard)
        sound_sizes.append(len(heard))
        asks.append(len(asked))
        own.append(clause.pack == own_pack)
    return Batch(
        vocabulary=list(vocabulary),
        bag=_numbers(bag), bag_sizes=_numbers(bag_sizes), named=_numbers(named), named_sizes=_numbers(named_sizes),
        ask_tokens=_numbers(ask.tokens), ask_shares=_numbers(ask.shares), ask_sizes=_numbers(ask.sizes),
        asks=_numbers(asks), heading_tokens=_numbers(heading.tokens), heading_shares=_numbers(heading.shares),
        heading_sizes=_numbers(heading.sizes), pairs=np.array(pairs, dtype=np.uint32), pair_sizes=_numbers(pair_sizes),
        clause_pairs=np.array(clause_pairs, dtype=np.uint32), clause_pair_sizes=_numbers(clause_pair_sizes),
        sounds=np.array(sounds, dtype=np.uint32), sound_sizes=_numbers(sound_sizes),
        own=np.array(own, dtype=np.bool_),
    )  # fmt: skip


class _Vectors:
    """Rows of (token, share), flat."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self._vocabulary = vocabulary
        self.tokens: list[int] = []
        self.shares: list[int] = []
        self.sizes: list[int] = []

    def add(self, units: Sequence[Unit]) -> None:
        size = 0
        for unit in units:
            tokens = meaning(unit)
            self.tokens += [self._vocabulary.setdefault(token, len(self._vocabulary)) for token in tokens]
            self.shares += [len(tokens)] * len(tokens)
            size += len(tokens)
        self.sizes.append(size)


def assemble(batches: Iterable[Batch], table: ClauseTable, rows: Rows) -> Contents:
    """An index of these rows of the table, which the batches hold in order. See `Index` for what the arrays are."""
    parts = list(batches)
    trie = marisa_trie.Trie({word for part in parts for word in part.vocabulary})
    numbers = [_numbers([trie[word] for word in part.vocabulary]) for part in parts]

    def joined(name: str, *, numbered: bool = False) -> Array:
        arrays = [getattr(part, name) for part in parts]
        if numbered:
            arrays = [number[array] for number, array in zip(numbers, arrays, strict=True)]
        return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int32)

    size = max(len(trie), 1)
    bag_sizes = joined("bag_sizes")
    bag = joined("bag", numbered=True)
    clauses = len(bag_sizes)
    # What each clause has, once: its words and concepts, its schemes and its aspect.
    at = np.concatenate(
        [np.repeat(np.arange(clauses), bag_sizes), np.repeat(np.arange(clauses), joined("named_sizes"))]
    )
    having = np.unique(at * size + np.concatenate([bag, joined("named", numbered=True)]))
    frequency = np.bincount(having % size, minlength=size)
    idf = np.zeros(size)
    met = frequency > 0
    idf[met] = np.log(1 + max(clauses, 1) / frequency[met])

    asks = joined("asks")
    ask_rows = _vectors(joined("ask_tokens", numbered=True), joined("ask_shares"), joined("ask_sizes"), idf)
    headings = _vectors(
        joined("heading_tokens", numbered=True), joined("heading_shares"), joined("heading_sizes"), idf
    )
    pair_sizes = joined("pair_sizes")
    # Every pair of a listed question is one of its clause too.
    codes, clause_pairs = np.unique(joined("clause_pairs").astype(np.uint32), return_inverse=True)
    pairs = np.searchsorted(codes, joined("pairs").astype(np.uint32))
    scores = _bm25(bag, bag_sizes, size)
    # Which clauses have a pair anywhere, and how much it tells there.
    pair_scores = _bm25(clause_pairs.astype(np.int32), joined("clause_pair_sizes"), max(len(codes), 1))
    sounds, heard = np.unique(joined("sounds").astype(np.uint32), return_inverse=True)
    sound_scores = _bm25(heard.astype(np.int32), joined("sound_sizes"), max(len(sounds), 1))
    columns = table.columns(rows)
    return Contents(
        arrays={
            "idf": idf,
            "having": (having % size).astype(np.int32),
            "having_starts": counts_of(having // size, clauses),
            "bm25_weights": scores["data"],
            "bm25_rows": scores["indices"],
            "bm25_starts": scores["indptr"].astype(np.int64),
            "asks_starts": spans(asks),
            **{f"ask_{name}": array for name, array in ask_rows.items()},
            **{f"heading_{name}": array for name, array in headings.items()},
            "pair_codes": codes,
            "pairs": pairs.astype(np.int32),
            "pairs_starts": spans(pair_sizes),
            "pair_rows": pair_scores["indices"],
            "pair_weights": pair_scores["data"],
            "pair_rows_starts": pair_scores["indptr"].astype(np.int64),
            "sound_codes": sounds,
            "sound_rows": sound_scores["indices"],
            "sound_weights": sound_scores["data"],
            "sound_rows_starts": sound_scores["indptr"].astype(np.int64),
            "own": joined("own").astype(np.bool_),
            **matters(ask_rows["tokens"], ask_rows["starts"], asks, columns["document"]),
            **columns,
        },
        tries={"vocabulary": trie},
        facts={"schemes": table.scheme_names},
    )


def _vectors(tokens: Array, shares: Array, sizes: Array, idf: Array) -> dict[str, Array]:
    """Rows of unit length: each token once, with its greatest weight, in the order of token numbers."""
    rows = np.repeat(np.arange(len(sizes)), sizes)
    weights = idf[tokens] / np.sqrt(shares)
    order = np.lexsort((-weights, tokens, rows))
    tokens, rows, weights = tokens[order], rows[order], weights[order]
    first = np.ones(len(tokens), dtype=np.bool_)
    first[1:] = (tokens[1:] != tokens[:-1]) | (rows[1:] != rows[:-1])
    tokens, rows, weights = tokens[first], rows[first], weights[first]
    length = np.sqrt(np.bincount(rows, weights=weights**2, minlength=len(sizes)))
    length[length == 0] = 1.0
    return {
        "tokens": tokens.astype(np.int32),
        "weights": weights / length[rows],
        "starts": counts_of(rows, len(sizes)),
    }


def _bm25(bag: Array, sizes: Array, vocabulary: int) -> dict[str, Array]:
    """bm25s' eager scores: `data` and `indices` of each token from `indptr` on."""
    if not len(bag):
        empty = np.zeros(0, dtype=np.int32)
        return {"data": empty.astype(np.float32), "indices": empty, "indptr": np.zeros(vocabulary + 1)}
    ends = np.cumsum(sizes)
    bags = [bag[end - size : end].tolist() for end, size in zip(ends, sizes, strict=True)]
    scores: dict[str, Array] = bm25s.BM25(k1=K1, b=B, csc_backend="numpy").build_index_from_ids(
        list(range(vocabulary)), bags, show_progress=False
    )
    return scores


def _numbers(values: Sequence[int]) -> Array:
    return np.array(values, dtype=np.int32)
