"""The whole house as one process: `jzt serve`, a resident, the reference back office over HTTP, and the way back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bot.people import photo

ID_NUMBER = "990101195403091247"
APPLICATION = [
    "我要申请低保", "同意", "张秀英", ID_NUMBER, "没有", photo(), "13800000000", "示范镇东村三组12号", "不填", "我同意",
]  # fmt: skip


def _free_ports() -> int:
    """A port whose successor is free too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


@contextlib.asynccontextmanager
async def _serve(var: Path, port: int) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """`jzt serve` in its own process; yields once it says where it is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from bot.cli import main; main()", "serve", "--port", str(port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"JZT_VAR": str(var), "JZT_NLU_START": "false", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout
    lines: list[str] = []
    try:
        async with asyncio.timeout(120):
            while not lines or "Ctrl-C" not in lines[-1]:
                line = (await process.stdout.readline()).decode()
                assert line, f"it ended: {lines}"
                lines.append(line)
        yield process, lines
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's (first) form."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return dict(reversed(fields))


class _Page:
    """The resident's page: posts, and waits on its WebSocket for what comes."""

    def __init__(self, session: aiohttp.ClientSession, opened: dict[str, Any]) -> None:
        self.session = session
        self.base = f"/api/v1/web/conversations/{opened['conversation_id']}"
        self.headers = {"Authorization": f"Bearer {opened['token']}"}
        self.seen = 0

    async def say(self, said: str | bytes, *, payload: bool = False, wanted: str = "") -> str:
        """Send, and return what the bot answers, up to the message with `wanted` in it."""
        if isinstance(said, bytes):
            form = aiohttp.FormData()
            form.add_field("client_id", str(uuid.uuid4()))
            form.add_field("file", said, filename="card.jpg", content_type="image/jpeg")
            sent = self.session.post(f"{self.base}/messages", data=form, headers=self.headers)
        else:
            body = {"client_id": str(uuid.uuid4()), "payload" if payload else "text": said}
            sent = self.session.post(f"{self.base}/messages", json=body, headers=self.headers)
        async with sent as response:
            assert response.status == 202, await response.text()
            self.seen = max(self.seen, (await response.json())["seq"])
        return await self.hears(wanted)

    async def hears(self, wanted: str = "") -> str:
        """The next words that are not the resident's own, with `wanted` among them."""
        heard = ""
        address = f"{self.base}/ws?after={self.seen}"
        async with (
            asyncio.timeout(60),
            self.session.ws_connect(address, headers=self.headers, heartbeat=None) as socket_,
        ):
            async for frame in socket_:
                data = frame.json()
                if data["type"] == "message" and data["message"]["author"] != "resident":
                    heard += data["message"]["text"] + "\n"
                    self.seen = data["message"]["seq"]
                    if wanted in heard:
                        return heard
        raise AssertionError(f"closed, having heard {heard!r}")


async def test_from_the_first_question_to_the_offices_answer(tmp_path: Path) -> None:
    port = _free_ports()
    var = tmp_path / "var"
    here, office = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    async with _serve(var, port) as (process, lines):
        printed = "".join(lines)
        assert f"{here}/" in printed
        assert f"{here}/staff" in printed
        assert f"{office}/" in printed
        for secret in ("key", "admin-password.txt", "backoffice-password.txt", "backoffice-secret"):
            assert (var / secret).stat().st_mode & 0o777 == 0o600
            assert str((var / secret).read_text().strip()) not in printed

        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            aiohttp.ClientSession(here) as session,
            aiohttp.ClientSession(office, cookie_jar=jar) as desk,
        ):
            async with session.get("/") as page:
                assert "救助通" in await page.text()
            async with session.post("/api/v1/web/conversations") as opened:
                resident = _Page(session, await opened.json())
            assert "救助通" in await resident.hears()

            # A policy question, answered with its clause.
            await resident.say("低保怎么申请", wanted="依据")
            # The self-assessment begins, and is left for the application.
            await resident.say("f:assess", payload=True, wanted="几口人")
            await resident.say("取消")
            for said in APPLICATION:
                await resident.say(said)
            receipt_words = await resident.say("s:apply_confirm=1", payload=True, wanted="JZ-")
            found = re.search(r"JZ-\d{8}-[\w-]+", receipt_words)
            assert found, receipt_words
            receipt = found[0]

            # The case arrives in the back office over HTTP.
            async with desk.get("/login") as form:
                fields = _hidden(await form.text())
            fields |= {"who": "赵敏", "password": (var / "backoffice-password.txt").read_text().strip()}
            async with desk.post("/login", data=fields) as signed_in:
                assert signed_in.status == 200
            page = ""
            async with asyncio.timeout(60):
                while receipt not in page:
                    async with desk.get("/") as listing:
                        page = await listing.text()
            async with desk.get(f"/cases/{receipt}") as shown:
                case = await shown.text()
            assert "张秀英" in case

            # The office acts; the resident hears of it without asking.
            event = _hidden(case) | {"status": "accepted", "text": ""}
            async with desk.post(f"/cases/{receipt}/events", data=event) as acted:
                assert acted.status == 200, await acted.text()
            assert receipt in await resident.hears(receipt)

            # Signed by nobody, an event is refused.
            async with session.post("/api/v1/backoffice/events", json={"case_id": receipt}) as forged:
                assert forged.status == 401
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    everything = b"".join(path.read_bytes() for path in var.rglob("*") if path.is_file())
    for personal in (ID_NUMBER, "张秀英", "13800000000", "示范镇东村三组"):
        assert personal.encode() not in everything


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("JZT_PORT", "many", "JZT_PORT"),
        ("JZT_KEY", "short", "JZT_KEY"),
        ("JZT_PACK", "nowhere", "nowhere"),
        ("JZT_REDIS_URL", "http://x", "JZT_REDIS_URL"),
        ("JZT_DATABASE_URL", "oracle://x", "JZT_DATABASE_URL"),
    ],
)
async def test_a_wrong_setting_is_named_with_its_cure_and_no_stack_trace(
    name: str, value: str, hint: str, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from bot.cli import main; main()", "serve",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"JZT_PORT": "0", "JZT_VAR": str(tmp_path / "var"), "JZT_NLU_START": "false", name: value},
    )  # fmt: skip
    _, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 1
    assert hint in errors.decode()
    assert "Traceback" not in errors.decode()
