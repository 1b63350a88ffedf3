"""Effects: what the dialogue wants done. The rim (bot/) carries them out; the core only names them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from policies_kb.cards import ResultSheet
from policies_kb.types import Citation


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Button(_Effect):
    """A choice. `payload` comes back as `/button PAYLOAD` or the channel's callback and is parsed by payloads.py."""

    title: str
    payload: str


class Say(_Effect):
    """One message to the resident. Channels degrade what they cannot show.

    `paper`: the rim makes a file of it and sends that along, in `files`.
    """

    kind: Literal["say"] = "say"
    text: str
    buttons: tuple[Button, ...] = ()
    files: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    paper: ResultSheet | None = None
    household: int = Field(default=1, description="number of the household spoken of")
    speech: Literal["normal", "urgent"] = "normal"


class RecordConsent(_Effect):
    """Consent given or withdrawn: purpose, the version of the text shown and its SHA-256 (hex)."""

    kind: Literal["record_consent"] = "record_consent"
    purpose: str
    text_version: str
    text_sha256: str
    given: bool = True
    household: int = Field(default=1, description="number of the household in this conversation")
    given_by: str = Field(
        default="self", description="self, or who says so and how: cadre:phone, guardian:relative"
    )


class CaseDraft(_Effect):
    """A finished application, as the conversation knows it; the back-office adapter builds the case from it."""

    receipt: str = Field(description="receipt number shown to the resident; also the case id")
    idempotency_key: str
    pack: str
    pack_version: str
    schemes: tuple[str, ...]
    applicant: dict[str, JsonValue]
    household: tuple[dict[str, JsonValue], ...] = ()
    contact: dict[str, JsonValue]
    bank_account: dict[str, JsonValue] | None = None
    authorisation: dict[str, JsonValue] = Field(description="text version, sha256, how confirmed, when (ISO)")
    documents: tuple[dict[str, JsonValue], ...] = ()
    assessment: dict[str, JsonValue] | None = None
    deadlines: tuple[dict[str, JsonValue], ...] = ()
    submitted_on: date
    representative: dict[str, JsonValue] | None = Field(
        default=None,
        description="who applies for the applicant: name, role, how consent was given, when, text",
    )
    household_number: int = Field(default=1, description="number of the household in this conversation")


class OpenCase(_Effect):
    """Submit: stored together with its outbox entry in the transaction that stores the state."""

    kind: Literal["open_case"] = "open_case"
    draft: CaseDraft


class RequestHandoff(_Effect):
    """Put the conversation into the waiting list. `urgent` sorts it to the top."""

    kind: Literal["request_handoff"] = "request_handoff"
    reason: str
    urgent: bool = False


class NoteUnanswered(_Effect):
    """A policy question the pack could not answer, for the pack's author. Masked before it is stored."""

    kind: Literal["note_unanswered"] = "note_unanswered"
    question: str


class NoteSatisfaction(_Effect):
    """Answer to the customer_satisfaction pattern."""

    kind: Literal["note_satisfaction"] = "note_satisfaction"
    score: Literal["good", "bad"]
    comment: str = ""


Effect = Annotated[
    Say | RecordConsent | OpenCase | RequestHandoff | NoteUnanswered | NoteSatisfaction,
    Field(discriminator="kind"),
]
