"""What was learned of residents' questions, as plain numbers in learned.npz: `python -m policies_kb.retrieval.learn`.

None of it knows a clause; it says how questions that mean the same lie together, and how questions sound that no
document of this kind settles.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

FILE: Final = Path(__file__).parent / "learned.npz"
Floats = npt.NDArray[np.floating[Any]]

# Places for the character runs of a wording; two runs that share one are told apart by their neighbours.
BUCKETS: Final = 1 << 15
_RUNS: Final = (1, 2, 3)
_FEW: Final = 5
# What of a sense is not its vector.
HEADS: Final = ("settled", "unsettled", "unsettled_few")


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """A question by its sentence vector. `vector` is turned and of length 1; `settled` the log-odds that documents of
    this kind settle it; `unsettled` and `unsettled_few` its likeness (-1..1) to the likest question they do not
    settle and to the likest few."""

    vector: Floats
    settled: float
    unsettled: float
    unsettled_few: float


@dataclass(frozen=True, slots=True)
class Learned:
    """The numbers. `arrays`: see `names` in `policies_kb.retrieval.learn`; `key` changes with any of them."""

    arrays: Mapping[str, npt.NDArray[Any]]
    key: str

    @classmethod
    def read(cls, content: bytes) -> Learned:
        """From the bytes of an .npz file."""
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: _plain(file[name]) for name in file.files}
        return cls(arrays, sha256(content).hexdigest()[:16])

    def settled_wording(self, text: str) -> float:
        """The log-odds that documents of this kind settle a question, by its wording alone."""
        places = wording(text)
        if not places:
            return 0.0
        weights = self.arrays["wording"][places]
        return float(weights.sum() / np.sqrt(len(places)) + self.arrays["wording_bias"])

    def sense(self, vector: Floats) -> Sense:
        """A question by its sentence vector."""
        settled, unsettled, few = self.heads(vector[None])[0]
        return Sense(
            vector=self.turned(vector[None], passage=False)[0],
            settled=float(settled),
            unsettled=float(unsettled),
            unsettled_few=float(few),
        )

    def heads(self, vectors: Floats) -> Floats:
        """`settled`, `unsettled` and `unsettled_few` of questions by their sentence vectors, a row a question."""
        centred = unit(vectors - self.arrays["question_centre"])
        known = self.arrays["unsettled"]
        found = np.zeros((len(vectors), len(HEADS)), dtype=np.float32)
        found[:, 0] = centred @ self.arrays["settled"] + self.arrays["settled_bias"]
        if len(known):
            near = centred @ known.T
            few = min(_FEW, len(known))
            likest = np.partition(near, len(known) - few, axis=1)[:, -few:]
            found[:, 1], found[:, 2] = likest.max(axis=1), likest.mean(axis=1)
        return found

    def turned(self, vectors: Floats, *, passage: bool) -> Floats:
        """Sentence vectors turned so that questions of one clause lie together; rows of length 1."""
        centre = self.arrays["passage_centre" if passage else "question_centre"]
        return unit((vectors - centre) @ self.arrays["turn"])


@cache
def learned() -> Learned:
    """The shipped numbers."""
    return Learned.read(FILE.read_bytes())


def wording(text: str) -> list[int]:
    """The places of a text's runs of one to three characters, each once, in order."""
    whole = f"^{text.replace(' ', '')}$"
    runs = {whole[at : at + size] for size in _RUNS for at in range(len(whole) - size + 1)}
    return sorted({crc32(run.encode()) % BUCKETS for run in runs})


def unit(vectors: Floats) -> Floats:
    """Scaled to length 1 along the last axis; what is nought stays so."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0))


def _plain(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float32) if array.dtype == np.float16 else array
