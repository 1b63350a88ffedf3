"""A real HTTP server that answers as it is told and keeps what it was sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Arrived:
    headers: dict[str, str]
    body: bytes


def answer(status: int, body: str = "", headers: dict[str, str] | None = None) -> Answer:
    async def respond(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers=headers)

    return respond


class Receiver:
    """Answers with what was queued by `then`, afterwards always with `default`."""

    def __init__(self) -> None:
        self.default: Answer = answer(201)
        self.arrived: list[Arrived] = []
        self._queued: deque[Answer] = deque()
        self._changed = asyncio.Condition()
        app = web.Application()
        app.router.add_post("/{tail:.*}", self._handle)
        self._server = TestServer(app)

    async def __aenter__(self) -> Receiver:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("/in"))

    def then(self, *answers: Answer) -> None:
        self._queued.extend(answers)

    async def until(self, count: int) -> None:
        """Wait until this many requests have arrived."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.arrived) >= count)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with self._changed:
            self.arrived.append(Arrived(dict(request.headers), body))
            self._changed.notify_all()
        return await (self._queued.popleft() if self._queued else self.default)(request)
