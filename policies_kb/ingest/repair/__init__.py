"""Repair of what files really contain. Every change is recorded, every doubt marked, nothing lost.

The order matters:

1. mojibake: its proof is in the bytes and readings that the later steps take away;
2. readings in brackets: they belong to the characters as printed;
3. traditional → simplified: the readings of 2 are those of the traditional character too, but not the other way round;
4. HTML leftovers, stray marks, spaces, width, quotation marks;
5. page numbers inside sentences, which show 7 where a sentence was cut by a page;
6. lines that are no part of the document: their patterns are written in clean simplified text;
7. broken sentences put together, across the lines that 6 dropped; 1 to 6 once more over what was joined;
8. what is missing, and short lines that do not belong where they stand: marked last, in the final text.

1 to 5 are read again until they change nothing: what 4 and 5 take out can have hidden from 1 what the bytes tell, and
a text that a second repair would read otherwise is one that nobody can check.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from policies_kb.ingest.repair.boilerplate import drop_boilerplate
from policies_kb.ingest.repair.characters import repair_quotes, repair_spaces, repair_stray, repair_width
from policies_kb.ingest.repair.gaps import mark_gaps
from policies_kb.ingest.repair.joining import join_lines
from policies_kb.ingest.repair.mojibake import repair_mojibake
from policies_kb.ingest.repair.page_numbers import repair_page_numbers
from policies_kb.ingest.repair.pinyin_brackets import repair_pinyin
from policies_kb.ingest.repair.stray_lines import mark_stray_lines
from policies_kb.ingest.repair.traditional import is_traditional, repair_traditional
from policies_kb.ingest.types import LONG, Progress, Repaired, RepairedLine, Source, SourceLine

# Each round over joined lines can only join or drop further lines, so it ends; a file needs one or two.
_ROUNDS = 8
# A second reading of a line changes little, a third almost nothing; the bound is for what nobody thought of.
_READINGS = 6


def repair(source: Source, progress: Progress | None = None) -> Repaired:
    """Repair every line of a file. Repairing the result once more changes nothing.

    `progress` is told how far a long file is read, in plain Chinese.
    """
    document = is_traditional("".join(line.text for line in source.lines))
    lines = tuple(_lines(source.lines, document, progress))
    if not document and is_traditional("".join(line.text for line in lines if line.dropped is None)):
        # What its script is shows only once wrongly decoded characters are restored and a site's lines are gone.
        document = True
        lines = tuple(_lines(source.lines, document, progress))
    for _ in range(_ROUNDS):
        lines, before = tuple(_again(line, document) for line in join_lines(lines)), lines
        if [line.text for line in before] == [line.text for line in lines]:
            break
    return Repaired(source, mark_stray_lines(tuple(_settled(mark_gaps(line)) for line in lines)))


def as_source(repaired: Repaired) -> Source:
    """The kept text as a source again, with the lines numbered anew."""
    kept = [line for line in repaired.lines if line.dropped is None]
    return replace(
        repaired.source,
        lines=tuple(
            SourceLine(line.text, number, line.page, line.part, line.level)
            for number, line in enumerate(kept, start=1)
        ),
    )


def _lines(lines: Sequence[SourceLine], document: bool, progress: Progress | None) -> Iterator[RepairedLine]:
    for at, line in enumerate(lines):
        if progress and at and at % LONG == 0:
            progress(f"修复，{at}/{len(lines)} 行")
        yield _line(line, document)


def _line(source: SourceLine, document: bool) -> RepairedLine:
    line = RepairedLine(
        source.text,
        source.text,
        source.line,
        source.page,
        marks=source.marks,
        part=source.part,
        level=source.level,
    )
    return drop_boilerplate(_read(line, document))


def _read(line: RepairedLine, document: bool) -> RepairedLine:
    """Steps 1 to 5, until they change nothing more. `document`: whether the file as a whole is traditional."""
    line = _read_once(line, document)
    for _ in range(_READINGS):
        # What was turned simplified is no traditional text any more: 乾縣 became 乾县, and would now become 干县.
        again = _read_once(line, False)
        known = {_as_it_stands(mark.text, again.text) for mark in line.marks}
        new = (mark for mark in again.marks[len(line.marks) :] if mark.text not in known)
        line, before = replace(again, marks=(*line.marks, *new)), line
        if line.text == before.text:
            break
    return line


def _read_once(line: RepairedLine, document: bool) -> RepairedLine:
    line = repair_pinyin(repair_mojibake(line))
    return repair_page_numbers(_characters(repair_traditional(line, document=document)))


def _settled(line: RepairedLine) -> RepairedLine:
    """The marks with their texts as they stand in the finished line: later steps changed them too."""
    marks = tuple(
        mark if mark.text in line.text else replace(mark, text=_as_it_stands(mark.text, line.text))
        for mark in line.marks
    )
    return line if marks == line.marks else replace(line, marks=tuple(dict.fromkeys(marks)))


def _as_it_stands(marked: str, text: str) -> str:
    """The longest part of a mark's text, after the same steps, that the finished line holds."""
    if marked in text:
        return marked
    plain = RepairedLine(marked, marked, 1)
    plain = _characters(repair_traditional(repair_pinyin(plain), document=True))
    for length in range(len(plain.text), 0, -1):
        for start in range(len(plain.text) - length + 1):
            if plain.text[start : start + length] in text:
                return plain.text[start : start + length]
    return text[:12]


def _again(line: RepairedLine, document: bool) -> RepairedLine:
    return drop_boilerplate(_read(line, document)) if line.joined and line.dropped is None else line


def _characters(line: RepairedLine) -> RepairedLine:
    for _ in range(4):
        before = line.text
        line = repair_quotes(repair_width(repair_spaces(repair_stray(line))))
        if line.text == before:
            break
    return line
