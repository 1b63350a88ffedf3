"""Redis is killed in the middle of the work and comes back: nobody is refused, nothing hangs, the bus heals itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from integrations.ports import Bus, Json
from integrations.redis import open_bus
from tests.support.servers import RedisServer, free_port

PATIENCE = 60


@pytest.fixture
async def own_bus(own_redis_server: RedisServer) -> AsyncIterator[Bus]:
    bus = open_bus(own_redis_server.url)
    yield bus
    await bus.close()


async def _until_ready(bus: Bus) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await bus.ready():  # noqa: ASYNC110 (the condition is the server's)
            await asyncio.sleep(0.02)


async def test_without_redis_every_method_answers(own_redis_server: RedisServer, own_bus: Bus) -> None:
    assert await own_bus.ready()
    own_redis_server.kill()
    async with asyncio.timeout(PATIENCE):
        assert not await own_bus.ready()
        assert [await own_bus.allow("k", limit=2, window=600) for _ in range(3)] == [True, True, False]
        inside = 0

        async def work() -> None:
            nonlocal inside
            async with own_bus.lock("a"):
                inside += 1
                assert inside == 1, "within the process the lock still holds"
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(work() for _ in range(5)))
        async with own_bus.subscribe("hints") as messages:
            await own_bus.publish("hints", {"a": 1})
            assert await anext(messages) == {"a": 1}, "within the process hints still arrive"


async def test_a_redis_that_never_was_there(own_redis_server: RedisServer) -> None:
    bus = open_bus(f"redis://127.0.0.1:{free_port()}/0")
    async with asyncio.timeout(PATIENCE):
        assert await bus.allow("k", limit=1, window=1)
        async with bus.lock("a"), bus.subscribe("hints") as messages:
            await bus.publish("hints", {"a": 1})
            assert await anext(messages) == {"a": 1}
    await bus.close()


async def test_a_subscription_comes_back_with_redis(own_redis_server: RedisServer, own_bus: Bus) -> None:
    other = open_bus(own_redis_server.url)
    heard: list[Json] = []

    async with own_bus.subscribe("hints") as messages:

        async def listen() -> None:
            while True:
                heard.append(await anext(messages))

        listener = asyncio.create_task(listen())
        for outage in range(2):
            own_redis_server.kill()
            await other.publish("hints", {"lost": True})  # a hint into the void is no error
            own_redis_server.start()
            await _until_ready(other)
            async with asyncio.timeout(PATIENCE):
                # Another worker's hints are heard again as soon as the subscription stands.
                while {"after": outage} not in heard:
                    await other.publish("hints", {"after": outage})
                    await asyncio.sleep(0.02)
        listener.cancel()
    await other.close()
    assert {"lost": True} not in heard, "only the other worker's own process could hear that one"


async def test_a_lock_held_while_redis_dies_is_given_back(
    own_redis_server: RedisServer, own_bus: Bus
) -> None:
    other = open_bus(own_redis_server.url)
    async with asyncio.timeout(PATIENCE):
        async with own_bus.lock("a", ttl=1):
            own_redis_server.kill()
        own_redis_server.start()
        await _until_ready(other)
        async with other.lock("a"):
            pass
        await _until_ready(own_bus)
        async with own_bus.lock("a"):
            pass
    await other.close()


async def test_a_waiter_gets_on_when_redis_dies(own_redis_server: RedisServer, own_bus: Bus) -> None:
    other = open_bus(own_redis_server.url)
    entered = asyncio.Event()

    async def wait() -> None:
        async with own_bus.lock("a"):
            entered.set()

    async with asyncio.timeout(PATIENCE), other.lock("a"):
        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert not entered.is_set()
        own_redis_server.kill()
        await waiter  # excluded only within its process now; the database's versions decide
    assert entered.is_set()
    await other.close()


async def test_limits_are_shared_again_afterwards(own_redis_server: RedisServer, own_bus: Bus) -> None:
    other = open_bus(own_redis_server.url)
    own_redis_server.kill()
    assert await own_bus.allow("k", limit=1, window=600)
    own_redis_server.start()
    await _until_ready(own_bus)
    await _until_ready(other)
    assert await own_bus.allow("k", limit=1, window=600), "Redis starts empty: it errs on the resident's side"
    assert not await other.allow("k", limit=1, window=600)
    await other.close()
