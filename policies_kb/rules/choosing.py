"""Which question to ask next: one whose answer can still change an outcome, chosen by what it is likely to spare.

The catalogue's first topic opens the interview. Then the one is asked after whose answer the fewest questions are
expected to be left: every usual answer is tried, weighed by how often it is given. Questions of one topic stay
together unless another spares clearly more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date

from pydantic import JsonValue

from policies_kb.pack import Pack
from policies_kb.rules.absorbing import deciding_needs
from policies_kb.rules.assess import Assessment
from policies_kb.rules.facts import SIZE, Facts, read_value, split_key
from policies_kb.rules.links import links_of
from policies_kb.rules.usual import usual_answers
from policies_kb.rules.world import untouched

# Only this many of a topic's questions are looked ahead from: those on which the most schemes hang.
MOST_WEIGHED = 3
# What it costs to speak of something else, in questions: a topic is left only for one that spares more.
TURN = 0.5
# Place of the topic every interview opens with, in the catalogue's order: how many they are, and what all hangs on.
OPENING = 0


@dataclass(frozen=True, slots=True)
class Hanging:
    """What is still open: for each scheme, the keys of the questions that can still change its outcome or amount, or a
    sentence of its result that is asked about."""

    by_scheme: Mapping[str, frozenset[str]]

    @property
    def keys(self) -> frozenset[str]:
        """Every question that can still change something."""
        return frozenset().union(*self.by_scheme.values())

    def schemes(self, key: str) -> tuple[str, ...]:
        """Ids of the schemes that hang on a question."""
        return tuple(scheme for scheme, keys in self.by_scheme.items() if key in keys)


class Chooser:
    """Questions open for one household on one day."""

    def __init__(
        self,
        pack: Pack,
        facts: Facts,
        today: date,
        *,
        skipped: Collection[str] = (),
        schemes: Collection[str] = (),
    ) -> None:
        """`skipped`: keys not to be asked; `schemes`: only these are to be decided (none named: all)."""
        self._pack = pack
        self._facts = facts
        self._today = today
        self._skipped = frozenset(skipped)
        self._links = links_of(pack)
        self.assessment = Assessment(pack, facts, today)
        wanted = [scheme for scheme in pack.schemes if not schemes or scheme in schemes]
        self.hanging = Hanging({scheme: self._keys(facts, self.assessment, scheme) for scheme in wanted})

    def best(self, after: str | None = None) -> str | None:
        """Key of the question to ask after the one just asked; None when nothing more can be asked."""
        order = sorted(self.hanging.keys, key=self._place)
        if len(order) <= 1 or self._topic(order[0]) == OPENING:
            return next(iter(order), None)
        begun = self._topic(after) if after is not None else None
        # Stable sorts: where two spare alike, the catalogue's order and the members' holds.
        weighed = sorted(order, key=lambda key: -len(self.hanging.schemes(key)))[:MOST_WEIGHED]
        weighed += [key for key in order if self._topic(key) == begun and key not in weighed][:1]
        return min(weighed, key=lambda key: self._expected_left(key) + TURN * (self._topic(key) != begun))

    def _topic(self, key: str) -> int:
        return self._links.place[split_key(key)[1]][0]

    def _place(self, key: str) -> tuple[tuple[int, int], int]:
        member, name = split_key(key)
        return self._links.place[name], member or 0

    def _expected_left(self, key: str) -> float:
        """Questions expected to be left after this one."""
        member, name = split_key(key)
        names = self._links.implied[name]
        touched = [
            scheme
            for scheme in self.hanging.by_scheme
            if not untouched(self.assessment.verdict(scheme).hangs_on, names)
        ]
        rest = frozenset().union(
            *(keys for scheme, keys in self.hanging.by_scheme.items() if scheme not in touched)
        )
        expected = 0.0
        for value, share in usual_answers(self._pack.facts[name]):
            facts = _told(self._pack, self._facts, member, name, value)
            assessment = self.assessment.with_more(facts, names)
            left = rest.union(*(self._keys(facts, assessment, scheme) for scheme in touched))
            expected += share * len(left - {key})
        return expected

    def _keys(self, facts: Facts, assessment: Assessment, scheme: str) -> frozenset[str]:
        verdict = assessment.verdict(scheme)
        needs = assessment.open(deciding_needs(self._pack, scheme, verdict) | verdict.details)
        return frozenset(key for need in needs if (key := asked_as(self._pack, facts, need, self._skipped)))


def asked_as(pack: Pack, facts: Facts, need: str, skipped: Set[str]) -> str | None:
    """The key of the question that fills a need: a question about the whole household spares those about each."""
    member, name = split_key(need)
    links = links_of(pack)

    def open_(key: str) -> bool:
        told = facts.household.get(key) is not None or key in facts.ranges
        return pack.facts[key].ask and not told and key not in skipped

    for key in links.screens.get(name, ()):
        if facts.household.get(key) is None:
            return asked_as(pack, facts, key, skipped)
    if member is None:
        return need if open_(need) and not (need == SIZE and facts.size is not None) else None
    total = links.total.get(name)
    if total is not None and not any(record.get(name) is not None for record in facts.members):
        if open_(total):
            return total
        if total in skipped:
            return None
    open_still = pack.facts[name].ask and need not in skipped and need not in facts.ranges
    return need if open_still else None


def _told(pack: Pack, facts: Facts, member: int | None, name: str, value: JsonValue) -> Facts:
    """The facts with one answer more, for looking ahead only."""
    kept = read_value(name, pack.facts[name], value)
    if member is not None:
        nothing = {key: None for key, fact in pack.facts.items() if fact.scope != "household"}
        members = [*facts.members, *[nothing] * (member + 1 - len(facts.members))]
        members[member] = {**members[member], name: kept}
        return replace(facts, members=tuple(members))
    if name == SIZE:
        return replace(facts, size=int(str(value)))
    return replace(facts, household={**facts.household, name: kept})
