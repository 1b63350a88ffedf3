"""How many questions the self-assessment asks until everything is decided: ours, a fixed form's, and an oracle's.

Every household of a made-up population answers exactly and knows everything, so what is measured is the choice of
questions alone.

The fixed form asks every askable fact that applies to the household or member (a "no" to a screening question spares
what it screens, as a printed form says "go on to question 9").

The oracle knows the household: it is the smallest set of answers that decides the same outcomes and amounts. A "yes"
to a screening question decides nothing, and a "no" is never worse than what it stands for, so the oracle chooses
among the "no"s and all the facts that apply. An answer without which, all others known, something stays open is in
every such set: the count of these is a lower bound, exact where they decide everything by themselves. Leaving out
one answer after another as long as everything stays decided gives an upper bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from bot.bench.households import answer_of, households
from bot.bench.stats import percentile, summary
from policies_kb.knowledge import PackKnowledge, open_pack
from policies_kb.rules.assess import Assessment
from policies_kb.rules.facts import Facts, member_key, read_facts, split_key
from policies_kb.rules.questions import with_answer

SEED: Final = 20261128
# One scheme asked for alone, and what most come for.
OF_INTEREST: Final[Mapping[str, tuple[str, ...]]] = {
    "低保": ("dibao",),
    "低保、低收入、急难救助": ("dibao", "di_shouru", "linshi_jinan"),
}
Answers = dict[str, Any]
Signature = tuple[object, ...]


def measure(
    pack: str, packs_dir: Path | None, count: int, today: date, progress: Callable[[], None]
) -> dict[str, Any]:
    """Questions per household: all schemes, schemes of interest, fixed form and oracle.

    Args:
        progress: called after each household.

    Raises:
        policies_kb.loader.UnknownPack: there is no such pack.
        policies_kb.errors.DataFileError: a file of the pack is wrong.
    """
    knowledge = open_pack(pack, packs_dir)
    bench = _Bench(knowledge, today)
    rows = []
    for household in households(knowledge.loaded.facts, count, SEED):
        rows.append(bench.household(household))
        progress()
    return {
        "pack": pack, "schemes": len(knowledge.loaded.schemes), "households": count, "seed": SEED,
        "ours": _spread(row["ours"] for row in rows),
        "form": _spread(row["form"] for row in rows),
        "oracle_at_least": _spread(row["oracle_low"] for row in rows),
        "oracle_at_most": _spread(row["oracle_high"] for row in rows),
        "oracle_exact_share": round(sum(row["oracle_low"] == row["oracle_high"] for row in rows) / count, 3),
        "of_interest": {name: _spread(row["interest"][name] for row in rows) for name in OF_INTEREST},
        "same_outcomes_as_fully_told": round(sum(row["same"] for row in rows) / count, 4),
        "next_question": summary([spent for row in rows for spent in row["ms"]]),
    }  # fmt: skip


def _spread(counts: Iterable[int]) -> dict[str, float]:
    values = sorted(counts)
    return {
        "median": percentile(values, 0.5),
        "p90": percentile(values, 0.9),
        "mean": round(sum(values) / len(values), 2),
    }


class _Bench:
    def __init__(self, knowledge: PackKnowledge, today: date) -> None:
        self._knowledge = knowledge
        self._pack = knowledge.loaded
        self._today = today

    def household(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Figures of one household."""
        spent: list[float] = []
        asked = self._interview(told, (), spent)
        form = self._form(told)
        low, high = self._oracle(told, form, asked)
        return {
            "ours": len(asked), "form": len(form), "oracle_low": low, "oracle_high": high, "ms": spent,
            "interest": {
                name: len(self._interview(told, self._there(schemes), []))
                for name, schemes in OF_INTEREST.items()
            },
            "same": self._signature(self._facts(asked)) == self._signature(self._facts({**form, **asked})),
        }  # fmt: skip

    def _there(self, schemes: Sequence[str]) -> tuple[str, ...]:
        return tuple(scheme for scheme in schemes if scheme in self._pack.schemes)

    def _interview(self, told: Mapping[str, Any], schemes: Collection[str], spent: list[float]) -> Answers:
        """What the conversation asks of this household, with the answers, in order."""
        facts: dict[str, Any] = {}
        answers: Answers = {}
        while True:
            begun = time.perf_counter()
            question = self._knowledge.next_question(
                facts, schemes=schemes, after=next(reversed(answers), None), today=self._today
            )
            spent.append((time.perf_counter() - begun) * 1000)
            if question is None:
                return answers
            answers[question.key] = answer_of(self._pack.facts, told, *split_key(question.key))
            facts = self._put(facts, question.key, answers[question.key])

    def _form(self, told: Mapping[str, Any]) -> Answers:
        """Every askable fact that applies to this household or member, with its answer."""
        whole = Assessment(self._pack, read_facts(self._pack.facts, dict(told)), self._today).world
        catalogue = self._pack.facts
        spared: set[str] = set()
        answers: Answers = {}
        for name, fact in catalogue.items():
            summed = fact.totals is not None
            if not fact.ask or name in spared or summed:
                spared |= set(fact.screens) if name in spared else set()
                continue
            answer = answer_of(catalogue, told, None, name) if fact.scope != "member" else None
            if fact.screens and answer is False:
                spared |= set(fact.screens)
            for member in range(len(told["household"])) if fact.scope == "member" else (None,):
                needless = fact.absent_when is not None and whole.truth(fact.absent_when, member).value
                if needless or (fact.only_if and not whole.truth(fact.only_if, member).value):
                    continue
                key = name if member is None else member_key(member, name)
                answers[key] = answer_of(catalogue, told, member, name)
        return answers

    def _oracle(self, told: Mapping[str, Any], form: Answers, asked: Answers) -> tuple[int, int]:
        """(lower, upper) bound of the smallest set of answers that decides what all of them decide."""
        pool = {
            key: value
            for key, value in {**form, **asked}.items()
            if not (self._pack.facts[split_key(key)[1]].screens and value is True)
        }
        wanted = self._signature(self._facts(pool))

        def decides(keys: Iterable[str]) -> bool:
            return self._signature(self._facts({key: pool[key] for key in keys})) == wanted

        essential = [key for key in pool if not decides(other for other in pool if other != key)]
        if decides(essential):
            return len(essential), len(essential)
        best = len(pool)
        # What the conversation asked last is the first to go, then the other way round.
        optional = [key for key in [*asked, *form] if key in pool and key not in essential]
        for order in (list(dict.fromkeys(reversed(optional))), list(dict.fromkeys(optional))):
            kept = dict.fromkeys(pool)
            for key in order:
                if decides(other for other in kept if other != key):
                    del kept[key]
            best = min(best, len(kept))
        return min(len(essential) + 1, best), best

    def _put(self, facts: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
        return with_answer(self._pack, facts, key, value, today=self._today)

    def _facts(self, answers: Answers) -> Facts:
        facts: dict[str, Any] = {}
        for key, value in sorted(answers.items(), key=lambda item: item[0] != "household_size"):
            facts = self._put(facts, key, value)
        return read_facts(self._pack.facts, facts, interview=True)

    def _signature(self, facts: Facts) -> Signature:
        assessment = Assessment(self._pack, facts, self._today)
        found: list[object] = []
        for scheme in self._pack.schemes:
            verdict = assessment.verdict(scheme)
            amounts = (verdict.amount_month, verdict.amount_once)
            found += [verdict.outcome.value, *(amount and (amount.low, amount.high) for amount in amounts)]
        return tuple(found)
