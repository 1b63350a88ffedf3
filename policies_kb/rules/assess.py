"""What a pack's schemes say of a household: outcome, amounts, reasons with their clauses, what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import inf
from string import Formatter

from policies_kb.pack import AmountRule, Condition, Fact, Note, Pack, Scheme, Source
from policies_kb.rules.facts import Facts, split_key
from policies_kb.rules.shown import plain, shown_day, shown_number, span, yuan
from policies_kb.rules.values import Number, Symbol, Truth, Value, add, both, either, narrowed, number
from policies_kb.rules.world import TODAY, World, untouched
from policies_kb.types import Outcome, Reason, ReasonKind, SchemeResult

PERSON = "person"
MOST_NAMED = 4  # more than this many missing facts in one sentence nobody reads
_OUTCOMES: dict[bool | None, Outcome] = {True: "likely", False: "unlikely", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Case:
    """A scheme's conditions for the household (`member` None) or for one member."""

    member: int | None
    conditions: tuple[Truth, ...]
    outcome: Truth


@dataclass(frozen=True, slots=True)
class Verdict:
    """A scheme's outcome before it is put into words. `needs`: keys of the facts that can still change it.

    `details`: keys of the facts on which a sentence hangs that an interview asks for (see Note.ask).
    """

    outcome: Truth
    cases: tuple[Case, ...]
    in_force: bool
    amount_month: Number | None = None
    amount_once: Number | None = None
    details: frozenset[str] = frozenset()

    @property
    def needs(self) -> frozenset[str]:
        """Facts that can still change the outcome, or the amount of a likely one."""
        amounts = (amount.needs for amount in (self.amount_month, self.amount_once) if amount is not None)
        return self.outcome.needs.union(*amounts)

    @property
    def hangs_on(self) -> frozenset[str]:
        """Facts whose answer can still change anything: the verdict, or what is told with it."""
        return self.needs | self.details


