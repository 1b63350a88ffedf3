"""Policy documents of a pack: Markdown files with front matter, one clause per second-level section.

Format of `documents/<id>.md`::

    ---
    id: nianshen
    title: 县社会救助年审工作方案
    issuer: 县民政局
    number: null            # document number as printed, or null
    effective_from: 2022-01-23
    effective_to: null      # last day in force, or null
    source: where the original stands
    ---
    # 三、试点内容
    ## 三(二)3 入户调查
    schemes: [dibao, tekun]
    aspect: steps
    asks: [多久会有人上门看, 谁来家里调查]
    parameters: [visit_workdays]   # optional: `jzt kb check` sees that the text gives their present values
    disagrees: [{document: shenhe-queren-xiafang, clause: 三(二)6}]   # optional: both are told, neither is hidden

    The clause in our own plain words.

The number of a section is the original's numbering path. Several sections may carry the same number when one
printed clause settles several things; then their titles differ.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from policies_kb.errors import DataFileError, Problem
from policies_kb.sections import ClauseNumber, Section, misplaced, sections
from policies_kb.types import Frozen
from policies_kb.yamlfile import (
    WRITE_DAY,
    faults_of,
    impossible_days,
    line_of,
    plain,
    read_text,
    sound,
    unreadable,
)

Aspect = Literal[
    "who", "how_much", "documents", "where", "how_long", "steps", "decision", "notice", "objection", "payment",
    "check", "exit", "duty", "care", "complaint", "service",
]  # fmt: skip

Dated = Literal["in_force", "expired", "not_yet"]


class Reference(Frozen):
    """A pointer to a clause, as rules and workflows write it."""

    document: str = Field(description="document id")
    clause: ClauseNumber = Field(description="clause number as printed")


class Clause(Frozen):
    """One thing a document settles, in plain words. `text` is what residents read and what is quoted."""

    document_id: str
    document_title: str
    number: str
    heading: str
    path: tuple[str, ...] = ()
    text: str
    schemes: tuple[str, ...]
    aspect: Aspect
    asks: tuple[str, ...] = Field(
        min_length=1, description="questions it answers; the first is suggested to residents"
    )
    amends: tuple[Reference, ...] = Field(
        default=(), description="clauses of a parent pack that this one changes here"
    )
    disagrees: tuple[Reference, ...] = Field(
        default=(), description="clauses of other documents in force that settle the same thing otherwise"
    )
    parameters: tuple[str, ...] = Field(default=(), description="parameters whose values the text must give")
    texts: tuple[str, ...] = Field(default=(), description="texts of pack.yml that the text must give")
    effective_from: date
    effective_to: date | None
    pack: str
    line: int

    def dated(self, today: date) -> Dated:
        """Whether the clause is in force on `today`."""
        if today < self.effective_from:
            return "not_yet"
        if self.effective_to is not None and today > self.effective_to:
            return "expired"
        return "in_force"


class Document(Frozen):
    """One source document, with its clauses in the order of the original."""

    id: str
    title: str
    issuer: str
    number: str | None
    effective_from: date
    effective_to: date | None
    source: str
    clauses: tuple[Clause, ...]
    path: Path

    def find(self, number: str) -> tuple[Clause, ...]:
        """All sections that carry this clause number; empty when there is none."""
        return tuple(clause for clause in self.clauses if clause.number == number)


class _FrontMatter(Frozen):
    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str = Field(min_length=2)
    issuer: str = Field(min_length=2)
    number: str | None = None
    effective_from: date
    effective_to: date | None = None
    source: str = Field(min_length=2)


class _SectionMeta(Frozen):
    schemes: tuple[str, ...] = ()
    aspect: Aspect
    asks: tuple[str, ...] = Field(min_length=1)
    amends: tuple[Reference, ...] = ()
    disagrees: tuple[Reference, ...] = ()
    parameters: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    effective_from: date | None = None
    effective_to: date | None = None


def load_documents(folder: Path) -> tuple[Document, ...]:
    """Read every `*.md` of a pack's `documents` folder, in the order of file names.

    The pack is named by the folder above `folder`. A missing folder is a pack without documents of its own.

    Raises:
        DataFileError: every fault of every file, with file, line, field, what and cure.
    """
    problems: list[Problem] = []
    documents: list[Document] = []
    for path in sorted(folder.glob("*.md")):
        try:
            documents.append(load_document(path, pack=folder.parent.name))
        except DataFileError as error:
            problems.extend(error.problems)
    if problems:
        raise DataFileError(problems)
    return tuple(documents)


def load_document(path: Path, *, pack: str) -> Document:
    """Read one document file.

    Raises:
        DataFileError: every fault found in the file, with its line.
    """
    lines = read_text(path).splitlines()
    if not lines or lines[0].strip() != "---":
        raise DataFileError(
            [
                Problem(
                    path, 1, "front matter", "the file does not begin with ---", "put the front matter first"
                )
            ]
        )
    end = next((at for at, line in enumerate(lines[1:], start=1) if line.strip() == "---"), None)
    if end is None:
        raise DataFileError([Problem(path, 1, "front matter", "it is not closed", "end it with a line ---")])
    problems: list[Problem] = []
    front = _model(_FrontMatter, lines[1:end], 2, path, "front matter", problems)
    if front is not None and front.id != path.stem:
        problems.append(
            Problem(path, 2, "id", f"is {front.id!r} but the file is {path.name}", "make them the same")
        )
    if front is not None and front.effective_to is not None and front.effective_to < front.effective_from:
        line = next((at for at, text in enumerate(lines, start=1) if text.startswith("effective_to:")), 2)
        problems.append(Problem(path, line, "effective_to", "lies before effective_from", "correct a date"))
        front = None
    clauses: list[Clause] = []
    group = ""
    seen: dict[tuple[str, str], int] = {}
    for section in sections(lines, end + 1):
        if section.level == 1:
            group = section.title
            continue
        clause = _clause(front, pack, path, section, group, problems)
        if clause is None:
            continue
        key = (clause.number, clause.heading)
        if key in seen:
            what = f"the same section stands at line {seen[key]}"
            problems.append(Problem(path, section.line, section.title, what, "rename or merge"))
        seen[key] = section.line
        clauses.append(clause)
    if not clauses and not problems:
        problems.append(
            Problem(path, end + 2, "", "no clause found", "write each as a section '## number title'")
        )
    if problems or front is None:
        raise DataFileError(problems)
    return Document(**front.model_dump(), clauses=tuple(clauses), path=path)


def _clause(
    front: _FrontMatter | None, pack: str, path: Path, section: Section, group: str, problems: list[Problem]
) -> Clause | None:
    at, title, text = section.line, section.title, section.text
    named = section.number_and_heading()
    if named is None:
        what = "the section has no clause number and title"
        problems.append(Problem(path, at, title, what, f"write '{section.meant()}'"))
        return None
    number, heading = named
    slips = misplaced(section, tuple(_SectionMeta.model_fields))
    if slips:
        problems.extend(
            Problem(path, line, f"{title}.{field}" if field else title, what, cure)
            for line, field, what, cure in slips
        )
        return None
    fields = list(section.body[section.start : section.fields])
    meta = _model(_SectionMeta, fields, at + 1 + section.start, path, title, problems)
    if not text:
        problems.append(Problem(path, at, title, "the clause has no text", "write it in plain words"))
    if meta is None or front is None or not text:
        return None
    begins, ends = meta.effective_from or front.effective_from, meta.effective_to or front.effective_to
    if ends is not None and ends < begins:
        problems.append(
            Problem(path, at, f"{title}.effective_to", "lies before effective_from", "correct a date")
        )
        return None
    return Clause(
        document_id=front.id, document_title=front.title, number=number, heading=heading,
        path=(group,) if group else (), text=text, schemes=meta.schemes, aspect=meta.aspect, asks=meta.asks,
        amends=meta.amends, disagrees=meta.disagrees, parameters=meta.parameters, texts=meta.texts, effective_from=begins, effective_to=ends, pack=pack, line=at,
    )  # fmt: skip


def _model(model: Any, lines: list[str], first: int, path: Path, field: str, problems: list[Problem]) -> Any:
    """The YAML `lines` (whose first has 1-based number `first`) as `model`, or None with problems added."""
    text = "\n".join(lines)
    quick = sound(text, model)
    if quick is not None:
        return quick
    try:
        data = YAML(typ="rt").load(text) or {}
    except MarkedYAMLError as error:
        line, what, cure = unreadable(error, lines)
        problems.append(Problem(path, first + line - 1, field, what, cure))
        return None
    except ValueError as error:
        days = impossible_days(text) or [(1, str(error))]
        problems += [
            Problem(path, first + line - 1, field, f"{written} is no day of the calendar", WRITE_DAY)
            for line, written in days
        ]
        return None
    try:
        return model.model_validate(plain(data))
    except ValidationError as error:
        for where, what, cure in faults_of(error):
            found = line_of(data, where) if data else None
            # line_of counts from the first line of this block.
            line = first + found - 1 if found else max(first - 1, 1)
            name = ".".join(str(part) for part in where)
            problems.append(Problem(path, line, f"{field}.{name}", what, cure))
        return None
