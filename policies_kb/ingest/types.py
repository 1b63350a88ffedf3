"""What passes between the steps of ingestion: read a file, repair its lines, split them, draft a document.

    file → read() → Source(lines) → repair() → Repaired(lines) → split, extract, draft

Nothing is lost on the way: a `RepairedLine` carries the original beside the result, a dropped line stays in the list
with its reason, and what could not be restored is marked for a person instead of guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

Progress = Callable[[str], None]
"""Is told in plain Chinese what is being done."""
LONG = 2000
"""So many lines or clauses go by between two reports on how far a long file is."""

Media = Literal["txt", "html", "docx", "pdf", "pdf-scan", "image"]

# Where a line stood on the page. Headers and footers are kept apart and never reach the text of a clause.
Part = Literal["body", "heading", "row", "header", "footer"]

RepairKind = Literal[
    "mojibake",  # characters of a wrong decoding, restored from their bytes or from their context
    "pinyin",  # a reading in brackets after its character taken out: 責(zé)任 → 责任
    "traditional",  # traditional characters turned simplified
    "width",  # full-width digits and letters, compatibility forms, half-width punctuation in Chinese text
    "space",  # spaces and invisible characters that carry nothing
    "quotes",  # straight or mismatched quotation marks
    "stray",  # an apostrophe, backtick or other single mark inside a sentence that means nothing
    "page_number",  # a page number inside a sentence taken out
    "joined",  # lines of one broken sentence put together
    "dropped",  # the whole line is no part of the document (advertisement, navigation, page furniture)
]

MarkKind = Literal[
    "mojibake",  # bytes are lost: the characters are not known
    "mojibake_context",  # restored by its context (the sequence of numbers), not proven by bytes
    "pinyin",  # Latin letters in brackets that are no reading of the character before them
    "traditional",  # the conversion had more than one answer
    "missing_year",  # 20xx年: the year was taken out by the publisher
    "missing_text",  # words are visibly lost: a placeholder, an empty bracket, a sentence that breaks off
    "stray_line",  # a bare short line between two numbered paragraphs that follow each other
    "ocr",  # the recogniser was not sure of this line
    "encoding",  # the file's encoding was guessed with doubt
]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something a person must look at. `text` is the doubtful piece as it now stands, `why` is plain Chinese."""

    kind: MarkKind
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line as read: a paragraph, a heading, or a table row with its cells joined by ` | `.

    line is 1-based within the file's text as read; page is 1-based or None where the format has no pages; level is
    1-9 for headings the format itself declares, else 0. `marks` are the reader's own doubts (OCR score).
    """

    text: str
    line: int
    page: int | None = None
    part: Part = "body"
    level: int = 0
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A file as read. sha256 is the hex digest of the file's bytes; `notes` are plain Chinese, for the operator."""

    path: Path
    media: Media
    sha256: str
    lines: tuple[SourceLine, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repair:
    """One change. `before` and `after` are the pieces that differ, with enough around them to be found."""

    kind: RepairKind
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RepairedLine:
    """One line after repair, beside what it was.

    `original` is the text as read; of lines that were joined it holds all of them with newlines between. `line` and
    `page` are those of the first of them, `joined` the line numbers of the others (a dropped page footer may stand
    between). A dropped line keeps its repaired text and says in `dropped` why (plain Chinese); None means it is part
    of the document.
    """

    text: str
    original: str
    line: int
    page: int | None = None
    repairs: tuple[Repair, ...] = ()
    marks: tuple[Mark, ...] = ()
    dropped: str | None = None
    part: Part = "body"
    level: int = 0
    joined: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Repaired:
    """A whole file after repair. `lines` include the dropped ones; `kept` leaves them out."""

    source: Source
    lines: tuple[RepairedLine, ...]

    @property
    def kept(self) -> tuple[RepairedLine, ...]:
        """The lines that are part of the document and not empty."""
        return tuple(line for line in self.lines if line.dropped is None and line.text)

    def originals(self) -> tuple[str, ...]:
        """The lines as they were read, in their order: equal to the texts of `source.lines`."""
        numbered: dict[int, str] = {}
        for line in self.lines:
            numbered.update(zip((line.line, *line.joined), line.original.split("\n"), strict=True))
        return tuple(text for _, text in sorted(numbered.items()))


@dataclass(frozen=True, slots=True)
class OcrLine:
    """One recognised line in reading order. score is 0..1; box is left, top, right, bottom in pixels of the picture."""

    text: str
    score: float
    box: tuple[float, float, float, float]


@runtime_checkable
class Ocr(Protocol):
    """Reads the text of a picture. Implemented in integrations/documents/ocr.py, put in by the command line."""

    def lines(self, picture: bytes) -> tuple[OcrLine, ...]:
        """The lines of one picture (PNG or JPEG bytes) in reading order; empty where there is no text.

        The picture may be turned by quarter turns or a few degrees and may hold two columns.
        """
        ...


class UnreadableSource(Exception):
    """A file that cannot be read. `message_zh` says what is wrong, `cure_zh` what to do; both are plain Chinese."""

    def __init__(self, path: Path, message_zh: str, cure_zh: str) -> None:
        self.path = path
        self.message_zh = message_zh
        self.cure_zh = cure_zh
        super().__init__(f"{path.name}: {message_zh} {cure_zh}")
