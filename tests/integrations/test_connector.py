"""Delivery over real HTTP: what is sent, and what each answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from integrations.backoffice import signing
from integrations.backoffice.connector import Delivered, HttpConnector, Outcome, Refused, Unavailable
from tests.integrations.receiver import Receiver, answer

SECRET = signing.new_secret()
PAYLOAD = {"name": "王桂兰", "sum": 540}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as opened:
        yield opened


async def deliver(receiver: Receiver, *, seconds: float = 10.0) -> Outcome:
    connector = HttpConnector(receiver.url, SECRET, timeout=seconds)
    try:
        return await connector.deliver(PAYLOAD, "key-1")
    finally:
        await connector.close()


async def test_what_is_sent_is_signed_json_with_its_key(receiver: Receiver) -> None:
    assert await deliver(receiver) == Delivered()
    (arrived,) = receiver.arrived
    assert signing.verify(SECRET, arrived.headers, arrived.body) == "key-1"
    assert arrived.headers["Idempotency-Key"] == "key-1"
    assert arrived.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(arrived.body) == PAYLOAD


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_a_2xx_is_delivered(receiver: Receiver, status: int) -> None:
    receiver.then(answer(status))
    assert await deliver(receiver) == Delivered()


async def test_a_409_means_the_receiver_had_it(receiver: Receiver) -> None:
    receiver.then(answer(409, "exists"))
    assert await deliver(receiver) == Delivered(duplicate=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 415, 422, 301, 302, 307])
async def test_another_4xx_or_a_redirect_is_final(receiver: Receiver, status: int) -> None:
    receiver.then(answer(status, "no", {"Location": receiver.url} if status < 400 else None))
    assert await deliver(receiver) == Refused(f"HTTP {status}: no")
    assert len(receiver.arrived) == 1


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 504])
async def test_a_5xx_or_a_wish_for_patience_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.then(answer(status, "busy"))
    assert await deliver(receiver) == Unavailable(f"HTTP {status}: busy")


async def test_the_receiver_may_say_how_long(receiver: Receiver) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    for header, low, high in (
        ("120", 120, 120),
        (later, 3500, 3600),
        ("soon", None, None),
        ("-5", None, None),
    ):
        receiver.then(answer(503, "", {"Retry-After": header}))
        outcome = await deliver(receiver)
        assert isinstance(outcome, Unavailable)
        if low is None:
            assert outcome.retry_after is None
        else:
            assert outcome.retry_after is not None
            assert low <= outcome.retry_after <= high


async def test_the_reason_is_the_receivers_own_words_without_long_numbers(receiver: Receiver) -> None:
    error = {
        "error": {"message": "does not fit", "fields": {"applicant.id_number": "990101195603050028 is wrong"}}
    }
    receiver.then(answer(422, json.dumps(error)))
    assert await deliver(receiver) == Refused("HTTP 422: does not fit; applicant.id_number: *** is wrong")


@pytest.mark.parametrize("body", ["[]", '{"error": 7}', '{"error": {"fields": 1}}', "\ud83d"])
async def test_an_odd_error_body_does_no_harm(receiver: Receiver, body: str) -> None:
    async def respond(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=400, body=body.encode("utf-8", "surrogatepass"))

    receiver.then(respond)
    assert isinstance(await deliver(receiver), Refused)


async def test_a_page_of_html_becomes_one_short_line(receiver: Receiver) -> None:
    receiver.then(answer(502, "<html><h1>Bad\n Gateway</h1>" + "x" * 1_000_000 + "</html>"))
    outcome = await deliver(receiver)
    assert isinstance(outcome, Unavailable)
    assert outcome.reason.startswith("HTTP 502: Bad Gateway x")
    assert len(outcome.reason) < 600


async def test_silence_is_given_up_after_the_timeout(receiver: Receiver) -> None:
    forever = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await forever.wait()
        return web.Response()

    receiver.then(silent)
    assert await deliver(receiver, seconds=0.2) == Unavailable("no answer in time")
    forever.set()


async def test_a_connection_cut_in_the_middle_is_tried_again(receiver: Receiver) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    receiver.then(cut)
    assert isinstance(await deliver(receiver), Unavailable)


async def test_nobody_at_the_address_is_tried_again() -> None:
    connector = HttpConnector(f"http://127.0.0.1:{unused_port()}/", SECRET)
    outcome = await connector.deliver(PAYLOAD, "key-1")
    assert outcome == Unavailable("cannot reach it: ClientConnectorError")
    await connector.close()


@pytest.mark.parametrize("url", ["not a url", "http://", "ftp://127.0.0.1/"])
async def test_an_address_that_is_none_waits_for_a_person(url: str) -> None:
    connector = HttpConnector(url, SECRET)
    assert isinstance(await connector.deliver(PAYLOAD, "key-1"), Refused)
    await connector.close()
