"""A policy pack: one jurisdiction's documents, parameters, schemes, facts, workflow, forms and texts.

A pack overlays its parent. Every value keeps the id of the pack it comes from, and the file and line it stands at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from policies_kb.clauses import Document, Reference
from policies_kb.types import Choice, FactType, Frozen, Outcome

Level = Literal["national", "province", "city", "county", "district", "town"]
Scope = Literal["household", "member", "either"]
EXAMPLE = "示例"
# The unit of a parameter that only says whether something is on (1) or off (0); it is no figure to be told.
YES_NO = "是否"
# A unit is read out behind the figure: quotes and commas in it were mistyped.
UNIT = r"^[^\"'“”‘’：:，,；;]*$"
NAME = r"^[a-z][a-z0-9_]*$"


def _decimal(value: Any) -> Any:
    # A YAML float is binary; its printed form is what the author wrote.
    return Decimal(str(value)) if isinstance(value, float) else value


Amount = Annotated[Decimal, BeforeValidator(_decimal)]


class External(Frozen):
    """A law that is not a document of the pack, named by title and clause."""

    title: str = Field(min_length=2)
    clause: str = Field(min_length=1)


# A clause of the pack, a law named by title, or an example value the seeds leave open.
Source = Reference | External | Literal["示例"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: the pack it belongs to, the file and the 1-based line."""

    pack: str
    file: Path
    line: int | None


class DatedValue(Frozen):
    """A parameter's value for a span of days (both ends included). A mapping gives one value per allowed answer of
    the parameter's `by` fact."""

    value: Amount | dict[str, Amount]
    effective_from: date
    effective_to: date | None = None
    source: Source
    note: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to lies before effective_from")
        return self


class Parameter(Frozen):
    """A figure of the policy. `values` empty: a child pack has to give it.

    Every figure has a unit; 倍 and 比例 are those of pure numbers, YES_NO of what is on (1) or off (0).
    """

    # An editor asks for it as the checker does (policies_kb.retrieval.check), who says what to write.
    model_config = ConfigDict(json_schema_extra={"required": ["name", "unit"]})
    # What a child pack's entry takes from its parent's where it does not write it.
    inherited: ClassVar[tuple[str, ...]] = ("what_if",)

    name: str
    unit: str = Field(default="", pattern=UNIT, json_schema_extra={"minLength": 1})
    by: str | None = Field(default=None, description="household fact the value depends on, e.g. area")
    what_if: tuple[str, ...] = Field(
        default=(),
        description="further names in `jzt screen --what-if`, scheme.word; a child keeps its parent's",
    )
    values: tuple[DatedValue, ...] = ()

    def on(self, day: date) -> DatedValue | None:
        """The value in force on `day`, or None."""
        for value in reversed(self.values):
            if value.effective_from <= day and (value.effective_to is None or day <= value.effective_to):
                return value
        return None


class Range(Frozen):
    """One band offered instead of an exact sum: `up_to` is an expression for its upper bound."""

    up_to: str
    inclusive: bool = True


class Usual(Frozen):
    """How often an answer is given: its share of all who are asked. Only weighs questions, decides nothing."""

    value: bool | int | str
    share: Amount = Field(gt=0, le=1)


class Follow(Frozen):
    """What is taken for a fact's value while `when` holds, so that a question nobody needs is not asked."""

    when: str
    value: JsonValue


