"""Several workers on one PostgreSQL and one Redis: order within a conversation, nothing twice, Redis gone and back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import Service, open_service
from bot.packs import Packs
from bot.settings import Settings
from dialogues.ports import UnderstandingContext, Understood
from nlu.rules import RuleUnderstanding
from tests.support.servers import RedisServer


class Watched(RuleUnderstanding):
    """The rules, and a list of what was understood in which order."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    async def understand(self, text: str, context: UnderstandingContext) -> Understood:
        understood = await super().understand(text, context)
        # Gives the other worker every chance to overtake.
        for _ in range(5):
            await asyncio.sleep(0)
        self.heard.append(text)
        return understood


@contextlib.asynccontextmanager
async def _workers(
    count: int, database_url: str, redis_url: str, packs: Packs, folder: Path, heard: list[str]
) -> AsyncIterator[list[Service]]:
    settings = Settings(
        var=folder,
        database_url=database_url,
        redis_url=redis_url,
        nlu_start=False,
        rate_limit=10_000,
        sweep_seconds=0.2,
    )
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_service(settings, Watched(heard), packs=packs))
            for _ in range(count)
        ]


async def _done(services: list[Service], conversation_id: str) -> None:
    async with asyncio.timeout(60):
        while True:
            for service in services:
                await service.worker.idle()
            async with services[0].storage.read() as tx:
                if not await tx.messages.pending(conversation_id):
                    return
            await asyncio.sleep(0.02)


async def _said(service: Service, conversation_id: str) -> tuple[list[str], int]:
    """The resident's words in order, and the state's number of turns."""
    async with service.storage.read() as tx:
        rows = await tx.messages.after(conversation_id, 0)
        conversation = await tx.conversations.get(conversation_id)
    assert conversation is not None
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})
    assert all(row.status == "processed" for row in rows if row.direction == "in")
    return [str(row.body["text"]) for row in rows if row.direction == "in"], conversation.state_version


async def test_two_workers_keep_the_order_and_do_nothing_twice(
    postgres_url: str, redis_url: str, packs: Packs, tmp_path: Path
) -> None:
    heard: list[str] = []
    async with _workers(2, postgres_url, redis_url, packs, tmp_path, heard) as services:
        row = await services[0].gateway.open("console", "")
        words = [f"你好{number}" for number in range(20)]
        for number, text in enumerate(words):
            await services[number % 2].gateway.accept(row.id, client_id=text, text=text)
        # The channel repeats itself, at the other worker.
        for number, text in enumerate(words):
            again = await services[(number + 1) % 2].gateway.accept(row.id, client_id=text, text=text)
            assert again.duplicate
        await _done(services, row.id)
        said, turns = await _said(services[0], row.id)
    assert said == words
    assert heard == words
    assert turns == 1 + len(words)


async def test_a_message_accepted_by_a_worker_that_died_is_worked_by_another(
    postgres_url: str, redis_url: str, packs: Packs, tmp_path: Path
) -> None:
    heard: list[str] = []
    async with _workers(1, postgres_url, redis_url, packs, tmp_path, heard) as services:
        row = await services[0].gateway.open("console", "")
        # What a worker leaves that dies right after accepting.
        async with services[0].storage.begin() as tx:
            await tx.messages.accept(row.id, "m1", {"text": "你好"})
        await _done(services, row.id)
        assert heard == ["你好"]


async def test_redis_gone_and_back(
    postgres_url: str, own_redis_server: RedisServer, packs: Packs, tmp_path: Path
) -> None:
    """Without Redis both workers go on; the state's version keeps order and single effect."""
    heard: list[str] = []
    async with _workers(2, postgres_url, own_redis_server.url, packs, tmp_path, heard) as services:
        row = await services[0].gateway.open("console", "")
        sent: list[str] = []

        async def send(count: int) -> None:
            for number in range(count):
                text = f"你好{len(sent)}"
                sent.append(text)
                await services[number % 2].gateway.accept(row.id, client_id=text, text=text)

        await send(4)
        await asyncio.to_thread(own_redis_server.kill)
        await send(4)
        await _done(services, row.id)
        assert not await services[0].bus.ready()
        await asyncio.to_thread(own_redis_server.start)
        await send(4)
        await _done(services, row.id)
        said, turns = await _said(services[0], row.id)
    assert said == sent
    # A turn that lost against the other worker's was understood twice, but stored once.
    assert turns == 1 + len(sent)
    assert list(dict.fromkeys(heard)) == sent


@pytest.mark.parametrize("workers", [2])
async def test_a_page_at_one_worker_hears_of_a_reply_by_the_other(
    workers: int, postgres_url: str, redis_url: str, packs: Packs, tmp_path: Path
) -> None:
    from bot.hints import conversation_key

    async with _workers(workers, postgres_url, redis_url, packs, tmp_path, []) as services:
        row = await services[0].gateway.open("console", "")
        async with services[1].hints.listen(conversation_key(row.id)) as listener, asyncio.timeout(30):
            hints = []
            while not hints:
                # The subscription may still be on its way; each message is another chance.
                await services[0].gateway.tell(row.id, "您好")
                hints = await listener.wait(0.2)
        assert hints
