"""Drafts on disk: `drafts/<id>/` with draft.md, draft.yml and original.txt. Every write is whole or not at all."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import LiteralScalarString

from policies_kb.errors import DataFileError, Problem
from policies_kb.ingest.draft import Draft, DraftFile
from policies_kb.ingest.draft_markdown import parse, render
from policies_kb.loader import DRAFTS
from policies_kb.yamlfile import read_text

_REPAIR = ("line", "kind", "before", "after")
MARKDOWN, DETAILS, ORIGINAL = "draft.md", "draft.yml", "original.txt"


class DraftStore:
    """The drafts of one pack."""

    def __init__(self, pack_folder: Path) -> None:
        self.pack_folder = pack_folder
        self.folder = pack_folder / DRAFTS

    def ids(self) -> tuple[str, ...]:
        """Ids of all drafts, whatever their state."""
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{DETAILS}")))

    def details(self, draft_id: str) -> DraftFile:
        """draft.yml of one draft.

        Raises:
            DataFileError: it is missing or not a draft.
        """
        path = self.folder / draft_id / DETAILS
        try:
            return DraftFile.model_validate(_opened(YAML(typ="safe").load(read_text(path))))
        except (YAMLError, ValidationError, ValueError, TypeError, KeyError) as error:
            first = str(error).splitlines()[0]
            cure = "restore it from a backup, or delete the folder and ingest the file again"
            raise DataFileError([Problem(path, None, "", f"not a draft: {first}", cure)]) from None

    def load(self, draft_id: str) -> Draft:
        """A draft with its present text.

        Raises:
            DataFileError: draft.yml or draft.md cannot be read; names file and line.
        """
        return Draft(file=self.details(draft_id), document=parse(self.folder / draft_id / MARKDOWN))

    def original(self, draft_id: str) -> str:
        """The text of the plan as it was read, before any repair."""
        return read_text(self.folder / draft_id / ORIGINAL)

    def add(self, draft: Draft, original: str) -> None:
        """Write a new draft; its folder appears whole.

        Raises:
            FileExistsError: there is a draft of this id.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / draft.id
        if target.exists():
            raise FileExistsError(target)
        half = Path(tempfile.mkdtemp(prefix=".", dir=self.folder))
        try:
            half.chmod(0o755)
            write_whole(half / MARKDOWN, render(draft.document))
            write_whole(half / DETAILS, _details(draft.file))
            write_whole(half / ORIGINAL, original)
            half.rename(target)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise

    def save(self, draft: Draft) -> None:
        """Write a changed draft. The text goes first: after a crash between the two a settled mark is open again."""
        folder = self.folder / draft.id
        write_whole(folder / MARKDOWN, render(draft.document))
        write_whole(folder / DETAILS, _details(draft.file))

    def save_details(self, file: DraftFile) -> None:
        """Write draft.yml alone, leaving draft.md as its author has it."""
        write_whole(self.folder / file.id / DETAILS, _details(file))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the drafts of this pack against other processes while they are read, changed and written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, sees the old text or the new and never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    half = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        half.chmod(0o644)
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def _details(file: DraftFile) -> str:
    writer = YAML(typ="rt")
    writer.width = 110
    writer.allow_unicode = True
    out = io.StringIO()
    data = file.model_dump(mode="json")
    for clause in data["clauses"]:
        # One scalar a repair: a page in old characters has hundreds, and YAML is slow by the node.
        clause["repairs"] = [
            json.dumps([one[key] for key in _REPAIR], ensure_ascii=False) for one in clause["repairs"]
        ]
    writer.dump(_blocks(data), out)
    return out.getvalue()


def _opened(data: Any) -> Any:
    for clause in data["clauses"]:
        clause["repairs"] = [dict(zip(_REPAIR, json.loads(one), strict=True)) for one in clause["repairs"]]
    return data


def _blocks(value: Any) -> Any:
    """Texts of several lines as YAML blocks, for people who read the file."""
    if isinstance(value, dict):
        return {key: _blocks(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_blocks(item) for item in value]
    if (
        isinstance(value, str)
        and "\n" in value
        and not any(line != line.rstrip() for line in value.split("\n"))
    ):
        return LiteralScalarString(value)
    return value