class Fact(Frozen):
    """One thing the self-assessment may know, and how it is asked for.

    `topic`: questions of one topic stay together; the topic named first opens the interview. `follows` holds in an interview only: a register says what it knows.

    `absent`: what a fact that was left out stands for (`null` is not left out: it says "not known"). With
    `absent_when`, an expression, it is an inference instead: it holds whenever the expression does and the fact
    was not told, `null` included.

    A fact of scope `either` told of the household is the applicant's own; one told of a member is that member's.
    Dates are ISO text; expressions see the day's number, as `today`.
    """

    scope: Scope
    type: FactType
    unit: str = ""
    label: str
    choices: tuple[Choice, ...] = ()
    minimum: Amount | None = None
    maximum: Amount | None = None
    question: str = ""
    simpler: str = ""
    why: str = ""
    ask: bool = True
    only_if: str | None = Field(default=None, description="asked and reported missing only where this holds")
    absent: JsonValue = None
    absent_when: str | None = None
    screens: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="facts this household yes/no question spares, and their values at a no",
    )
    totals: str | None = Field(default=None, description="member fact this household sum is the total of")
    reported_as: str | None = Field(default=None, description="the contract's name in `missing`")
    ranges: tuple[Range, ...] = ()
    beyond: str = Field(default="", description="said in the chat of an answer that cannot be; {value} is it")
    topic: str = ""
    usual: tuple[Usual, ...] = Field(
        default=(), description="how often each answer is given; of a yes/no question the yes is enough"
    )
    follows: tuple[Follow, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.type == "choice" and not self.choices:
            raise ValueError("a choice needs its choices")
        if self.ask and not (self.question and self.simpler and self.why):
            raise ValueError("a fact that is asked needs question, simpler and why")
        if self.screens and (self.type != "bool" or self.scope != "household"):
            raise ValueError("only a household's yes/no question screens others")
        return self


class Quantity(Frozen):
    """A value computed from facts and parameters, for use in conditions and texts."""

    name: str
    unit: str = ""
    value: str


class Remedy(Frozen):
    """One answer to a doubt: what was said stays (neither is given), becomes `value`, or `again` is asked anew."""

    title: str
    value: str = Field(default="", description="expression: what the fact becomes")
    again: str = Field(default="", description="fact that is asked again")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.value and self.again:
            raise ValueError("give value or again, not both")
        return self


STANDS = (Remedy(title="没错"),)


class Check(Frozen):
    """What is questioned where facts are unlikely or do not fit each other; what cannot be at all is refused by the
    facts' own limits. A doubt is asked about once and believed when it is repeated.

    `when` is in the rules' language; `told.NAME` there is what was said of the household itself, before anything is
    worked out from other facts, and `told.members` how many members are listed.
    """

    about: str = Field(description="fact whose answer is questioned")
    per: Literal["household", "member"] = "household"
    when: str
    ask: str = Field(description="question to the resident; {said} is the sum in words")
    report: str = Field(description="line for whoever keeps a file or register")
    choices: tuple[Remedy, ...] = STANDS


class Line(Frozen):
    """One sentence with the clause it rests on."""

    text: str
    source: Source


class Condition(Frozen):
    """One condition of a scheme, in the rules' expression language, with what is said when it holds, fails or is
    not known. Braces in texts name facts, parameters and quantities."""

    id: str = Field(pattern=NAME)
    when: str
    yes: str
    no: str
    unknown: str
    source: Source


class Note(Frozen):
    """A sentence added to the reasons where `when` holds and the outcome is one of `outcomes`."""

    id: str = Field(pattern=NAME)
    when: str = "True"
    unless: str = Field(default="", description="not told where this is known to hold; told while it is open")
    ask: bool = Field(
        default=False, description="the conversation asks what `when` hangs on, once the outcome is there"
    )
    outcomes: tuple[Outcome, ...] = ("likely", "unknown", "unlikely")
    text: str
    source: Source


class AmountRule(Frozen):
    """How much, in yuan: an expression, the sentence that says it and its clause."""

    value: str
    when: str = Field(default="", description="where it does not hold, the clause gives no sum: none is told")
    text: str
    in_range: str = Field(default="", description="said when the answers give only a range {low}-{high}")
    source: Source

    @property
    def sum(self) -> str:
        """The expression of what is given: nought to the whole sum while it is open whether `when` holds."""
        return f"({self.value}) if ({self.when}) else 0" if self.when else self.value


class NextWords(Frozen):
    """What to do next, for each outcome. Empty: the pack's text `assess.next.<outcome>`."""

    likely: str = ""
    unlikely: str = ""
    unknown: str = ""
    borderline: str = ""


class SchemeFile(Frozen):
    """A scheme as one pack writes it; a child's file gives only what differs."""

    id: str = Field(pattern=NAME)
    name: str | None = None
    summary: str | None = None
    per: Literal["household", "member"] | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    order: int | None = None
    conditions: tuple[Condition, ...] = ()
    without: tuple[str, ...] = Field(
        default=(), description="ids of the parent's conditions and notes left out"
    )
    amount_month: AmountRule | None = None
    amount_once: AmountRule | None = None
    borderline: str | None = None
    notes: tuple[Note, ...] = ()
    documents_needed: tuple[Line, ...] = ()
    how_to_apply: tuple[Line, ...] = ()
    where: tuple[Line, ...] = Field(default=(), description="where to go; empty: the office of the pack")
    deadline: tuple[Line, ...] = Field(default=(), description="until when, and how long it takes")
    leads_to: tuple[Line, ...] = ()
    next: NextWords | None = None
    urgent: bool | None = Field(
        default=None, description="help in need: its result is told before the others"
    )
    service: bool | None = Field(
        default=None, description="something to use, not support: told after the others"
    )


class Scheme(Frozen):
    """A scheme with its overlays applied. `order` sorts the results."""

    id: str
    name: str
    summary: str
    per: Literal["household", "member"]
    effective_from: date | None
    effective_to: date | None
    order: int
    conditions: tuple[Condition, ...]
    amount_month: AmountRule | None
    amount_once: AmountRule | None
    borderline: str | None
    notes: tuple[Note, ...]
    documents_needed: tuple[Line, ...]
    how_to_apply: tuple[Line, ...]
    where: tuple[Line, ...]
    deadline: tuple[Line, ...]
    leads_to: tuple[Line, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every sentence a result card tells besides the reasons."""
        return (*self.documents_needed, *self.how_to_apply, *self.where, *self.deadline, *self.leads_to)

    next: NextWords
    urgent: bool
    service: bool


class Step(Frozen):
    """One step after an application. The limit counts from the end of the step `after` (default: the one before)."""

    id: str = Field(pattern=NAME)
    title: str
    owner: str
    workdays: int | None = Field(default=None, ge=0)
    calendar_days: int | None = Field(default=None, ge=0)
    after: str | None = Field(default=None, description="an earlier step's id, or `submission`")
    notice: str = ""
    forms: tuple[str, ...] = ()
    schemes: tuple[str, ...] = Field(default=(), description="schemes it applies to; empty: all")
    source: Source

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.workdays is not None and self.calendar_days is not None:
            raise ValueError("give workdays or calendar_days, not both")
        return self


class Workflow(Frozen):
    """The steps in order, and the longest the whole may take."""

    steps: tuple[Step, ...] = Field(min_length=1)


class FormField(Frozen):
    """One field of a form; `from` names where the case has it."""

    id: str = Field(pattern=NAME)
    label: str
    required: bool = True
    from_: str = Field(default="", alias="from")


class Form(Frozen):
    """A form of the procedure. `number` is its number among the document's annexes."""

    id: str
    number: int | None = None
    title: str
    filled_by: str
    step: str
    text_key: str = ""
    fields: tuple[FormField, ...] = ()
    source: Source


class PackFile(Frozen):
    """`pack.yml`."""

    name: str
    title: str
    level: Level
    parent: str | None = None
    languages: tuple[str, ...] = ("zh-CN",)
    texts: dict[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """One jurisdiction, its ancestors' values overlaid by its own. Told apart by identity, so it can be a key.

    `folders` runs from this pack to its oldest ancestor. `places` maps `(kind, id)` to where the value stands,
    kind being parameter, fact, quantity, check, scheme, condition, note, step, form or text; a condition's id is
    `scheme.condition`.
    """

    name: str
    title: str
    level: Level
    parent: str | None
    version: str
    folders: tuple[Path, ...]
    documents: tuple[Document, ...]
    parameters: Mapping[str, Parameter]
    facts: Mapping[str, Fact]
    quantities: Mapping[str, Quantity]
    checks: Mapping[str, Check]
    schemes: Mapping[str, Scheme]
    workflow: Workflow
    forms: Mapping[str, Form]
    texts: Mapping[str, str]
    places: Mapping[tuple[str, str], Place]

    def document(self, document_id: str) -> Document | None:
        """The document with this id, own or inherited."""
        return next((document for document in self.documents if document.id == document_id), None)

    def cite(self, source: Source) -> tuple[str, str]:
        """(document title, clause) of a source, as printed in reasons."""
        if isinstance(source, Reference):
            document = self.document(source.document)
            return (document.title if document else source.document), source.clause
        if isinstance(source, External):
            return source.title, source.clause
        return f"{self.title}{EXAMPLE}参数", EXAMPLE

    def files(self, name: str) -> tuple[Path, ...]:
        """The files of this name that exist, this pack's first, then its ancestors' (glossary.yml, eval.yml)."""
        return tuple(path for folder in self.folders if (path := folder / name).is_file())
