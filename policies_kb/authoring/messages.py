"""Problems of a pack's files, told in plain Chinese to whoever writes the pack. The words are data (messages.yml)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from policies_kb.errors import DataFileError, Problem
from policies_kb.types import Frozen
from policies_kb.yamlfile import load_model


class Said(Frozen):
    """What the program says (`what`, a pattern of the whole) and how it is told; {names} are the pattern's groups."""

    what: str
    say: str


class MessageFile(Frozen):
    """`messages.yml`."""

    whats: tuple[Said, ...]
    cures: tuple[Said, ...]


@cache
def _messages() -> MessageFile:
    return load_model(Path(__file__).with_name("messages.yml"), MessageFile)


def in_chinese(problem: Problem) -> str:
    """`file:line：field：what。改法：cure。`; what the table does not know stays as it is."""
    place = f"{problem.file}:{problem.line}" if problem.line is not None else str(problem.file)
    what = _sentence(_told(problem.what, _messages().whats))
    parts = [place, problem.field, what] if problem.field else [place, what]
    cure = f"改法：{_sentence(_told(problem.cure, _messages().cures))}" if problem.cure else ""
    return "：".join(parts) + cure


def told(error: Exception) -> str:
    """What a command says of an error: every fault of a pack's files a line of its own, in Chinese; else its words."""
    if isinstance(error, DataFileError):
        return "\n".join(map(in_chinese, error.problems))
    return str(error)


def _sentence(text: str) -> str:
    return text if text.endswith(("。", "？", "！")) else f"{text}。"


def _told(text: str, table: Sequence[Said]) -> str:
    for one in table:
        match = re.fullmatch(one.what, text, re.DOTALL)
        if match:
            return one.say.format(**{name: value or "" for name, value in match.groupdict().items()})
    return text
