"""Learns learned.npz and vectors.npz from the listed and the development questions: `python -m policies_kb.retrieval.learn`.

Needs the encoder and scikit-learn; takes some minutes. `python -m policies_kb.retrieval.fit` comes after it.

Names in learned.npz (SIZE columns of the encoder, D of the turned vectors, n questions, BUCKETS of wordings):
`question_centre`, `passage_centre` (SIZE); `turn` (SIZE x D); `settled` (SIZE) with `settled_bias`; `unsettled`
(n x SIZE); `wording` (BUCKETS) with `wording_bias`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression

from policies_kb.clauses import Clause
from policies_kb.loader import load_pack, pack_names
from policies_kb.retrieval import learned as shipped
from policies_kb.retrieval import senses
from policies_kb.retrieval.encoder import SIZE, Encoder, encoder
from policies_kb.retrieval.engine import Retriever
from policies_kb.retrieval.evaluate import chosen, load_questions
from policies_kb.retrieval.learned import BUCKETS, Floats, Learned, unit, wording
from policies_kb.retrieval.senses import Senses, heads_of, told
from policies_kb.retrieval.text import clean
from policies_kb.retrieval.vectors import text_key

Ints = npt.NDArray[np.int64]

_COLUMNS: Final = 128
_ROUNDS: Final = 10
_AT_ONCE: Final = 1024
# How much more near questions count than far ones while it is learned, and how fast it is.
_SHARP: Final = 12.0
_RATE: Final = 0.003
_STAY: Final = 1e-3
# A listed question is one of thousands of a kind, an evaluation question one of hundreds.
_LISTED: Final = 0.05
_SETTLED_SIZE: Final = 3.0
_WORDING_SIZE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions by vector and wording, and whether the documents settle them."""

    texts: Sequence[str]
    vectors: Floats
    settled: npt.NDArray[np.bool_]

    def only(self, chosen: npt.NDArray[np.bool_]) -> Asked:
        """Some of them."""
        texts = [text for text, one in zip(self.texts, chosen, strict=True) if one]
        return Asked(texts, self.vectors[chosen], self.settled[chosen])


@dataclass(frozen=True, slots=True)
class Listed:
    """The listed questions of every shipped pack: texts with vectors, and for each pack those of its clauses."""

    texts: Sequence[str]
    vectors: Floats
    groups: Sequence[tuple[Ints, Ints]]
    """For each pack: places of its questions, and the clause of each."""


