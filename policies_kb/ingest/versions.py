"""Compares a live document with a newer version of it, clause by clause, and retires the old by date."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Protocol

import jieba
from rapidfuzz.distance import Indel

from policies_kb.clauses import Document
from policies_kb.errors import DataFileError
from policies_kb.ingest.figures import Figure, find_figures, telling
from policies_kb.loader import sources
from policies_kb.pack import Pack
from policies_kb.retrieval.evaluate import load_questions
from policies_kb.yamlfile import read_text

Kind = Literal["unchanged", "changed", "new", "gone"]
Step = Literal["equal", "delete", "insert"]

# Likeness that a clause of the same number, or of another number, must have to count as the same clause.
_SAME_NUMBER = 0.3
_OTHER_NUMBER = 0.6
_NUMBER_BONUS = 0.15
_HEADING_BONUS = 0.15
_ORDER: dict[Kind, int] = {"changed": 0, "new": 1, "gone": 2, "unchanged": 3}


class Piece(Protocol):
    """What is compared: a clause of a document or a section of a draft."""

    @property
    def number(self) -> str: ...
    @property
    def heading(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Change:
    """One clause in both versions. A number is None where that version has no such clause.

    `words` is the way from the old text to the new in words; `figures_gone` and `figures_new` are the figures, as
    printed, that only one of them has.
    """

    kind: Kind
    old_number: str | None
    new_number: str | None
    heading: str
    words: tuple[tuple[Step, str], ...]
    figures_gone: tuple[str, ...] = ()
    figures_new: tuple[str, ...] = ()

    @property
    def renumbered(self) -> bool:
        """Whether the clause stands under another number now."""
        return (
            self.old_number is not None and self.new_number is not None and self.old_number != self.new_number
        )

    @property
    def figures_changed(self) -> bool:
        return bool(self.figures_gone or self.figures_new)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Old and new, clause by clause: changed figures first, then other changes, what is unchanged last."""

    old: str
    new: str
    changes: tuple[Change, ...]

    def count(self, kind: Kind) -> int:
        return sum(change.kind == kind for change in self.changes)


def compare(old_id: str, old: Sequence[Piece], new_id: str, new: Sequence[Piece]) -> Comparison:
    """Compare two versions; clauses are matched by number and by likeness, so renumbered ones are recognised."""
    pairs = _pairs(old, new)
    changes: list[Change] = []
    for at, piece in enumerate(new):
        before = pairs.get(at)
        if before is None:
            changes.append(_one("new", None, piece))
            continue
        other = old[before]
        kind: Kind = "unchanged" if _plain(other.text) == _plain(piece.text) else "changed"
        gone, fresh = _figures(other, piece)
        changes.append(
            Change(
                kind,
                other.number,
                piece.number,
                piece.heading,
                word_changes(other.text, piece.text),
                gone,
                fresh,
            )
        )
    matched = set(pairs.values())
    changes += [_one("gone", piece, None) for at, piece in enumerate(old) if at not in matched]
    ordered = sorted(changes, key=lambda change: (not change.figures_changed, _ORDER[change.kind]))
    return Comparison(old_id, new_id, tuple(ordered))


def word_changes(old: str, new: str) -> tuple[tuple[Step, str], ...]:
    """The way from one text to another in words. Joined, what is not inserted is `old`, what is not deleted `new`."""
    before, after = list(jieba.cut(old)), list(jieba.cut(new))
    found: list[tuple[Step, str]] = []
    for step in Indel.opcodes(before, after):
        if step.tag == "equal":
            found.append(("equal", "".join(before[step.src_start : step.src_end])))
            continue
        if step.src_end > step.src_start:
            found.append(("delete", "".join(before[step.src_start : step.src_end])))
        if step.dest_end > step.dest_start:
            found.append(("insert", "".join(after[step.dest_start : step.dest_end])))
    return tuple(found)


def likeness(one: str, other: str) -> float:
    """0 (nothing in common) to 1 (the same), blanks and punctuation aside."""
    return float(Indel.normalized_similarity(_plain(one), _plain(other)))


def _pairs(old: Sequence[Piece], new: Sequence[Piece]) -> dict[int, int]:
    """New clause → old clause, the likest pairs first, each clause once."""
    scored: list[tuple[float, int, int]] = []
    for at, piece in enumerate(new):
        for before, other in enumerate(old):
            like = likeness(piece.text, other.text)
            same_number, same_heading = (
                piece.number == other.number,
                _plain(piece.heading) == _plain(other.heading),
            )
            if like >= (_SAME_NUMBER if same_number or same_heading else _OTHER_NUMBER):
                scored.append(
                    (like + _NUMBER_BONUS * same_number + _HEADING_BONUS * same_heading, at, before)
                )
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, at, before in sorted(scored, key=lambda row: (-row[0], row[1], row[2])):
        if at not in pairs and before not in taken:
            pairs[at] = before
            taken.add(before)
    return pairs


