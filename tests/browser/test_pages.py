"""The pages and assets as HTTP serves them; no browser needed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.web.routes import setup


@pytest_asyncio.fixture(loop_scope="session")
async def url() -> AsyncIterator[str]:
    app = web.Application()
    setup(app)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_pages_are_strict_and_revalidated(url: str) -> None:
    async with ClientSession() as session:
        for path in ("/", "/staff"):
            async with session.get(url + path) as response:
                html = await response.text()
                policy = response.headers["Content-Security-Policy"]
                etag = response.headers["ETag"]
                assert response.headers["Cache-Control"] == "no-cache"
            assert policy.startswith("default-src 'self'")
            assert "unsafe" not in policy
            assert "{{" not in html
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=|https?://", html)
            async with session.get(url + path, headers={"If-None-Match": etag}) as response:
                assert response.status == 304
                assert await response.read() == b""


async def test_assets_are_kept_for_good_and_old_addresses_still_work(url: str) -> None:
    async with ClientSession() as session:
        async with session.get(url + "/") as response:
            (script,) = re.findall(r'src="([^"]+)"', await response.text())
        async with session.get(url + script) as response:
            assert "immutable" in response.headers["Cache-Control"]
            assert response.content_type == "text/javascript"
            new = await response.text()
        old = re.sub(r"/assets/\w+/", "/assets/0123456789ab/", script)
        async with session.get(url + old) as response:
            assert await response.text() == new
            assert response.headers["Cache-Control"] == "no-cache"


async def test_nothing_else_is_served(url: str) -> None:
    async with ClientSession() as session:
        for path in ("/assets/x/../routes.py", "/assets/x/vendor/README.md", "/assets/x/%2e%2e/routes.py"):
            async with session.get(url + path) as response:
                assert response.status == 404
        async with session.post(url + "/staff") as response:
            assert response.status == 405


async def test_the_browser_may_refuse_compression(url: str) -> None:
    async with (
        ClientSession(headers={"Accept-Encoding": "identity"}) as session,
        session.get(url + "/") as response,
    ):
        assert "Content-Encoding" not in response.headers
        assert "<main" in await response.text()
