"""Turns the repaired lines of a file into drafts, one for each plan."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import jieba
from pypinyin import lazy_pinyin

from policies_kb.ingest.draft import (
    TOOL,
    Content,
    Draft,
    DraftClause,
    DraftDocument,
    DraftFigure,
    DraftFile,
    DraftMark,
    DraftParameter,
    DraftRepair,
    DroppedLine,
    Field_,
    Front,
    LogEntry,
    Provenance,
    Said,
)
from policies_kb.ingest.extract import Head, read_head
from policies_kb.ingest.figures import Figure, find_figures, telling
from policies_kb.ingest.plans import Plan, find_plans
from policies_kb.ingest.propose import Proposer, Subject
from policies_kb.ingest.split import Section, Split, split
from policies_kb.ingest.types import LONG, Progress, Repaired, RepairedLine
from policies_kb.ingest.words import words

_SHORT_ITEM = 60
_LEADS_IN = re.compile("[:\uff1a]$|以下|下列|如下|包括|分别为")
_MODAL = re.compile("[0-9\uff10-\uff19%]|应当|必须|不得|可以|不予|不再")
# A first sentence that says something by itself, and is not only the name of what follows.
_SAYS = re.compile(
    "每[年月日季周半]|[一二两三四五六七八九十半]+[次年月日天个人项种]|[应须需可](?:当|以|要)?|由|向|不(?:再|得|予|超)|享受|领取|停发|[的者后时前][，,]"
)
_ITEM_ENDS = ("；", ";")
_LIST = 240
_DERIVED_HEADING = 18
_LONGEST_ID = 40
_ID_WORDS = 5


@dataclass(frozen=True, slots=True)
class Made:
    """A draft ready to be stored, and the unrepaired text of its plan."""

    draft: Draft
    original: str


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of text that is split, and the repaired line it is (a part of)."""

    text: str
    of: RepairedLine


def build(
    repaired: Repaired,
    proposer: Proposer,
    *,
    pack: str,
    taken: Collection[str],
    now: datetime,
    progress: Progress | None = None,
) -> tuple[Made, ...]:
    """One draft for each plan of a file, in the order of the file.

    `taken` are ids that documents and drafts have already; `now` is stamped on the drafts; `progress` is told how far a
    long plan is split.
    """
    lines = [
        _Line(part, line)
        for line in repaired.kept
        if line.part not in {"header", "footer"}
        for part in line.text.split("\n")
    ]
    plans = find_plans([line.text for line in lines])
    ids = set(taken)
    made = []
    for order, plan in enumerate(plans, start=1):
        before = lines[: plan.begin] if order == 1 else []
        builder = _Builder(repaired, lines, before, plan, order, len(plans), proposer, pack, now, progress)
        one = builder.run(ids)
        ids.add(one.draft.id)
        made.append(one)
    return tuple(made)


def document_id(title: str, fallback: str, taken: Collection[str]) -> str:
    """An id from the pinyin of a title's telling words, not in `taken`."""
    small = set(words().titles.small)
    parts: list[str] = []
    for word in _joined(jieba.cut(title)):
        if word in small:
            continue
        letters = "".join(re.findall("[a-z0-9]+", "".join(lazy_pinyin(word)).lower()))
        if letters and len("-".join([*parts, letters])) <= _LONGEST_ID and len(parts) < _ID_WORDS:
            parts.append(letters)
    base = "-".join(parts) or fallback
    found, count = base, 2
    while found in taken:
        found, count = f"{base}-{count}", count + 1
    return found


def _joined(cut: Iterable[str]) -> Iterator[str]:
    """Words with runs of single characters put together: 年 审 is 年审."""
    run = ""
    for word in cut:
        if len(word) == 1 and word not in words().titles.small:
            run += word
            continue
        if run:
            yield run
        run = ""
        yield word
    if run:
        yield run


