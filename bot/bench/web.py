"""End to end through the web channel: a resident's message goes in over HTTP, the reply comes back over the WebSocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from bot.bench.script import messages
from bot.bench.stats import summary

# A reply slower than this is not a figure but a fault.
_REPLY_TIMEOUT = 60.0


class Resident:
    """One resident's browser: a conversation, its token and an open WebSocket."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self._base = f"{base}/api/v1/web/conversations"
        self._path = ""
        self._headers: dict[str, str] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sent = 0

    async def open(self) -> None:
        """Begin a conversation and connect its WebSocket."""
        async with self._http.post(self._base, json={}) as response:
            response.raise_for_status()
            begun = await response.json()
        self._path = f"{self._base}/{begun['conversation_id']}"
        self._headers = {"Authorization": f"Bearer {begun['token']}"}
        self._socket = await self._http.ws_connect(
            f"{self._path}/ws", params={"after": "0"}, headers=self._headers
        )

    async def close(self) -> None:
        """Disconnect."""
        if self._socket is not None:
            await self._socket.close()

    async def ask(self, text: str) -> float:
        """Send `text`; milliseconds until the first reply to it has arrived."""
        self._sent += 1
        began = time.perf_counter()
        async with self._http.post(
            f"{self._path}/messages",
            json={"client_id": f"bench-{self._sent}", "text": text},
            headers=self._headers,
        ) as response:
            response.raise_for_status()
            mine = (await response.json())["seq"]
        async with asyncio.timeout(_REPLY_TIMEOUT):
            while not self._is_reply(await self._frame(), mine):
                pass
        return (time.perf_counter() - began) * 1000

    async def _frame(self) -> dict[str, Any]:
        assert self._socket is not None, "open() comes first"  # noqa: S101 - narrows the type
        frame: dict[str, Any] = await self._socket.receive_json()
        return frame

    @staticmethod
    def _is_reply(frame: dict[str, Any], after: int) -> bool:
        if frame.get("type") != "message":
            return False
        message = frame["message"]
        return bool(message["author"] == "bot" and message["seq"] > after)


async def throughput(base: str, residents: int, each: int, progress: Callable[[int], None]) -> dict[str, Any]:
    """`residents` at once, each sending `each` messages and waiting for every reply.

    Returns messages per second over the whole run and the latencies as the residents saw them.
    """

    async def one(resident: Resident) -> list[float]:
        taken = []
        for text in messages(each):
            taken.append(await resident.ask(text))
            progress(1)
        return taken

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        people = [Resident(http, base) for _ in range(residents)]
        for person in people:
            await person.open()
        began = time.perf_counter()
        taken = await asyncio.gather(*(one(person) for person in people))
        seconds = time.perf_counter() - began
        for person in people:
            await person.close()
    flat = [value for part in taken for value in part]
    return {"residents": residents, "messages_per_second": round(len(flat) / seconds, 1), **summary(flat)}


async def conversation(base: str, count: int, progress: Callable[[int], None]) -> Sequence[float]:
    """Milliseconds for each of `count` messages of one growing conversation."""
    async with aiohttp.ClientSession() as http:
        person = Resident(http, base)
        await person.open()
        taken = []
        for text in messages(count):
            taken.append(await person.ask(text))
            progress(1)
        await person.close()
    return taken