def _one(kind: Kind, old: Piece | None, new: Piece | None) -> Change:
    piece = new or old
    if piece is None:
        raise ValueError("a change has at least one side")
    step: Step = "insert" if new else "delete"
    printed = tuple(dict.fromkeys(one.text for one in find_figures(telling(piece.heading, piece.text))))
    return Change(
        kind, old.number if old else None, new.number if new else None, piece.heading, ((step, piece.text),),
        () if new else printed, printed if new else (),
    )  # fmt: skip


def _figures(old: Piece, new: Piece) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = (find_figures(telling(piece.heading, piece.text)) for piece in (old, new))
    return _only(before, after), _only(after, before)


def _only(these: Sequence[Figure], those: Sequence[Figure]) -> tuple[str, ...]:
    left = Counter(one.key for one in these) - Counter(one.key for one in those)
    found = []
    for one in these:
        if left[one.key] > 0:
            left[one.key] -= 1
            found.append(one.text)
    return tuple(found)


def _plain(text: str) -> str:
    return re.sub(r"[\s\u3000\uff0c,。.;\uff1b:\uff1a、\u201c\u201d\"'()\uff08\uff09]", "", text)


class CannotRetire(Exception):
    """The old document cannot end where the new one begins. `message_zh` is plain Chinese, with the cure."""

    def __init__(self, message_zh: str) -> None:
        self.message_zh = message_zh
        super().__init__(message_zh)


def retired_text(document: Document, new_from: date) -> str:
    """The text of a document's file, ending on the day before `new_from`. Nothing else in it changes.

    Raises:
        CannotRetire: it, or one of its clauses, begins only on that day or later.
    """
    last = new_from - timedelta(days=1)
    late = [clause.number for clause in document.clauses if clause.effective_from > last]
    if document.effective_from > last or late:
        which = f"(条款 {'、'.join(late)})" if late and document.effective_from <= last else ""
        raise CannotRetire(
            f"旧文件《{document.title}》{which}的生效日期不早于新文件的 {new_from}。请核对新文件的生效日期，"
            f"或先改 {document.path.name} 里的日期。"
        )
    lines = read_text(document.path).split("\n")
    end = next(at for at, line in enumerate(lines[1:], start=1) if line.strip() == "---")
    written = f"effective_to: {last.isoformat()}"
    at = next((at for at in range(1, end) if lines[at].startswith("effective_to:")), None)
    if at is None:
        lines.insert(end, written)
    elif document.effective_to is None or document.effective_to > last:
        lines[at] = written
    # A clause with a later end of its own must not outlive its document.
    for clause in document.clauses:
        if (
            clause.effective_to is not None
            and clause.effective_to > last
            and clause.effective_to != document.effective_to
        ):
            own = next(
                (number for number in range(clause.line, min(clause.line + 12, len(lines)))
                 if lines[number].startswith("effective_to:")), None,
            )  # fmt: skip
            if own is not None:
                lines[own] = written
    return "\n".join(lines)


def referring(pack: Pack, document_id: str) -> tuple[str, ...]:
    """What in a pack names a document: file, line and what, one a line, for the person who retires it."""
    found: list[str] = []
    for kind, key, source in sources(pack):
        if getattr(source, "document", None) == document_id:
            place = pack.places[kind, key]
            found.append(f"{_short(place.file, pack)}:{place.line or ''} {key}")
    for document in pack.documents:
        found += [
            f"{_short(document.path, pack)}:{clause.line} {clause.number}"
            for clause in document.clauses
            if document.id != document_id
            and any(one.document == document_id for one in (*clause.amends, *clause.disagrees))
        ]
    for path in pack.files("eval.yml"):
        try:
            questions = load_questions(path)
        except DataFileError:
            continue
        number = sum(any(clause.split(" ")[0] == document_id for clause in one.clause) for one in questions)
        if number:
            found.append(f"{_short(path, pack)} {number} 个评测问题")
    return tuple(dict.fromkeys(found))


def _short(path: Path, pack: Pack) -> str:
    for folder in pack.folders:
        if path.is_relative_to(folder):
            return f"{folder.name}/{path.relative_to(folder).as_posix()}"
    return path.name
