"""Splits a plan by its official numbering into sections that together are exactly the text that went in."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from policies_kb.ingest.numbering import GROUPS, Level, Marker, marker_at, markers_inside

DoubtKind = Literal["number_gap", "number_repeated", "number_restarts", "number_inside"]
Role = Literal["opening", "numbered", "closing", "attached"]

OPENING = "前言"
WHOLE = "正文"
CLOSING = "落款"
ATTACHED = "附件"

_LONGEST_HEADING = 40
_LONGEST_COLON = 20
_CLOSING_LINES = 4
_CELLS = " | "
_SENTENCE_MARKS = re.compile("[。\uff1b;]")
_ENDS = "。\uff1a:\uff0e. \t\u3000"
_DATE_LINE = re.compile(r"^\s*[12二一][0-9xX*×○〇零一二三四五六七八九_]{1,3}\s*年.{1,12}日?[。\uff0e.]?\s*$")
_SIGNER = re.compile(r"^[^。\uff0c,\uff1b;\uff1a:、0-9]{2,30}[。\uff0e.]?$")
# What says from when the whole is in force.
IN_FORCE = re.compile(
    "本(?:办法|方案|通知|细则|意见|规定|实施细则|实施办法|实施方案|制度|标准)(?:从|自).{2,30}起?(?:施行|执行|实施|生效)"
)
_OFFICE = re.compile("(政府|办公室|办公厅|委员会|党委|党组|[局厅部委会院所站]|中心|小组)[。\uff0e.]?$")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something about the numbering that a person should look at."""

    kind: DoubtKind
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Section:
    """One stretch of the text: everything from its number up to the next one.

    `number` is the path as clause references write it, 三(二)4; sections without a printed number are called
    前言, 正文 or 落款. `heading` and `body` stand at [number_end, heading_end) and [heading_end, end) of the text;
    `heading` is "" where the first sentence is no heading. Offsets are 0-based, ends exclusive.
    """

    role: Role
    number: str
    marker: Marker | None
    path: tuple[str, ...]
    heading: str
    start: int
    number_end: int
    heading_end: int
    end: int
    lines: tuple[int, int]
    group: bool = False
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """A text and its sections, in order; the sections' stretches joined are the text."""

    text: str
    sections: tuple[Section, ...]

    def raw(self, section: Section) -> str:
        """Everything of the section as it stands, its number and line breaks included."""
        return self.text[section.start : section.end]

    def body(self, section: Section) -> str:
        """What stands after the heading, line by line, without blanks at the ends of lines."""
        return _tidy(self.text[section.heading_end : section.end])

    def content(self, section: Section) -> str:
        """Heading and body as they stand, without the number."""
        return _tidy(self.text[section.number_end : section.end])

    def place(self, section: Section) -> int:
        """Which of the sections this one is, 0-based: they stand in the order of the text."""
        return bisect_left(self.sections, section.start, key=lambda one: one.start)

    def children(self, section: Section) -> tuple[Section, ...]:
        """The sections right below this one."""
        if section.marker is None:
            return ()
        below: list[Section] = []
        for at in range(self.place(section) + 1, len(self.sections)):
            other = self.sections[at]
            if other.marker is None or other.marker.level <= section.marker.level:
                break
            if below and below[0].marker and other.marker.level > below[0].marker.level:
                continue
            below.append(other)
        return tuple(below)


def split(lines: Sequence[str]) -> Split:
    """Split the lines of one plan.

    `lines` hold no line break; a section's `lines` are the 0-based first and last line it has a part in.
    """
    return _Splitter(lines).run()


