"""Likeness by sense: sentence vectors of questions, of the questions clauses list and of the clauses themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Clause
from policies_kb.retrieval.encoder import Encoder, encoder
from policies_kb.retrieval.learned import HEADS, Floats, Learned, Sense, learned, unit
from policies_kb.retrieval.text import clean
from policies_kb.retrieval.vectors import Kept, Numbers, Text, text_number

_log = logging.getLogger(__name__)

# Vectors of the shipped packs' texts, so that a first start need not read thousands of texts.
FILE: Final = Path(__file__).parent / "vectors.npz"
# So many texts without a vector are read when an index is built (half a minute); of more, words must do until
# `jzt kb index` has read them.
MOST_UNREAD: Final = 30_000
# Of so many listed questions the vectors take a byte a column, a quarter of the room: they are looked at by thousands.
_MANY: Final = 50_000
_AT_ONCE: Final = 8192
_REMEMBERED: Final = 1024
# How much more the likest of a clause's questions say than the others.
_SHARP: Final = 10.0


class Senses:
    """Vectors by one encoder. Deterministic on one machine; safe to share."""

    def __init__(self, by: Encoder, numbers: Learned | None = None, kept: Kept | None = None) -> None:
        """`kept`: vectors of a pack's texts that were read before."""
        self._by = by
        self._learned = numbers or learned()
        self._kept = kept or Kept((), by.name)
        self._made_by = f"{by.name} {self._learned.key}"
        self.key = f"{self._made_by} {self._kept.stamp}".rstrip()
        """Changes with anything the vectors depend on, and with which texts have one."""
        self._read = lru_cache(maxsize=_REMEMBERED)(self._of)
        self._listed: dict[str, Sense] = {}

    @classmethod
    def open(cls, manifests: Sequence[Path] = ()) -> Senses:
        """By the shipped encoder. `manifests`: of vectors beside the pack and its ancestors."""
        found = encoder()
        return cls(found, kept=Kept(manifests, found.name))

    @property
    def encoder(self) -> Encoder:
        """What reads texts."""
        return self._by

    def of(self, text: str, arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> Sense:
        """The sense of a cleaned question; of one that an index lists (`arrays`) without reading it.

        Remembered for the other index of the pack, which does not list it.
        """
        found = self._listed.get(text)
        if found is None and arrays is not None:
            found = listed_sense(arrays, text)
            if found is not None:
                self._listed[text] = found
        return found or self._read(text)

    def arrays(self, clauses: Iterable[Clause]) -> Mapping[str, npt.NDArray[Any]]:
        """What an index holds of the clauses: `ask_vectors` (a row a listed question, in order), `clause_vectors`,
        `ask_scale` (what one of `ask_vectors` stands for), `clause_centres` (where a clause's questions lie), and to find the sense of a listed question again: `ask_keys`
        in order with `ask_places` and `ask_heads`.

        Empty where too many of the texts have no vector yet.
        """
        asked: list[str] = []
        said: list[str] = []
        counts = []
        for clause in clauses:
            asked += map(clean, clause.asks)
            said.append(told(clause))
            counts.append(len(clause.asks))
        keys, passages = _numbers(asked, passage=False), _numbers(said, passage=True)
        unread = int((~self._known(keys)).sum() + (~self._known(passages)).sum())
        if unread > MOST_UNREAD:
            _log.warning(
                "%d texts have no sentence vector yet, answers rest on words alone; `jzt kb index` reads them once", unread
            )  # fmt: skip
            return {}
        ask_vectors, heads = self._vectors(asked, keys, passage=False)
        places = np.argsort(keys, kind="stable")
        kept, scale = _kept(ask_vectors)
        return {
            "ask_vectors": kept,
            "ask_scale": np.array([scale], dtype=np.float32),
            "ask_keys": keys[places],
            "ask_places": places.astype(np.int64),
            "ask_heads": heads,
            "clause_vectors": self._vectors(said, passages, passage=True)[0].astype(np.float32),
            "clause_centres": _centres(ask_vectors, counts),
        }

    def unread(self, clauses: Iterable[Clause]) -> list[Text]:
        """Every text of these clauses that no shipped vector spares reading, each once, in order."""
        texts: dict[int, Text] = {}
        for clause in clauses:
            for one in (*(Text(clean(ask), False) for ask in clause.asks), Text(told(clause), True)):
                texts.setdefault(one.number, one)
        return [one for number, one in texts.items() if number not in self._shipped]

    def _of(self, text: str) -> Sense:
        return self._learned.sense(self._by.questions([text])[0])

    @cached_property
    def _shipped(self) -> dict[int, tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]]:
        with np.load(FILE, allow_pickle=False) as file:
            if str(file["key"]) != self._made_by:
                return {}
            rows = zip(file["texts"], file["vectors"], file["heads"], strict=True)
            return {int.from_bytes(bytes(key)): (vector, heads) for key, vector, heads in rows}

    def _known(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Which texts need no reading."""
        shipped = np.fromiter(self._shipped, dtype=np.uint64, count=len(self._shipped))
        return np.isin(numbers, shipped) | self._kept.has(numbers)

    def _vectors(self, texts: Sequence[str], numbers: Numbers, *, passage: bool) -> tuple[Floats, Floats]:
        """(turned vectors, the numbers of HEADS), one row a text."""
        size = self._learned.arrays["turn"].shape[1]
        found = np.zeros((len(texts), size), dtype=np.float16 if len(texts) > _MANY else np.float32)
        heads = np.zeros((len(texts), len(HEADS)), dtype=np.float32)
        for at in range(0, len(texts), _AT_ONCE):
            some = slice(at, at + _AT_ONCE)
            found[some], heads[some] = self._some_vectors(texts[some], numbers[some], passage=passage)
        return found, heads

    def _some_vectors(
        self, texts: Sequence[str], numbers: Numbers, *, passage: bool
    ) -> tuple[Floats, Floats]:
        shipped = np.array([number in self._shipped for number in numbers.tolist()], dtype=np.bool_)
        kept = ~shipped & self._kept.has(numbers)
        unread = np.flatnonzero(~shipped & ~kept)
        found = np.zeros((len(texts), self._learned.arrays["turn"].shape[1]), dtype=np.float32)
        heads = np.zeros((len(texts), len(HEADS)), dtype=np.float32)
        if shipped.any():
            rows = [self._shipped[number] for number in numbers[shipped].tolist()]
            found[shipped] = unit(np.array([vector for vector, _ in rows], dtype=np.float32))
            heads[shipped] = np.array([one for _, one in rows], dtype=np.float32)
        some = [texts[int(at)] for at in unread]
        made = self._by.passages(some) if passage else self._by.questions(some)
        for places, vectors in ((np.flatnonzero(kept), self._kept.rows(numbers[kept])), (unread, made)):
            if len(places):
                found[places] = self._learned.turned(vectors, passage=passage)
                heads[places] = self._learned.heads(vectors)
        return found, heads


def _numbers(texts: Sequence[str], *, passage: bool) -> Numbers:
    return np.array([text_number(text, passage=passage) for text in texts], dtype=np.uint64)


def _kept(vectors: Floats) -> tuple[npt.NDArray[Any], float]:
    """Vectors as an index keeps them, and what they are to be multiplied by."""
    if len(vectors) <= _MANY:
        return vectors, 1.0
    scale = float(np.abs(vectors).max()) / 127
    found = np.empty(vectors.shape, dtype=np.int8)
    for at in range(0, len(vectors), _AT_ONCE):
        found[at : at + _AT_ONCE] = np.round(vectors[at : at + _AT_ONCE].astype(np.float32) / scale)
    return found, scale


def _centres(vectors: Floats, counts: Sequence[int]) -> Floats:
    """The middle of each clause's rows, of length 1."""
    starts = np.cumsum([0, *counts])[:-1]
    summed = np.add.reduceat(vectors, starts, axis=0, dtype=np.float32) if len(vectors) else vectors
    return unit(summed).astype(np.float32)


def heads_of(sense: Sense) -> tuple[float, ...]:
    """What of a sense is not its vector, in the order of HEADS."""
    return tuple(float(getattr(sense, name)) for name in HEADS)


def listed_sense(arrays: Mapping[str, npt.NDArray[Any]], text: str) -> Sense | None:
    """The sense of a question that an index's clauses list, None of any other: it need not be read again."""
    key = text_number(text, passage=False)
    at = int(np.searchsorted(arrays["ask_keys"], np.uint64(key)))
    if at == len(arrays["ask_keys"]) or int(arrays["ask_keys"][at]) != key:
        return None
    place = int(arrays["ask_places"][at])
    heads = dict(zip(HEADS, map(float, arrays["ask_heads"][place]), strict=True))
    vector = np.asarray(arrays["ask_vectors"][place], dtype=np.float32) * arrays["ask_scale"][0]
    return Sense(vector=vector, **heads)


def told(clause: Clause) -> str:
    """What of a clause is read for its vector."""
    return f"{clean(clause.heading)}。{clean(clause.text)}"


def likeness(
    sense: Sense, asks: npt.NDArray[Any], clauses: Floats, starts: npt.NDArray[np.int64], scale: float = 1.0
) -> dict[str, npt.NDArray[np.float64]]:
    """How like each clause is to a question, -1..1: `sense_ask` by its likest listed question, `sense_asks` by all of
    them (the likest counting most; at most a little over 1), `sense_text` by what it says.

    `asks` times `scale` are of length 1, as `clauses` are.
    """
    by_ask = _products(asks.astype(np.float32, copy=False), sense.vector * np.float32(scale))
    weights = np.exp(_SHARP * (by_ask - 1.0), dtype=np.float64)
    return {
        "sense_ask": np.maximum.reduceat(by_ask, starts[:-1]).astype(np.float64),
        "sense_asks": 1.0 + np.log(np.add.reduceat(weights, starts[:-1])) / _SHARP,
        "sense_text": _products(clauses, sense.vector).astype(np.float64),
    }


def rough_likeness(sense: Sense, centres: Floats, clauses: Floats) -> dict[str, npt.NDArray[np.float64]]:
    """`likeness` by the middle of each clause's listed questions: a hundredth of the work where there are very many."""
    near = _products(centres, sense.vector).astype(np.float64)
    text = _products(clauses, sense.vector).astype(np.float64)
    return {"sense_ask": near, "sense_asks": near, "sense_text": text}


def _products(rows: Floats, vector: Floats) -> Floats:
    """`rows @ vector` by one thread: BLAS takes every core for it, and on a busy machine its threads wait for each
    other three times as long as the work takes."""
    return np.asarray(np.einsum("ij,j->i", rows, vector))
