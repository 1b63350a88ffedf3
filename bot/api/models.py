"""The JSON that crosses the HTTP API, as pydantic models; the OpenAPI document is written from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from integrations.ports import Mode
from policies_kb.types import Citation


class _In(BaseModel):
    model_config = ConfigDict(extra="ignore", str_max_length=2_000_000)


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorDetail(_Out):
    """What went wrong. `message` is plain Chinese and may be shown; `code` is for programs."""

    code: str
    message: str


class Error(_Out):
    """Every answer that is not a success."""

    error: ErrorDetail


class Button(_Out):
    """A choice offered with a message."""

    title: str
    payload: str


class File(_Out):
    """A file of a message; its bytes are at …/files/{id}."""

    id: str
    filename: str
    mime: str


class Message(_Out):
    """One line of a conversation. `seq` rises within it; numbers may be missing in between."""

    seq: int
    author: Literal["resident", "bot", "system", "staff"]
    name: str | None = Field(default=None, description="display name of the member of staff")
    text: str
    buttons: list[Button] = []
    files: list[File] = []
    citations: list[Citation] = []
    speech: Literal["normal", "urgent"] = "normal"
    client_id: str | None = None
    payload: str | None = None
    created_at: datetime


class Messages(_Out):
    """Messages after the asked-for number, in order; at most 500. `mode`: who is answering."""

    messages: list[Message]
    mode: Mode


class NewConversation(_In):
    """What a page may wish for when it opens a conversation; no body at all is the usual case."""

    pack: str | None = Field(default=None, max_length=100, description="policy pack; default: the office's")


class ConversationOpened(_Out):
    """A new conversation. `token` is shown this once and is the only way in."""

    conversation_id: str
    token: str


class NewMessage(_In):
    """A text or a pressed button, not both. `client_id`: unique in the conversation; sent again, it is a repeat."""

    client_id: str = Field(min_length=1, max_length=128)
    text: str | None = None
    payload: str | None = None

    @model_validator(mode="after")
    def _one(self) -> NewMessage:
        if (self.text is None) == (self.payload is None):
            raise ValueError("exactly one of text and payload")
        return self


class NewFile(_In):
    """Multipart form: the field `file`, and `client_id` as in NewMessage. `text`: a caption."""

    client_id: str
    text: str | None = None
    file: bytes = Field(json_schema_extra={"format": "binary"})


class MessageAccepted(_Out):
    """The message is stored and cannot be lost; the reply comes later."""

    accepted: Literal[True] = True
    duplicate: bool
    seq: int


class Office(_Out):
    """The office behind the assistant."""

    name: str
    address: str
    hours: str
    phone: str


class WebConfig(_Out):
    """What the chat page needs to know before anything is said. Sizes in bytes."""

    pack: str
    title: str
    office: Office
    hotline: str
    max_text: int
    max_file_bytes: int
    file_types: list[str]


class Login(_In):
    """A member of staff signs in."""

    name: str = Field(max_length=100)
    password: str = Field(max_length=1000)


class Me(_Out):
    """Who is signed in. `csrf` goes into X-CSRF-Token of every POST."""

    name: str
    display_name: str
    role: Literal["worker", "admin"]
    csrf: str


class Colleague(_Out):
    """A member of staff to whom a conversation can be given."""

    name: str
    display_name: str


class Colleagues(_Out):
    """Active staff."""

    staff: list[Colleague]


class Handoff(_Out):
    """A conversation that waits for a person, or has one. `preview` is masked."""

    id: str
    conversation_id: str
    reason: str
    urgent: bool
    channel: str
    waiting_since: datetime
    assignee: str | None
    preview: str


class Inbox(_Out):
    """The waiting list (urgent first, then oldest first), one's own conversations and the colleagues'."""

    waiting: list[Handoff]
    mine: list[Handoff]
    others: list[Handoff]


class Assign(_In):
    """Give the conversation to a colleague."""

    to: str = Field(max_length=100)


class StaffReply(_In):
    """What a member of staff writes to the resident."""

    client_id: str = Field(min_length=1, max_length=128)
    text: str


class CaseSummary(_Out):
    """A submitted application, without its content."""

    id: str
    status: str
    status_title: str
    created_at: datetime


class ConversationView(_Out):
    """A conversation as staff see it. Each look is recorded. `draft`: label -> value, sensitive ones masked."""

    messages: list[Message]
    mode: Mode
    channel: str
    draft: dict[str, str]
    cases: list[CaseSummary]
    handoff: Handoff | None


class OutboxEntry(_Out):
    """A delivery to the back office that was given up for now."""

    id: str
    case_id: str
    attempts: int
    last_error: str
    created_at: datetime


class OutboxView(_Out):
    """Deliveries by status, and the parked ones."""

    counts: dict[str, int]
    parked: list[OutboxEntry]


class EventTaken(_Out):
    """The status event is stored. `duplicate`: it was before."""

    accepted: Literal[True] = True
    duplicate: bool


class Done(_Out):
    """It is done."""

    ok: Literal[True] = True


class Health(_Out):
    """`checks`: part -> ok, or what is wrong with it."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = {}


Json = dict[str, Any]