class _Builder:
    def __init__(
        self, repaired: Repaired, lines: Sequence[_Line], before: Sequence[_Line], plan: Plan, order: int, plans: int, proposer: Proposer,
        pack: str, now: datetime, progress: Progress | None,
    ) -> None:  # fmt: skip
        self.repaired, self.plan, self.order, self.plans = repaired, plan, order, plans
        self.proposer, self.pack, self.now = proposer, pack, now
        self.before, self.progress = before, progress
        self.title_lines = lines[plan.begin : plan.body]
        self.lines = lines[plan.body : plan.end]
        self.split: Split = split([line.text for line in self.lines])
        self.sharing = Counter(
            line
            for one in self.split.sections
            for line in {id(part.of) for part in self.lines[one.lines[0] : one.lines[1] + 1]}
        )
        self.marks: list[DraftMark] = []

    def run(self, taken: Collection[str]) -> Made:
        texts = [
            self.split.content(one) for one in self.split.sections if one.role == "numbered" and not one.group
        ]
        texts = texts or [self.split.text]
        subject = self.proposer.subject(self.plan.title, texts)
        head = read_head(
            self.split,
            printed=self.plan.title,
            generic=self.plan.generic,
            order=self.order,
            subject=subject.name,
        )
        subject = self.proposer.subject(head.title.value, texts)
        clauses, contents = self.clauses(head, subject)
        self.head_marks(head, subject)
        fallback = f"wenjian-{self.repaired.source.sha256[:8]}-{self.order}"
        draft_id = document_id(head.title.value, fallback, taken)
        first, last = self.bounds()
        provenance = Provenance(
            file=self.repaired.source.path.name, sha256=self.repaired.source.sha256, media=self.repaired.source.media,
            plan=self.order, plans=self.plans, heading=self.plan.printed, lines=(first, last),
            notes=self.repaired.source.notes,
        )  # fmt: skip
        which = f"第{self.order}篇，" if self.plans > 1 else ""
        front = Front(
            id=draft_id, title=head.title.value, issuer=head.issuer.value if head.issuer else None,
            number=head.number.value if head.number else None, effective_from=head.effective_from,
            effective_to=head.effective_to, source=f"{provenance.file}{which and '，' + which[:-1]}，第{first}至{last}行",
        )  # fmt: skip
        kept = {clause.key for clause in clauses if not clause.left_out}
        sections = tuple(
            content for clause, content in zip(clauses, contents, strict=True) if clause.key in kept
        )
        file = DraftFile(
            id=draft_id, pack=self.pack, tool=TOOL, made=self.now, source=provenance, residents=subject.residents,
            residents_why=subject.why, valid_years=head.valid_years, issued=head.issued, said=_said(head),
            clauses=tuple(clauses), marks=tuple(self.marks), parameters=self.parameters(clauses, contents),
            dropped=self.dropped(first, last), log=(LogEntry(at=self.now, by=TOOL, what="录入"),),
        )  # fmt: skip
        return Made(
            Draft(file=file, document=DraftDocument(front=front, sections=sections)),
            self.original(first, last),
        )

    # --- clauses -----------------------------------------------------------------------------------------------

    def clauses(self, head: Head, subject: Subject) -> tuple[list[DraftClause], list[Content]]:
        clauses: list[DraftClause] = []
        contents: list[Content] = []
        folded: set[int] = set()
        waiting: list[Section] = []
        seen: Counter[tuple[str, str]] = Counter()
        asked: set[str] = set()
        for at, section in enumerate(self.split.sections):
            if self.progress and at and at % LONG == 0:
                self.progress(f"拆分，{at}/{len(self.split.sections)} 条")
            if at in folded:
                continue
            if section.role == "closing":
                continue
            below = self.split.children(section)
            items = self.items(section, below)
            folded.update(self.split.place(one) for one in items)
            text = self.text(section, items, head)
            alone = below and not items and not self.split.body(section) and not self.says(section)
            if section.group or not text or alone:
                # A heading alone: it stands in the path of what is below it; doubts about its number go there too.
                waiting.append(section)
                continue
            heading = self.heading(section, text)
            seen[section.number, heading] += 1
            again = seen[section.number, heading]
            if again > 1:
                heading += "(又一处)" if again == 2 else f"(第{again}处)"
            sections = [*waiting, section, *items]
            waiting = []
            clause, content = self.clause(
                len(clauses) + 1, section, heading, text, sections, items, subject, asked
            )
            if not clause.left_out:
                asked.update(content.asks)
            clauses.append(clause)
            contents.append(content)
        if not clauses:
            raise ValueError("a plan without text")
        return clauses, contents

    def clause(
        self, key: int, section: Section, heading: str, text: str, sections: Sequence[Section],
        items: Sequence[Section], subject: Subject, asked: Collection[str],
    ) -> tuple[DraftClause, Content]:  # fmt: skip
        figures = find_figures(telling(heading, text))
        path = section.path or ((self.printed_heading(section),) if section.marker else ())
        proposal = self.proposer.clause(heading, section.path, text, subject, figures, asked)
        left_out = proposal.left_out
        if section.role == "opening" and not any(figure.kind == "money" for figure in figures):
            left_out = "前言，没有规定"
        lines = self.source_lines(section, items)
        content = Content(
            number=section.number, heading=heading, path=path, schemes=proposal.schemes, aspect=proposal.aspect,
            asks=proposal.asks, text=text,
        )  # fmt: skip
        clause = DraftClause(
            key=key, number=section.number, heading=heading, left_out=left_out, proposed=content,
            original="\n".join(line.original for line in lines) if lines else self.split.raw(section),
            lines=(lines[0].line, lines[-1].line) if lines else (0, 0),
            pages=tuple(dict.fromkeys(line.page for line in lines if line.page is not None)),
            covers=tuple(one.number for one in items),
            repairs=tuple(
                DraftRepair(line=line.line, kind=repair.kind, before=repair.before, after=repair.after)
                for line in lines for repair in line.repairs
            ),
            figures=tuple(_figure(one) for one in figures), why=proposal.why,
        )  # fmt: skip
        for one in sections:
            for doubt in one.doubts:
                self.mark(
                    doubt.kind, doubt.text, f"{one.number}：{doubt.why}", clause=key, line=self.line_of(one)
                )
        whole = telling(heading, text)
        for line in lines:
            for mark in line.marks:
                # A line may hold several clauses: the mark belongs to the one that has its words.
                if (
                    not mark.text
                    or mark.text in whole
                    or mark.text not in line.text
                    or len(lines) == 1 == self.shares(line)
                ):
                    self.mark(mark.kind, mark.text, mark.why, clause=key, line=line.line)
        return clause, content

    def shares(self, line: RepairedLine) -> int:
        """How many sections have a part in a line."""
        return self.sharing[id(line)]

    def items(self, section: Section, below: Sequence[Section]) -> tuple[Section, ...]:
        """The short items of a list that the section leads in: they are told together with it."""
        lead = self.split.content(section)
        if self.one_sentence(below):
            return tuple(below)
        if len(below) < 2 or not lead or not _LEADS_IN.search(lead):
            return ()
        if not self.split.body(section) and not re.search("[:\uff1a]$|以下|下列|如下", lead):
            return ()
        if any(self.split.children(one) or len(self.split.content(one)) > _SHORT_ITEM for one in below):
            return ()
        return tuple(below)

    def one_sentence(self, below: Sequence[Section]) -> bool:
        """Whether sections are parts of one sentence, with a semicolon behind all but the last: none of them says
        anything to somebody who reads it alone."""
        texts = [self.split.content(one) for one in below]
        return (
            len(below) > 1
            and all(text.endswith(_ITEM_ENDS) for text in texts[:-1])
            and all(len(text) <= _SHORT_ITEM for text in texts)
            and sum(map(len, texts)) <= _LIST
            and not any(self.split.children(one) or one.doubts for one in below)
        )

    def says(self, section: Section) -> bool:
        """Whether a heading is a sentence of its own, with a full stop, and not the name of what is below it."""
        printed = self.split.content(section)
        return printed.endswith("。") and bool(re.search("[，,]", printed) and _SAYS.search(printed))

    def text(self, section: Section, items: Sequence[Section], head: Head) -> str:
        """The clause's text: the body, with the heading before it where that says more than a heading does."""
        if section.role in ("opening", "attached"):
            kept = [
                line for at, line in enumerate(self.split.raw(section).split("\n"), start=section.lines[0])
                if line.strip() and at not in head.own_lines
            ]  # fmt: skip
            return "\n".join(line.strip() for line in kept)
        body = self.split.body(section)
        if section.heading and (not body or _MODAL.search(section.heading) or _SAYS.search(section.heading)):
            body = self.split.content(section)
        if items and body and not self.split.body(section) and not self.says(section):
            # Only the name of the list: it leads in what is listed.
            body = re.sub("(?<![:\uff1a])$", "\uff1a", body.rstrip("。"))
        listed = [
            f"{one.marker.text if one.marker else ''} {self.split.content(one)}".strip() for one in items
        ]
        return "\n".join(part for part in [body, *listed] if part)

    def heading(self, section: Section, text: str) -> str:
        # A sentence with a figure is no heading, nor is the only sentence there is: its first words stand for it.
        pieced = re.search("[\uff0c,;\uff1b]", section.heading) is not None
        short = len(section.heading) <= _DERIVED_HEADING and not pieced
        named = bool(self.split.body(section)) and not (pieced and _MODAL.search(section.heading))
        if section.heading and (short or named):
            return " ".join(section.heading.split())
        if section.role == "opening":
            return "前言" if self.split.sections[0].number != "正文" else "正文"
        if section.role == "attached":
            return "附表"
        first = re.split("[\uff0c,。;\uff1b:\uff1a\n]", text, maxsplit=1)[0].strip()
        return _shortened(first) or section.number

    def printed_heading(self, section: Section) -> str:
        number = section.marker.text if section.marker else ""
        printed = self.split.text[section.start : section.number_end].strip()
        return f"{printed or number}{section.heading}"

    def source_lines(self, section: Section, items: Sequence[Section]) -> list[RepairedLine]:
        numbers = {at for one in (section, *items) for at in range(one.lines[0], one.lines[1] + 1)}
        lines = (self.lines[at].of for at in sorted(numbers) if at < len(self.lines))
        return list({id(line): line for line in lines}.values())

    def line_of(self, section: Section) -> int | None:
        return self.lines[section.lines[0]].of.line if self.lines else None

    # --- the head ----------------------------------------------------------------------------------------------

    def head_marks(self, head: Head, subject: Subject) -> None:
        if head.proposed_title:
            self.mark("title_unsure", head.title.value, f"{head.title.why}：请核对或改写", field="title")
        if head.issuer is None:
            self.mark("issuer_unknown", "", "文件里没有写发文机关：请填写", field="issuer")
        if head.effective_from is None and head.begins_quote:
            why = "原文说自发布之日起，但没有发布日期" if "之日" in head.begins_quote else "原文的日期不全"
            self.mark("date_unknown", head.begins_quote, f"{why}：请填写生效日期", field="effective_from")
        if head.effective_to is None and head.ends_quote and head.valid_years is None:
            self.mark(
                "date_unknown", head.ends_quote, "原文的有效期看不出是哪一天：请填写", field="effective_to"
            )
        if not subject.residents:
            self.mark(
                "not_for_residents",
                "",
                f"看来不是给居民的：{subject.why}。要收请确认，不收请退回",
                field="residents",
            )
        for line in self.title_lines:
            for mark in line.of.marks:
                self.mark(mark.kind, mark.text, mark.why, line=line.of.line)

    def mark(
        self, kind: str, text: str, why: str, *, clause: int | None = None, field: Field_ | None = None,
        line: int | None = None,
    ) -> None:  # fmt: skip
        self.marks.append(
            DraftMark(
                id=f"m{len(self.marks) + 1}",
                kind=kind,
                clause=clause,
                field=field,
                line=line,
                text=text,
                why=why,
            )
        )

    # --- the rest ----------------------------------------------------------------------------------------------

    def parameters(
        self, clauses: Sequence[DraftClause], contents: Sequence[Content]
    ) -> tuple[DraftParameter, ...]:
        taken: Counter[str] = Counter()
        found: list[DraftParameter] = []
        for clause, content in zip(clauses, contents, strict=True):
            if clause.left_out:
                continue
            whole = telling(content.heading, content.text)
            proposed = self.proposer.parameters(
                content.number, content.heading, whole, find_figures(whole), taken
            )
            found += [
                DraftParameter(
                    key=one.key,
                    name=one.name,
                    unit=one.unit,
                    value=one.value,
                    clause=one.clause,
                    quote=one.quote,
                )
                for one in proposed
            ]
        return tuple(found)

    def bounds(self) -> tuple[int, int]:
        numbers = [line.of.line for line in (*self.title_lines, *self.lines)]
        return (min(numbers), max(numbers)) if numbers else (0, 0)

    def dropped(self, first: int, last: int) -> tuple[DroppedLine, ...]:
        outside = (
            DroppedLine(line=one.of.line, text=one.text, why="在第一篇前面，不属于任何一篇")
            for one in self.before
        )
        begin = 0 if self.order == 1 else first
        inside = (
            DroppedLine(line=line.line, text=line.original, why=line.dropped)
            for line in self.repaired.lines
            if line.dropped is not None and line.original.strip() and begin <= line.line <= last
        )
        return tuple(sorted((*outside, *inside), key=lambda one: one.line))

    def original(self, first: int, last: int) -> str:
        return "\n".join(line.original for line in self.repaired.lines if first <= line.line <= last) + "\n"


