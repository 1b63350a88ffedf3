"""Likeness by sense: sentence vectors of questions, of the questions clauses list and of the clauses themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from policies_kb.clauses import Clause
from policies_kb.retrieval.encoder import Encoder, encoder
from policies_kb.retrieval.learned import Floats, Learned, Sense, learned, unit
from policies_kb.retrieval.store import Store
from policies_kb.retrieval.text import clean

_log = logging.getLogger(__name__)

# Vectors of the shipped packs' texts, so that a first start need not read thousands of texts at some milliseconds each.
FILE: Final = Path(__file__).parent / "vectors.npz"
# So many texts without a vector are read when an index is built (half a minute at most); of more, words must do.
MOST_UNREAD: Final = 3000
HEADS: Final = ("settled", "unsettled", "unsettled_few")
_REMEMBERED: Final = 1024
# How much more the likest of a clause's questions say than the others.
_SHARP: Final = 10.0


class Senses:
    """Vectors by one encoder. Deterministic on one machine; safe to share."""

    def __init__(self, by: Encoder, numbers: Learned | None = None) -> None:
        self._by = by
        self._learned = numbers or learned()
        self.key = f"{by.name} {self._learned.key}"
        """Changes with anything the vectors depend on."""
        self._read = lru_cache(maxsize=_REMEMBERED)(self._of)
        self._listed: dict[str, Sense] = {}

    @classmethod
    def open(cls, store: Store) -> Senses | None:
        """None where this machine has no encoder."""
        found = encoder(store)
        return cls(found) if found is not None else None

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
        """What an index holds of the clauses: `ask_vectors` (a row a listed question, in order), `clause_vectors`, and to
        find the sense of a listed question again: `ask_keys` in order with `ask_places` and `ask_heads`.

        Empty where too many of the texts have no vector yet.
        """
        asked: list[str] = []
        said: list[str] = []
        for clause in clauses:
            asked += map(clean, clause.asks)
            said.append(told(clause))
        unread = self._unread(asked, passage=False) + self._unread(said, passage=True)
        if unread > MOST_UNREAD:
            _log.warning("%d texts have no sentence vector yet, answers rest on words alone", unread)
            return {}
        ask_vectors, heads = self._vectors(asked, passage=False)
        keys = np.array([_number(text_key(text, passage=False)) for text in asked], dtype=np.uint64)
        places = np.argsort(keys, kind="stable")
        return {
            "ask_vectors": ask_vectors,
            "ask_keys": keys[places],
            "ask_places": places.astype(np.int64),
            "ask_heads": heads,
            "clause_vectors": self._vectors(said, passage=True)[0],
        }

    def _of(self, text: str) -> Sense:
        return self._learned.sense(self._by.questions([text])[0])

    @cached_property
    def _shipped(self) -> dict[bytes, tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]]:
        with np.load(FILE, allow_pickle=False) as file:
            if str(file["key"]) != self.key:
                return {}
            rows = zip(file["texts"], file["vectors"], file["heads"], strict=True)
            return {bytes(key): (vector, heads) for key, vector, heads in rows}

    def _unread(self, texts: Sequence[str], *, passage: bool) -> int:
        return sum(text_key(text, passage=passage) not in self._shipped for text in texts)

    def _vectors(self, texts: Sequence[str], *, passage: bool) -> tuple[Floats, Floats]:
        """(turned vectors, the numbers of `heads_of`), one row a text."""
        keys = [text_key(text, passage=passage) for text in texts]
        missing = [at for at, key in enumerate(keys) if key not in self._shipped]
        rows = [self._shipped[key] for key in keys if key in self._shipped]
        heads = np.zeros((len(texts), len(HEADS)), dtype=np.float32)
        size = self._learned.arrays["turn"].shape[1]
        found = np.zeros((len(texts), size), dtype=np.float32)
        known = np.ones(len(texts), dtype=np.bool_)
        known[missing] = False
        if rows:
            found[known] = unit(np.array([vector for vector, _ in rows], dtype=np.float32))
            heads[known] = np.array([one for _, one in rows], dtype=np.float32)
        if missing:
            some = [texts[at] for at in missing]
            read = self._by.passages(some) if passage else self._by.questions(some)
            found[missing] = self._learned.turned(read, passage=passage)
            heads[missing] = [heads_of(self._learned.sense(row)) for row in read]
        return found, heads


def heads_of(sense: Sense) -> tuple[float, ...]:
    """What of a sense is not its vector, in the order of HEADS."""
    return tuple(float(getattr(sense, name)) for name in HEADS)


def listed_sense(arrays: Mapping[str, npt.NDArray[Any]], text: str) -> Sense | None:
    """The sense of a question that an index's clauses list, None of any other: it need not be read again."""
    key = _number(text_key(text, passage=False))
    at = int(np.searchsorted(arrays["ask_keys"], np.uint64(key)))
    if at == len(arrays["ask_keys"]) or int(arrays["ask_keys"][at]) != key:
        return None
    place = int(arrays["ask_places"][at])
    heads = dict(zip(HEADS, map(float, arrays["ask_heads"][place]), strict=True))
    return Sense(vector=np.asarray(arrays["ask_vectors"][place]), **heads)


def _number(key: bytes) -> int:
    return int.from_bytes(key)


def told(clause: Clause) -> str:
    """What of a clause is read for its vector."""
    return f"{clean(clause.heading)}。{clean(clause.text)}"


def text_key(text: str, *, passage: bool) -> bytes:
    """A text's name in `vectors.npz`."""
    return sha256(f"{'p' if passage else 'q'}{text}".encode()).digest()[:8]


def likeness(
    sense: Sense, asks: Floats, clauses: Floats, starts: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[np.float64]]:
    """How like each clause is to a question, -1..1: `sense_ask` by its likest listed question, `sense_asks` by all of
    them (the likest counting most; at most a little over 1), `sense_text` by what it says."""
    by_ask = asks @ sense.vector
    weights = np.exp(_SHARP * (by_ask - 1.0), dtype=np.float64)
    return {
        "sense_ask": np.maximum.reduceat(by_ask, starts[:-1]).astype(np.float64),
        "sense_asks": 1.0 + np.log(np.add.reduceat(weights, starts[:-1])) / _SHARP,
        "sense_text": (clauses @ sense.vector).astype(np.float64),
    }
