"""draft.md: the documents format of policies_kb.clauses, except that what is not known yet may be null."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from policies_kb.errors import DataFileError, Problem
from policies_kb.ingest.draft import Content, DraftDocument, Front
from policies_kb.yamlfile import plain, read_text

_HEADING = re.compile(r"^(#{1,2})\s+(.*\S)\s*$")
_META = re.compile(r"^[a-z_]+:(\s|$)")
JOIN = " / "
"""Between the headings of a path, in the group heading above a clause."""


def render(document: DraftDocument) -> str:
    """The text of draft.md."""
    front = document.front
    lines = ["---", *_yaml(front.model_dump()), "---"]
    group: str | None = None
    for section in document.sections:
        above = JOIN.join(section.path)
        if above != (group or "") and above:
            lines += ["", f"# {above}"]
            group = above
        lines += ["", f"## {section.number} {section.heading}"]
        meta: dict[str, Any] = {
            "schemes": list(section.schemes), "aspect": section.aspect, "asks": list(section.asks),
        }  # fmt: skip
        if section.parameters:
            meta["parameters"] = list(section.parameters)
        lines += [*_yaml(meta), "", guarded(section.text)]
    return "\n".join(lines) + "\n"


def guarded(text: str) -> str:
    """Text that cannot be taken for a heading or for fields: a line of the original that begins with # is moved in."""
    return "\n".join(f"＃{line.lstrip('#')}" if line.startswith("#") else line for line in text.split("\n"))


def parse(path: Path) -> DraftDocument:
    """Read draft.md.

    Raises:
        DataFileError: every fault with file, line and cure.
    """
    lines = read_text(path).splitlines()
    end = next((at for at, line in enumerate(lines[1:], start=1) if line.strip() == "---"), None)
    if not lines or lines[0].strip() != "---" or end is None:
        raise DataFileError(
            [Problem(path, 1, "front matter", "it is missing or not closed", "write it between ---")]
        )
    problems: list[Problem] = []
    front = _model(Front, _load(lines[1:end], 2, path, problems), path, 2, problems)
    sections: list[Content] = []
    group: tuple[str, ...] = ()
    at = end + 1
    while at < len(lines):
        heading = _HEADING.match(lines[at])
        if heading is None:
            at += 1
            continue
        stop = next((one for one in range(at + 1, len(lines)) if _HEADING.match(lines[one])), len(lines))
        if len(heading[1]) == 1:
            group = tuple(heading[2].split(JOIN))
        else:
            section = _section(heading[2], lines[at + 1 : stop], at + 1, group, path, problems)
            if section is not None:
                sections.append(section)
        at = stop
    if problems or front is None:
        raise DataFileError(problems)
    return DraftDocument(front=front, sections=tuple(sections))


def _section(
    title: str, body: list[str], line: int, group: tuple[str, ...], path: Path, problems: list[Problem]
) -> Content | None:
    count = 0
    while count < len(body) and (
        _META.match(body[count]) or (count and body[count].startswith(("  ", "- ")))
    ):
        count += 1
    number, _, heading = title.partition(" ")
    meta = _load(body[:count], line + 1, path, problems)
    if not isinstance(meta, dict):
        return None
    text = "\n".join(one.strip() for one in body[count:]).strip()
    known = {key: meta[key] for key in ("schemes", "aspect", "asks", "parameters") if key in meta}
    content: Content | None = _model(
        Content,
        {"number": number, "heading": heading.strip(), "path": group, "text": text, **known},
        path,
        line,
        problems,
    )
    return content


def _load(lines: list[str], line: int, path: Path, problems: list[Problem]) -> Any:
    try:
        return plain(YAML(typ="rt").load("\n".join(lines)) or {})
    except MarkedYAMLError as error:
        problems.append(Problem(path, line, "", f"not valid YAML: {error.problem}", "correct the line"))
        return None


def _model(model: Any, data: Any, path: Path, line: int, problems: list[Problem]) -> Any:
    if data is None:
        return None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = ".".join(str(part) for part in detail["loc"])
            problems.append(Problem(path, line, where, detail["msg"], "correct the value"))
        return None


def _yaml(data: dict[str, Any]) -> list[str]:
    """A mapping as YAML, a key a line, lists in one line as authors write them."""
    writer = YAML(typ="rt")
    writer.default_flow_style = False
    writer.width = 1_000_000
    writer.allow_unicode = True
    writer.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    ready: dict[str, Any] = {}
    for key, value in data.items():
        ready[key] = value
        if isinstance(value, list):
            ready[key] = CommentedSeq(map(_quoted, value))
            ready[key].fa.set_flow_style()
    out = io.StringIO()
    writer.dump(ready, out)
    return out.getvalue().rstrip("\n").split("\n")


def _quoted(item: Any) -> Any:
    """A text of a list in quotes where it does not begin like a word: the writer leaves `[?0]` bare, a reader takes it
    for a key."""
    bare = not isinstance(item, str) or item[:1].isalnum()
    return item if bare else DoubleQuotedScalarString(item)
