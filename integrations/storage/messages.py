"""Messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, func, insert, or_, select, update

from integrations.ports import Direction, Json, MessageRow, NotFound
from integrations.storage.context import Context, new_id
from integrations.storage.models import Conversation, Message

CLIENT_ID_LENGTH = 128


class SqlMessages:
    """integrations.ports.Messages."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def accept(
        self, conversation_id: str, client_id: str | None, body: Json
    ) -> tuple[MessageRow, bool]:
        """See the port.

        Raises:
            NotFound: the conversation is unknown or erased.
            ValueError: a client id of more than 128 characters, or with a NUL in it.
        """
        if client_id is not None and (len(client_id) > CLIENT_ID_LENGTH or "\0" in client_id):
            raise ValueError(f"a client id has at most {CLIENT_ID_LENGTH} characters and no NUL")
        # The lock comes before the look for a twin: of two at once, the second sees the first.
        await self._context.lock_conversation(conversation_id)
        if client_id is not None:
            twin = select(Message).where(
                Message.conversation_id == conversation_id, Message.client_id == client_id
            )
            if (row := (await self._context.connection.execute(twin)).one_or_none()) is not None:
                return self._read(row), False
        return await self._append(conversation_id, "in", "resident", body, "received", client_id), True

    async def pending(self, conversation_id: str) -> Sequence[MessageRow]:
        return await self._list(
            select(Message)
            .where(Message.conversation_id == conversation_id, Message.status == "received")
            .order_by(Message.seq)
        )

    async def conversations_with_pending(self, limit: int = 100) -> Sequence[str]:
        """Longest waiting first."""
        query = (
            select(Message.conversation_id)
            .where(Message.status == "received")
            .group_by(Message.conversation_id)
            .order_by(func.min(Message.created_at), Message.conversation_id)
            .limit(limit)
        )
        return list((await self._context.connection.execute(query)).scalars())

    async def mark_processed(self, message_id: str) -> None:
        await self._change(message_id, status="processed")

    async def attempted(self, message_id: str) -> int:
        """Raises NotFound."""
        done = await self._context.connection.execute(
            update(Message)
            .where(Message.id == message_id)
            .values(attempts=Message.attempts + 1)
            .returning(Message.attempts)
        )
        attempts = done.scalar_one_or_none()
        if attempts is None:
            raise NotFound(f"message {message_id}")
        return int(attempts)

    async def say(
        self,
        conversation_id: str,
        author: str,
        body: Json,
        *,
        direction: Direction = "out",
        queued: bool = False,
    ) -> MessageRow:
        """Raises NotFound when the conversation is unknown or erased."""
        status = "queued" if queued else "sent"
        return await self._append(conversation_id, direction, author, body, status, None)

    async def after(self, conversation_id: str, seq: int, limit: int = 500) -> Sequence[MessageRow]:
        return await self._list(
            select(Message)
            .where(Message.conversation_id == conversation_id, Message.seq > seq)
            .order_by(Message.seq)
            .limit(limit)
        )

    async def due_deliveries(self, channel: str, now: datetime, limit: int = 50) -> Sequence[MessageRow]:
        # A conversation whose first queued message is not due has none due: order goes before speed.
        first = (
            select(Message.conversation_id, func.min(Message.seq).label("seq"))
            .where(Message.status == "queued")
            .group_by(Message.conversation_id)
            .subquery()
        )
        return await self._list(
            select(Message)
            .join(first, (first.c.conversation_id == Message.conversation_id) & (first.c.seq == Message.seq))
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(
                Conversation.channel == channel,
                or_(Message.next_attempt_at.is_(None), Message.next_attempt_at <= now),
            )
            .order_by(Message.created_at, Message.conversation_id)
            .limit(limit)
        )

    async def mark_delivery(
        self,
        message_id: str,
        status: Literal["queued", "sent", "failed"],
        *,
        next_attempt_at: datetime | None = None,
    ) -> None:
        """Counts one attempt. Raises NotFound."""
        await self._change(
            message_id, status=status, next_attempt_at=next_attempt_at, attempts=Message.attempts + 1
        )

    async def _append(
        self,
        conversation_id: str,
        direction: Direction,
        author: str,
        body: Json,
        status: str,
        client_id: str | None,
    ) -> MessageRow:
        context, now = self._context, self._context.now()
        numbered = await context.connection.execute(
            update(Conversation)
            .where(Conversation.id == conversation_id, Conversation.erased_at.is_(None))
            .values(last_seq=Conversation.last_seq + 1, updated_at=now)
            .returning(Conversation.last_seq)
        )
        seq = numbered.scalar_one_or_none()
        if seq is None:
            raise NotFound(f"conversation {conversation_id}")
        message_id = new_id()
        values: dict[str, Any] = {
            "id": message_id,
            "conversation_id": conversation_id,
            "seq": seq,
            "direction": direction,
            "author": author,
            "client_id": client_id,
            "status": status,
            "attempts": 0,
            "next_attempt_at": None,
            "created_at": now,
        }
        sealed = context.sealer.json(body, _body_place(message_id))
        await context.connection.execute(insert(Message).values(**values, body=sealed))
        return MessageRow(**values, body=body)

    async def _change(self, message_id: str, **values: Any) -> None:
        done = await self._context.connection.execute(
            update(Message).where(Message.id == message_id).values(**values)
        )
        if done.rowcount != 1:
            raise NotFound(f"message {message_id}")

    async def _list(self, query: Any) -> list[MessageRow]:
        return [self._read(row) for row in await self._context.connection.execute(query)]

    def _read(self, row: Row[Any]) -> MessageRow:
        return MessageRow(
            id=row.id,
            conversation_id=row.conversation_id,
            seq=row.seq,
            direction=row.direction,
            author=row.author,
            client_id=row.client_id,
            body=self._context.sealer.read_json(row.body, _body_place(row.id)),
            status=row.status,
            created_at=row.created_at,
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at,
        )


def _body_place(message_id: str) -> str:
    return f"messages.body:{message_id}"
