"""Whose address counts: the resident's when our own proxy says so, the peer's when anybody else does."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from bot.proxies import TrustedProxies
from bot.settings import Settings


@pytest.mark.parametrize(
    ("trusted", "header", "seen"),
    [
        ("127.0.0.0/8", "203.0.113.7", "203.0.113.7"),
        (
            "127.0.0.0/8",
            "198.51.100.1, 203.0.113.7",
            "203.0.113.7",
        ),  # what the client itself wrote is not believed
        ("127.0.0.0/8", None, "127.0.0.1"),
        ("10.0.0.0/8", "203.0.113.7", "127.0.0.1"),  # the peer is no proxy of ours
    ],
)
async def test_whose_address_counts(aiohttp_client: Any, trusted: str, header: str | None, seen: str) -> None:
    async def remote(request: web.Request) -> web.Response:
        return web.Response(text=request.remote)

    app = web.Application(middlewares=[TrustedProxies([ip_network(trusted)]).middleware])
    app.router.add_get("/", remote)
    client = await aiohttp_client(app)
    response = await client.get("/", headers={"X-Forwarded-For": header} if header else {})
    assert await response.text() == seen


async def test_a_malformed_header_is_refused(aiohttp_client: Any) -> None:
    client = await aiohttp_client(
        web.Application(middlewares=[TrustedProxies([ip_network("127.0.0.0/8")]).middleware])
    )
    assert (await client.get("/", headers={"X-Forwarded-For": "nobody"})).status == 400


def test_the_setting_is_a_list_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JZT_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
    assert Settings().trusted_proxies == {ip_network("127.0.0.1"), ip_network("10.0.0.0/8")}
    monkeypatch.setenv("JZT_TRUSTED_PROXIES", "the proxy")
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings()
