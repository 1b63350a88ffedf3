"""YAML read into pydantic models, with the file and line of whatever is wrong."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from policies_kb.errors import DataFileError, Problem
from policies_kb.slips import slip

ModelT = TypeVar("ModelT", bound=BaseModel)
Path_ = tuple[str | int, ...]

CHECK_LINE: Final = "look at the indentation, colons, quotes and brackets of this line and the one before"
WRITE_DAY: Final = "write it as 2026-03-05"
# Kind of a pydantic fault -> cure.
_CURES: Final = {
    "extra_forbidden": "remove it or correct its spelling",
    "literal_error": "use one of the values named",
    "decimal_parsing": "write the figure alone, as 12.5; its unit stands in unit:",
    "decimal_type": "write the figure alone, as 12.5; its unit stands in unit:",
    "tuple_type": "write it as [one, two]",
    "list_type": "write it as [one, two]",
    "string_type": 'put it in quotes: "1"',
    "too_short": "write one at least",
    "string_too_short": "write it",
    "model_type": "write it as {name: value}, with the fields it has",
    "dict_type": "write it as {name: value}",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
}
# Of these fields the cure names every choice with its meaning.
_CHOOSE: Final = {"aspect": "choose one side", "level": "choose one level"}
_BRANCH: Final = re.compile(r"(?:function-|(?:dict|list|tuple|set)\[)")
_DATE: Final = re.compile(r"(?<![\d-])\d{4}-\d{1,2}-\d{1,2}(?![\d-])")


def read_text(path: Path) -> str:
    """The text of one data file, without the byte order mark some editors put first.

    Raises:
        DataFileError: the file is missing or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataFileError([Problem(path, None, "", "the file is missing", "create it")]) from None
    except UnicodeDecodeError as error:
        raise DataFileError(
            [Problem(path, None, "", f"not UTF-8 ({error.reason})", "save it as UTF-8")]
        ) from None


def read_yaml(path: Path) -> Any:
    """Parse one YAML file, keeping line numbers.

    Raises:
        DataFileError: the file is missing, is not UTF-8 or is not YAML; names the line where there is one.
    """
    # The round-trip loader is the one that keeps line numbers; it refuses duplicate keys by itself.
    parser = YAML(typ="rt")
    text = read_text(path)
    try:
        return parser.load(text)
    except MarkedYAMLError as error:
        line, what, cure = unreadable(error, text.splitlines())
        raise DataFileError([Problem(path, line, "", what, cure)]) from None
    except ValueError as error:
        raise DataFileError(_no_days(path, text, str(error))) from None
    except YAMLError as error:
        raise DataFileError([Problem(path, None, "", f"not valid YAML: {error}")]) from None


def unreadable(error: MarkedYAMLError, lines: list[str]) -> tuple[int, str, str]:
    """(1-based line, what, cure) of YAML the parser refused: by what was mistyped, where that can be seen."""
    mark = error.problem_mark or error.context_mark
    at = mark.line if mark else 0
    if str(error.problem).startswith("found duplicate key"):
        return at + 1, f"not valid YAML: {error.problem}", "remove one"
    # The parser gave up at one mark and had begun at the other, where a quote or bracket was opened.
    for one in (mark, error.context_mark):
        known = slip(lines, one.line) if one else None
        if known is not None:
            return known.at + 1, known.what, known.cure
    return at + 1, f"not valid YAML: {error.problem}", CHECK_LINE


def impossible_days(text: str) -> list[tuple[int, str]]:
    """(1-based line, as written) of what looks like a date and is no day: 2026-13-05."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        for written in _DATE.findall(line):
            year, month, day = map(int, written.split("-"))
            try:
                date(year, month, day)
            except ValueError:
                found.append((number, written))
    return found


def _no_days(path: Path, text: str, why: str) -> list[Problem]:
    days = [
        Problem(path, line, "", f"{written} is no day of the calendar", WRITE_DAY)
        for line, written in impossible_days(text)
    ]
    return days or [Problem(path, None, "", f"not valid YAML: {why}", CHECK_LINE)]


def sound(text: str, model: type[ModelT]) -> ModelT | None:
    """`text` as `model`, read by the fast parser; None when anything is wrong with it.

    The fast parser (libyaml) keeps no line numbers: what is wrong is found out by reading once more with the other.
    """
    try:
        return model.model_validate(YAML(typ="safe").load(text) or {})
    except (YAMLError, ValidationError, ValueError):
        # ValueError: a date that is no day of the calendar.
        return None


def line_of(data: Any, where: Path_) -> int | None:
    """The 1-based line of the value at `where` inside round-trip data, or of its nearest parent that has one."""
    line: int | None = None
    node = data
    for key in where:
        if isinstance(node, CommentedMap) and key in node:
            line = node.lc.value(key)[0] + 1 if _scalar(node[key]) else node.lc.key(key)[0] + 1
            node = node[key]
        elif isinstance(node, CommentedSeq) and isinstance(key, int) and key < len(node):
            line = node.lc.item(key)[0] + 1
            node = node[key]
        else:
            # A missing or misspelt key: the parent's own line is the nearest place to look.
            break
    if line is None and isinstance(data, CommentedMap | CommentedSeq):
        line = data.lc.line + 1
    return line


def _scalar(value: Any) -> bool:
    return not isinstance(value, CommentedMap | CommentedSeq)


def plain(value: Any) -> Any:
    """Round-trip data as plain dicts, lists and scalars."""
    if isinstance(value, CommentedMap):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, CommentedSeq):
        return [plain(item) for item in value]
    return value


def problems_of(error: ValidationError, path: Path, data: Any, base: Path_ = ()) -> list[Problem]:
    """A pydantic ValidationError as problems with file, line and field."""
    found: list[Problem] = []
    for where, what, cure in faults_of(error):
        # The branches of a union are no fields: value.dict[str,decimal]. One of their faults is enough.
        whole = tuple(part for part in base + where if not (isinstance(part, str) and _BRANCH.match(part)))
        field = ".".join(str(part) for part in whole)
        if any(one.field == field for one in found):
            continue
        found.append(Problem(path, line_of(data, whole), field, what, cure))
    return found


def faults_of(error: ValidationError) -> list[tuple[Path_, str, str]]:
    """(where, what, cure) of each fault. A list that is only short of its faulty entries is not one of them."""
    details = [
        (tuple(part for part in one["loc"] if isinstance(part, str | int)), one)
        for one in error.errors(include_url=False)
    ]
    return [
        (where, one["msg"].removeprefix("Value error, "), _cure(one["type"], where))
        for where, one in details
        if one["type"] != "too_short"
        or not any(other[: len(where)] == where and len(other) > len(where) for other, _ in details)
    ]


def _cure(kind: str, where: Path_) -> str:
    name = next((part for part in reversed(where) if isinstance(part, str)), "")
    if kind == "missing":
        return f"add '{name}:'"
    if kind.startswith("date"):
        return WRITE_DAY
    if kind == "literal_error" and name in _CHOOSE:
        return _CHOOSE[name]
    return _CURES.get(kind, "correct the value")


def load_model(path: Path, model: type[ModelT]) -> ModelT:
    """Read `path` and validate it as `model`.

    Raises:
        DataFileError: with one problem (file, line, field, what) for each fault found.
    """
    quick = sound(read_text(path), model)
    if quick is not None:
        return quick
    data = read_yaml(path)
    try:
        return model.model_validate({} if data is None else plain(data))
    except ValidationError as error:
        raise DataFileError(problems_of(error, path, data)) from None
