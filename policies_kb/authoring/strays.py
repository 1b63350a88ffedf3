"""Files in a pack's folder that nothing reads: what an author wrote into them would be lost without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from policies_kb.authoring.schemas import FILES
from policies_kb.errors import Problem
from policies_kb.near import near
from policies_kb.pack import Pack

# `calendar.yml` and `flows/` are read by the dialogues.
_TOP: Final = frozenset({*(file for _, file in FILES.values() if "/" not in file), "calendar.yml"})
_YAML_FOLDERS: Final = (*(file.split("/")[0] for _, file in FILES.values() if "/" in file), "flows")


def strays(pack: Pack) -> Iterator[Problem]:
    """A problem for every file of the pack's own folder whose name keeps it from being read.

    Hidden files, backups of editors and notes (.txt, .md beside pack.yml) are left alone.
    """
    folder = pack.folders[0]
    for path in sorted(folder.iterdir()):
        if path.is_file() and _meant(path) and path.name not in _TOP:
            right = f"{path.stem}.yml"
            yield _stray(path, f"; meant: {right}" if right in _TOP else near(right, _TOP))
    for name in _YAML_FOLDERS:
        for path in sorted((folder / name).glob("*")):
            if path.is_file() and path.suffix.lower() in {".yaml", ".yml"} and path.suffix != ".yml":
                yield _stray(path, f"; meant: {path.stem}.yml")
    for path in sorted((folder / "documents").glob("*")):
        if (
            path.is_file()
            and not path.name.startswith((".", "~"))
            and path.suffix not in {".md", ".bak", ".swp"}
        ):
            cure = "put the original in with jzt kb ingest; documents/ holds .md files"
            yield Problem(path, None, "", f"the file is not read: {path.name}", cure)


def _meant(path: Path) -> bool:
    return path.suffix.lower() in {".yaml", ".yml"} and not path.name.startswith((".", "~"))


def _stray(path: Path, meant: str) -> Problem:
    return Problem(path, None, "", f"the file is not read: {path.name}", "correct the name" + meant)
