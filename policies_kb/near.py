"""What somebody may have meant who wrote a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LIKE: Final = 0.6
_MOST: Final = 3


def near(said: str, known: Iterable[str]) -> str:
    """The known names most like `said` as `; meant: a, b`, to be put behind a cure; empty when none is like it."""
    found = get_close_matches(said, list(dict.fromkeys(known)), n=_MOST, cutoff=_LIKE)
    return f"; meant: {', '.join(found)}" if found else ""
