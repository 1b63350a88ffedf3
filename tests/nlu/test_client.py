"""The client of the model server: whatever the server does, the resident is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nlu.client import FAILURES, NluClient
from nlu.understanding import build_understanding
from tests.nlu import table

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[TestServer]]

GOOD = {
    "intent": {"name": "assess", "confidence": 0.9},
    "entities": [{"entity": "scheme", "value": "dibao"}],
    "intent_ranking": [{"name": "assess", "confidence": 0.9}, {"name": "apply", "confidence": 0.05}],
}


@pytest.fixture
async def serve() -> Serve:
    servers: list[TestServer] = []

    async def start(handler: Handler) -> TestServer:
        app = web.Application()
        app.router.add_post("/model/parse", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


async def test_a_reading(serve: Serve) -> None:
    async def good(request: web.Request) -> web.Response:
        assert (await request.json())["text"] == "行不行"
        return web.json_response(GOOD)

    client = NluClient(str((await serve(good)).make_url("")))
    reading = await client.parse("行不行")
    await client.close()
    assert reading is not None
    assert (reading.intent, reading.confidence, reading.entities) == ("assess", 0.9, {"scheme": "dibao"})
    assert reading.ranking[1] == ("apply", 0.05)


async def test_slow_failing_and_nonsensical_servers_give_no_reading(serve: Serve) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async def failing(_: web.Request) -> web.Response:
        raise web.HTTPInternalServerError

    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async def other_json(_: web.Request) -> web.Response:
        return web.json_response({"hello": []})

    for handler in (slow, failing, nonsense, other_json):
        client = NluClient(str((await serve(handler)).make_url("")), timeout=0.05)
        assert await client.parse("低保") is None
        await client.close()


async def test_after_failures_the_server_is_left_alone(serve: Serve) -> None:
    calls = 0

    async def failing(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        raise web.HTTPInternalServerError

    client = NluClient(str((await serve(failing)).make_url("")))
    for _ in range(FAILURES + 5):
        assert await client.parse("低保") is None
    await client.close()
    assert client.open
    assert calls == FAILURES


async def test_without_a_server_the_rules_answer() -> None:
    understanding = build_understanding("http://127.0.0.1:9")
    understood = await understanding.understand("低保怎么申请", table.context())
    assert [table.short(command) for command in understood.commands] == ["policy:低保怎么申请"]
    assert understood.source == "rules"
    await understanding.close()


async def test_no_address_yet() -> None:
    client = NluClient(lambda: None)
    assert await client.parse("低保") is None


async def test_a_control_phrase_does_not_wait_for_the_model(serve: Serve) -> None:
    async def never(_: web.Request) -> web.Response:
        pytest.fail("asked the model")

    understanding = build_understanding(str((await serve(never)).make_url("")))
    for text in ("人工", "算了", "继续", "", "😭", "长" * 100_000):
        await understanding.understand(text, table.context("size"))
    await understanding.close()


async def test_the_model_decides_what_the_rules_leave_open(serve: Serve) -> None:
    async def good(_: web.Request) -> web.Response:
        return web.json_response(GOOD)

    understanding = build_understanding(str((await serve(good)).make_url("")))
    understood = await understanding.understand("咱屋这个样子行得通不得", table.context())
    await understanding.close()
    assert [table.short(command) for command in understood.commands] == ["start:assess{}"]
    assert understood.source == "rasa"


async def test_two_close_readings_are_cleared_up(serve: Serve) -> None:
    async def torn(_: web.Request) -> web.Response:
        ranking = [{"name": "apply", "confidence": 0.41}, {"name": "assess", "confidence": 0.39}]
        return web.json_response({"intent": ranking[0], "entities": [], "intent_ranking": ranking})

    understanding = build_understanding(str((await serve(torn)).make_url("")))
    understood = await understanding.understand("嗡嗡嗡的那个", table.context())
    await understanding.close()
    assert [table.short(command) for command in understood.commands] == ["clarify:apply,assess"]
