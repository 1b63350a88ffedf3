"""What one clause was read as, whoever read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reading:
    """Intent and entities of one clause. `ranking`: further intents with their confidences, best first.

    `exact`: the whole clause is a known control phrase, so that no answer to a question can be meant.
    `guessed`: it is the model's word, not a rule's.
    """

    intent: str | None
    confidence: float
    entities: Mapping[str, str] = field(default_factory=dict)
    ranking: tuple[tuple[str, float], ...] = ()
    exact: bool = False
    guessed: bool = False
