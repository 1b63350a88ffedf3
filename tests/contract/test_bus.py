"""What the bus promises, held in-process and on Redis alike."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from integrations.ports import Bus, Json
from integrations.redis import open_bus
from integrations.redis.local import LocalBus

WORKERS = 10


@pytest.fixture(params=["memory", "redis"])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Bus, Bus]]:
    """The bus as two workers see it: on Redis two clients; in-process there is only one worker."""
    if request.param == "memory":
        bus = open_bus(None)
        yield bus, bus
        return
    url = request.getfixturevalue("redis_url")
    one, other = open_bus(url), open_bus(url)
    yield one, other
    await one.close()
    await other.close()


class TestLock:
    async def test_only_one_is_inside(self, two: tuple[Bus, Bus]) -> None:
        inside, seen = 0, []

        async def work(number: int) -> None:
            nonlocal inside
            async with two[number % 2].lock("conversation:1"):
                inside += 1
                seen.append(inside)
                await asyncio.sleep(0)  # give the others every chance
                inside -= 1

        await asyncio.gather(*(work(number) for number in range(WORKERS)))
        assert seen == [1] * WORKERS

    async def test_tasks_of_one_worker_go_in_the_order_they_came(self, bus: Bus) -> None:
        order: list[int] = []

        async def work(number: int) -> None:
            async with bus.lock("conversation:1"):
                order.append(number)

        async with bus.lock("conversation:1"):
            waiting = []
            for number in range(WORKERS):
                waiting.append(asyncio.create_task(work(number)))
                await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert order == list(range(WORKERS))

    async def test_other_keys_do_not_wait(self, two: tuple[Bus, Bus]) -> None:
        async with asyncio.timeout(30), two[0].lock("a"), two[1].lock("b"), two[0].lock("c"):
            pass

    async def test_an_error_inside_gives_it_back(self, two: tuple[Bus, Bus]) -> None:
        with pytest.raises(RuntimeError, match="inside"):
            async with two[0].lock("a"):
                raise RuntimeError("inside")
        async with asyncio.timeout(10), two[1].lock("a"):
            pass

    async def test_a_waiter_that_is_cancelled_leaves_the_queue(self, two: tuple[Bus, Bus]) -> None:
        async def wait() -> None:
            async with two[1].lock("a"):
                raise AssertionError("must not get in")

        async with two[0].lock("a"):
            waiter = asyncio.create_task(wait())
            await asyncio.sleep(0)
            waiter.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiter
        async with asyncio.timeout(10), two[1].lock("a"):
            pass

    async def test_held_longer_than_its_ttl_it_is_renewed(self, redis_url: str) -> None:
        """A watcher asks Redis itself how long the lock still has; it must go up again while it is held."""
        bus = open_bus(redis_url)
        async with Redis.from_url(redis_url) as client, asyncio.timeout(30):
            async with bus.lock("long", ttl=0.3):
                left = [await client.pttl("jzt:lock:long")]
                while left[-1] <= min(left):
                    assert left[-1] > 0, "the lock ran out while it was held"
                    await asyncio.sleep(0)
                    left.append(await client.pttl("jzt:lock:long"))
            assert await client.exists("jzt:lock:long") == 0
        await bus.close()

    async def test_a_dead_workers_lock_ends(self, redis_url: str) -> None:
        bus = open_bus(redis_url)
        async with Redis.from_url(redis_url) as client:
            await client.set("jzt:lock:a", "a worker that was killed", px=50)
            async with asyncio.timeout(30), bus.lock("a"):
                pass
        await bus.close()


class TestRateLimit:
    async def test_the_first_few_are_allowed_and_keys_are_apart(self, two: tuple[Bus, Bus]) -> None:
        key = f"k{uuid.uuid4()}"
        answers = [await two[number % 2].allow(key, limit=3, window=600) for number in range(5)]
        assert answers == [True, True, True, False, False]
        assert await two[0].allow(f"{key}2", limit=3, window=600)

    async def test_of_many_at_once_exactly_the_limit_pass(self, two: tuple[Bus, Bus]) -> None:
        answers = await asyncio.gather(
            *(two[number % 2].allow("k", limit=7, window=600) for number in range(30))
        )
        assert sum(answers) == 7

    async def test_what_is_given_back_counts_no_more(self, two: tuple[Bus, Bus]) -> None:
        key = f"k{uuid.uuid4()}"
        for bus in (*two, *two):
            assert await bus.allow(key, limit=1, window=600)
            await bus.give_back(key)
        await two[0].give_back(f"{key}-never-asked")
        assert await two[0].allow(key, limit=1, window=600)
        assert not await two[1].allow(key, limit=1, window=600)

    async def test_the_window_slides_on(self, bus: Bus) -> None:
        assert await bus.allow("k", limit=1, window=0.05)
        async with asyncio.timeout(30):
            while not await bus.allow("k", limit=1, window=0.05):  # noqa: ASYNC110 (the condition is the bus's)
                await asyncio.sleep(0.005)

    async def test_any_window_not_only_the_clocks(self) -> None:
        """Two at the end of one minute and two at the start of the next are four within a minute."""
        times = (59.0, 59.5, 60.5, 61.0, 118.9, 119.0, 119.1, 119.5)
        bus = LocalBus(clock=iter(times).__next__)
        asked = [await bus.allow("k", limit=2, window=60) for _ in times]
        assert asked == [True, True, False, False, False, True, False, True]

    async def test_a_refused_call_does_not_lengthen_the_wait(self) -> None:
        times = (0.0, 3.0, 6.0, 9.0, 10.0)
        bus = LocalBus(clock=iter(times).__next__)
        asked = [await bus.allow("k", limit=1, window=10) for _ in times]
        assert asked == [True, False, False, False, True]


class TestPublish:
    async def test_every_subscriber_of_the_topic_hears_it_in_order(self, two: tuple[Bus, Bus]) -> None:
        async with (
            asyncio.timeout(30),
            two[0].subscribe("hints") as first,
            two[1].subscribe("hints") as second,
            two[1].subscribe("other") as other,
        ):
            sent: list[Json] = [{"conversation_id": str(number), "text": "你好"} for number in range(5)]
            for message in sent:
                await two[0].publish("hints", message)
            await two[0].publish("other", {"end": True})
            assert [await anext(first) for _ in sent] == sent
            assert [await anext(second) for _ in sent] == sent
            assert await anext(other) == {"end": True}

    async def test_nobody_listening_is_no_error(self, bus: Bus) -> None:
        await bus.publish("hints", {"a": 1})

    async def test_who_does_not_listen_keeps_nobody_waiting(self, bus: Bus) -> None:
        """A subscriber that reads nothing loses the oldest hints; the newest is there."""
        async with asyncio.timeout(60), bus.subscribe("hints") as slow, bus.subscribe("hints") as quick:
            for number in range(1100):
                await bus.publish("hints", {"n": number})
                assert (await anext(quick))["n"] == number
            heard = [(await anext(slow))["n"] for _ in range(1000)]
        assert heard == list(range(100, 1100))

    async def test_after_the_block_nothing_is_kept(self) -> None:
        bus = LocalBus()
        async with bus.subscribe("hints"):
            pass
        await bus.publish("hints", {"a": 1})
        async with bus.subscribe("hints") as messages:
            await bus.publish("hints", {"a": 2})
            assert await anext(messages) == {"a": 2}


async def test_ready(bus: Bus) -> None:
    assert await bus.ready()
