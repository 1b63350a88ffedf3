"""How sure it is that the best clause answers the question: a logistic regression of a few plain features."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from policies_kb.clauses import Clause
from policies_kb.retrieval.index import Hit, Query

# Below this a question is refused: the confidence is calibrated so that even odds lie here.
THRESHOLD: Final = 0.5
BIAS: Final = -3.3
# Fitted on the development questions of both packs' eval.yml, rounded.
WEIGHTS: Final = {
    "ask": 2.8, "covered": 3.9, "margin": 3.3, "aspect": 0.8, "named": 0.5, "clash": -3.0, "figureless": -1.8,
    "outside": -5.4, "missing_scheme": -2.0,
}  # fmt: skip
_NUMBER: Final = re.compile(r"\d")
_PHONE: Final = re.compile("电话|热线|号码")
_FREE: Final = re.compile("免费|收费|不收钱|不要钱|减免")
_WIDEST: Final = 0.2


def evidence(
    query: Query, hits: Sequence[Hit], schemes: frozenset[str], covered: frozenset[str]
) -> dict[str, float]:
    """What speaks for and against the best clause, each 0..1. `covered`: schemes any clause of the pack is about."""
    best = hits[0]
    own = best.clause.schemes
    return {
        "ask": best.ask,
        "covered": best.covered,
        "margin": min(best.score - hits[1].score, _WIDEST) if len(hits) > 1 else 0.0,
        "aspect": float(best.aspect),
        "named": float(bool(query.schemes & set(own))),
        "clash": float(bool(query.schemes and own) and not best.mentioned),
        "figureless": float(_figureless(query, best.clause)),
        "outside": float(bool(outside(query))),
        "missing_scheme": float(bool(schemes) and not schemes & covered),
    }


def confidence(features: dict[str, float]) -> float:
    """0..1."""
    return 1.0 / (1.0 + math.exp(-BIAS - sum(WEIGHTS[name] * value for name, value in features.items())))


def outside(query: Query) -> tuple[str, ...]:
    """Topics of other offices' business the question speaks of."""
    found = (token for unit in query.units for token in unit.concepts if token.startswith("outside:"))
    return tuple(dict.fromkeys(token.removeprefix("outside:") for token in found))


def _figureless(query: Query, clause: Clause) -> bool:
    """Whether a sum, a span, a charge or a telephone number is asked for and the clause gives none."""
    if any("same:收费" in unit.tokens for unit in query.units) and not _FREE.search(clause.text):
        return True
    if _PHONE.search(query.text) and not _PHONE.search(clause.text):
        return True
    asked = query.aspects & {"how_much", "how_long"}
    return bool(asked) and clause.aspect not in asked and not _NUMBER.search(clause.text)
