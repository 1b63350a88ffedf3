"""A draft: what ingestion proposes as a document, with everything a person needs to judge it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from policies_kb.clauses import Aspect
from policies_kb.types import Frozen

TOOL = "jzt kb ingest 1"

State = Literal["open", "accepted", "rejected"]
Field_ = Literal["title", "issuer", "number", "effective_from", "effective_to", "residents"]
Settling = Literal["confirmed", "replaced", "by_date"]


class Settled(Frozen):
    """Who dealt with a mark, when and how. `text`: what was put in its place."""

    by: str
    at: datetime
    how: Settling
    text: str | None = None


class DraftMark(Frozen):
    """Something a person must look at before the draft can be accepted.

    `clause` is a clause's key, `field` a field of the document's head; a mark has at most one of them. `text` is the
    doubtful piece as it stands in the draft, `why` plain Chinese. `line` is the 1-based line of the source.
    """

    id: str
    kind: str
    clause: int | None = None
    field: Field_ | None = None
    line: int | None = None
    text: str = ""
    why: str
    settled: Settled | None = None


class DraftRepair(Frozen):
    """One change made to a line of the source."""

    line: int
    kind: str
    before: str
    after: str


class DraftFigure(Frozen):
    """A figure of a clause. `low` and `high` are decimal numbers as text, null where the original is masked (××元).

    Sums are in yuan. `start` and `end` are 0-based offsets into `figures.telling(heading, text)` as proposed.
    """

    kind: str
    low: str | None
    high: str | None
    unit: str
    text: str
    start: int
    end: int


class Content(Frozen):
    """What a section of the document says."""

    number: str
    heading: str
    path: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    aspect: Aspect
    asks: tuple[str, ...] = ()
    text: str
    parameters: tuple[str, ...] = ()


class DraftClause(Frozen):
    """One clause with where it comes from.

    `key` counts from 1 in the order of the original. `proposed` is what ingestion proposed; what it says now stands
    in draft.md. `left_out` says why the clause is not in draft.md ("" when it is). `covers` are the printed numbers
    that were folded into it; `why` gives the reasons of the proposals. `lines` are the first and last 1-based line.
    """

    key: int
    number: str
    heading: str
    left_out: str = ""
    proposed: Content
    original: str
    lines: tuple[int, int]
    pages: tuple[int, ...] = ()
    covers: tuple[str, ...] = ()
    repairs: tuple[DraftRepair, ...] = ()
    figures: tuple[DraftFigure, ...] = ()
    why: tuple[str, ...] = ()


class Provenance(Frozen):
    """Where a draft comes from. `plan` of `plans` in the file; `lines` are its first and last 1-based line."""

    file: str
    sha256: str
    media: str
    plan: int
    plans: int
    heading: str = ""
    lines: tuple[int, int]
    notes: tuple[str, ...] = ()


class Said(Frozen):
    """One thing the document says of itself, the words it was read from and how."""

    field: str
    value: str
    quote: str = ""
    why: str = ""


class DraftParameter(Frozen):
    """A figure proposed as an entry of parameters.yml. `value` null: masked in the original."""

    key: str
    name: str
    unit: str
    value: str | None
    clause: str
    quote: str


class DroppedLine(Frozen):
    """A line of the source that is not part of the document, and why."""

    line: int
    text: str
    why: str


class LogEntry(Frozen):
    """What was done to the draft."""

    at: datetime
    by: str
    what: str


class DraftFile(Frozen):
    """`draft.yml`."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    pack: str
    state: State = "open"
    tool: str
    made: datetime
    source: Provenance
    residents: bool
    residents_why: str
    valid_years: int | None = None
    issued: date | None = None
    replaces: str | None = None
    replaces_why: str = ""
    said: tuple[Said, ...] = ()
    clauses: tuple[DraftClause, ...]
    marks: tuple[DraftMark, ...] = ()
    parameters: tuple[DraftParameter, ...] = ()
    dropped: tuple[DroppedLine, ...] = ()
    log: tuple[LogEntry, ...] = ()


class Front(Frozen):
    """The head of the document as it stands in draft.md; what is not known yet is null."""

    id: str
    title: str
    issuer: str | None = None
    number: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    source: str


class DraftDocument(Frozen):
    """draft.md: the document as it would be accepted."""

    front: Front
    sections: tuple[Content, ...]


class Draft(Frozen):
    """A draft with its present text."""

    file: DraftFile
    document: DraftDocument

    @property
    def id(self) -> str:
        return self.file.id

    def section_of(self, clause: DraftClause) -> Content | None:
        """What draft.md now says for a clause; None when it is left out."""
        same = [one for one in self.document.sections if one.number == clause.number]
        named = [one for one in same if one.heading == clause.heading]
        if named:
            return named[0]
        # Edited by hand: the number still tells which one it is when only one clause has it.
        alone = sum(one.number == clause.number for one in self.file.clauses) == 1
        return same[0] if len(same) == 1 and alone else None

    @property
    def open_marks(self) -> tuple[DraftMark, ...]:
        """Marks nobody settled yet, those of clauses that are left out aside."""
        kept = {clause.key for clause in self.file.clauses if self.section_of(clause) is not None}
        return tuple(
            mark
            for mark in self.file.marks
            if mark.settled is None and (mark.clause is None or mark.clause in kept)
        )
