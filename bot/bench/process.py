"""Servers the bench starts for itself and stops again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp


class StartFailed(Exception):
    """A server the bench needs did not come up; the message names it and the end of its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def server(
    name: str, command: Sequence[str], url: str, log: Path, *, env: Mapping[str, str], cwd: Path | None = None,
    within: float = 120.0,
) -> AsyncIterator[None]:  # fmt: skip
    """Run `command` until the block ends; entered once `url` answers 200.

    Raises:
        StartFailed: the process ended, or `url` did not answer within `within` seconds.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - a fixed command; starting takes no time worth a thread
            list(command), stdout=out, stderr=out, cwd=cwd, env={**os.environ, **env}, start_new_session=True
        )
    try:
        await _answers(name, process, url, log, within)
        yield
    finally:
        # The whole group: a server's own children (the NLU model server) must go with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)


async def _answers(name: str, process: subprocess.Popen[bytes], url: str, log: Path, within: float) -> None:
    deadline = asyncio.get_running_loop().time() + within
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while asyncio.get_running_loop().time() < deadline:
            if process.poll() is not None:
                raise StartFailed(f"{name} ended with code {process.returncode}:\n{_tail(log)}")
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.2)
    raise StartFailed(f"{name} did not answer at {url} within {within:.0f} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
