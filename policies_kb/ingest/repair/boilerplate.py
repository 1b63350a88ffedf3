"""Lines that are no part of the document: advertisement, navigation, copyright notices, page furniture.

The patterns are data (boilerplate.yml). A dropped line keeps text, original and reason, so a person can take it back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field, field_validator

from policies_kb.ingest.numbering import marker_at
from policies_kb.ingest.repair.edit import dropped
from policies_kb.ingest.types import RepairedLine
from policies_kb.types import Frozen
from policies_kb.yamlfile import load_model


class Rule(Frozen):
    """Patterns of one reason. `part` patterns may stand anywhere in a line of at most `longest` characters."""

    reason: str = Field(min_length=2)
    whole: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    longest: int = Field(default=200, gt=0)

    @field_validator("whole", "part")
    @classmethod
    def _compiles(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            re.compile(pattern)
        return patterns


class RuleFile(Frozen):
    """`boilerplate.yml`."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    reason: str
    longest: int
    whole: re.Pattern[str] | None
    part: re.Pattern[str] | None


@cache
def _rules() -> tuple[_Compiled, ...]:
    file = load_model(Path(__file__).with_name("boilerplate.yml"), RuleFile)
    return tuple(
        _Compiled(rule.reason, rule.longest, _any(rule.whole), _any(rule.part)) for rule in file.rules
    )


def _any(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None


def drop_boilerplate(line: RepairedLine) -> RepairedLine:
    """Drop the line where a rule says so. Headers and footers of the file's format go too; table rows never."""
    if line.dropped is not None or not line.text:
        return line
    if line.part in ("header", "footer"):
        return dropped(line, "页眉" if line.part == "header" else "页脚")
    if line.part == "row":
        return line
    for rule in _rules():
        if rule.whole and rule.whole.fullmatch(line.text):
            return dropped(line, rule.reason)
        if (
            rule.part
            and len(line.text) <= rule.longest
            and rule.part.search(line.text)
            and not marker_at(line.text)
        ):
            return dropped(line, rule.reason)
    return line
