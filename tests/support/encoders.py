"""An encoder for tests on any machine."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from policies_kb.retrieval.encoder import SIZE
from policies_kb.retrieval.learned import Floats, unit


class ByHash:
    """An encoder for any machine: vectors without meaning, but always the same."""

    name = "hash 1"

    def __init__(self) -> None:
        self.read: list[str] = []

    def questions(self, texts: Sequence[str]) -> Floats:
        self.read += texts
        return self._rows(texts, "q")

    def passages(self, texts: Sequence[str]) -> Floats:
        self.read += texts
        return self._rows(texts, "p")

    def _rows(self, texts: Sequence[str], kind: str) -> Floats:
        seeds = [int.from_bytes(sha256(f"{kind}{text}".encode()).digest()[:4]) for text in texts]
        rows = [np.random.default_rng(seed).normal(size=SIZE) for seed in seeds]
        return unit(np.array(rows, dtype=np.float32).reshape(len(texts), SIZE))
