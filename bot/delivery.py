"""Delivery to push channels: the messages table is the queue, so a restart or a dead messenger loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import structlog

from bot import metrics
from bot.channels.base import Channel, DeliveryFailed
from bot.clock import Clock
from bot.hints import Hints, delivery_key
from integrations.ports import Bus, MessageRow, Storage

_log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 40  # with the back-off below, about six hours
_LONGEST = 600.0


def backoff(attempts: int) -> float:
    """Seconds until the next try after `attempts` failed ones: 1, 2, 4 … at most ten minutes."""
    return min(2.0 ** max(attempts - 1, 0), _LONGEST)


class Delivery:
    """Sends one push channel's queued messages, in order within each conversation.

    A message is sent once as long as neither this process nor the messenger dies between sending and noting it; then
    it is sent again (messengers offer no idempotency key, and twice is better than never).
    """

    def __init__(
        self,
        channel: Channel,
        *,
        storage: Storage,
        bus: Bus,
        hints: Hints,
        clock: Clock,
        poll_seconds: float = 5.0,
    ) -> None:
        self._channel = channel
        self._storage = storage
        self._bus = bus
        self._hints = hints
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._run(), name=f"delivery {self._channel.name}")

    async def stop(self) -> None:
        """Stop after the message in hand."""
        # Cut off between sending and noting it, a message would be sent twice.
        async with self._sending:
            if self._task:
                self._task.cancel()
        if self._task:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def deliver_due(self) -> int:
        """Send what is due now; returns how many messages were tried."""
        async with self._storage.read() as tx:
            due = await tx.messages.due_deliveries(self._channel.name, self._clock())
        return sum(await asyncio.gather(*(self._deliver(message) for message in due)))

    async def _run(self) -> None:
        async with self._hints.listen(delivery_key(self._channel.name)) as listener:
            while True:
                try:
                    async with self._sending:
                        while await self.deliver_due():
                            pass
                except Exception as error:
                    _log.warning("delivery_interrupted", channel=self._channel.name, error=repr(error))
                await listener.wait(self._poll_seconds)

    async def _deliver(self, message: MessageRow) -> int:
        async with self._bus.lock(f"delivery:{message.conversation_id}"):
            async with self._storage.read() as tx:
                conversation = await tx.conversations.get(message.conversation_id)
                now = await tx.messages.after(message.conversation_id, message.seq - 1, 1)
            # Another worker may have sent it while this one waited for the lock.
            if (
                conversation is None
                or not now
                or now[0].status != "queued"
                or now[0].attempts != message.attempts
            ):
                return 0
            try:
                await self._channel.send(conversation, message)
            except DeliveryFailed as error:
                await self._failed(message, error)
            except Exception as error:
                _log.exception("delivery_error", channel=self._channel.name, message_id=message.id)
                await self._failed(message, DeliveryFailed(repr(error)))
            else:
                metrics.DELIVERIES.labels(self._channel.name, "sent").inc()
                async with self._storage.begin() as tx:
                    await tx.messages.mark_delivery(message.id, "sent")
            return 1

    async def _failed(self, message: MessageRow, error: DeliveryFailed) -> None:
        attempts = message.attempts + 1
        final = error.permanent or attempts >= MAX_ATTEMPTS
        wait = error.retry_after if error.retry_after is not None else backoff(attempts)
        async with self._storage.begin() as tx:
            await tx.messages.mark_delivery(
                message.id,
                "failed" if final else "queued",
                next_attempt_at=None if final else self._clock() + timedelta(seconds=wait),
            )
        metrics.DELIVERIES.labels(self._channel.name, "failed" if final else "retried").inc()
        _log.warning(
            "not_delivered",
            channel=self._channel.name,
            conversation_id=message.conversation_id,
            message_id=message.id,
            reason=error.reason,
            attempts=attempts,
            again_in=None if final else wait,
        )
