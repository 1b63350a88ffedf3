"""The coefficients of ranking and confidence: data in weights.json, fitted by `python -m policies_kb.retrieval.fit`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from policies_kb.types import Frozen

FILE: Final = Path(__file__).parent / "weights.json"


class Weights(Frozen):
    """`rank`: of each named part of a clause's score; `confidence` and `bias`: of the logistic regression that says
    how sure the best clause is."""

    rank: Mapping[str, float]
    confidence: Mapping[str, float]
    bias: float


class BothWeights(Frozen):
    """`by_words`: where there are no sentence vectors; `by_sense`: where there are."""

    by_words: Weights
    by_sense: Weights


@cache
def weights(*, by_sense: bool = False) -> Weights:
    """The shipped coefficients."""
    both = BothWeights.model_validate(json.loads(FILE.read_text(encoding="utf-8")))
    return both.by_sense if by_sense else both.by_words
