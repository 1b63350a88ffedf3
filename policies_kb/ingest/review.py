"""The person's part of ingestion: look at drafts, settle marks, edit, accept or reject.

Nothing that ingestion wrote is live before `accept`. Every function names the pack; `packs_dir` None means the
shipped packs. Names of people (`by`) and times go to the draft's log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from policies_kb.clauses import Document, load_document
from policies_kb.errors import DataFileError, Problem
from policies_kb.ingest.draft import (
    Content,
    Draft,
    DraftClause,
    DraftDocument,
    DraftFile,
    DraftMark,
    Front,
    LogEntry,
    Settled,
    Settling,
    State,
)
from policies_kb.ingest.draft_markdown import render
from policies_kb.ingest.draft_store import DraftStore, write_whole
from policies_kb.ingest.versions import CannotRetire, Comparison, compare, referring, retired_text
from policies_kb.loader import load_pack, pack_folders
from policies_kb.retrieval.check import check_answers
from policies_kb.yamlfile import read_text

_FRONT = frozenset({"title", "issuer", "number", "effective_from", "effective_to", "source"})
_HEAD = _FRONT | {"issued"}
_CONTENT = frozenset({"number", "heading", "path", "schemes", "aspect", "asks", "text", "parameters"})


class _Head(Front):
    """The head as a person changes it. The date of issue is kept in draft.yml: a document of a pack has none."""

    issued: date | None = None


ModelT = TypeVar("ModelT", Front, _Head, Content)


class ReviewError(Exception):
    """What was asked cannot be done. `message_zh` says why and what to do, in plain Chinese."""

    def __init__(self, message_zh: str) -> None:
        self.message_zh = message_zh
        super().__init__(message_zh)


class UnknownDraft(ReviewError):
    """There is no draft of this id."""


class UnknownMark(ReviewError):
    """The draft has no such mark, or the mark's words are not in the draft any more."""


class UnknownClause(ReviewError):
    """The draft has no such clause."""


class BadValue(ReviewError):
    """A value cannot be taken."""


class AlreadyDecided(ReviewError):
    """The draft was accepted or rejected before."""


class OpenMarks(ReviewError):
    """Marks are open; `marks` names them."""

    def __init__(self, marks: tuple[DraftMark, ...]) -> None:
        self.marks = marks
        listed = "；".join(f"{mark.id} {mark.why}" for mark in marks[:8])
        more = f"……共 {len(marks)} 处" if len(marks) > 8 else ""
        super().__init__(f"还有 {len(marks)} 处疑点没有处理：{listed}{more}。请先逐一确认或改正。")


class NoEffectiveDate(ReviewError):
    """The document does not say from when it is in force, and nobody gave the date."""


class NoQuestions(ReviewError):
    """Clauses are kept that no question leads to; the message names their numbers."""

    def __init__(self, numbers: Sequence[str]) -> None:
        listed = "、".join(numbers[:8])
        more = f"等 {len(numbers)} 条" if len(numbers) > 8 else ""
        super().__init__(
            f"还没有写居民会怎么问：{listed}{more}。请给每条至少写一句问法，或选“不收这一条”，再收进政策包。"
        )


