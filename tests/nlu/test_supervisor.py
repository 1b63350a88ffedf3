"""The real Rasa server under the supervisor: parses, is restarted when killed, dies with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from nlu.client import NluClient
from nlu.supervisor import NluSupervisor
from nlu.understanding import build_understanding
from tests.nlu import table

LIMIT = 180.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition of another process, as long as a loaded machine may need."""
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - nothing in this process signals it
            await asyncio.sleep(0.05)


@pytest.mark.rasa
async def test_killed_server_comes_back_and_the_rules_answer_meanwhile(nlu_model: str) -> None:
    supervisor = NluSupervisor(first_delay=0.05)
    await supervisor.start()
    understanding = build_understanding(lambda: supervisor.url, timeout=10)
    try:
        # Not ready yet: the resident is answered all the same.
        early = await understanding.understand("低保怎么申请", table.context())
        assert [table.short(command) for command in early.commands] == ["policy:低保怎么申请"]

        assert await supervisor.wait_ready(LIMIT)
        client = NluClient(supervisor.url, timeout=30)
        reading = await client.parse("帮我看看我家够不够格吃低保")
        assert reading is not None
        assert reading.intent == "assess"
        await client.close()

        first = supervisor.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: not supervisor.ready)
        meanwhile = await understanding.understand("三口人", table.context("size"))
        assert [table.short(command) for command in meanwhile.commands] == ["set:household_size=3"]

        assert await supervisor.wait_ready(LIMIT)
        assert supervisor.pid not in {None, first}
        assert supervisor.restarts == 1
    finally:
        await understanding.close()
        await supervisor.stop()
    last = supervisor.pid
    assert last is None
    assert not supervisor.ready


def test_the_child_dies_with_its_parent() -> None:
    """Whatever the server is, `child.py` ties it to the service: kill -9 leaves no orphan."""
    script = (
        "import os, subprocess, sys, time\n"
        "from nlu import child\n"
        "inner = subprocess.Popen([sys.executable, '-I', child.__file__, str(os.getpid()), sys.executable, '-c',"
        " 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'])\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    # The command prints its id once it runs, and by then the tie has been made.
    inner = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    inner.wait(timeout=LIMIT)
    assert not inner.is_running()


async def test_a_missing_environment_is_said_and_not_raised(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from nlu import train

    monkeypatch.setattr(train, "RASA", train.HERE / "nowhere" / "rasa")
    monkeypatch.setattr(train, "MODELS", tmp_path)
    supervisor = NluSupervisor(first_delay=0.01)
    await supervisor.start()
    await until(lambda: supervisor.restarts >= 1)
    assert not supervisor.ready
    await supervisor.stop()
    await supervisor.stop()
