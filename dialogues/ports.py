"""What the dialogue core needs from outside, as protocols; implementations are handed in at the rim."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from pydantic import JsonValue

from dialogues.commands import Command
from policies_kb.cards import ResultSheet
from policies_kb.types import (
    Answer,
    AnswerEffect,
    Change,
    Choice,
    Doubt,
    FactQuestion,
    SchemeResult,
    WorkflowStep,
)

__all__ = [
    "AskedSlot", "Knowledge", "SlotType", "Understanding", "UnderstandingContext", "Understood", "WorkCalendar",
    "Workday", "WorkflowStep",
]  # fmt: skip

SlotType = Literal[
    "text", "int", "money", "number", "bool", "choice", "date", "person_name", "id_number", "phone", "bank_account",
    "address", "relation", "file",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class AskedSlot:
    """The question the resident is looking at: what an answer to it must look like.

    `doubted`: it asks about what was just said, so 不对 is about that and nothing earlier. `for_other`: the
    household is another's than the speaker's.
    """

    name: str
    type: SlotType
    choices: tuple[Choice, ...] = ()
    flow: str = ""
    doubted: bool = field(default=False, kw_only=True)
    for_other: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class UnderstandingContext:
    """What understanding may know of the conversation. No personal data beyond slot names and types."""

    conversation_id: str
    pack: str
    asked: AskedSlot | None = None
    filled: Mapping[str, SlotType] = field(default_factory=dict)
    active_flow: str | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """Commands in the order they are to be applied, and where they came from."""

    commands: Sequence[Command]
    intent: str | None = None
    confidence: float = 1.0
    source: Literal["rasa", "rules", "payload", "llm"] = "rules"


class Understanding(Protocol):
    """Text to Commands. Never raises: when the model server is away, the rule fallback answers."""

    async def understand(self, text: str, context: UnderstandingContext) -> Understood: ...


class Knowledge(Protocol):
    """The policy side of one pack, as the dialogue sees it. Pure and quick (milliseconds)."""

    @property
    def pack(self) -> str: ...

    @property
    def version(self) -> str: ...

    def answer(
        self, question: str, *, today: date, scheme: str | None = None, aspect: str | None = None
    ) -> Answer:
        """`scheme` and `aspect`: what was spoken of last, for a follow-up question."""
        ...

    def next_question(
        self, facts: Mapping[str, JsonValue], *, skipped: Collection[str] = (), schemes: Collection[str] = (),
        after: str | None = None, today: date,
    ) -> FactQuestion | None:  # fmt: skip
        """`schemes`: only these are to be decided (none: all); `after`: key of the question before, for its topic."""
        ...

    def hanging(
        self, facts: Mapping[str, JsonValue], key: str, *, skipped: Collection[str] = (),
        schemes: Collection[str] = (), today: date,
    ) -> Sequence[str]:  # fmt: skip
        """The schemes whose outcome or amount the answer to a question can still change."""
        ...

    def effects(
        self,
        facts: Mapping[str, JsonValue],
        keys: Iterable[str],
        *,
        schemes: Collection[str] = (),
        today: date,
    ) -> Sequence[AnswerEffect]:
        """What these answers did to the conditions of these schemes (none named: all)."""
        ...

    def what_if(
        self, facts: Mapping[str, JsonValue], answers: Mapping[str, JsonValue], *, today: date
    ) -> Sequence[Change]:
        """What other answers would change. Raises KeyError or ValueError for an answer that cannot be."""
        ...

    def question(self, facts: Mapping[str, JsonValue], key: str, *, today: date) -> FactQuestion:
        """The question of one fact, to ask it again or to name it. Raises KeyError when there is no such fact."""
        ...

    def with_answer(
        self, facts: Mapping[str, JsonValue], key: str, value: JsonValue
    ) -> dict[str, JsonValue]: ...

    def doubts(self, facts: Mapping[str, JsonValue], *, today: date) -> Sequence[Doubt]:
        """What is unlikely or contradictory among these facts."""
        ...

    def raised_doubts(
        self, facts: Mapping[str, JsonValue], key: str, value: JsonValue, *, today: date
    ) -> Sequence[Doubt]:
        """What is unlikely or contradictory once this answer is among the facts, and was not before."""
        ...

    def assess(
        self, facts: Mapping[str, JsonValue], *, today: date, interview: bool = False
    ) -> Sequence[SchemeResult]:
        """`interview`: a fact that can be asked and was not told is not known, and stands for nothing."""
        ...

    def sheet(self, results: Sequence[SchemeResult], *, today: date) -> ResultSheet:
        """The results of `assess` as cards, best first."""
        ...

    def scheme_name(self, scheme: str) -> str: ...

    def workflow(self, schemes: Collection[str]) -> Sequence[WorkflowStep]: ...

    def text(self, key: str) -> str:
        """A text of the pack by dotted key: hotline, emergency numbers, office address and hours, retention, …"""
        ...


@dataclass(frozen=True, slots=True)
class Workday:
    """A computed date; `provisional` when the official calendar does not reach it yet (weekends only were skipped)."""

    day: date
    provisional: bool


class WorkCalendar(Protocol):
    """Chinese workdays."""

    def add_workdays(self, start: date, days: int) -> Workday: ...
