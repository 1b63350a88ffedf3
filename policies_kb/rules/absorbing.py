"""Which facts can still decide a scheme that is judged member by member.

Where two members' cases wait for the same facts of the household, and one of them waits for something more, that
more decides nothing: whatever the household's facts turn out to be, the other's case goes at least as far.
"""

from __future__ import annotations

from functools import lru_cache

from policies_kb.pack import Pack
from policies_kb.rules.assess import Case, Verdict
from policies_kb.rules.links import facts_in


def deciding_needs(pack: Pack, scheme_id: str, verdict: Verdict) -> frozenset[str]:
    """Keys of the facts that can still change the outcome, or the amount of a likely one."""
    waiting = [case for case in verdict.cases if case.outcome.value is None]
    if verdict.outcome.value is not None or len(waiting) < 2:
        return verdict.needs
    shared = _of_household(pack, scheme_id)
    kept: list[Case] = []
    # The one that waits for least comes first, so whoever is absorbed meets the one who absorbs.
    for case in sorted(waiting, key=lambda one: len(_open(one))):
        if not any(_open(other) <= _open(case) & shared for other in kept):
            kept.append(case)
    return frozenset().union(*(case.outcome.needs for case in kept))


def _open(case: Case) -> frozenset[int]:
    return frozenset(at for at, truth in enumerate(case.conditions) if truth.value is None)


@lru_cache(maxsize=256)
def _of_household(pack: Pack, scheme_id: str) -> frozenset[int]:
    """Places of the conditions that say the same of every member: no member's fact stands in them."""
    conditions = pack.schemes[scheme_id].conditions
    return frozenset(
        at
        for at, condition in enumerate(conditions)
        if all(pack.facts[name].scope == "household" for name in facts_in(pack, condition.when))
    )
