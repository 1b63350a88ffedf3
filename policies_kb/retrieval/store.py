"""Built data kept on disk: arrays and tries in a folder, memory-mapped when opened, so that a start does not build
anew and several workers share the same pages.

An entry is a folder `<scope>.<kind>.<key>` of `.npy` and `.marisa` files and a `manifest.json` with their sizes and
check sums. It is written beside its place, synced and renamed into it, so it stands there whole or not at all.
Nothing in it is code (no pickle).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import marisa_trie
import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

_log = logging.getLogger(__name__)

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
# Entries of one scope that stay: today's, those of other days, and those another version of the program still uses.
_KEPT: Final = 12
# Another process that builds the same is waited for; after this long it is rather built a second time, in memory.
_PATIENCE_SECONDS: Final = 600.0
_ABANDONED_SECONDS: Final = 86_400.0
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Contents:
    """Named arrays, tries and plain facts (JSON values), in memory or mapped from files."""

    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    tries: Mapping[str, marisa_trie.Trie] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())


class Damaged(Exception):
    """An entry is not what was written; the message says what is wrong."""


class Store:
    """A folder of entries, safe to share between processes. Without a folder everything is built in memory.

    Whatever is wrong with the folder or an entry costs a line in the log and the time to build, never an answer.
    """

    def __init__(self, folder: Path | None, *, like: Path | None = None) -> None:
        """`like`: another such folder, whose entries are copied rather than built a second time."""
        self.folder = folder
        self._like = like
        self._complained = False

    def get(self, scope: str, kind: str, key: str, build: Callable[[], Contents]) -> Contents:
        """The entry of `key`, from the folder where it stands there whole, else built and written.

        Args:
            scope: whose entries replace each other as they age: a pack's name.
            kind: what it is.
            key: changes with everything the entry depends on.
        """
        if self.folder is None:
            return build()
        place = self.folder / f"{scope}.{kind}.{sha256(key.encode()).hexdigest()[:24]}"
        found = _opened(place, key, say=True)
        if found is not None:
            return found
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.folder / f"{place.name}.lock", timeout=_PATIENCE_SECONDS):
                # Another process may have written it while this one waited.
                found = _opened(place, key, say=False)
                if found is None:
                    built = self._copied(place.name, key) or build()
                    try:
                        _write(place, key, built)
                    except OSError as error:
                        self._complain(error)
                        return built
                    # What was written is what is used, so that its pages are shared from the first process on.
                    found = _opened(place, key, say=True) or built
            with contextlib.suppress(OSError):
                self._prune(scope, place)
            return found
        except (OSError, Timeout) as error:
            self._complain(error)
            return build()

    def _copied(self, name: str, key: str) -> Contents | None:
        return _opened(self._like / name, key, say=False) if self._like else None

    def _complain(self, error: Exception) -> None:
        # Once: what is wrong with the folder is wrong for every entry.
        if not self._complained:
            _log.warning("indexes are not kept in %s, they work from memory: %s", self.folder, error)
            self._complained = True

    def _prune(self, scope: str, newest: Path) -> None:
        """Remove the entries of `scope` that were opened longest ago. Whoever has one mapped keeps its pages."""
        assert self.folder is not None  # noqa: S101 - narrows the type
        entries = [path for path in self.folder.glob(f"{scope}.*") if path.is_dir() and path != newest]
        for old in sorted(entries, key=_used, reverse=True)[_KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
            old.with_name(f"{old.name}.lock").unlink(missing_ok=True)
        # What a process that was killed while it wrote has left.
        for draft in self.folder.glob(f".{scope}.*"):
            if time.time() - draft.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)


def _opened(place: Path, key: str, *, say: bool) -> Contents | None:
    """The entry mapped, or None where there is none or it cannot be used (which is logged, if `say`)."""
    try:
        if not place.is_dir():
            return None
        found = _read(place, key)
    except (OSError, ValueError, KeyError, TypeError, Damaged) as error:
        if say:
            _log.warning("index %s cannot be used and is built anew: %s", place, error)
        return None
    try:
        os.utime(place / MANIFEST)
    except OSError:
        # A read-only folder serves as well; only its order of use is not known.
        return found
    return found


def _read(place: Path, key: str) -> Contents:
    manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT or manifest["key"] != key:
        raise Damaged("it was written for something else")
    arrays: dict[str, npt.NDArray[Any]] = {}
    tries: dict[str, marisa_trie.Trie] = {}
    for name, (size, checksum) in manifest["files"].items():
        path = place / name
        if path.parent != place:
            raise Damaged(f"{name} lies elsewhere")
        if path.stat().st_size != size or _checksum(path) != checksum:
            raise Damaged(f"{name} is not as it was written")
        if path.suffix == ".npy":
            # A plain view of the mapped pages: numpy's memmap class makes every small slice several times dearer.
            arrays[path.stem] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        else:
            tries[path.stem] = marisa_trie.Trie().mmap(str(path))
    return Contents(arrays, tries, manifest["facts"])


def _write(place: Path, key: str, contents: Contents) -> None:
    """Write an entry as a whole.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    draft = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        for name, array in contents.arrays.items():
            np.save(draft / f"{name}.npy", array, allow_pickle=False)
        for name, trie in contents.tries.items():
            trie.save(str(draft / f"{name}.marisa"))
        files = {path.name: (path.stat().st_size, _checksum(path)) for path in sorted(draft.iterdir())}
        manifest = {"format": FORMAT, "key": key, "files": files, "facts": dict(contents.facts)}
        (draft / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
        for path in draft.iterdir():
            _sync(path)
        _sync(draft)
        if place.exists():
            # Damaged: renamed first, so that its place is free even where somebody holds a file in it.
            broken = place.with_name(f"{draft.name}.broken")
            place.rename(broken)
            shutil.rmtree(broken, ignore_errors=True)
        draft.rename(place)
        _sync(place.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _checksum(path: Path) -> int:
    # Read, not mapped: checking must not count as this process's memory.
    found = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    return found


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _used(entry: Path) -> float:
    try:
        return (entry / MANIFEST).stat().st_mtime
    except OSError:
        return 0.0
