"""What an author's hand slipped at in YAML that cannot be read: the parser says where it gave up, not what was typed.

Tabs and full-width punctuation come from Chinese keyboards and word processors, odd indents from hand editing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# A line's slip mostly lies at the line the parser gave up at, or a few before.
_BACK: Final = 3
_KEY: Final = r"[A-Za-z_][\w.-]*"
_WIDE_COLON: Final = re.compile(rf"\s*(?:- +)?\{{?\s*(?P<key>{_KEY})\s*：")
_NO_SPACE: Final = re.compile(rf"\s*(?:- +)?(?P<key>{_KEY}):(?P<value>[^\s/:].*)")
_RESERVED: Final = re.compile(rf"\s*(?:- +)?(?:{_KEY}:\s+)?(?P<sign>[%@`])(?P<rest>.*)")
_INDENT: Final = re.compile(r"[ \t\u3000]*")
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_KEYLESS: Final = re.compile(r" *[A-Za-z_][\w.-]* *")
_WIDE: Final = re.compile("[，：；｛｝［］【】“”‘’]")


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip at 0-based line `at`: what was found and what to write instead."""

    at: int
    what: str
    cure: str


def slip(lines: Sequence[str], at: int) -> Slip | None:
    """The likeliest slip behind a fault the parser met at 0-based line `at`; None when none is known."""
    at = min(max(at, 0), len(lines) - 1) if lines else 0
    near = [
        here for here in range(at, max(at - _BACK, -1), -1) if here < len(lines) and _written(lines[here])
    ]
    for here in near:
        found = _typed(lines[here])
        if found:
            return Slip(here, *found)
    for here in near:
        if _never_closed(lines, here):
            return Slip(here, "a bracket is not closed", "close it")
        if _KEYLESS.fullmatch(lines[here]) and _continues_nothing(lines, here):
            return Slip(
                here, f"{lines[here].strip()!r} has no colon", "write it as 'field: value', or take it out"
            )
    for here in near:
        wanted = _indent_wanted(lines, here)
        if wanted is not None:
            return Slip(
                here,
                f"stands {_depth(lines[here])} spaces in, the lines it belongs with {wanted}",
                f"begin it with {wanted} spaces",
            )
    for here in near:
        found = _open(lines[here])
        if found:
            return Slip(here, *found)
    return None


def _written(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _typed(line: str) -> tuple[str, str] | None:
    indent = _INDENT.match(line)
    if indent and "\t" in indent[0]:
        return "begins with a tab", "put spaces in its place"
    if indent and "\u3000" in indent[0]:
        return "begins with a full-width space", "put spaces in its place"
    bare = _QUOTED.sub("''", line)
    if match := _WIDE_COLON.match(bare):
        return f"a full-width colon follows {match['key']!r}", f"write '{match['key']}: '"
    if match := _RESERVED.match(bare):
        return f"a value begins with {match['sign']}", f'put it in quotes: "{match["sign"]}{match["rest"]}"'
    if match := _NO_SPACE.match(bare):
        return f"no space follows the colon of {match['key']!r}", f"write '{match['key']}: {match['value']}'"
    return None


def _open(line: str) -> tuple[str, str] | None:
    bare = _QUOTED.sub("", line)
    if '"' in bare or re.search(r"(?<!\w)'", bare):
        return "a quotation mark is not closed", "close it, on the same line"
    if bare.count("[") != bare.count("]") or bare.count("{") != bare.count("}"):
        wide = _WIDE.search(bare)
        if wide:
            return (
                f"a bracket is not closed; there is a full-width {wide[0]}",
                "write brackets and commas as [a, b]",
            )
        return "a bracket is not closed", "close it"
    return None


def _never_closed(lines: Sequence[str], at: int) -> bool:
    """Whether a bracket opened in line `at` is closed neither there nor anywhere after it."""
    bare = _QUOTED.sub("", lines[at])
    rest = _QUOTED.sub("", "\n".join(lines[at:]))
    return any(
        bare.count(left) > bare.count(right) and rest.count(left) > rest.count(right)
        for left, right in ("[]", "{}")
    )


def _continues_nothing(lines: Sequence[str], at: int) -> bool:
    """Whether line `at` stands where a field must, not as the second line of a longer text."""
    before = next((line for line in reversed(lines[:at]) if _written(line)), "")
    item = re.match(r" *(?:- +)+", before)
    return bool(before) and _depth(lines[at]) <= (item.end() if item else _depth(before))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _indent_wanted(lines: Sequence[str], at: int) -> int | None:
    """The indent line `at` should have, where it has one that fits no line before it; None when it fits."""
    levels: list[int] = []
    opens = True
    for here, line in enumerate(lines[: at + 1]):
        if not _written(line):
            continue
        depth = _depth(line)
        left = [one for one in levels if one > depth]
        levels = [one for one in levels if one <= depth]
        fits = depth in levels or (opens and not left) or not (levels or left)
        if here == at:
            if fits:
                return None
            return levels[-1] if not left else min([*left, *levels[-1:]], key=lambda one: abs(one - depth))
        if depth not in levels:
            levels.append(depth)
        item = re.match(r" *(?:- +)+", line)
        if item:
            levels.append(item.end())
        text = line.split(" #")[0].rstrip()
        opens = text.endswith((":", "-", "|", ">", "|-", ">-")) or not text.strip()
    return None
