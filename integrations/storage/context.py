"""What every repository of one transaction shares."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from integrations.ports import NotFound
from integrations.storage.models import Base, Conversation
from integrations.storage.seal import Sealer


@dataclass(frozen=True, slots=True)
class Context:
    """One transaction's connection, the sealer and the clock (aware UTC)."""

    connection: AsyncConnection
    sealer: Sealer
    now: Callable[[], datetime]

    async def lock_conversation(self, conversation_id: str) -> Row[Any]:
        """The conversation's row, locked until the transaction ends.

        Whoever changes anything of a conversation takes this lock first: so there is one order of locks, hence no
        deadlock. (On SQLite the write transaction itself is that lock.)

        Raises:
            NotFound: unknown, or erased.
        """
        query = select(Conversation).where(
            Conversation.id == conversation_id, Conversation.erased_at.is_(None)
        )
        row = (await self.connection.execute(query.with_for_update())).one_or_none()
        if row is None:
            raise NotFound(f"conversation {conversation_id}")
        return row

    async def insert_new(self, model: type[Base], values: dict[str, Any]) -> bool:
        """Insert unless a row with one of its unique keys exists; true when inserted.

        On PostgreSQL it waits for a concurrent insert of the same key to end, so that a false answer is final.
        """
        if self.connection.dialect.name == "sqlite":
            done = await self.connection.execute(
                sqlite.insert(model).values(**values).on_conflict_do_nothing()
            )
        else:
            done = await self.connection.execute(
                postgresql.insert(model).values(**values).on_conflict_do_nothing()
            )
        return done.rowcount == 1


def new_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())
