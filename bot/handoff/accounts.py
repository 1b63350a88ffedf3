"""Staff accounts: passwords, sign-in, and the first administrator."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from functools import cache
from pathlib import Path

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from integrations.ports import StaffRow, Storage
from integrations.secretfile import load_or_make

_log = structlog.get_logger(__name__)

MIN_PASSWORD = 10
ADMIN = "admin"
PASSWORD_FILE = "admin-password.txt"  # noqa: S105 (a file's name)

_hasher = PasswordHasher()


class PasswordTooWeak(ValueError):
    """A password shorter than MIN_PASSWORD characters."""


def hash_password(password: str) -> str:
    """Argon2id hash of `password`, with its salt and parameters in it.

    Raises:
        PasswordTooWeak: too short.
    """
    if len(password) < MIN_PASSWORD:
        raise PasswordTooWeak(f"at least {MIN_PASSWORD} characters")
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def fingerprint(row: StaffRow) -> str:
    """Changes with the password, so that a new password ends every session."""
    return hashlib.sha256(row.password_hash.encode()).hexdigest()[:16]


async def sign_in(storage: Storage, name: str, password: str) -> StaffRow | None:
    """The account, or None: which of name and password was wrong is not told, nor by the time it takes."""
    async with storage.read() as tx:
        row = await tx.staff.get(name)
    right = await asyncio.to_thread(_verify, row.password_hash if row else _nobody(), password)
    return row if row and row.active and right else None


async def ensure_admin(storage: Storage, var: Path) -> Path | None:
    """On the very first start, an administrator with a random password written to a file only its owner can read.

    Returns:
        The file, as long as it is there for the account made from it; None when staff were set up otherwise.
    """
    file = var / PASSWORD_FILE
    async with storage.read() as tx:
        staff = await tx.staff.list()
    if staff:
        return file if file.exists() else None
    password = await asyncio.to_thread(load_or_make, file, lambda: secrets.token_urlsafe(12))
    password_hash = await asyncio.to_thread(hash_password, password)
    async with storage.begin() as tx:
        # Two services may start at once on one database.
        if not await tx.staff.list():
            await tx.staff.add(StaffRow(ADMIN, "管理员", password_hash, "admin", active=True))
            _log.warning("first_administrator_made", name=ADMIN, file=str(file))
    return file
