"""Column types both databases share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NewType

from sqlalchemy import DateTime, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

SealedBytes = NewType("SealedBytes", bytes)
"""Ciphertext. Only `integrations.storage.seal` makes it, so a type checker sees plain text on its way to the disk."""


class Sealed(TypeDecorator[SealedBytes]):
    """An encrypted column. The ciphertext is bound to its row, hence made before it reaches the database layer."""

    impl = LargeBinary
    cache_ok = True


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps no zone: UTC is stored there and put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone cannot be stored: {value.isoformat()}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
