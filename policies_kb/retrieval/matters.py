"""What the questions a document answers nearly all speak of (probation, wild boars, teachers): a question that does not speak of
it is hardly about that document, however like its other words are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from policies_kb.retrieval.ragged import counts_of, row_of

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]

# More than so many of a document's listed questions speak of it, and so many times more than all listed questions do.
_MOST: Final = 0.5
_TIMES: Final = 2.0
# A document with few listed questions says little of what it is about: so many more are taken to be of anything.
_OTHERS: Final = 5


def matters(tokens: Array, starts: Array, asks: Array, document: Array) -> dict[str, Array]:
    """What each document's questions speak of, to be kept in an index.

    Args:
        tokens: numbers of the words and concepts of the listed questions, each once a question.
        starts: where each question's begin (a + 1).
        asks: how many questions each clause lists (n).
        document: the number of each clause's document (n).

    Returns:
        `matter_tokens` with `matter_weights` (log-likelihood that a question lacks the token anyhow, less that one of
        the document does; above 0), from `matter_starts`, a row a document.
    """
    documents = int(document.max()) + 1 if len(document) else 0
    of_ask = np.repeat(document, asks)
    size = int(tokens.max()) + 1 if len(tokens) else 1
    keys, counts = np.unique(of_ask[row_of(starts)].astype(np.int64) * size + tokens, return_counts=True)
    of, token = keys // size, keys % size
    share = counts / (np.bincount(of_ask, minlength=documents)[of] + _OTHERS)
    everywhere = np.bincount(token, weights=counts, minlength=size)[token] / max(len(of_ask), 1)
    told = (share > _MOST) & (share > _TIMES * everywhere)
    return {
        "matter_tokens": token[told].astype(np.int32),
        "matter_weights": np.log((1 - everywhere[told]) / (1 - share[told])),
        "matter_starts": counts_of(of[told], documents),
    }


def unspoken(arrays: Mapping[str, Array], spoken: Collection[int]) -> Floats:
    """For each clause how much the matter of its document is missing in a question of these tokens; 0: nothing is."""
    missing = ~np.isin(arrays["matter_tokens"], np.fromiter(spoken, dtype=np.int64, count=len(spoken)))
    rows = row_of(arrays["matter_starts"])
    lacking = np.bincount(
        rows, weights=arrays["matter_weights"] * missing, minlength=len(arrays["matter_starts"]) - 1
    )
    return np.asarray(lacking[arrays["document"]])
