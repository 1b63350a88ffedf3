"""The whole of a conversation that must survive a restart: JSON in, JSON out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from dialogues.commands import Role
from dialogues.effects import Button, Say
from dialogues.ports import SlotType
from policies_kb.types import Doubt, FactQuestion


class Frame(BaseModel):
    """One flow on the stack. The top frame is the one that speaks."""

    model_config = ConfigDict(extra="forbid")

    flow: str
    step: str
    kind: Literal["user", "pattern"] = "user"
    asked: bool = Field(
        default=False, description="the collect step's question stands in the chat, unanswered"
    )
    data: dict[str, JsonValue] = Field(default_factory=dict, description="the frame's own scratch values")


class CaseNote(BaseModel):
    """What the conversation remembers of a submitted application."""

    model_config = ConfigDict(extra="forbid")

    application: int = Field(
        description="its number in this conversation, 1, 2, …; 0 when it came from elsewhere"
    )
    receipt: str
    submitted_on: date | None = None
    schemes: list[str] = Field(default_factory=list)
    status: str = "submitted"
    text: str = Field(default="", description="what the office said last, in plain Chinese")
    updated_at: datetime | None = None
    household: int = Field(default=1, description="number of the household it is for")


class Doubted(BaseModel):
    """An answer that is asked about before it counts, and the doubt about it."""

    model_config = ConfigDict(extra="forbid")

    value: JsonValue
    doubt: Doubt


class OfHousehold(BaseModel):
    """What a conversation keeps of one household: everything told of it, asked about it and begun for it."""

    model_config = ConfigDict(extra="forbid")

    who: str = Field(
        default="",
        description="whom the household is of, as the speaker calls them (王大娘); empty: the speaker's",
    )
    role: Role | None = Field(default=None, description="what the speaker is to them; None: not known")
    spoken_at: datetime | None = Field(default=None, description="when it was last spoken of")
    stack: list[Frame] = Field(default_factory=list)
    slots: dict[str, JsonValue] = Field(default_factory=dict)
    facts: dict[str, JsonValue] = Field(
        default_factory=dict, description="self-assessment facts, contract names"
    )
    doubts: dict[str, Doubted] = Field(
        default_factory=dict, description="facts whose answer is in doubt, by key; oldest first"
    )
    skipped: list[str] = Field(default_factory=list)
    drafts: dict[str, list[Frame]] = Field(
        default_factory=dict, description="flow id -> frames kept by cancel/pause"
    )
    last_scheme: str | None = Field(
        default=None, description="scheme last spoken of, for follow-up questions"
    )
    last_aspect: str | None = Field(
        default=None, description="side of it last told (how_much, documents, ...), for follow-up questions"
    )
    case_id: str | None = Field(default=None, description="receipt of the last submitted case")
    answered: dict[str, SlotType] = Field(
        default_factory=dict, description="slots and facts answered, oldest first: what a correction can mean"
    )
    asked_facts: dict[str, FactQuestion] = Field(
        default_factory=dict, description="fact key -> the question as it was asked, to ask it again"
    )
    assessment: dict[str, JsonValue] | None = Field(
        default=None, description="snapshot of the last self-assessment: pack, version, day, facts, results"
    )
    what_if: dict[str, JsonValue] = Field(
        default_factory=dict, description="answers of the last what-if, until they are adopted"
    )
    consent: dict[str, JsonValue] | None = Field(
        default=None,
        description="consent in force: purpose, text version, sha256, when; for another, by whom",
    )
    authorisation: dict[str, JsonValue] | None = Field(
        default=None, description="authorisation confirmed for the draft"
    )
    files: list[dict[str, JsonValue]] = Field(
        default_factory=list, description="files sent that no question has taken up yet"
    )


class Household(OfHousehold):
    """A household that is not spoken of just now."""

    number: int = Field(ge=1)


class DialogueState(OfHousehold):
    """State of one conversation; what it holds of a household is the one spoken of just now.

    `version` counts turns, so a lost update is seen.
    """

    schema_version: Literal[2] = 2
    version: int = 0
    household: int = Field(
        default=1, ge=1, description="number of the household spoken of, in order of mention"
    )
    households: list[Household] = Field(default_factory=list, description="the others, the latest last")
    speaker: str = Field(
        default="", description="name of whoever speaks for others; asked once, with the first application"
    )
    failures: int = Field(default=0, description="failures of understanding in a row")
    last_said: list[Say] = Field(default_factory=list)
    offered: list[Button] = Field(
        default_factory=list, description="every button of the last turn: who types its words means it"
    )
    applications: int = Field(
        default=0, description="applications begun; the draft's number in receipts and keys"
    )
    cases: list[CaseNote] = Field(default_factory=list)
    handoff: bool = False
    started: bool = False
    last_at: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _upgrade(cls, data: Any) -> Any:
        """A state stored before there were several households (version 1) is that of the first."""
        return (
            {**data, "schema_version": 2}
            if isinstance(data, dict) and data.get("schema_version") == 1
            else data
        )
