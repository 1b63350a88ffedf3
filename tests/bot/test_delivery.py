"""Push channels: in order, once, with back-off; a dead messenger loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.app import Service, open_service
from bot.channels.base import Capabilities, DeliveryFailed, Gateway
from bot.delivery import MAX_ATTEMPTS, Delivery, backoff
from bot.packs import Packs
from bot.settings import Settings
from integrations.ports import ConversationRow, MessageRow
from nlu.rules import RuleUnderstanding
from tests.support.clock import Clock


class Messenger:
    """A messenger that nobody can reach: it keeps what it was given and fails when told to."""

    name = "messenger"
    capabilities = Capabilities(buttons=False, files=False, max_text=1000, push=True)

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.gateway: Gateway | None = None

    def routes(self) -> list[Any]:
        return []

    async def start(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def stop(self) -> None:
        self.gateway = None

    async def send(self, conversation: ConversationRow, message: MessageRow) -> None:
        if self.failure:
            raise self.failure
        self.got.append((conversation.address, str(message.body["text"])))


@pytest.fixture
def messenger() -> Messenger:
    return Messenger()


@pytest.fixture
async def pushing(
    settings: Settings, packs: Packs, clock: Clock, messenger: Messenger
) -> AsyncIterator[Service]:
    """The service with the messenger known to it, its delivery run by hand."""
    async with open_service(
        settings, RuleUnderstanding(), clock=clock, packs=packs, channels=(messenger,)
    ) as service:
        yield service


def _by_hand(service: Service, messenger: Messenger, clock: Clock) -> Delivery:
    return Delivery(messenger, storage=service.storage, bus=service.bus, hints=service.hints, clock=clock)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (the delivery's own task is at work)
            await asyncio.sleep(0.01)


async def test_replies_go_out_in_order_without_being_asked_for(
    pushing: Service, messenger: Messenger
) -> None:
    row = await pushing.gateway.conversation("messenger", "chat-1")
    assert (await pushing.gateway.conversation("messenger", "chat-1")).id == row.id
    await pushing.gateway.accept(row.id, client_id="1", text="人工")
    await pushing.gateway.accept(row.id, client_id="2", text="你好")
    await pushing.worker.idle()
    async with pushing.storage.read() as tx:
        rows = [row for row in await tx.messages.after(row.id, 0) if row.direction == "out"]
    await _until(lambda: len(messenger.got) >= len(rows))
    assert messenger.got == [("chat-1", row.body["text"]) for row in rows]


async def test_a_dead_messenger_is_tried_again_later_and_keeps_the_order(
    pushing: Service, messenger: Messenger, clock: Clock
) -> None:
    messenger.failure = DeliveryFailed("connection refused")
    row = await pushing.gateway.conversation("messenger", "chat-1")
    await pushing.gateway.tell(row.id, "第二句")
    delivery = _by_hand(pushing, messenger, clock)

    async def first() -> MessageRow:
        async with pushing.storage.read() as tx:
            return next(row for row in await tx.messages.after(row.id, 0) if row.direction == "out")

    while (await first()).attempts == 0:
        await delivery.deliver_due()
    assert messenger.got == []
    waiting = await first()
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > clock()
    messenger.failure = None
    clock.advance(timedelta(minutes=30))
    await _until_sent(delivery, messenger, 2)
    assert messenger.got[1] == ("chat-1", "第二句")


async def _until_sent(delivery: Delivery, messenger: Messenger, count: int) -> None:
    async with asyncio.timeout(20):
        while len(messenger.got) < count:
            await delivery.deliver_due()


async def test_who_blocked_us_is_not_tried_again(
    pushing: Service, messenger: Messenger, clock: Clock
) -> None:
    messenger.failure = DeliveryFailed("blocked", permanent=True)
    row = await pushing.gateway.conversation("messenger", "chat-1")
    delivery = _by_hand(pushing, messenger, clock)

    async def statuses() -> list[str]:
        async with pushing.storage.read() as tx:
            return [row.status for row in await tx.messages.after(row.id, 0) if row.direction == "out"]

    async with asyncio.timeout(20):
        while set(await statuses()) != {"failed"}:
            await delivery.deliver_due()
    messenger.failure = None
    clock.advance(timedelta(days=1))
    assert await delivery.deliver_due() == 0
    assert messenger.got == []


async def test_two_deliverers_send_each_message_once(
    pushing: Service, messenger: Messenger, clock: Clock
) -> None:
    row = await pushing.gateway.conversation("messenger", "chat-1")
    for number in range(10):
        await pushing.gateway.tell(row.id, f"第{number}句")
    deliveries = [_by_hand(pushing, messenger, clock) for _ in range(3)]
    async with asyncio.timeout(30):
        while len(messenger.got) < 11:
            await asyncio.gather(*(delivery.deliver_due() for delivery in deliveries))
    assert [text for _, text in messenger.got[1:]] == [f"第{number}句" for number in range(10)]


def test_the_back_off_grows_and_ends() -> None:
    waits = [backoff(attempt) for attempt in range(1, MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert (waits[0], waits[1], waits[-1]) == (1, 2, 600)
    assert sum(waits) > 4 * 3600