class Vectors:
    """Vectors kept in a folder from one run to the next, so that only new texts take time."""

    def __init__(self, by: Encoder, folder: Path) -> None:
        self._by = by
        self._file = folder / f"vectors.{by.name.replace(' ', '-')}.npz"
        self._known: dict[bytes, Floats] = {}
        if self._file.is_file():
            with np.load(self._file, allow_pickle=False) as file:
                pairs = zip(file["keys"], file["vectors"], strict=True)
                self._known = {bytes(key): row.astype(np.float32) for key, row in pairs}

    def read(self, texts: Sequence[str], *, passage: bool) -> Floats:
        """One row a text."""
        keys = [text_key(text, passage=passage) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            some = list(missing.values())
            rows = self._by.passages(some) if passage else self._by.questions(some)
            self._known.update(zip(missing, rows, strict=True))
            self._file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(
                self._file,
                keys=np.array([list(key) for key in self._known], dtype=np.uint8),
                vectors=np.array(list(self._known.values()), dtype=np.float16),
            )
        return np.array([self._known[key] for key in keys], dtype=np.float32).reshape(len(keys), SIZE)


def in_force() -> list[list[Clause]]:
    """The clauses of each shipped pack that has questions to measure by, whenever they hold."""
    packs = [load_pack(name) for name in pack_names()]
    return [
        [clause for document in pack.documents for clause in document.clauses]
        for pack in packs
        if any(path.parent.name == pack.name for path in pack.files("eval.yml"))
    ]


def listed(packs: Sequence[Sequence[Clause]], vectors: Vectors) -> Listed:
    """The questions the clauses list, each text once."""
    places: dict[str, int] = {}
    groups = []
    for clauses in packs:
        asked, of = [], []
        for number, clause in enumerate(clauses):
            for ask in clause.asks:
                asked.append(places.setdefault(clean(ask), len(places)))
                of.append(number)
        groups.append((np.array(asked, dtype=np.int64), np.array(of, dtype=np.int64)))
    return Listed(list(places), vectors.read(list(places), passage=False), groups)


def turned(known: Listed, centre: Floats, say: Callable[[str], object]) -> Floats:
    """The turn by which listed questions of one clause lie nearer each other than those of others.

    Neighbourhood components analysis (Goldberger et al., 2005) by Adam, from the whitened principal axes.
    """
    random = np.random.default_rng(0)
    centred = (known.vectors - centre).astype(np.float32)
    spread, axes = np.linalg.eigh(np.cov(centred.T))
    first = (axes * (spread + 1e-4) ** -0.25)[:, np.argsort(-spread)[:_COLUMNS]].astype(np.float32)
    first /= 20 * np.abs(first).mean()
    turn = first.copy()
    mean: Floats = np.zeros_like(turn)
    square: Floats = np.zeros_like(turn)
    step = 0
    for round_ in range(_ROUNDS):
        for places, clause in known.groups:
            questions = centred[places]
            order = random.permutation(len(places))
            for at in range(0, len(order), _AT_ONCE):
                step += 1
                slope = _slope(questions, clause, order[at : at + _AT_ONCE], turn) + _STAY * (turn - first)
                mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
                rate = _RATE * (1 - round_ / _ROUNDS)
                turn -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        say(f"turn: round {round_ + 1} of {_ROUNDS}\n")
    return turn


def _slope(questions: Floats, clause: Ints, some: Ints, turn: Floats) -> Floats:
    """Of the mean log-likelihood that a question's neighbour is of its clause, negated."""
    rows = questions @ turn
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    length[length == 0] = 1.0
    rows /= length
    near = _SHARP * (rows[some] @ rows.T)
    near[np.arange(len(some)), some] = -np.inf
    likely = np.exp(near - near.max(axis=1, keepdims=True))
    own = likely * (clause[some][:, None] == clause[None, :])
    likely /= likely.sum(axis=1, keepdims=True)
    met = own.sum(axis=1, keepdims=True)
    # A clause that lists a single question has no neighbour to be near.
    pull = np.where(met > 1e-12, likely - own / np.maximum(met, 1e-12), 0.0) * (_SHARP / len(some))
    back = pull.T @ rows[some]
    np.add.at(back, some, pull @ rows)
    inner = (back - rows * (back * rows).sum(axis=1, keepdims=True)) / length
    return np.asarray(questions.T @ inner, dtype=np.float32)


def heads(known: Listed, asked: Asked, centre: Floats) -> dict[str, npt.NDArray[Any]]:
    """`settled`, `unsettled` and `wording`: how questions sound that the documents settle, and do not."""
    settled = np.concatenate([np.ones(len(known.texts), dtype=np.bool_), asked.settled])
    weight = np.concatenate([np.full(len(known.texts), _LISTED), np.ones(len(asked.texts))])
    lists, questions = unit(known.vectors - centre), unit(asked.vectors - centre)
    by_vector = LogisticRegression(C=_SETTLED_SIZE, max_iter=500)
    by_vector.fit(np.concatenate([lists, questions]), settled, sample_weight=weight)
    by_wording = LogisticRegression(C=_WORDING_SIZE, max_iter=500)
    by_wording.fit(vstack([_wordings(known.texts), _wordings(asked.texts)]), settled, sample_weight=weight)
    return {
        "settled": by_vector.coef_[0].astype(np.float16),
        "settled_bias": by_vector.intercept_[0].astype(np.float32),
        "unsettled": questions[~asked.settled].astype(np.float16),
        "wording": by_wording.coef_[0].astype(np.float16),
        "wording_bias": by_wording.intercept_[0].astype(np.float32),
    }


def _wordings(texts: Sequence[str]) -> Any:
    rows = [wording(text) for text in texts]
    values = [1.0 / np.sqrt(len(row)) for row in rows for _ in row]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return csr_matrix((values, [place for row in rows for place in row], starts), (len(texts), BUCKETS))


def asked(vectors: Vectors) -> Asked:
    """The development questions of every shipped pack, as the engine reads them."""
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    texts: dict[str, bool] = {}
    for name in pack_names():
        pack = load_pack(name)
        paths = [path for path in pack.files("eval.yml") if path.parent.name == name]
        retriever = Retriever(pack, by_sense=False)
        for question in chosen(load_questions(paths[0]), "dev") if paths else ():
            judged = retriever.judge(question.q, today=today)
            judgement = next((one for one in judged if one.hits), None)
            # What a clause settled that has lapsed may be asked of another day.
            if judgement is not None and (question.clause or not judgement.lapsed):
                # Settled in one pack is settled by documents of this kind.
                texts[judgement.query.text] = texts.get(judgement.query.text, False) or bool(question.clause)
    return Asked(
        list(texts), vectors.read(list(texts), passage=False), np.array(list(texts.values()), dtype=np.bool_)
    )


def packed(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The bytes of an .npz file: the same for the same arrays."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def cached_vectors() -> Vectors:
    """The vectors this machine keeps for learning."""
    return Vectors(encoder(), user_cache_path("jiuzhutong", appauthor=False) / "learn")


def main() -> None:
    """Write learned.npz, then vectors.npz."""
    say = sys.stdout.write
    vectors = cached_vectors()
    packs = in_force()
    known = listed(packs, vectors)
    clauses = list(dict.fromkeys(told(clause) for pack in packs for clause in pack))
    passages = vectors.read(clauses, passage=True)
    say(f"{len(known.texts)} listed questions, {len(clauses)} clauses\n")
    centre = known.vectors.mean(axis=0)
    if "--heads" in sys.argv:
        turn = Learned.read(shipped.FILE.read_bytes()).arrays["turn"]
    else:
        turn = turned(known, centre, say)
    arrays = {
        "question_centre": centre.astype(np.float32),
        "passage_centre": passages.mean(axis=0).astype(np.float32),
        "turn": turn.astype(np.float16),
        **heads(known, asked(vectors), centre),
    }
    content = packed(arrays)
    shipped.FILE.write_bytes(content)
    numbers = Learned.read(content)
    rows = [
        (text_key(text, passage=passage), row, heads_of(numbers.sense(vector)))
        for texts, read, passage in ((known.texts, known.vectors, False), (clauses, passages, True))
        for text, row, vector in zip(texts, numbers.turned(read, passage=passage), read, strict=True)
    ]
    np.savez_compressed(
        senses.FILE,
        key=np.array(Senses(encoder(), numbers).key),
        texts=np.array([list(key) for key, *_ in rows], dtype=np.uint8),
        # A step of 1/127 of the greatest value moves a likeness by less than a hundredth.
        vectors=np.array([np.round(row / np.abs(row).max() * 127) for _, row, _ in rows], dtype=np.int8),
        heads=np.array([one for *_, one in rows], dtype=np.float16),
    )
    say(f"written: {shipped.FILE.stat().st_size} and {senses.FILE.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
