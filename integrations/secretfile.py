"""Secrets kept in files only their owner can read, made at first use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


def write_new(path: Path, text: str) -> None:
    """Write `text` and a line feed with mode 0600, whole or not at all. A file that is there already stays.

    Raises:
        OSError: the file or its folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
        # A link, unlike a rename, does not replace what another process has just put there.
        with suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink()


def load_or_make(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`; where there is none, `make()` is written there and said so in the log.

    Two processes that start at the same moment end up with the same secret.

    Raises:
        OSError: the file or its folder cannot be read or written.
        ValueError: the file is empty.
    """
    if not path.exists():
        write_new(path, make())
        log.info("new secret written", file=str(path))
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise ValueError(f"{path}: the file is empty. Cure: delete it and start again")
    return text
