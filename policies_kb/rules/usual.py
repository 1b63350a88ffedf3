"""How often each answer to a question is given: what choosing the next question reckons with."""

from __future__ import annotations

from pydantic import JsonValue

from policies_kb.pack import Fact

# Where the catalogue gives no shares: an answer that stands for "none" is by far the most frequent.
_NONE_OF_IT = 0.9
_SUM = 1000
# Days long past and far off: a date of which nothing is known is on one side of today or the other.
_DAYS = ("2000-01-01", "2099-12-31")


def usual_answers(fact: Fact) -> tuple[tuple[JsonValue, float], ...]:
    """Each answer with its share (0..1, together 1): the catalogue's own, else a guess from its choices."""
    if fact.usual:
        told = {item.value: float(item.share) for item in fact.usual}
        left = 1 - sum(told.values())
        if fact.type == "bool" and len(told) == 1:
            told[next(value is not True for value in told)] = left
        whole = sum(told.values())
        return tuple((value, share / whole) for value, share in told.items())
    if fact.type == "bool":
        yes = 1 - _NONE_OF_IT if fact.absent is False or fact.screens else 0.5
        return ((True, yes), (False, 1 - yes))
    if fact.type == "date":
        past = 0.5 if fact.absent is None else 1 - _NONE_OF_IT
        return tuple(zip(_DAYS, (past, 1 - past), strict=True))
    values: list[JsonValue] = [choice.value for choice in fact.choices]
    if not values:
        least = int(fact.minimum or 0)
        more = least + (_SUM if fact.type == "money" else 1)
        none = _NONE_OF_IT if fact.absent == least else 0.5
        return ((least, none), (more, 1 - none))
    if fact.absent in values and len(values) > 1:
        each = (1 - _NONE_OF_IT) / (len(values) - 1)
        return tuple((value, _NONE_OF_IT if value == fact.absent else each) for value in values)
    return tuple((value, 1 / len(values)) for value in values)
