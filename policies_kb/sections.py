"""The sections of a document's Markdown: headings, the fields under them, the text; and what was mistyped there."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator

_HAN: Final = "[一二三四五六七八九十]"
# 前言, 正文: text that carries no number. 附件2 stands before the numbers of an annex.
_NUMBER: Final = re.compile(
    rf"^(前言|正文|(?=.)(附件\d*)?(第[一二三四五六七八九十百零]+条(之{_HAN}+)?|{_HAN}*)(\({_HAN}+\))?\d*(\(\d+\))?)$"
)
# A number as people write it before a title: with 、 or . behind its parts, or with no space after it.
_LOOSE: Final = re.compile(
    rf"((?:附件\d*)?(?:第[一二三四五六七八九十百零]+条(?:之{_HAN}+)?|{_HAN}*)[、.．]?\s*(?:\({_HAN}+\))?[、.．]?\s*(?:\d+(?!\d*[年月日个天元%岁]))?[、.．]?\s*(?:\(\d+\))?)[、.．]?\s*(.*)"
)
_HEADING: Final = re.compile(r"^(#{1,6})\s+(.*\S)\s*$")
_RUN_ON: Final = re.compile(r"^\s*[#＃]+\s*(?P<title>[^#＃\s].*)$")
_META: Final = re.compile(r"^[a-z_]+:(\s|$)")
_WIDTHS: Final = str.maketrans("（）０１２３４５６７８９", "()0123456789")


def folded(number: object) -> object:
    """A clause number with brackets and digits of one width: 四（三） and 四(三) are the same clause."""
    return number.translate(_WIDTHS) if isinstance(number, str) else number


ClauseNumber = Annotated[str, BeforeValidator(folded)]


@dataclass(frozen=True, slots=True)
class Section:
    """One heading (`line`, 1-based; `level` 1 to 6) with the lines below it. `fields` of them, from `start`, are YAML."""

    line: int
    level: int
    title: str
    body: tuple[str, ...]

    @property
    def start(self) -> int:
        """Index of the first line that is not empty: editors like to put an empty line below a heading."""
        return next((at for at, line in enumerate(self.body) if line.strip()), len(self.body))

    @property
    def fields(self) -> int:
        """Index behind the last line of the fields."""
        at = self.start
        while at < len(self.body) and (
            _META.match(self.body[at]) or (at > self.start and self.body[at].startswith(("  ", "- ")))
        ):
            at += 1
        return at

    @property
    def text(self) -> str:
        """What residents read."""
        return "\n".join(line.strip() for line in self.body[self.fields :]).strip()

    def number_and_heading(self) -> tuple[str, str] | None:
        """The clause number and the title behind it; None when there is no number or no title."""
        number, _, heading = self.title.partition(" ")
        number = number.translate(_WIDTHS)
        if not _NUMBER.match(number) or not heading.strip():
            return None
        return number, heading.strip()

    def meant(self) -> str:
        """How the heading would be written, where its number can be made out; else an example."""
        match = _LOOSE.fullmatch(self.title.translate(_WIDTHS))
        number = re.sub(r"[、.．\s]", "", match[1]) if match else ""
        if not match or not number or not _NUMBER.match(number):
            return "## 三(二)3 入户调查"
        return f"## {number} {match[2] or '标题'}"


def sections(lines: Sequence[str], start: int) -> list[Section]:
    """Every heading from `start` on, with what stands below it."""
    found: list[tuple[int, int, str, list[str]]] = []
    for at, line in enumerate(lines[start:], start=start):
        match = _HEADING.match(line)
        if match:
            found.append((at + 1, len(match[1]), match[2], []))
        elif found:
            found[-1][3].append(line)
    return [Section(line, level, title, tuple(body)) for line, level, title, body in found]


def misplaced(section: Section, names: Collection[str]) -> list[tuple[int, str, str, str]]:
    """(1-based line, field, what, cure) of lines meant as a heading or as one of the fields `names`, that are neither."""
    typed: list[tuple[int, str, str, str]] = []
    apart: list[tuple[int, str, str, str]] = []
    field = re.compile(
        rf"^(?P<indent>[\s\u3000]*)(?P<name>{'|'.join(names)})\s*(?P<colon>[:：])(?P<value>.*)$"
    )
    for at, line in enumerate(section.body):
        number = section.line + 1 + at
        if at >= section.fields and (heading := _RUN_ON.match(line)):
            meant = Section(number, 2, heading["title"].strip(), ()).meant()
            typed.append((number, "", "looks like a heading and is none", f"write '{meant}'"))
            break
        match = field.match(line)
        if not match or section.start <= at < section.fields:
            continue
        name, cure = match["name"], f"write '{match['name']}: {match['value'].strip()}'"
        if match["colon"] == "：":
            typed.append((number, name, f"a full-width colon follows {name!r}", cure))
        elif match["indent"]:
            typed.append((number, name, f"{name!r} does not begin at the start of its line", cure))
        elif match["value"][:1].strip():
            typed.append((number, name, f"no space follows the colon of {name!r}", cure))
        else:
            what = f"{name!r} stands apart from the fields of its section"
            apart.append((number, name, what, "put it right below the heading, with no other line between"))
    # One line in the wrong place sets all below it apart.
    return typed or apart[:1]
