"""The peer of the growth figure: a plain Rasa 3.6 bot with rules, asked by the same script in the same run."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import aiohttp

from bot.bench.process import StartFailed, free_port, server
from bot.bench.script import messages

_ENV = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
}


def available(python: Path) -> bool:
    """Whether the NLU environment (which has the whole of Rasa) is installed."""
    return python.exists()


async def latencies(python: Path, work: Path, count: int, progress: Callable[[int], None]) -> list[float]:
    """Milliseconds from question to complete reply for each of `count` messages of one growing conversation.

    Args:
        python: the interpreter of the NLU environment.
        work: an empty folder for the project, its model and its log.
        count: messages to send, one after another.
        progress: called with 1 after each message.

    Raises:
        StartFailed: Rasa could not train or start.
    """
    with as_file(files("bot.bench") / "peer") as source:
        shutil.copytree(source, work / "peer")
    project = work / "peer"
    trained = await asyncio.to_thread(_train, python, project)
    port = free_port()
    command = [
        str(python), "-m", "rasa", "run", "--enable-api", "-i", "127.0.0.1", "-p", str(port),
        "--model", str(trained), "--credentials", "credentials.yml",
    ]  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    async with server("the Rasa peer", command, f"{base}/status", work / "peer.log", env=_ENV, cwd=project):
        return await _talk(base, count, progress)


def _train(python: Path, project: Path) -> Path:
    done = subprocess.run(  # noqa: S603 - a fixed command
        [str(python), "-m", "rasa", "train", "--quiet", "--fixed-model-name", "peer", "--out", "models"],
        cwd=project, env={**os.environ, **_ENV}, capture_output=True, check=False,
    )  # fmt: skip
    model = project / "models" / "peer.tar.gz"
    if done.returncode or not model.exists():
        raise StartFailed(
            f"the Rasa peer could not be trained:\n{done.stderr.decode(errors='replace')[-2000:]}"
        )
    return model


async def _talk(base: str, count: int, progress: Callable[[int], None]) -> list[float]:
    taken = []
    async with aiohttp.ClientSession() as http:
        for text in messages(count):
            began = time.perf_counter()
            async with http.post(
                f"{base}/webhooks/rest/webhook", json={"sender": "bench", "message": text}
            ) as response:
                replies = await response.json()
            taken.append((time.perf_counter() - began) * 1000)
            if not replies:
                raise StartFailed(f"the Rasa peer did not answer {text!r}")
            progress(1)
    return taken