@dataclass
class _Splitter:
    given: Sequence[str]
    text: str = ""
    starts: list[int] = field(default_factory=list)

    def run(self) -> Split:
        self.text = "\n".join(self.given)
        self.starts = list(accumulate((len(line) + 1 for line in self.given[:-1]), initial=0))
        markers = self.markers()
        closing, attached = self.closing(markers)
        opening_end = markers[0][0].start if markers else closing
        sections: list[Section] = []
        if opening_end > 0 or not markers:
            name = OPENING if markers else WHOLE
            sections.append(self.plain("opening", name, 0, opening_end))
        sections += self.numbered(markers, closing)
        if closing < len(self.text):
            sections.append(self.plain("closing", CLOSING, closing, attached))
        if attached < len(self.text):
            sections.append(self.plain("attached", ATTACHED, attached, len(self.text)))
        return Split(self.text, tuple(one for one in sections if one.end > one.start or len(sections) == 1))

    def markers(self) -> list[tuple[Marker, tuple[Doubt, ...]]]:
        """Every number that begins a section, in order."""
        first = [marker_at(self.text, start) for start in self.starts] if self.text else []
        following: list[Marker | None] = [None] * len(self.starts)
        for at in range(len(first) - 2, -1, -1):
            following[at] = first[at + 1] or following[at + 1]
        found: list[tuple[Marker, tuple[Doubt, ...]]] = []
        for at, start in enumerate(self.starts):
            end = self.starts[at + 1] - 1 if at + 1 < len(self.starts) else len(self.text)
            marker = first[at] if at < len(first) else None
            if marker is not None and marker.half and self.torn(start):
                marker = None
            if marker is not None:
                found.append((marker, ()))
            found += self.inside(marker, following[at], marker.end if marker else start, end)
        return found

    def torn(self, start: int) -> bool:
        """Whether the line at `start` goes on inside a bracket that the text before it opened: (附件 / 5)."""
        before = self.text[max(0, start - 40) : start]
        return max(before.rfind("("), before.rfind("\uff08")) > max(before.rfind(")"), before.rfind("\uff09"))

    def inside(
        self, own: Marker | None, following: Marker | None, start: int, end: int
    ) -> list[tuple[Marker, tuple[Doubt, ...]]]:
        """Numbers that begin a section in the middle of a line: only where they make a sequence."""
        candidates = markers_inside(self.text, start, end)
        taken: list[Marker] = []
        doubts: dict[int, Doubt] = {}
        last: dict[Level, int] = {own.level: own.value} if own else {}
        for at, (marker, ended) in enumerate(candidates):
            level, value = marker.level, marker.value
            if own is not None and level < own.level:
                continue
            follows = last.get(level) == value - 1
            later = [one for one, _ in candidates[at + 1 :]]
            continued = any(one.level == level and one.value == value + 1 for one in later) or (
                following is not None and following.level == level and following.value == value + 1
            )
            begins = value == 1 and level not in last and continued
            if not ((follows and (ended or level in last)) or begins):
                continue
            if not ended:
                doubts[len(taken)] = Doubt(
                    "number_inside", self.text[max(start, marker.start - 8) : marker.end],
                    "编号前面没有句号",
                )  # fmt: skip
            taken.append(marker)
            last = {rank: number for rank, number in last.items() if rank < level} | {level: value}
        return [(marker, (doubts[at],) if at in doubts else ()) for at, marker in enumerate(taken)]

    def closing(self, markers: list[tuple[Marker, tuple[Doubt, ...]]]) -> tuple[int, int]:
        """Where the signature (office and date) begins, and where the tables behind it do; the length of the text
        for what there is not."""
        floor = markers[-1][0].end if markers else 0
        whole = len(self.text)
        filled = [at for at in range(len(self.given)) if self.given[at].strip()]
        attached = whole
        while filled and _CELLS in self.given[filled[-1]] and self.starts[filled[-1]] >= floor:
            attached = self.starts[filled.pop()]
        begin = attached
        seen_date = False
        for at in reversed(filled[-_CLOSING_LINES:]):
            line = self.given[at].strip()
            if self.starts[at] < floor or len(filled) < 3:
                break
            if _DATE_LINE.match(line):
                seen_date = True
            elif not (_SIGNER.match(line) and _OFFICE.search(line) and seen_date):
                break
            begin = self.starts[at]
        # Behind a clause's last sentence 本办法自…起施行 is no part of it; below a heading (附则) it is all there is.
        above = [at for at in filled if self.starts[at] < begin][-2:]
        if len(above) > 1 and self.given[above[0]].rstrip().endswith("。"):
            start = self.starts[above[1]]
            own = start >= floor and marker_at(self.text, start) is None
            if own and IN_FORCE.match(self.given[above[1]].strip()):
                begin = start
        # Without a signature before it a table belongs to the clause it stands in.
        return (begin, attached) if begin < attached else (whole, whole)

    def numbered(self, markers: list[tuple[Marker, tuple[Doubt, ...]]], closing: int) -> list[Section]:
        sections: list[Section] = []
        open_: list[tuple[Marker, str]] = []
        last: dict[Level, int] = {}
        for at, (marker, doubts) in enumerate(markers):
            end = markers[at + 1][0].start if at + 1 < len(markers) else closing
            while open_ and open_[-1][0].level >= marker.level:
                open_.pop()
            found = [*doubts, *self.sequence(marker, last)]
            # Chapters group; the articles and 一、 below them may count on or begin anew.
            keep = {Level.ARTICLE, Level.FIRST} if marker.level in GROUPS else frozenset()
            last = {rank: value for rank, value in last.items() if rank < marker.level or rank in keep}
            last[marker.level] = marker.value
            heading, heading_end = self.heading(marker, end)
            above = tuple(name for _, name in open_)
            parts = [one.text for one, _ in open_ if one.level not in GROUPS]
            own = self.text[marker.start : heading_end].strip().strip(_ENDS)
            own = own if heading else marker.text
            open_.append((marker, own))
            number = "".join([*parts, marker.text]) if marker.level not in GROUPS else marker.text
            sections.append(
                Section(
                    "numbered",
                    number,
                    marker,
                    above,
                    heading,
                    marker.start,
                    marker.end,
                    heading_end,
                    end,
                    self.span(marker.start, end),
                    marker.level in GROUPS,
                    tuple(found),
                )
            )
        return sections

    @staticmethod
    def sequence(marker: Marker, last: dict[Level, int]) -> list[Doubt]:
        """What is wrong with this number after those before it."""
        before = last.get(marker.level, 0)
        value = marker.value
        if marker.level is Level.APPENDIX or value == before + 1:
            return []
        if value == before:
            return [Doubt("number_repeated", marker.text, f"{marker.text} 出现了两次")]
        if value == 1:
            return [Doubt("number_restarts", marker.text, "编号从头开始，可能少了一级标题")]
        if value > before:
            missing = (
                f"前一个是第{before}，这个是第{value}，中间少了" if before else f"没有第1，从第{value}开始"
            )
            return [Doubt("number_gap", marker.text, missing)]
        return [Doubt("number_repeated", marker.text, f"前一个是第{before}，这个又是第{value}")]

    def heading(self, marker: Marker, end: int) -> tuple[str, int]:
        """(heading, where it ends) of the section whose number is `marker`; ("", number's end) when it has none."""
        stop = self.text.find("\n", marker.end, end)
        line_end = end if stop < 0 else stop
        line = self.text[marker.end : line_end]
        full = line.find("。")
        if 0 < full <= _LONGEST_HEADING and not _SENTENCE_MARKS.search(line[:full]):
            return line[:full].strip(), marker.end + full + 1
        colon = min((at for at in (line.find("\uff1a"), line.find(":")) if at > 0), default=-1)
        if (
            0 < colon <= _LONGEST_COLON
            and line[colon + 1 :].strip()
            and not re.search("[\uff0c,。]", line[:colon])
        ):
            return line[:colon].strip(), marker.end + colon + 1
        if line.strip() and len(line.strip()) <= _LONGEST_HEADING + 5 and "。" not in line:
            return line.strip().strip(_ENDS + "\uff1b;"), line_end
        return "", marker.end

    def plain(self, role: Role, name: str, start: int, end: int) -> Section:
        return Section(role, name, None, (), "", start, start, start, end, self.span(start, end))

    def span(self, start: int, end: int) -> tuple[int, int]:
        last = max(start, end - 1)
        # A trailing line break belongs to the line it ends.
        return bisect_right(self.starts, start) - 1, bisect_right(self.starts, last) - 1


def _tidy(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
