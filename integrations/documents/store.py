"""Files on disk: named by the SHA-256 of their plain bytes, sealed with the keyring, written whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import structlog

from integrations.crypto import KeyProblem, Keyring
from integrations.ports import NotFound, StorageUnavailable

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[0-9a-f]{64}")
_PARTIAL = ".partial-"
_ABANDONED_AFTER = 3600.0


class DamagedFile(Exception):
    """The stored bytes cannot be opened or are not what their name says. The text names file and cure."""


def open_store(folder: Path, keyring: Keyring) -> DiskFileStore:
    """The store in `folder`, which is made if absent. What a crash left half-written is removed.

    Raises:
        StorageUnavailable: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for partial in folder.glob(f"*/{_PARTIAL}*"):
            # Another worker may be writing to the same folder at this moment.
            with suppress(FileNotFoundError):
                if time.time() - partial.stat().st_mtime > _ABANDONED_AFTER:
                    partial.unlink()
    except OSError as error:
        raise StorageUnavailable(f"{folder}: {error.strerror}") from error
    return DiskFileStore(folder, keyring)


class DiskFileStore:
    """Implements `integrations.ports.FileStore`. The disk is touched in threads, never on the event loop.

    The same bytes sent twice, even in two conversations, are one file: `delete` only when no record names the hash.
    """

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring

    async def put(self, data: bytes) -> str:
        """Keep `data` and return the SHA-256 (hex) of the plain bytes. On disk for good when this returns.

        Raises:
            StorageUnavailable: the disk is full, read-only or failing; nothing was kept.
        """
        return await asyncio.to_thread(self._put, data)

    async def get(self, sha256: str) -> bytes:
        """The plain bytes.

        Raises:
            NotFound: no such file.
            DamagedFile: altered on disk, or sealed with a key that is not at hand.
            StorageUnavailable: the disk cannot be read now.
        """
        return await asyncio.to_thread(self._get, sha256)

    async def delete(self, sha256: str) -> None:
        """Remove the file; harmless when it is not there.

        Raises:
            StorageUnavailable: the disk does not let it go.
        """
        await asyncio.to_thread(self._delete, sha256)

    def _path(self, sha256: str) -> Path:
        # The hash comes from outside in a URL: anything else would be a path to somewhere.
        if not _NAME.fullmatch(sha256):
            raise NotFound("not a SHA-256 in hex")
        return self._folder / sha256[:2] / sha256

    def _put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        try:
            if path.exists() and self._intact(sha256):
                return sha256
            path.parent.mkdir(exist_ok=True, mode=0o700)
            self._write(path, self._keyring.encrypt(data, sha256.encode("ascii")))
        except OSError as error:
            raise StorageUnavailable(f"{path.parent}: {error.strerror}") from error
        return sha256

    def _intact(self, sha256: str) -> bool:
        """A damaged file is replaced when the same bytes come again."""
        try:
            self._get(sha256)
        except DamagedFile as error:
            log.warning("stored file was damaged, writing it anew", reason=str(error))
            return False
        return True

    def _write(self, path: Path, sealed: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL)
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        # The rename itself must survive a power cut too.
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _get(self, sha256: str) -> bytes:
        path = self._path(sha256)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            raise NotFound(f"no stored file {sha256}") from None
        except OSError as error:
            raise StorageUnavailable(f"{path}: {error.strerror}") from error
        try:
            data = self._keyring.decrypt(sealed, sha256.encode("ascii"))
        except KeyProblem as error:
            raise DamagedFile(f"{path}: {error}") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedFile(
                f"{path}: the content is not what the name says. Cure: restore it from the backup"
            )
        return data

    def _delete(self, sha256: str) -> None:
        path = self._path(sha256)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"{path}: {error.strerror}") from error
