"""Starts the local Rasa server, watches it, restarts it, and takes it along when the service ends."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import suppress
from pathlib import Path

import aiohttp
import structlog

from nlu import child, train

_log = structlog.get_logger(__name__)

# Loading takes 5-10 s on an idle core; a small machine under load may take much longer.
START_LIMIT = 180.0
POLL = 0.25
HEALTH_EVERY = 10.0
HEALTH_FAILURES = 3
FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
STOP_LIMIT = 5.0


class NluSupervisor:
    """One local Rasa server on a free loopback port.

    `start()` returns at once; the server becomes `ready` later, and until then (and whenever it is away) the rules
    answer. The port stays the same over restarts, unless it was taken meanwhile.
    """

    def __init__(self, *, model: Path | None = None, first_delay: float = FIRST_DELAY) -> None:
        self._model = model
        self._first_delay = first_delay
        self._port = _free_port()
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._restarts = 0

    @property
    def url(self) -> str:
        """Base address of the server."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def ready(self) -> bool:
        """Whether the server answers."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """Process id of the present server."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def restarts(self) -> int:
        """How often it had to be started again."""
        return self._restarts

    async def start(self) -> None:
        """Begin to run and watch the server. A missing model is trained first, in the background.

        Never raises: what is missing is logged with its cure, and the rules go on answering.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="nlu-supervisor")

    async def wait_ready(self, limit: float = START_LIMIT) -> bool:
        """Wait until the server answers; False when it did not within `limit` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), limit)
        return self.ready

    async def stop(self) -> None:
        """Stop watching and end the server. Safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._end()

    async def _run(self) -> None:
        delay = self._first_delay
        while True:
            try:
                model = await self._ensure_model()
                if await self._serve(model):
                    delay = self._first_delay
            except train.NluUnavailable as error:
                _log.error("nlu_unavailable", reason=str(error))
            except (OSError, TimeoutError, aiohttp.ClientError) as error:
                _log.error("nlu_failed", error=repr(error))
            finally:
                self._ready.clear()
                await self._end()
            self._restarts += 1
            _log.warning("nlu_restart", in_seconds=delay, restarts=self._restarts)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _ensure_model(self) -> Path:
        if self._model is not None:
            return self._model
        # In a thread of its own: training must not hold up the service.
        return await asyncio.to_thread(train.train)

    async def _serve(self, model: Path) -> bool:
        """Run one server until it ends. True when it had become ready."""
        command = [
            str(train.RASA), "run", "--enable-api", "--model", str(model), "--interface", "127.0.0.1",
            "--port", str(self._port),
        ]  # fmt: skip
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", child.__file__, str(os.getpid()), *command,
            cwd=train.MODELS, env=train.environment(), stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT,
        )  # fmt: skip
        process = self._process
        output = asyncio.create_task(_drain(process))
        ended = asyncio.create_task(process.wait())
        try:
            if not await self._until_ready(ended):
                gone = process.returncode is not None
                _log.error(
                    "nlu_did_not_start", exit=process.returncode, last_lines=await output if gone else []
                )
                if gone:
                    # Perhaps somebody took the port between the probe and the start.
                    self._port = _free_port()
                return False
            self._ready.set()
            _log.info("nlu_ready", url=self.url, pid=process.pid, model=model.name)
            await self._watch(ended)
            _log.warning("nlu_ended", exit=process.returncode)
            return True
        finally:
            ended.cancel()
            output.cancel()

    async def _until_ready(self, ended: asyncio.Task[int]) -> bool:
        deadline = asyncio.get_running_loop().time() + START_LIMIT
        while not ended.done() and asyncio.get_running_loop().time() < deadline:
            if await self._healthy():
                return await self._warmed_up()
            await asyncio.wait({ended}, timeout=POLL)
        return False

    async def _warmed_up(self) -> bool:
        """The first parse loads the word list (a second or more): no resident shall wait for that."""
        timeout = aiohttp.ClientTimeout(total=START_LIMIT)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(f"{self.url}/model/parse", json={"text": "你好"}) as response,
        ):
            return response.status == 200

    async def _watch(self, ended: asyncio.Task[int]) -> None:
        """Until the process ends, or hangs (no answer HEALTH_FAILURES times)."""
        failures = 0
        while failures < HEALTH_FAILURES:
            await asyncio.wait({ended}, timeout=HEALTH_EVERY)
            if ended.done():
                return
            failures = 0 if await self._healthy() else failures + 1
        _log.error("nlu_hangs", pid=self.pid)

    async def _healthy(self) -> bool:
        """Whether the server has its model loaded (`/status` says so; `/` answers earlier)."""
        timeout = aiohttp.ClientTimeout(total=3)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.get(f"{self.url}/status") as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _drain(process: Process) -> list[str]:
    """Log the server's lines; returns the last ones once its output ends."""
    last: list[str] = []
    if process.stdout is None:
        return last
    async for line in process.stdout:
        text = line.decode(errors="replace").rstrip()
        if text:
            _log.debug("nlu_server", line=text)
            last = [*last[-9:], text]
    return last


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
