"""Every form of Redis URL, against a real server of its kind."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis, RedisCluster, SSLConnection

from integrations.ports import Bus
from integrations.redis import BusProblem, open_bus
from integrations.redis.urls import connect
from tests.support.servers import RedisServer, free_port


async def _works(bus: Bus) -> None:
    async with asyncio.timeout(60):
        while not await bus.ready():  # noqa: ASYNC110 (a sentinel or cluster needs a moment to see its server)
            await asyncio.sleep(0.05)
        async with bus.lock("a"), bus.subscribe("hints") as messages:
            await bus.publish("hints", {"a": 1})
            assert await anext(messages) == {"a": 1}
        assert [await bus.allow("k", limit=1, window=600) for _ in range(2)] == [True, False]
    await bus.close()


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="jzt-redis-")


async def test_unix_socket(own_redis_server: RedisServer) -> None:
    await _works(open_bus(own_redis_server.socket_url))


async def test_a_password(tmp_path: Path) -> None:
    with _folder() as folder:
        server = RedisServer(Path(folder), "--requirepass", "p@ss/word")
        server.start()
        try:
            await _works(open_bus(f"redis://:p%40ss%2Fword@127.0.0.1:{server.port}/0"))
            wrong = open_bus(f"redis://:wrong@127.0.0.1:{server.port}/0")
            assert not await wrong.ready()
            await wrong.close()
        finally:
            server.stop()


@pytest.fixture
def sentinel(own_redis_server: RedisServer) -> Iterator[RedisServer]:
    with _folder() as folder:
        server = RedisServer(
            Path(folder), "--sentinel", config=f"sentinel monitor jzt 127.0.0.1 {own_redis_server.port} 1\n"
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


async def test_sentinel_names_the_server(sentinel: RedisServer) -> None:
    await _works(open_bus(f"redis+sentinel://127.0.0.1:{sentinel.port},127.0.0.1:{sentinel.port}/jzt/0"))


async def test_a_service_the_sentinel_does_not_know_is_not_ready(sentinel: RedisServer) -> None:
    bus = open_bus(f"redis+sentinel://127.0.0.1:{sentinel.port}/nosuch")
    assert not await bus.ready()
    async with asyncio.timeout(60), bus.lock("a"):
        pass
    await bus.close()


@pytest.fixture
def cluster() -> Iterator[RedisServer]:
    with _folder() as folder:
        # Left to itself the port of the cluster bus is ten thousand above the server's: for one in six too high.
        server = RedisServer(Path(folder), "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        server.start()
        try:
            client = shutil.which("redis-cli")
            assert client, "redis-cli comes with redis-server (package redis-tools)"
            subprocess.run(
                [client, "-p", str(server.port), "cluster", "addslotsrange", "0", "16383"],
                check=True,
                capture_output=True,
            )
            yield server
        finally:
            server.stop()


async def test_cluster(cluster: RedisServer) -> None:
    await _works(open_bus(f"redis+cluster://127.0.0.1:{cluster.port}"))


@pytest.mark.parametrize(
    ("url", "hosts", "login"),
    [
        ("redis+sentinel://a,b:1,[::1]:2/svc/3", [("a", 26379), ("b", 1), ("::1", 2)], {}),
        ("redis+sentinel://u:p%40@a/svc", [("a", 26379)], {"username": "u", "password": "p@"}),
        ("redis+sentinel://:p@a/svc?sentinel_password=q", [("a", 26379)], {"password": "p"}),
    ],
)
def test_sentinel_urls_are_read(url: str, hosts: list[tuple[str, int]], login: dict[str, str]) -> None:
    client = connect(url)
    assert isinstance(client, Redis)
    manager = client.connection_pool.sentinel_manager  # type: ignore[attr-defined]
    found = [sentinel.connection_pool.connection_kwargs for sentinel in manager.sentinels]
    assert [(kwargs["host"], kwargs["port"]) for kwargs in found] == hosts
    given = client.connection_pool.connection_kwargs
    assert {key: given[key] for key in ("username", "password") if given.get(key)} == login
    assert client.connection_pool.service_name == "svc"  # type: ignore[attr-defined]
    assert given["db"] == (3 if url.endswith("/3") else 0)
    assert found[0].get("password") == ("q" if "sentinel_password" in url else None)


@pytest.mark.parametrize("url", ["rediss://a:1/0", "rediss+sentinel://a/svc", "rediss+cluster://a,b:2"])
def test_tls_is_asked_for(url: str) -> None:
    client = connect(url)
    if isinstance(client, RedisCluster):
        made = client.nodes_manager.connection_kwargs["connection_class"]
    else:
        made = client.connection_pool.connection_class
    assert issubclass(made, SSLConnection)


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "nonsense",
        "redis://a:port/0",
        "redis+sentinel://a:26379",
        "redis+sentinel:///svc",
        "redis+moon://a",
    ],
)
def test_a_url_that_cannot_be_used_is_named_with_the_cure(url: str) -> None:
    with pytest.raises(BusProblem, match="JZT_REDIS_URL"):
        open_bus(url)


def test_a_wrong_url_does_not_print_its_password() -> None:
    with pytest.raises(BusProblem) as caught:
        open_bus("redis+sentinel://:hush@a:26379")
    assert "hush" not in str(caught.value)