def _shortened(sentence: str) -> str:
    """The first whole words of a sentence, without a date or figure cut in two."""
    kept = ""
    for word in jieba.cut(sentence):
        if len(kept) + len(word) > _DERIVED_HEADING:
            return re.sub("[0-9a-zA-Z年月第在于从自(\uff08]+$", "", kept) or sentence[:_DERIVED_HEADING]
        kept += word
    return kept


def _figure(one: Figure) -> DraftFigure:
    low = None if one.low is None else f"{one.low:f}"
    high = None if one.high is None else f"{one.high:f}"
    return DraftFigure(
        kind=one.kind, low=low, high=high, unit=one.unit, text=one.text, start=one.start, end=one.end
    )


def _said(head: Head) -> tuple[Said, ...]:
    said = [Said(field="title", value=head.title.value, quote=head.title.quote, why=head.title.why)]
    for field, found in (("issuer", head.issuer), ("number", head.number)):
        if found:
            said.append(Said(field=field, value=found.value, quote=found.quote, why=found.why))
    if head.issued or head.issued_quote:
        value = head.issued.isoformat() if head.issued else ""
        said.append(Said(field="issued", value=value, quote=head.issued_quote, why="成文或发布日期"))
    for field, day, quote in (
        ("effective_from", head.effective_from, head.begins_quote),
        ("effective_to", head.effective_to, head.ends_quote),
    ):
        if quote:
            said.append(
                Said(
                    field=field, value=day.isoformat() if day else "", quote=quote, why="正文里的施行、有效期"
                )
            )
    return tuple(said)
