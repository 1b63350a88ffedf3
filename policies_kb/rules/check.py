"""Cross-checks of a loaded pack: every expression, brace, id and text its rules name must exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter

from policies_kb.cards import CARD_TEXTS
from policies_kb.errors import Problem
from policies_kb.pack import Fact, Pack, Scheme
from policies_kb.rules.assess import PERSON
from policies_kb.rules.doubts import SAID
from policies_kb.rules.expression import Checker, ExpressionError, Kind, names_in, schemes_in
from policies_kb.rules.facts import FactsError, default_value, read_value
from policies_kb.rules.links import facts_in, links_of
from policies_kb.rules.world import MEMBER_COUNT, TODAY, TOLD

NEXT_KEYS = ("likely", "unlikely", "unknown", "borderline")
REQUIRED_TEXTS = (
    "office.name", "office.address", "office.hours", "office.phone", "hotline", "emergency.police",
    "emergency.medical", "emergency.crisis", "emergency.child", "complaint", "consent.purpose", "consent.retention",
    "consent.draft_days", "consent.guardian",
    "authorisation.title", "authorisation.text", "authorisation.version", "assess.ended", "assess.not_begun",
    "assess.next.not_in_force", "assess.decides", "assess.sum_open", "assess.sum_uncounted",
    *(f"assess.next.{key}" for key in NEXT_KEYS), *CARD_TEXTS,
)  # fmt: skip


def check_pack(pack: Pack) -> list[Problem]:
    """Every fault of the rules of a pack, with file and line."""
    return [*_Check(pack).run()]


class _Check:
    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._checker = Checker(self._kind_of, self._choices_of, frozenset(pack.schemes))
        self._walking: list[str] = []
        # told.NAME is for checks alone: schemes judge what is the case, not what was said of it.
        self._told = False

    def run(self) -> Iterator[Problem]:
        yield from self._texts()
        yield from self._parameters()
        yield from self._facts()
        for name, quantity in self._pack.quantities.items():
            yield from self._expression("quantity", name, "value", quantity.value, None, member=None)
        yield from self._doubts()
        for scheme in self._pack.schemes.values():
            yield from self._scheme(scheme)
        yield from self._circles()
        yield from self._workflow()

    def _problem(self, kind: str, key: str, field: str, what: str, cure: str) -> Problem:
        place = self._pack.places[kind, key]
        return Problem(place.file, place.line, f"{key}.{field}" if field else key, what, cure)

    def _kind_of(self, name: str, in_member: bool) -> Kind:
        if name in {MEMBER_COUNT, TODAY} or name in self._pack.parameters:
            return "number"
        if name in self._pack.quantities:
            if name in self._walking:
                raise ExpressionError(f"{name} is defined by itself: {' -> '.join([*self._walking, name])}")
            self._walking.append(name)
            try:
                return self._checker.infer(self._pack.quantities[name].value, in_member=in_member)
            finally:
                self._walking.pop()
        if self._told and name == f"{TOLD}{MEMBER_COUNT}":
            return "number"
        fact = self._pack.facts.get(name.removeprefix(TOLD) if self._told else name)
        if fact is not None and name.startswith(TOLD) and fact.scope == "member":
            raise ExpressionError(f"{name}: only what is told of the household can be asked for so")
        if fact is None:
            raise ExpressionError(f"{name} is no fact, parameter or quantity of this pack")
        if fact.scope == "member" and not in_member:
            raise ExpressionError(
                f"{name} is a member's fact: put it into any_member(...) or another over members"
            )
        return kind_of(fact)

    def _choices_of(self, name: str) -> frozenset[str]:
        fact = self._pack.facts.get(name)
        return frozenset(str(choice.value) for choice in fact.choices) if fact is not None else frozenset()

    def _expression(
        self, kind: str, key: str, field: str, text: str, expected: Kind | None, *, member: bool | None
    ) -> Iterator[Problem]:
        try:
            if expected is not None:
                self._checker.check(text, expected, in_member=bool(member))
            else:
                self._checker.infer(text, in_member=True)
        except ExpressionError as error:
            yield self._problem(kind, key, field, str(error), "correct the expression")

    def _braces(
        self, kind: str, key: str, field: str, text: str, *, member: bool, extra: tuple[str, ...] = ()
    ) -> Iterator[Problem]:
        try:
            names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
        except ValueError as error:
            yield self._problem(kind, key, field, f"braces do not match: {error}", "close every brace")
            return
        for name in names:
            if name == PERSON or name in extra:
                continue
            try:
                self._kind_of(name, member)
            except ExpressionError as error:
                yield self._problem(kind, key, field, str(error), f"correct {{{name}}}")

    def _texts(self) -> Iterator[Problem]:
        path = self._pack.folders[0] / "pack.yml"
        for key in REQUIRED_TEXTS:
            if not self._pack.texts.get(key):
                yield Problem(path, None, f"texts.{key}", "is missing", "write it here or in the parent")
        days = self._pack.texts.get("consent.draft_days", "1")
        if not days.isdecimal() or int(days) < 1:
            yield self._problem(
                "text", "consent.draft_days", "", f"{days!r} is no number of days", 'write for example "30"'
            )
        sums = {"assess.sum_open": ("persons", "missing"), "assess.sum_uncounted": ()}
        for key, allowed in {**CARD_TEXTS, **sums}.items():
            yield from self._text_braces(key, allowed)
        for key in NEXT_KEYS:
            name = f"assess.next.{key}"
            if name in self._pack.texts:
                yield from self._braces(
                    "text", name, "", self._pack.texts[name], member=False, extra=("scheme", "missing")
                )

    def _text_braces(self, key: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
        """Texts that are filled in by name, not from facts."""
        try:
            names = {name for _, name, _, _ in Formatter().parse(self._pack.texts.get(key, ""))} - {None}
        except ValueError as error:
            yield self._problem("text", key, "", f"braces do not match: {error}", "close every brace")
            return
        for name in sorted(names.difference(allowed), key=str):
            known = "、".join(f"{{{one}}}" for one in allowed) or "none"
            yield self._problem("text", key, "", f"{{{name}}} is not known here", f"use of these: {known}")

    def _parameters(self) -> Iterator[Problem]:
        for key, parameter in self._pack.parameters.items():
            choices = self._choices_of(parameter.by) if parameter.by else frozenset()
            if parameter.by and not choices:
                yield self._problem("parameter", key, "by", f"{parameter.by} is no choice fact", "name one")
            for value in parameter.values:
                given = frozenset(value.value) if isinstance(value.value, dict) else frozenset()
                if isinstance(value.value, dict) and given != choices:
                    wanted = ", ".join(sorted(choices)) or "no 'by' fact is named"
                    yield self._problem(
                        "parameter", key, "value", f"has {sorted(given)}", f"give one for each of: {wanted}"
                    )
            ordered = sorted(parameter.values, key=lambda value: value.effective_from)
            if list(parameter.values) != ordered or len({value.effective_from for value in ordered}) != len(
                ordered
            ):
                yield self._problem(
                    "parameter", key, "values", "are not in the order of their dates", "sort them"
                )

    def _facts(self) -> Iterator[Problem]:
        facts = self._pack.facts
        for key, fact in facts.items():
            member = fact.scope == "member"
            for field in ("question", "simpler", "why"):
                yield from self._braces("fact", key, field, getattr(fact, field), member=member)
            yield from self._braces("fact", key, "beyond", fact.beyond, member=member, extra=("value",))
            for band in fact.ranges:
                yield from self._expression("fact", key, "ranges", band.up_to, "number", member=False)
            if fact.absent_when is not None:
                yield from self._expression(
                    "fact", key, "absent_when", fact.absent_when, "truth", member=member
                )
            yield from self._asking(key, fact)
            try:
                default_value(fact)
            except FactsError as error:
                yield self._problem("fact", key, "absent", str(error), "give an allowed value")
            if fact.totals is not None and (fact.totals not in facts or facts[fact.totals].scope != "member"):
                yield self._problem("fact", key, "totals", f"{fact.totals} is no member's fact", "name one")
            yield from self._screens(key, fact)

    def _doubts(self) -> Iterator[Problem]:
        self._told = True
        for key, check in self._pack.checks.items():
            member = check.per == "member"
            yield from self._expression("check", key, "when", check.when, "truth", member=member)
            for field in ("ask", "report"):
                yield from self._braces(
                    "check", key, field, getattr(check, field), member=member, extra=(SAID,)
                )
            for at, remedy in enumerate(check.choices):
                where = f"choices.{at}"
                yield from self._braces("check", key, where, remedy.title, member=member, extra=(SAID,))
                if remedy.value:
                    kind = kind_of(self._pack.facts[check.about]) if check.about in self._pack.facts else None
                    yield from self._expression("check", key, where, remedy.value, kind, member=member)
            for name in (check.about, *(remedy.again for remedy in check.choices if remedy.again)):
                fact = self._pack.facts.get(name)
                if fact is None:
                    yield self._problem("check", key, "about", f"{name} is no fact of this pack", "name one")
                elif fact.scope == "member" and not member:
                    yield self._problem(
                        "check", key, "about", f"{name} is a member's fact", "write `per: member`"
                    )
        self._told = False

    def _asking(self, key: str, fact: Fact) -> Iterator[Problem]:
        """What orders and spares questions: shares of answers, and values that follow from others."""
        member = fact.scope != "household"
        values: list[tuple[object, str]] = [(item.value, "usual") for item in fact.usual]
        for follow in fact.follows:
            yield from self._expression("fact", key, "follows", follow.when, "truth", member=member)
            values.append((follow.value, "follows"))
        for value, field in values:
            try:
                read_value(field, fact, value)
            except FactsError as error:
                yield self._problem("fact", key, field, str(error), "give an allowed value")
        if sum(item.share for item in fact.usual) > 1:
            yield self._problem("fact", key, "usual", "the shares are more than 1 together", "lower them")
        try:
            links = links_of(self._pack)
        except ExpressionError:
            return
        if key in links.given_by.get(key, ()):
            yield self._problem("fact", key, "follows", "follows from itself", "break the circle")

    def _screens(self, key: str, fact: Fact) -> Iterator[Problem]:
        uses = {name: frozenset(other.screens) for name, other in self._pack.facts.items()}
        if key in _reached(uses, key):
            yield self._problem("fact", key, "screens", "screens itself", "break the circle")
        for other, value in fact.screens.items():
            if other not in self._pack.facts or other == key:
                yield self._problem("fact", key, "screens", f"{other} is no other fact", "name one")
                continue
            try:
                read_value(f"screens.{other}", self._pack.facts[other], value)
            except FactsError as error:
                yield self._problem("fact", key, "screens", str(error), "give an allowed value")

    def _scheme(self, scheme: Scheme) -> Iterator[Problem]:
        member = scheme.per == "member"
        for condition in scheme.conditions:
            key = f"{scheme.id}.{condition.id}"
            yield from self._expression("condition", key, "when", condition.when, "truth", member=member)
            for field in ("yes", "no", "unknown"):
                yield from self._braces("condition", key, field, getattr(condition, field), member=member)
        for note in scheme.notes:
            key = f"{scheme.id}.{note.id}"
            yield from self._expression("note", key, "when", note.when, "truth", member=member)
            if note.unless:
                yield from self._expression("note", key, "unless", note.unless, "truth", member=member)
            if note.ask and not any(self._pack.facts[name].ask for name in facts_in(self._pack, note.when)):
                yield self._problem("note", key, "ask", "hangs on no fact that is asked", "remove 'ask'")
            yield from self._braces("note", key, "text", note.text, member=member)
        for field in ("amount_month", "amount_once"):
            rule = getattr(scheme, field)
            if rule is not None:
                yield from self._expression("scheme", scheme.id, field, rule.value, "number", member=member)
                if rule.when:
                    yield from self._expression(
                        "scheme", scheme.id, f"{field}.when", rule.when, "truth", member=member
                    )
                yield from self._braces(
                    "scheme", scheme.id, field, rule.text, member=member, extra=("amount",)
                )
                yield from self._braces(
                    "scheme", scheme.id, field, rule.in_range, member=member, extra=("low", "high")
                )
        if scheme.borderline is not None:
            yield from self._expression(
                "scheme", scheme.id, "borderline", scheme.borderline, "truth", member=member
            )
        for field in NEXT_KEYS:
            text = getattr(scheme.next, field)
            yield from self._braces(
                "scheme", scheme.id, f"next.{field}", text, member=False, extra=("scheme", "missing")
            )

    def _circles(self) -> Iterator[Problem]:
        uses = {
            scheme.id: frozenset().union(
                *(self._schemes_of(condition.when) for condition in scheme.conditions)
            )
            for scheme in self._pack.schemes.values()
        }
        for scheme in uses:
            if scheme in _reached(uses, scheme):
                yield self._problem(
                    "scheme", scheme, "conditions", "refers to itself through scheme(...)", "break the circle"
                )

    def _schemes_of(self, text: str) -> frozenset[str]:
        try:
            found, names = schemes_in(text), names_in(text)
        except ExpressionError:
            return frozenset()
        for name in names & frozenset(self._pack.quantities):
            found |= schemes_in(self._pack.quantities[name].value)
        return found

    def _workflow(self) -> Iterator[Problem]:
        steps = [step.id for step in self._pack.workflow.steps]
        for at, step in enumerate(self._pack.workflow.steps):
            if step.id in steps[:at]:
                yield self._problem("step", step.id, "id", "stands twice", "rename one")
            if step.after is not None and step.after not in ["submission", *steps[:at]]:
                yield self._problem(
                    "step", step.id, "after", f"{step.after!r} is no earlier step", "name one"
                )
            for name in step.forms:
                if name not in self._pack.forms:
                    yield self._problem(
                        "step", step.id, "forms", f"no form {name!r}", f"add forms/{name}.yml"
                    )
            for scheme in step.schemes:
                if scheme not in self._pack.schemes:
                    yield self._problem("step", step.id, "schemes", f"no scheme {scheme!r}", "correct the id")
        for form in self._pack.forms.values():
            if form.text_key and form.text_key not in self._pack.texts:
                yield self._problem(
                    "form", form.id, "text_key", f"no text {form.text_key!r}", "add it to pack.yml"
                )
            if form.step not in steps:
                yield self._problem("form", form.id, "step", f"no step {form.step!r}", "correct the id")


def kind_of(fact: Fact) -> Kind:
    """The kind of a fact in expressions."""
    if fact.type == "bool":
        return "truth"
    if fact.type == "text" or (
        fact.type == "choice" and not all(isinstance(c.value, int) for c in fact.choices)
    ):
        return "symbol"
    return "number"


def _reached(uses: Mapping[str, frozenset[str]], start: str) -> frozenset[str]:
    found: set[str] = set()
    wanted = list(uses.get(start, ()))
    while wanted:
        scheme = wanted.pop()
        if scheme not in found:
            found.add(scheme)
            wanted.extend(uses.get(scheme, ()))
    return frozenset(found)
