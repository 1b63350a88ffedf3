"""The whole of a conversation that must survive a restart: JSON in, JSON out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from dialogues.effects import Say


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


class DialogueState(BaseModel):
    """State of one conversation. `version` counts turns, so a lost update is seen."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    version: int = 0
    stack: list[Frame] = Field(default_factory=list)
    slots: dict[str, JsonValue] = Field(default_factory=dict)
    facts: dict[str, JsonValue] = Field(
        default_factory=dict, description="self-assessment facts, contract names"
    )
    skipped: list[str] = Field(default_factory=list)
    drafts: dict[str, list[Frame]] = Field(
        default_factory=dict, description="flow id -> frames kept by cancel/pause"
    )
    failures: int = Field(default=0, description="failures of understanding in a row")
    last_said: list[Say] = Field(default_factory=list)
    last_scheme: str | None = Field(
        default=None, description="scheme last spoken of, for follow-up questions"
    )
    case_id: str | None = Field(default=None, description="receipt of the last submitted case")
    applications: int = Field(
        default=0, description="applications begun; the draft's number in receipts and keys"
    )
    handoff: bool = False
    started: bool = False
    last_at: datetime | None = None
