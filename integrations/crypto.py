"""Encryption of personal data: keys, sealed values, the keyed hash that makes an encrypted field findable.

A key is 32 random bytes, written as URL-safe base64 (44 characters). `JZT_KEY` and the key file hold one or several,
separated by commas, spaces or line ends: the first seals, all of them open. So a key is rotated by putting a new one in
front. Blind indexes hang on the LAST (oldest) key and stay the same until that one is dropped.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from integrations.secretfile import write_new

log = structlog.get_logger(__name__)

ENV = "JZT_KEY"
FILE = "key"
# Where a key file is missing, these in the same folder mean that sealed data exist already.
_TRACES = ("*.sqlite3", "*.sqlite", "*.db", "files/*")

_VERSION = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _ID_BYTES + _NONCE_BYTES


class KeyProblem(Exception):
    """The key is missing, malformed or not the one the data were sealed with. The text names place and cure."""


class Keyring:
    """Seals and opens bytes with AES-256-GCM. Immutable; safe to share between tasks and threads."""

    def __init__(self, keys: Sequence[bytes], *, origin: str) -> None:
        """`keys`: 32 bytes each, the sealing one first. `origin`: where they came from, for messages."""
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise KeyProblem(f"{origin}: a key must be {_KEY_BYTES} bytes. {_CURE_FORMAT}")
        self.origin = origin
        self._ciphers = {_derive(key, b"id", _ID_BYTES): AESGCM(_derive(key, b"seal", 32)) for key in keys}
        self._primary = _derive(keys[0], b"id", _ID_BYTES)
        self._index_key = _derive(keys[-1], b"blind-index", 32)

    @classmethod
    def load(cls, env: Mapping[str, str], var_dir: Path) -> Keyring:
        """The key from `JZT_KEY`, else from `<var_dir>/key`, else a new one written there with mode 0600.

        Raises:
            KeyProblem: the key cannot be used, or one is missing although `var_dir` holds data sealed with it.
        """
        if text := env.get(ENV, "").strip():
            return cls.from_text(text, origin=ENV)
        file = var_dir / FILE
        with suppress(FileNotFoundError, NotADirectoryError):
            return cls._from_file(file)
        traces = [found for pattern in _TRACES for found in var_dir.glob(pattern)]
        if traces:
            raise KeyProblem(
                f"{file}: missing, but {traces[0]} was written with a key. Put the original key file back, or set "
                f"{ENV} to the original key. Without it the personal data cannot be read. To start over with empty "
                f"data, move the folder {var_dir} away first."
            )
        try:
            write_new(file, cls.generate())
        except OSError as error:
            raise KeyProblem(
                f"{file}: a new key cannot be written there ({error.strerror}). Cure: give the service's user write access "
                f"to {var_dir}, or set {ENV}."
            ) from error
        loaded = cls._from_file(file)
        log.warning(
            "new encryption key made; back it up apart from the database, without it no personal data can be read",
            file=str(file),
            key_id=loaded.key_id,
        )
        return loaded

    @classmethod
    def from_text(cls, text: str, *, origin: str = ENV) -> Keyring:
        """Keys as written in the environment or the key file.

        Raises:
            KeyProblem: malformed; the message never repeats the key.
        """
        keys: list[bytes] = []
        for number, word in enumerate((word for word in re.split(r"[\s,]+", text) if word), start=1):
            try:
                key = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
            except (binascii.Error, ValueError) as error:
                raise KeyProblem(f"{origin}: key {number} is not base64. {_CURE_FORMAT}") from error
            if len(key) != _KEY_BYTES:
                raise KeyProblem(
                    f"{origin}: key {number} is {len(key)} bytes long, {_KEY_BYTES} are needed. {_CURE_FORMAT}"
                )
            keys.append(key)
        if not keys:
            raise KeyProblem(f"{origin}: holds no key. {_CURE_FORMAT}")
        return cls(keys, origin=origin)

    @classmethod
    def _from_file(cls, file: Path) -> Keyring:
        try:
            text = file.read_text(encoding="ascii")
            mode = stat.S_IMODE(file.stat().st_mode)
        except UnicodeDecodeError as error:
            raise KeyProblem(f"{file}: not a key file. {_CURE_FORMAT}") from error
        except PermissionError as error:
            raise KeyProblem(f"{file}: cannot be read. Cure: give the service's user read access.") from error
        if mode & 0o077:
            log.warning("the key file can be read by others", file=str(file), cure=f"chmod 600 {file}")
        return cls.from_text(text, origin=str(file))

    @staticmethod
    def generate() -> str:
        """A new key as text, fit for `JZT_KEY` or the key file."""
        return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")

    @property
    def key_id(self) -> str:
        """Public id (8 hex digits) of the sealing key. Says nothing about the key itself."""
        return self._primary.hex()

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of every key that opens, the sealing one first."""
        return tuple(key_id.hex() for key_id in self._ciphers)

    def encrypt(self, data: bytes, context: bytes = b"") -> bytes:
        """Seal. `context` says where the value belongs; it opens nowhere else, so values cannot be swapped."""
        nonce = os.urandom(_NONCE_BYTES)
        header = _VERSION + self._primary
        return header + nonce + self._ciphers[self._primary].encrypt(nonce, data, header + context)

    def decrypt(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Open what `encrypt` made with any key of the ring.

        Raises:
            KeyProblem: another key, another context, or damaged data.
        """
        if len(sealed) < _HEADER_BYTES or sealed[:1] != _VERSION:
            raise KeyProblem("a sealed value is damaged or was not written by this program")
        header, nonce = sealed[: 1 + _ID_BYTES], sealed[1 + _ID_BYTES : _HEADER_BYTES]
        cipher = self._ciphers.get(header[1:])
        if cipher is None:
            raise KeyProblem(
                f"data were sealed with the key {header[1:].hex()}; the keys at hand are {', '.join(self.key_ids)} "
                f"(from {self.origin}). Cure: add the original key to {self.origin} after the present one."
            )
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES:], header + context)
        except InvalidTag as error:
            raise KeyProblem("a sealed value was altered, or moved from another record") from error

    def blind_index(self, value: str) -> str:
        """Keyed hash (64 hex digits) by which an encrypted value is found. Same value, same index."""
        digest = hmac.HMAC(self._index_key, hashes.SHA256())
        digest.update(value.encode("utf-8"))
        return digest.finalize().hex()

    def __repr__(self) -> str:
        return f"Keyring(key_ids={self.key_ids!r}, origin={self.origin!r})"


_CURE_FORMAT = (
    "Cure: use the original key; for a new installation make one with "
    "python -c 'from integrations.crypto import Keyring; print(Keyring.generate())'"
)


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    """One secret per purpose, so that sealing, indexing and the public id tell nothing of each other."""
    return HKDF(hashes.SHA256(), length, salt=None, info=b"jiuzhutong/" + purpose).derive(key)
