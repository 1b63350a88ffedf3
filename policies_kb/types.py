"""What the policy side hands to its callers: answers with citations, assessment results, questions to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Outcome = Literal["likely", "unlikely", "unknown"]
ReasonKind = Literal["condition", "amount", "note"]
FactType = Literal["int", "money", "bool", "choice", "number", "text", "date"]


class Frozen(BaseModel):
    """Base of the value objects: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Citation(Frozen):
    """A clause an answer or a rule rests on. `quote` is the pack's clause text, never invented."""

    document: str = Field(description="title of the source document, in Chinese")
    clause: str = Field(description="clause number as printed, for example 三(二)4")
    scheme: str | None = Field(description="scheme id in pinyin, or null for procedures")
    quote: str
    pack: str


class Answer(Frozen):
    """Result of a policy question. `answered` is false for an honest refusal; then `citations` is empty."""

    answered: bool
    answer: str
    citations: tuple[Citation, ...] = ()
    confidence: float = Field(ge=0, le=1)
    suggestions: tuple[str, ...] = ()
    leads_to: Literal["assess", "case_status"] | None = None
    scheme: str | None = None
    aspect: str | None = Field(default=None, description="side of the scheme told, for a follow-up question")


class Reason(Frozen):
    """One line of a result: what was compared with what, and the clause it rests on.

    `kind` sorts the lines of a card (what decides, how much, what else to know) and is no part of the contract.
    """

    text: str
    clause: str
    document: str
    kind: ReasonKind = Field(default="condition", exclude=True)


class SchemeResult(Frozen):
    """What the rules say of one scheme. Amounts are in yuan; null where the rules give none or it is not known.

    A range is (lowest, highest) in yuan, where what was told leaves the sum of a likely scheme open; highest None:
    it is at least the lowest.
    """

    scheme: str
    outcome: Outcome
    amount_month: float | None = None
    amount_once: float | None = None
    amount_month_range: tuple[float, float | None] | None = None
    amount_once_range: tuple[float, float | None] | None = None
    reasons: tuple[Reason, ...] = ()
    missing: tuple[str, ...] = ()
    next: str = ""
    borderline: bool = False


class AnswerEffect(Frozen):
    """What one answer did: the condition it decided, met or not, and the schemes that have it."""

    key: str
    schemes: tuple[str, ...]
    met: bool
    reason: Reason


class Change(Frozen):
    """A scheme that another answer would change; `reason`: the sentence that says why, where there is one."""

    before: SchemeResult
    after: SchemeResult
    reason: Reason | None = None


class Choice(Frozen):
    """One allowed answer: the stored value and the words on its button."""

    value: JsonValue
    title: str


class FactQuestion(Frozen):
    """One question of the self-assessment.

    `key` names the fact it fills: a household fact (`savings`) or a member's (`household.0.age`).
    Ranges offered for sums are choices whose value is a representative figure in yuan.
    """

    key: str
    type: FactType
    unit: str = ""
    text: str
    simpler: str = Field(description="the same question in plainer words, used when asked again")
    why: str = Field(description="why this is asked, in plain words")
    choices: tuple[Choice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    skippable: bool = True
    label: str = Field(default="", description="what the fact is called when it is spoken of")
    beyond: str = Field(default="", description="said of an answer that cannot be; {value} is what was said")


class DoubtChoice(Frozen):
    """One answer to a doubt: `value` is what the fact becomes; None with `again` asks that fact (by key) anew."""

    title: str
    value: JsonValue = None
    again: str | None = None


class Doubt(Frozen):
    """Something unlikely or contradictory among the facts: what to ask about it, and what to report of it.

    `check` is the rule's name in the pack, `key` the fact questioned (`savings`, `household.0.age`).
    """

    check: str
    key: str
    ask: str
    report: str
    choices: tuple[DoubtChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """One step after submission: who does it and within how many workdays of the step before (None: no limit).

    `after` names the step the limit counts from where that is not the step before; `submission` is the application.
    """

    id: str
    title: str
    owner: str
    workdays: int | None
    notice: str
    document: str
    clause: str
    calendar_days: int | None = None
    after: str | None = None
