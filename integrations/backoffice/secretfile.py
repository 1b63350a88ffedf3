"""A secret kept in a file only its owner can read, made at first use."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


def load_or_make(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`; where there is none, `make()` is written there with mode 0600 and said so in the log.

    Two processes that start at the same moment end up with the same secret.

    Raises:
        OSError: the file or its folder cannot be read or written.
        ValueError: the file is empty.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(make() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, does not replace what another process has just put there.
        with suppress(FileExistsError):
            path.hardlink_to(mine)
            log.info("new secret written", file=str(path))
        mine.unlink()
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise ValueError(f"{path}: the file is empty. Cure: delete it and start again")
    return text