class Assessment:
    """One household under one pack on one day."""

    def __init__(self, pack: Pack, facts: Facts, today: date) -> None:
        self._pack = pack
        self._facts = facts
        self._today = today
        self._verdicts: dict[str, Verdict] = {}
        self.world = World(pack, facts, today, lambda scheme: self.verdict(scheme).outcome)

    def with_more(self, facts: Facts, names: Set[str]) -> Assessment:
        """The assessment of the same household of which more is told, about facts of these names only.

        What the answers cannot change is not worked out again.
        """
        more = Assessment(self._pack, facts, self._today)
        more.world.reuse(self.world, names)
        more._verdicts.update(
            (scheme, verdict)
            for scheme, verdict in self._verdicts.items()
            if untouched(verdict.hangs_on, names)
        )
        return more

    def verdict(self, scheme_id: str) -> Verdict:
        """Outcome and amounts of one scheme."""
        if scheme_id not in self._verdicts:
            self._verdicts[scheme_id] = self._judge(self._pack.schemes[scheme_id])
        return self._verdicts[scheme_id]

    def needs(self, schemes: Collection[str] = ()) -> frozenset[str]:
        """Keys of the facts that can still change an outcome of these schemes (none named: all)."""
        wanted = [scheme for scheme in self._pack.schemes if not schemes or scheme in schemes]
        return frozenset(need for scheme in wanted for need in self.open(self.verdict(scheme).needs))

    def open(self, needs: Iterable[str]) -> Iterable[str]:
        """What is needed, without the facts that make sense only after another's answer."""
        for need in needs:
            member, name = split_key(need)
            only_if = self._pack.facts[name].only_if
            if only_if is None or self.world.truth(only_if, member).value is True:
                yield need

    def results(self) -> tuple[SchemeResult, ...]:
        """Every scheme of the pack, put into words."""
        return tuple(self._explain(scheme) for scheme in self._pack.schemes.values())

    def result(self, scheme_id: str) -> SchemeResult:
        """One scheme, put into words."""
        return self._explain(self._pack.schemes[scheme_id])

    def _judge(self, scheme: Scheme) -> Verdict:
        begins, ends = scheme.effective_from, scheme.effective_to
        if (begins is not None and self._today < begins) or (ends is not None and self._today > ends):
            return Verdict(Truth(False), (), in_force=False)
        members: Iterable[int | None] = [None]
        if scheme.per == "member":
            members = [*self.world.indices, *([] if self._uncounted is None else [self._uncounted])]
        cases = tuple(self._case(scheme, member) for member in members)
        outcome = either([case.outcome for case in cases])
        details = self._details(scheme, outcome, cases)
        if outcome.value is not True:
            return Verdict(outcome, cases, in_force=True, details=details)
        sums = (self._sum(scheme.amount_month, cases), self._sum(scheme.amount_once, cases))
        return Verdict(outcome, cases, True, *sums, details)

    def _details(self, scheme: Scheme, outcome: Truth, cases: tuple[Case, ...]) -> frozenset[str]:
        """What the notes hang on that are asked about, for the cases that are told; none before the outcome is there."""
        said = _OUTCOMES[outcome.value]
        notes = [note for note in scheme.notes if note.ask and said in note.outcomes]
        if outcome.value is None or not notes:
            return frozenset()
        told = [self.world.truth(note.when, case.member) for case in _shown(cases) for note in notes]
        return frozenset().union(*(truth.needs for truth in told))

    def _case(self, scheme: Scheme, member: int | None) -> Case:
        conditions = tuple(self.world.truth(condition.when, member) for condition in scheme.conditions)
        return Case(member, conditions, both(list(conditions)))

    def _sum(self, rule: AmountRule | None, cases: tuple[Case, ...]) -> Number | None:
        if rule is None:
            return None
        total = number(0)
        for case in cases:
            if case.outcome.value is True:
                if not self._gives(rule, case):
                    return None
                total = add(total, self.world.number(rule.sum, case.member))
            elif case.outcome.value is None:
                total = add(total, self._may_add(rule, case))
        return total

    def _may_add(self, rule: AmountRule, case: Case) -> Number:
        """What a person may add who may still qualify. Of members not counted yet there may be any number."""
        whole = self.world.number(rule.sum, case.member)
        some = whole.high > 0 or not self._gives(rule, case)
        boundless = some and (case.member == self._uncounted or not self._gives(rule, case))
        high = inf if boundless else max(whole.high, Fraction(0))
        return narrowed(min(whole.low, Fraction(0)), high, whole.needs | case.outcome.needs)

    @property
    def _uncounted(self) -> int | None:
        """Index that stands for whoever may live there besides the members listed; None where all are counted."""
        return None if self.world.complete else self.world.ghost

    def _gives(self, rule: AmountRule, case: Case) -> bool:
        """Whether the rule gives this case a sum; while that is open, its range still says what is missing."""
        return not rule.when or self.world.truth(rule.when, case.member).value is not False

    def _explain(self, scheme: Scheme) -> SchemeResult:
        verdict = self.verdict(scheme.id)
        outcome = _OUTCOMES[verdict.outcome.value]
        shown = _shown(verdict.cases)
        borderline = any(self._borderline(scheme, case) for case in shown)
        reasons: dict[Reason, None] = {}
        for case in shown:
            reasons.update(dict.fromkeys(self._reasons(scheme, case, outcome)))
        if outcome == "likely":
            reasons.update(dict.fromkeys(self._open_sums(scheme, verdict)))
        if not verdict.in_force:
            reasons.update(dict.fromkeys(self._not_in_force(scheme)))
        missing = self.missing(verdict)
        return SchemeResult(
            scheme=scheme.id, outcome=outcome, amount_month=yuan(verdict.amount_month),
            amount_once=yuan(verdict.amount_once), amount_month_range=span(verdict.amount_month),
            amount_once_range=span(verdict.amount_once), reasons=tuple(reasons), missing=missing,
            next=self._next(scheme, verdict, outcome, borderline, missing), borderline=borderline,
        )  # fmt: skip

    def _not_in_force(self, scheme: Scheme) -> Iterable[Reason]:
        """From when to when the scheme runs, and what its clauses say of that."""
        dates = {
            "from": shown_day(number(scheme.effective_from.toordinal())) if scheme.effective_from else "",
            "to": shown_day(number(scheme.effective_to.toordinal())) if scheme.effective_to else "",
        }
        ended = scheme.effective_to is not None and self._today > scheme.effective_to
        text = self._pack.texts["assess.ended" if ended else "assess.not_begun"]
        source = scheme.deadline[0].source if scheme.deadline else scheme.conditions[0].source
        yield self._reason("condition", text, source, None, dates)

    def _borderline(self, scheme: Scheme, case: Case) -> bool:
        return (
            scheme.borderline is not None and self.world.truth(scheme.borderline, case.member).value is True
        )

    def _reasons(self, scheme: Scheme, case: Case, outcome: Outcome) -> Iterable[Reason]:
        for condition, truth in zip(scheme.conditions, case.conditions, strict=True):
            if outcome == "unlikely" and truth.value is not False:
                continue
            text = (
                condition.yes if truth.value else condition.no if truth.value is False else condition.unknown
            )
            yield self._reason("condition", text, condition.source, case.member)
        if outcome == "likely":
            for rule in (scheme.amount_month, scheme.amount_once):
                if rule is not None:
                    yield from self._amount_reason(rule, case)
        for note in scheme.notes:
            if outcome in note.outcomes and self._holds(note, case.member):
                yield self._reason("note", note.text, note.source, case.member)

    def _holds(self, note: Note, member: int | None) -> bool:
        denied = note.unless and self.world.truth(note.unless, member).value is True
        return not denied and self.world.truth(note.when, member).value is True

    def _amount_reason(self, rule: AmountRule, case: Case) -> Iterable[Reason]:
        if not self._gives(rule, case):
            return
        value = self.world.number(rule.sum, case.member)
        if value.exact is not None:
            yield self._reason("amount", rule.text, rule.source, case.member, {"amount": shown_number(value)})
        elif rule.in_range and value.high != inf:
            bounds = {
                "low": plain(Fraction(value.low) if value.low > 0 else Fraction(0)),
                "high": plain(Fraction(value.high)),
            }
            yield self._reason("amount", rule.in_range, rule.source, case.member, bounds)

    def _open_sums(self, scheme: Scheme, verdict: Verdict) -> Iterable[Reason]:
        """Why a sum over persons is not told as one figure: who may still add to it, and what they wait for."""
        for rule, total in (
            (scheme.amount_month, verdict.amount_month),
            (scheme.amount_once, verdict.amount_once),
        ):
            if rule is None or total is None:
                continue
            waiting = [
                case for case in verdict.cases
                if case.outcome.value is None and self._may_add(rule, case).high > 0
            ]  # fmt: skip
            persons = [case.member for case in waiting if case.member != self._uncounted]
            if persons:
                needs = frozenset().union(*(case.outcome.needs for case in waiting))
                # A person's own facts by their own labels, not by the question that asks it of the household.
                own = sorted(
                    {split_key(key)[1] for key in self.open(needs)}, key=list(self._pack.facts).index
                )
                labels = [self._pack.facts[name].label for name in own]
                extra = {"persons": "、".join(map(self.person, persons)), "missing": _listed(labels)}
                text = self._pack.texts["assess.sum_open"]
                yield self._reason("amount", text, rule.source, None, extra)
            elif waiting:
                yield self._reason("amount", self._pack.texts["assess.sum_uncounted"], rule.source, None)

    def _reason(
        self, kind: ReasonKind, text: str, source: Source, member: int | None,
        extra: Mapping[str, str] | None = None,
    ) -> Reason:  # fmt: skip
        document, clause = self._pack.cite(source)
        return Reason(text=self.say(text, member, extra), clause=clause, document=document, kind=kind)

    def reason_of(self, condition: Condition, *, met: bool, member: int | None) -> Reason:
        """What is said of a condition that is decided."""
        text = condition.yes if met else condition.no
        return self._reason("condition", text, condition.source, member)

    def say(self, text: str, member: int | None = None, extra: Mapping[str, str] | None = None) -> str:
        """A text with its braces filled from facts, parameters and quantities."""
        said: list[str] = []
        for literal, name, _, _ in Formatter().parse(text):
            said.append(literal)
            if name is None:
                continue
            if extra is not None and name in extra:
                said.append(extra[name])
            elif name == PERSON:
                said.append(self.person(member))
            else:
                said.append(self._shown_value(name, self.world.resolve(name, member)))
        return "".join(said).strip()

    def person(self, member: int | None) -> str:
        """How a member is spoken of."""
        if member is None:
            return "您家"
        record = self._facts.members[member] if member < len(self._facts.members) else {}
        relation = record.get("relation")
        if relation == "self" or (relation is None and member == 0):
            return "您本人"
        titles = {choice.value: choice.title for choice in self._pack.facts["relation"].choices}
        alike = [other.get("relation") for other in self._facts.members].count(relation)
        if relation is None or relation == "other" or alike > 1:
            base = f"第{member + 1}位家人"
            return base if relation in {None, "other"} else f"{base}({titles[str(relation)]})"
        return f"您的{titles[str(relation)]}"

    def _shown_value(self, name: str, value: Value) -> str:
        fact = self._pack.facts.get(name)
        if name == TODAY or (fact is not None and fact.type == "date"):
            return shown_day(value)
        if fact is not None and fact.type == "choice":
            titles = {str(choice.value): choice.title for choice in fact.choices}
            chosen = str(value.exact) if isinstance(value, Number) else "".join(getattr(value, "options", ()))
            return titles.get(chosen, "还不清楚")
        if isinstance(value, Number):
            return shown_number(value)
        if isinstance(value, Symbol):
            return next(iter(value.options)) if len(value.options) == 1 else "还不清楚"
        return {True: "是", False: "不是", None: "还不清楚"}[value.value]

    def missing(self, verdict: Verdict) -> tuple[str, ...]:
        """Contract names of the facts a verdict still needs, in the catalogue's order."""
        return reported_names(self._pack.facts, (split_key(key)[1] for key in self.open(verdict.needs)))

    def _next(
        self, scheme: Scheme, verdict: Verdict, outcome: Outcome, borderline: bool, missing: tuple[str, ...]
    ) -> str:
        key = "borderline" if borderline and outcome != "unknown" else outcome
        text: str = getattr(scheme.next, key) or self._pack.texts[f"assess.next.{key}"]
        if not verdict.in_force:
            text = self._pack.texts["assess.next.not_in_force"]
        return self.say(text, None, {"scheme": scheme.name, "missing": self._labels(missing)})

    def _labels(self, missing: tuple[str, ...]) -> str:
        """Missing facts by what residents call them, the first few."""
        labels = {
            fact.reported_as or name: fact.label for name, fact in reversed(list(self._pack.facts.items()))
        }
        return _listed([labels[name] for name in missing])


def _listed(labels: list[str]) -> str:
    """The first few of what is missing, in one breath."""
    more = f"等{len(labels)}项" if len(labels) > MOST_NAMED else ""
    return "、".join(labels[:MOST_NAMED]) + more or "一些情况"


def _shown(cases: tuple[Case, ...]) -> list[Case]:
    """The cases worth telling: those that hold; else those still open; else the one that came closest."""
    for value in (True, None):
        found = [case for case in cases if case.outcome.value is value]
        if found:
            return found if value else found[:1]
    return sorted(cases, key=lambda case: sum(part.value is False for part in case.conditions))[:1]


def reported_names(catalogue: Mapping[str, Fact], names: Iterable[str]) -> tuple[str, ...]:
    """Contract names of these facts, in the catalogue's order, each once."""
    order = list(catalogue)
    found = sorted(set(names), key=order.index)
    return tuple(dict.fromkeys(catalogue[name].reported_as or name for name in found))
