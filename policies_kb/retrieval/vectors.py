"""Sentence vectors of a pack's texts, kept in the pack's own folder: a pack of very many texts is read once, by
`jzt kb index`, and never by a start.

`vectors/` holds segments of up to SEGMENT texts (`.npz`) and, once every text of the pack was read, a manifest that
names them. The vectors are as the encoder gave them, a byte a column: what is learned of questions may change, and
another place or another pack's folder may hold them.
"""

from __future__ import annotations

import io
import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from policies_kb.retrieval.encoder import SIZE, Encoder
from policies_kb.retrieval.learned import Floats, unit

_log = logging.getLogger(__name__)

FOLDER: Final = "vectors"
MANIFEST: Final = f"{FOLDER}/manifest.json"
# What an interruption loses at most: half a minute.
SEGMENT: Final = 512

Numbers = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.int8]


class Busy(Exception):
    """Another process reads texts of the same pack."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be read: a question, or a passage of a document."""

    text: str
    passage: bool

    @property
    def number(self) -> int:
        """Its name in segments and indexes: 64 bits of a hash."""
        return text_number(self.text, passage=self.passage)


def text_key(text: str, *, passage: bool) -> bytes:
    """A text's name, 8 bytes: the same text has one as a question and another as a passage."""
    return sha256(f"{'p' if passage else 'q'}{text}".encode()).digest()[:8]


def text_number(text: str, *, passage: bool) -> int:
    """`text_key` as a number."""
    return int.from_bytes(text_key(text, passage=passage))


class Kept:
    """The vectors that `jzt kb index` left beside some packs. What cannot be read is logged and taken as not there."""

    def __init__(self, manifests: Sequence[Path], by: str) -> None:
        """`manifests`: of the pack and its ancestors; those of another encoder than `by` do not count."""
        self._segments: list[Path] = []
        stamp = sha256()
        for path in manifests:
            names = _listed(path, by)
            self._segments += [path.parent / name for name in names]
            stamp.update("".join(names).encode())
        self.stamp = stamp.hexdigest()[:16] if self._segments else ""
        """Changes with what is kept; empty where nothing is."""

    def has(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Which of these texts have a vector."""
        known, _ = self._all
        at = np.minimum(np.searchsorted(known, numbers), max(len(known) - 1, 0))
        return np.asarray(known[at] == numbers) if len(known) else np.zeros(len(numbers), dtype=np.bool_)

    def rows(self, numbers: Numbers) -> Floats:
        """The vectors of texts that have one, of length 1."""
        known, vectors = self._all
        return unit(vectors[np.searchsorted(known, numbers)].astype(np.float32))

    @cached_property
    def _all(self) -> tuple[Numbers, Bytes]:
        """Every text's number, in order, and its vector."""
        found = [segment for path in self._segments if (segment := _segment(path)) is not None]
        numbers = np.concatenate([np.zeros(0, dtype=np.uint64), *(one for one, _ in found)])
        vectors = np.concatenate([np.zeros((0, SIZE), dtype=np.int8), *(one for _, one in found)])
        known, first = np.unique(numbers, return_index=True)
        return known, vectors[first]


def keep(folder: Path, by: Encoder, texts: Iterable[Text], progress: Callable[[int], None]) -> int:
    """Read those of `texts` that have no vector in `folder` yet, and let the manifest name them all; how many.

    What was read stays when the process ends before it is done: the next call goes on from there.

    Args:
        folder: the pack's `vectors` folder; it is made.
        by: the encoder.
        texts: every text the pack needs beyond those that need no reading.
        progress: called with a number of texts that were read, or found to have been read by a call before.

    Raises:
        Busy: another process is at it.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _keep(folder, by, {one.number: one for one in texts}, progress)
    except Timeout:
        raise Busy from None


def _keep(folder: Path, by: Encoder, wanted: Mapping[int, Text], progress: Callable[[int], None]) -> int:
    left = dict(wanted)
    segments: list[Path] = []
    useless: list[Path] = []
    for path in sorted(folder.glob("*.npz")):
        segment = _segment(path, by.name)
        met = sum(left.pop(int(number), None) is not None for number in segment[0]) if segment else 0
        # Else it is damaged, another encoder's, or of texts the pack has no longer.
        (segments if met else useless).append(path)
        progress(met)
    unread = list(left.values())
    for at in range(0, len(unread), SEGMENT):
        some = unread[at : at + SEGMENT]
        segments.append(_write(folder, by, some))
        progress(len(some))
    names = sorted(path.name for path in segments)
    manifest = {"by": by.name, "texts": len(wanted), "segments": names}
    _replace(folder.parent / MANIFEST, json.dumps(manifest, indent=1).encode())
    for path in set(useless).difference(segments):
        path.unlink(missing_ok=True)
    return len(unread)


def _write(folder: Path, by: Encoder, texts: Sequence[Text]) -> Path:
    """One more segment, whole or not at all."""
    vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
    for passage, read in ((False, by.questions), (True, by.passages)):
        places = [at for at, one in enumerate(texts) if one.passage == passage]
        if places:
            vectors[places] = read([texts[at].text for at in places])
    numbers = np.array([one.number for one in texts], dtype=np.uint64)
    greatest = np.abs(vectors).max(axis=1, keepdims=True)
    greatest[greatest == 0] = 1.0
    content = io.BytesIO()
    # A step of 1/127 of the greatest value moves a likeness by less than a hundredth.
    np.savez(
        content, by=np.array(by.name), numbers=numbers, vectors=np.round(vectors / greatest * 127).astype(np.int8)
    )  # fmt: skip
    path = folder / f"{sha256(by.name.encode() + numbers.tobytes()).hexdigest()[:24]}.npz"
    _replace(path, content.getvalue())
    return path


def _replace(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # The service may be another user's.
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _listed(manifest: Path, by: str) -> list[str]:
    """The segments of a manifest; none where it is another encoder's or cannot be read."""
    try:
        found = json.loads(manifest.read_bytes())
        names = [Path(str(name)).name for name in found["segments"]]
        return names if found["by"] == by else []
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s cannot be used: %s; `jzt kb index` makes it anew", manifest, error)
        return []


def _segment(path: Path, by: str | None = None) -> tuple[Numbers, Bytes] | None:
    """The texts' numbers and their vectors; None where it is not what was written, or another encoder's than `by`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if by is not None and str(file["by"]) != by:
                return None
            numbers, vectors = file["numbers"], file["vectors"]
        if numbers.dtype != np.uint64 or vectors.dtype != np.int8 or vectors.shape != (len(numbers), SIZE):
            raise ValueError("it holds something else")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("%s cannot be used: %s; `jzt kb index` makes it anew", path, error)
        return None
    return numbers, vectors
