"""The one way in which a repair changes a line: the piece before and after is recorded with a little around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from policies_kb.ingest.types import Mark, Repair, RepairedLine, RepairKind

_AROUND = 6


def substitute(
    line: RepairedLine,
    pattern: re.Pattern[str],
    replacement: str | Callable[[re.Match[str]], str],
    kind: RepairKind,
) -> RepairedLine:
    """Replace every match of `pattern` whose replacement differs, one Repair for each."""
    repairs: list[Repair] = []

    def one(match: re.Match[str]) -> str:
        new = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
        if new != match.group():
            left = line.text[max(0, match.start() - _AROUND) : match.start()]
            right = line.text[match.end() : match.end() + _AROUND]
            repairs.append(Repair(kind, f"{left}{match.group()}{right}", f"{left}{new}{right}"))
        return new

    text = pattern.sub(one, line.text)
    return replace(line, text=text, repairs=line.repairs + tuple(repairs)) if repairs else line


def whole(line: RepairedLine, text: str, kind: RepairKind) -> RepairedLine:
    """Put `text` in place of the line's text; one Repair holds the part that differs."""
    if text == line.text:
        return line
    start = 0
    while start < min(len(text), len(line.text)) and text[start] == line.text[start]:
        start += 1
    end = 0
    while end < min(len(text), len(line.text)) - start and text[-1 - end] == line.text[-1 - end]:
        end += 1
    left = max(0, start - _AROUND)
    before = line.text[left : len(line.text) - max(0, end - _AROUND)]
    after = text[left : len(text) - max(0, end - _AROUND)]
    return replace(line, text=text, repairs=(*line.repairs, Repair(kind, before, after)))


def marked(line: RepairedLine, *marks: Mark) -> RepairedLine:
    """The line with further marks; the same mark is never put twice."""
    new = tuple(mark for mark in marks if mark not in line.marks)
    return replace(line, marks=line.marks + new) if new else line


def dropped(line: RepairedLine, reason: str) -> RepairedLine:
    """The line left out of the document, its text and original kept."""
    return replace(line, dropped=reason, repairs=(*line.repairs, Repair("dropped", line.text, "")))