class NotADocument(ReviewError):
    """The draft does not make a sound document or pack; `problems` name file, line and cure."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"草稿还不能收进政策包，没有改动任何文件：\n{listed}")


class NotReplaceable(ReviewError):
    """The document to be replaced is not in this pack, or cannot end where the new one begins."""


@dataclass(frozen=True, slots=True)
class DraftSummary:
    """One line of a list of drafts."""

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


@dataclass(frozen=True, slots=True)
class Accepted:
    """What accepting a draft changed. `referring` is what still names the retired document."""

    document_id: str
    path: Path
    effective_from: date
    effective_to: date | None
    retired: str | None = None
    retired_to: date | None = None
    referring: tuple[str, ...] = ()


def list_drafts(
    pack: str, packs_dir: Path | None = None, *, state: State | None = "open"
) -> tuple[DraftSummary, ...]:
    """Drafts of a pack: those for residents first, then by file and place in it. `state` None: all.

    Raises:
        UnknownPack, DataFileError: no such pack, or a draft's file is broken.
    """
    store = _store(pack, packs_dir)
    found = []
    for draft_id in store.ids():
        draft = store.load(draft_id)
        if state is not None and draft.file.state != state:
            continue
        file = draft.file
        kept = sum(draft.section_of(clause) is not None for clause in file.clauses)
        found.append(
            DraftSummary(
                file.id,
                draft.document.front.title,
                file.state,
                file.residents,
                file.residents_why,
                file.source.file,
                file.source.plan,
                file.source.plans,
                kept,
                len(file.clauses) - kept,
                len(draft.open_marks),
                file.replaces,
                file.made,
            )
        )
    return tuple(sorted(found, key=lambda one: (not one.residents, one.file, one.plan, one.id)))


def load_draft(pack: str, draft_id: str, packs_dir: Path | None = None) -> Draft:
    """One draft with its present text, marks and provenance.

    Raises:
        UnknownDraft: there is none of this id.
        DataFileError: its files are broken (draft.md may be edited by hand); names file, line and cure.
    """
    store = _store(pack, packs_dir)
    if draft_id not in store.ids():
        raise UnknownDraft(f"没有草稿“{draft_id}”。用 jzt kb review list --pack {pack} 看有哪些。")
    return store.load(draft_id)


def original_text(pack: str, draft_id: str, packs_dir: Path | None = None) -> str:
    """The plan as it was read, before any repair.

    Raises:
        UnknownDraft: there is none of this id.
    """
    load_draft(pack, draft_id, packs_dir)
    return _store(pack, packs_dir).original(draft_id)


def compare_draft(pack: str, draft_id: str, packs_dir: Path | None = None) -> Comparison | None:
    """The draft against the live document it replaces; None where it replaces none.

    Raises:
        UnknownDraft, NotReplaceable: no such draft; the document is not in this pack.
    """
    draft = load_draft(pack, draft_id, packs_dir)
    if draft.file.replaces is None:
        return None
    old = _live(_store(pack, packs_dir), draft.file.replaces, pack)
    return compare(old.id, old.clauses, draft.id, draft.document.sections)


def settle_mark(
    pack: str, draft_id: str, mark_id: str, *, by: str, text: str | None = None, packs_dir: Path | None = None,
    now: datetime | None = None,
) -> Draft:  # fmt: skip
    """Settle one mark: `text` None confirms the doubtful words as they stand, otherwise it takes their place.

    A mark of a field of the head (title, issuer, dates) needs `text` where the field is empty; dates are ISO.

    Raises:
        UnknownDraft, AlreadyDecided, UnknownMark, BadValue.
    """
    moment = now or _now()

    def change(draft: Draft) -> Draft:
        mark = next((one for one in draft.file.marks if one.id == mark_id), None)
        if mark is None:
            raise UnknownMark(f"草稿“{draft_id}”没有疑点 {mark_id}。")
        document = draft.document
        if mark.field in _FRONT:
            document = _settled_field(document, mark, text)
        elif text is not None and mark.field is None:
            document = _settled_text(draft, mark, text)
        how: Settling = "confirmed" if text is None else "replaced"
        marks = _settled(draft.file.marks, [mark.id], by=by, how=how, text=text, now=moment)
        file = draft.file.model_copy(update={"marks": marks})
        words = "确认无误" if text is None else f"改为“{text}”"
        return Draft(
            file=_log(_renamed(file, draft.document, document), by, f"疑点 {mark_id} {words}", moment),
            document=document,
        )

    return _change(pack, draft_id, packs_dir, by, change)


def edit_front(
    pack: str, draft_id: str, changes: dict[str, object], *, by: str, packs_dir: Path | None = None,
    now: datetime | None = None,
) -> Draft:  # fmt: skip
    """Change fields of the head: title, issuer, number, issued, effective_from, effective_to, source.

    Raises:
        UnknownDraft, AlreadyDecided, BadValue.
    """

    def change(draft: Draft) -> Draft:
        present = {**draft.document.front.model_dump(), "issued": draft.file.issued}
        head = _validated(_Head, present, changes, _HEAD)
        front = Front.model_validate(head.model_dump(exclude={"issued"}))
        document = DraftDocument(front=front, sections=draft.document.sections)
        settled = [mark.id for mark in draft.file.marks if mark.settled is None and mark.field in changes]
        moment = now or _now()
        marks = _settled(draft.file.marks, settled, by=by, how="replaced", text=None, now=moment)
        file = draft.file.model_copy(update={"marks": marks, "issued": head.issued})
        return Draft(file=_log(file, by, f"改了{'、'.join(changes)}", moment), document=document)

    return _change(pack, draft_id, packs_dir, by, change)


def edit_clause(
    pack: str, draft_id: str, key: int, changes: dict[str, object], *, by: str, keep: bool | None = None,
    packs_dir: Path | None = None, now: datetime | None = None,
) -> Draft:  # fmt: skip
    """Change one clause: number, heading, schemes, aspect, asks, text, parameters; keep it in or leave it out.

    `key` is the clause's key in draft.yml. A clause that was left out comes back as it was proposed.

    Raises:
        UnknownDraft, AlreadyDecided, UnknownClause, BadValue.
    """

    def change(draft: Draft) -> Draft:
        clause = next((one for one in draft.file.clauses if one.key == key), None)
        if clause is None:
            raise UnknownClause(f"草稿“{draft_id}”没有第 {key} 条。")
        before = draft.section_of(clause)
        wanted = before is not None if keep is None else keep
        sections: dict[int, Content] = {
            one.key: section for one in draft.file.clauses if (section := draft.section_of(one)) is not None
        }
        loose = [one for one in draft.document.sections if one not in sections.values()]
        now_content = _validated(Content, (before or clause.proposed).model_dump(), changes, _CONTENT)
        if wanted:
            sections[key] = now_content
        else:
            sections.pop(key, None)
        moment = now or _now()
        left_out = "" if wanted else (clause.left_out or f"{by} 认为不收")
        fresh = clause.model_copy(
            update={"number": now_content.number, "heading": now_content.heading, "left_out": left_out}
        )
        clauses = tuple(fresh if one.key == key else one for one in draft.file.clauses)
        document = DraftDocument(
            front=draft.document.front, sections=(*(sections[at] for at in sorted(sections)), *loose)
        )
        what = f"第 {key} 条({now_content.number})：" + (
            "改了" + "、".join(changes) if changes else ("收进来" if wanted else "不收")
        )
        return Draft(
            file=_log(draft.file.model_copy(update={"clauses": clauses}), by, what, moment), document=document
        )

    return _change(pack, draft_id, packs_dir, by, change)


def set_replaces(
    pack: str, draft_id: str, document_id: str | None, *, by: str, packs_dir: Path | None = None,
    now: datetime | None = None,
) -> Draft:  # fmt: skip
    """Say which live document the draft replaces (None: none).

    Raises:
        UnknownDraft, AlreadyDecided, NotReplaceable.
    """

    def change(draft: Draft) -> Draft:
        if document_id is not None:
            _live(_store(pack, packs_dir), document_id, pack)
        why = f"{by} 指定" if document_id else ""
        file = draft.file.model_copy(update={"replaces": document_id, "replaces_why": why})
        what = f"接替 {document_id}" if document_id else "不接替别的文件"
        return Draft(file=_log(file, by, what, now or _now()), document=draft.document)

    return _change(pack, draft_id, packs_dir, by, change)


def accept(
    pack: str, draft_id: str, *, by: str, effective_from: date | None = None, packs_dir: Path | None = None,
    now: datetime | None = None,
) -> Accepted:  # fmt: skip
    """Make a draft a document of the pack: documents/<id>.md, live at the next start.

    `effective_from` is needed where the document has none and settles the marks about it. Where the draft replaces a
    live document, that one ends the day before. The pack is loaded afterwards; where it is not sound every file is
    put back as it was.

    Raises:
        UnknownDraft, AlreadyDecided, OpenMarks, NoQuestions, NoEffectiveDate, NotReplaceable, NotADocument.
    """
    store = _store(pack, packs_dir)
    moment = now or _now()
    with store.locked():
        draft = load_draft(pack, draft_id, packs_dir)
        _still_open(draft)
        draft = _dated(draft, effective_from, by, moment)
        if draft.open_marks:
            raise OpenMarks(draft.open_marks)
        if unasked := [section.number for section in draft.document.sections if not section.asks]:
            raise NoQuestions(unasked)
        front = draft.document.front
        begins = front.effective_from
        if begins is None:
            raise NoEffectiveDate("原文没有写从哪一天起施行。请用 --effective-from 年-月-日 给出生效日期。")
        target = store.pack_folder / "documents" / f"{draft.id}.md"
        if target.exists():
            raise NotADocument(
                [Problem(target, None, "id", "there is a document of this id", "rename the draft's id")]
            )
        writes = {target: render(draft.document)}
        retired: Document | None = None
        if draft.file.replaces is not None:
            retired = _live(store, draft.file.replaces, pack)
            try:
                writes[retired.path] = retired_text(retired, begins)
            except CannotRetire as error:
                raise NotReplaceable(error.message_zh) from error
        _write_checked(writes, pack, packs_dir)
        what = f"收进政策包，{begins.isoformat()} 起生效" + (f"，接替 {retired.id}" if retired else "")
        file = _log(draft.file.model_copy(update={"state": "accepted"}), by, what, moment)
        store.save(Draft(file=file, document=draft.document))
    return Accepted(
        draft.id, target, begins, front.effective_to, retired.id if retired else None,
        begins - timedelta(days=1) if retired else None, _referring(pack, packs_dir, retired.id) if retired else (),
    )  # fmt: skip


def reject(
    pack: str, draft_id: str, *, by: str, why: str, packs_dir: Path | None = None, now: datetime | None = None
) -> Draft:
    """Put a draft aside for good; it stays on disk with its reason, so that the same file is not drafted again.

    Raises:
        UnknownDraft, AlreadyDecided, BadValue.
    """
    if not why.strip():
        raise BadValue("请写明不收的理由。")

    def change(draft: Draft) -> Draft:
        file = draft.file.model_copy(update={"state": "rejected"})
        return Draft(file=_log(file, by, f"不收：{why.strip()}", now or _now()), document=draft.document)

    return _change(pack, draft_id, packs_dir, by, change)


def reopen(
    pack: str, draft_id: str, *, by: str, packs_dir: Path | None = None, now: datetime | None = None
) -> Draft:
    """Take up a rejected draft again.

    Raises:
        UnknownDraft, AlreadyDecided: it was accepted, or is open.
    """
    store = _store(pack, packs_dir)
    with store.locked():
        draft = load_draft(pack, draft_id, packs_dir)
        if draft.file.state != "rejected":
            raise AlreadyDecided(f"草稿“{draft_id}”没有被退回，不用重新打开。")
        _named(by)
        file = _log(draft.file.model_copy(update={"state": "open"}), by, "重新打开", now or _now())
        store.save_details(file)
        return Draft(file=file, document=draft.document)


# --- parts -----------------------------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(ZoneInfo("Asia/Shanghai"))


def _log(file: DraftFile, by: str, what: str, now: datetime) -> DraftFile:
    return file.model_copy(update={"log": (*file.log, LogEntry(at=now, by=by, what=what))})


def _store(pack: str, packs_dir: Path | None) -> DraftStore:
    return DraftStore(pack_folders(pack, packs_dir)[0])


def _named(by: str) -> None:
    if not by.strip():
        raise BadValue("请写明是谁办的(--by 姓名)。")


def _still_open(draft: Draft) -> None:
    if draft.file.state != "open":
        last = draft.file.log[-1] if draft.file.log else None
        done = "已经收进政策包" if draft.file.state == "accepted" else "已经退回"
        who = f"({last.by}，{last.at:%Y-%m-%d})" if last else ""
        raise AlreadyDecided(f"草稿“{draft.id}”{done}{who}，不能再改。")


def _change(
    pack: str, draft_id: str, packs_dir: Path | None, by: str, change: Callable[[Draft], Draft]
) -> Draft:
    """Read, change and write one open draft while nobody else does."""
    _named(by)
    store = _store(pack, packs_dir)
    with store.locked():
        draft = load_draft(pack, draft_id, packs_dir)
        _still_open(draft)
        changed = change(draft)
        if changed.document == draft.document:
            store.save_details(changed.file)
        else:
            store.save(changed)
        return changed


def _live(store: DraftStore, document_id: str, pack: str) -> Document:
    path = store.pack_folder / "documents" / f"{document_id}.md"
    if not path.is_file():
        raise NotReplaceable(f"政策包“{pack}”自己没有文件“{document_id}”。上级包的文件要到上级包里换。")
    try:
        return load_document(path, pack=pack)
    except DataFileError as error:
        raise NotADocument(error.problems) from error


def _settled(
    marks: tuple[DraftMark, ...],
    ids: Iterable[str],
    *,
    by: str,
    how: Settling,
    text: str | None,
    now: datetime,
) -> tuple[DraftMark, ...]:
    chosen = set(ids)
    settled = Settled(by=by, at=now, how=how, text=text)
    return tuple(
        mark.model_copy(update={"settled": settled}) if mark.id in chosen else mark for mark in marks
    )


def _settled_field(document: DraftDocument, mark: DraftMark, text: str | None) -> DraftDocument:
    field = str(mark.field)
    if text is None:
        if getattr(document.front, field) is None:
            raise BadValue(f"{mark.why}。这一处是空的，要写明内容(--as)，不能只确认。")
        return document
    front = _validated(Front, document.front.model_dump(), {field: text}, _FRONT)
    return DraftDocument(front=front, sections=document.sections)


def _settled_text(draft: Draft, mark: DraftMark, text: str) -> DraftDocument:
    clause = next((one for one in draft.file.clauses if one.key == mark.clause), None)
    section = draft.section_of(clause) if clause else None
    if (
        section is None
        or not mark.text
        or (mark.text not in section.text and mark.text not in section.heading)
    ):
        raise UnknownMark(
            f"草稿里找不到“{mark.text}”，没法自动替换。请用 jzt kb review edit 改正文，再确认这一处。"
        )
    # The same words may be doubtful in several places: those before this one that still stand are passed over.
    earlier = draft.file.marks[: draft.file.marks.index(mark)]
    standing = sum(
        one.clause == mark.clause
        and one.text == mark.text
        and (one.settled is None or one.settled.how != "replaced")
        for one in earlier
    )
    heading = section.heading.replace(mark.text, text, 1) if standing == 0 else section.heading
    changed = section.model_copy(
        update={"heading": heading, "text": _replace(section.text, mark.text, text, standing)}
    )
    sections = tuple(changed if one is section else one for one in draft.document.sections)
    return DraftDocument(front=draft.document.front, sections=sections)


def _replace(whole: str, old: str, new: str, which: int) -> str:
    """`whole` with its occurrence number `which` (0-based) of `old` replaced; the last one where there are fewer."""
    parts = whole.split(old)
    if len(parts) == 1:
        return whole
    at = min(which, len(parts) - 2) + 1
    return old.join(parts[:at]) + new + old.join(parts[at:])


def _renamed(file: DraftFile, before: DraftDocument, after: DraftDocument) -> DraftFile:
    """The clause whose heading changed keeps its section."""
    renamed = {
        (old.number, old.heading): new.heading
        for old, new in zip(before.sections, after.sections, strict=True)
        if old.heading != new.heading
    }
    clauses = tuple(
        one.model_copy(update={"heading": renamed[one.number, one.heading]})
        if (one.number, one.heading) in renamed
        else one
        for one in file.clauses
    )
    return file.model_copy(update={"clauses": clauses})


def _validated(
    model: type[ModelT], present: dict[str, object], changes: dict[str, object], allowed: frozenset[str]
) -> ModelT:
    unknown = sorted(set(changes) - allowed)
    if unknown:
        raise BadValue(f"没有这一项：{'、'.join(unknown)}。可以改的是：{'、'.join(sorted(allowed))}。")
    try:
        found = model.model_validate({**present, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadValue(f"{name} 的值不能用：{first['msg']}。") from error
    for name in ("heading", "number", "title"):
        value = getattr(found, name, None)
        if name in changes and isinstance(value, str) and ("\n" in value or not value.strip()):
            raise BadValue(f"{name} 要写在一行里，不能空着。")
    return found


def _dated(draft: Draft, effective_from: date | None, by: str, now: datetime) -> Draft:
    """The draft with the effective date a person gave, and the end that follows from a validity in years."""
    front = draft.document.front
    begins = effective_from or front.effective_from
    ends = front.effective_to
    if begins is not None and ends is None and draft.file.valid_years:
        ends = _years_after(begins, draft.file.valid_years)
    if begins is not None and ends is not None and ends < begins:
        raise BadValue(f"有效期到 {ends.isoformat()}，早于生效日期 {begins.isoformat()}。请核对。")
    marks = draft.file.marks
    if effective_from is not None:
        about = [mark.id for mark in marks if mark.settled is None and mark.field == "effective_from"]
        marks = _settled(marks, about, by=by, how="by_date", text=effective_from.isoformat(), now=now)
    front = front.model_copy(update={"effective_from": begins, "effective_to": ends})
    document = DraftDocument(front=front, sections=draft.document.sections)
    return Draft(file=draft.file.model_copy(update={"marks": marks}), document=document)


def _years_after(begins: date, years: int) -> date:
    try:
        return begins.replace(year=begins.year + years) - timedelta(days=1)
    except ValueError:
        return date(begins.year + years, 2, 28)


def _write_checked(writes: dict[Path, str], pack: str, packs_dir: Path | None) -> None:
    """Write the files, check the pack, and put everything back where it is not sound.

    Raises:
        NotADocument: with every fault that the pack did not have before.
    """
    before = {path: read_text(path) if path.exists() else None for path in writes}

    def put(texts: Mapping[Path, str | None]) -> None:
        for path, text in texts.items():
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, text)

    try:
        put(writes)
        faults = _faults(pack, packs_dir)
    except BaseException:
        put(before)
        raise
    if faults:
        put(before)
        known = {str(problem) for problem in _faults(pack, packs_dir)}
        if new := [problem for problem in faults if str(problem) not in known]:
            raise NotADocument(new)
        put(writes)


def _referring(pack: str, packs_dir: Path | None, document_id: str) -> tuple[str, ...]:
    try:
        return referring(load_pack(pack, packs_dir), document_id)
    except DataFileError:
        # The pack had faults before; its author sees them with `jzt kb check`.
        return ()


def _faults(pack: str, packs_dir: Path | None) -> list[Problem]:
    try:
        return check_answers(load_pack(pack, packs_dir))
    except DataFileError as error:
        return list(error.problems)


def clause_of(draft: Draft, number: str) -> DraftClause:
    """The clause with a key ("7") or a number (三(二)4) as a person types it.

    Raises:
        UnknownClause: there is none, or several have this number.
    """
    found = [one for one in draft.file.clauses if number in {f"#{one.key}", one.number}]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnknownClause(f"草稿“{draft.id}”没有条款 {number}。")
    keys = "、".join(f"#{one.key} {one.heading}" for one in found)
    raise UnknownClause(f"条款 {number} 有 {len(found)} 处，请写序号：{keys}")
