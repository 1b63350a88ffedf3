"""The JSON of the policy console, as pydantic models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from policies_kb.clauses import Aspect
from policies_kb.ingest.draft import (
    Content,
    DraftFigure,
    DraftMark,
    DraftParameter,
    DraftRepair,
    DroppedLine,
    Front,
    LogEntry,
    State,
)

_WORDS = 20_000


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", str_max_length=_WORDS)


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PackName(_Out):
    """A pack that can be asked."""

    name: str
    title: str


class SchemeName(_Out):
    """A scheme a conversation may be about."""

    id: str
    name: str


class PolicyDesk(_Out):
    """What the page begins with. `may_decide`: whether this person may change drafts; `schemes`: of all packs."""

    packs: list[PackName]
    pack: str
    may_decide: bool
    aspects: list[str]
    schemes: list[SchemeName]


class Try(_In):
    """A question to try; `scheme` is what the conversation is about."""

    pack: str = Field(max_length=100)
    question: str
    scheme: str | None = Field(default=None, max_length=100)


class DraftLine(_Out):
    """One line of the list of drafts."""

    id: str
    title: str
    state: State
    residents: bool
    residents_why: str
    file: str
    plan: int
    plans: int
    clauses: int
    left_out: int
    open_marks: int
    replaces: str | None
    made: datetime


class Drafts(_Out):
    """Drafts of a pack, residents' first."""

    drafts: list[DraftLine]


class ClauseView(_Out):
    """One clause: the original beside what it became. `now` is null where the clause is left out."""

    key: int
    original: str
    lines: tuple[int, int]
    pages: list[int]
    now: Content | None
    proposed: Content
    left_out: str
    repairs: list[DraftRepair]
    figures: list[DraftFigure]
    why: list[str]
    marks: list[DraftMark]


class ChangeView(_Out):
    """One clause of the old and the new version. `words`: the way from one to the other."""

    kind: Literal["unchanged", "changed", "new", "gone"]
    old_number: str | None
    new_number: str | None
    heading: str
    words: list[tuple[Literal["equal", "delete", "insert"], str]]
    figures_gone: list[str]
    figures_new: list[str]


class DraftView(_Out):
    """A draft with everything a person needs to judge it."""

    id: str
    pack: str
    state: State
    residents: bool
    residents_why: str
    file: str
    lines: tuple[int, int]
    notes: list[str]
    front: Front
    issued: date | None = Field(description="the date the document bears, null where it has none")
    clauses: list[ClauseView]
    marks: list[DraftMark] = Field(description="doubts that belong to no clause")
    open_marks: int
    parameters: list[DraftParameter]
    dropped: list[DroppedLine]
    log: list[LogEntry]
    replaces: str | None
    changes: list[ChangeView]


class Settle(_In):
    """`text` null: right as it stands; else it takes the doubtful words' place."""

    text: str | None = None


class FrontChanges(_In):
    """Fields of the head to change; what is not given stays."""

    title: str | None = None
    issuer: str | None = None
    number: str | None = None
    issued: date | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    source: str | None = None


class ClauseChanges(_In):
    """Fields of a clause to change; what is not given stays. `keep`: take it in, or leave it out."""

    keep: bool | None = None
    number: str | None = None
    heading: str | None = None
    schemes: list[str] | None = None
    aspect: Aspect | None = None
    asks: list[str] | None = None
    text: str | None = None


class Replaces(_In):
    """The live document a draft takes the place of; null: none."""

    document: str | None = None


class Accept(_In):
    """`effective_from`: needed where the document has none."""

    effective_from: date | None = None


class Reject(_In):
    """Why a draft is put aside."""

    why: str


class AcceptedView(_Out):
    """What accepting changed. `refreshed`: the packs that answer by it from now on, in this worker."""

    document: str
    effective_from: date
    effective_to: date | None
    retired: str | None
    retired_to: date | None
    referring: list[str]
    refreshed: list[str]
