"""Rows of different lengths in flat arrays: `starts` has one entry more than there are rows, and row i lies from
`starts[i]` up to `starts[i + 1]`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def spans(sizes: npt.NDArray[Any]) -> Ints:
    """Starts of rows of these sizes that lie one after another."""
    starts = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts


def counts_of(rows: npt.NDArray[Any], count: int) -> Ints:
    """Starts of `count` rows, given the row of every entry in order."""
    return spans(np.bincount(rows, minlength=count))


def gathered(starts: npt.NDArray[Any], rows: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """(places in the flat array of all entries of `rows`, the new starts of those rows)."""
    begins = np.asarray(starts[rows], dtype=np.int64)
    sizes = np.asarray(starts[rows + 1], dtype=np.int64) - begins
    new = spans(sizes)
    places = np.arange(new[-1]) + np.repeat(begins - new[:-1], sizes)
    return places, new


def row_of(starts: npt.NDArray[Any]) -> Ints:
    """The row of every entry."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))
