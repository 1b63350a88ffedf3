"""The key check record: a wrong key is found at the start, before anything is read or written under it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from integrations.crypto import KeyProblem, Keyring
from integrations.storage.models import KeyCheck

_KNOWN = b"jiuzhutong key check"
_INDEX_OF = "key check"


async def check_key(connection: AsyncConnection, keyring: Keyring, now: datetime) -> None:
    """Compare the ring with every key that sealed in this database; note the sealing key when it is new here.

    Raises:
        KeyProblem: a key of the database is not in the ring, or the ring's oldest key is another.
    """
    known = (await connection.execute(select(KeyCheck).order_by(KeyCheck.created_at))).all()
    missing = [row.key_id for row in known if row.key_id not in keyring.key_ids]
    if missing:
        raise KeyProblem(
            f"the database was sealed with the key {', '.join(missing)}, but {keyring.origin} holds "
            f"{', '.join(keyring.key_ids)}. Cure: put the original key into {keyring.origin} (a new key goes in front of "
            "it, separated by a comma). Nothing was changed."
        )
    for row in known:
        if keyring.decrypt(row.sealed, _place(row.key_id)) != _KNOWN:
            raise KeyProblem(f"the key check record of {row.key_id} was altered")
    index = keyring.blind_index(_INDEX_OF)
    if known and known[0].index_check != index:
        raise KeyProblem(
            f"{keyring.origin}: the oldest key must stand last, or residents known by their address are not found. "
            f"Cure: write the keys in the order newest … {known[0].key_id}. Nothing was changed."
        )
    if keyring.key_id not in {row.key_id for row in known}:
        await connection.execute(
            insert(KeyCheck).values(
                key_id=keyring.key_id,
                sealed=keyring.encrypt(_KNOWN, _place(keyring.key_id)),
                index_check=index,
                created_at=now,
            )
        )


def _place(key_id: str) -> bytes:
    return f"key_checks.sealed:{key_id}".encode()
