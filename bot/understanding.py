"""Which understanding a process uses: an outside NLU server, a local one that is started, or the rules alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Literal

import aiohttp
import click

from bot.settings import Settings
from dialogues.ports import Understanding
from nlu import train
from nlu.supervisor import NluSupervisor
from nlu.understanding import ModelUnderstanding, build_understanding

Kind = Literal["auto", "rasa", "rules"]
KINDS: tuple[Kind, ...] = ("auto", "rasa", "rules")

_PROBE_SECONDS = 2.0


@contextlib.asynccontextmanager
async def for_service(settings: Settings) -> AsyncIterator[Understanding]:
    """Understanding of the service. A local server that is still starting is stood in for by the rules."""
    async with contextlib.AsyncExitStack() as stack:
        if settings.nlu_url or not settings.nlu_start:
            yield await stack.enter_async_context(_built(settings.nlu_url))
        else:
            supervisor = await stack.enter_async_context(_supervised())
            yield await stack.enter_async_context(_built(supervisor))


@contextlib.asynccontextmanager
async def for_run(kind: Kind, url: str | None) -> AsyncIterator[Understanding]:
    """Understanding of one `jzt chat`. Unlike the service, a script waits for the model, so that it repeats exactly.

    `auto`: the server at `url` if it answers, else the local model if it is trained, else the rules.

    Raises:
        click.ClickException: `rasa` was asked for and cannot be had.
    """
    async with contextlib.AsyncExitStack() as stack:
        if kind != "rules" and url and await _answers(url):
            yield await stack.enter_async_context(_built(url))
        elif kind == "rasa" or (kind == "auto" and _trained()):
            click.echo("正在启动语义理解模型，约需十几秒…", err=True)
            supervisor = await stack.enter_async_context(_supervised())
            if not await supervisor.wait_ready():
                if kind == "rasa":
                    raise click.ClickException("the local NLU server did not start. Cure: make nlu")
                click.echo("模型没有启动，改用规则理解。", err=True)
            yield await stack.enter_async_context(_built(supervisor))
        else:
            yield await stack.enter_async_context(_built(None))


@contextlib.asynccontextmanager
async def _built(source: str | NluSupervisor | None) -> AsyncIterator[Understanding]:
    # Until the local server is ready there is nobody to ask, and no failure to log.
    url = (lambda: source.url if source.ready else None) if isinstance(source, NluSupervisor) else source
    # In a thread: building it reads word lists.
    built = await asyncio.to_thread(build_understanding, url)
    try:
        yield built
    finally:
        if isinstance(built, ModelUnderstanding):
            await built.close()


@contextlib.asynccontextmanager
async def _supervised() -> AsyncIterator[NluSupervisor]:
    supervisor = NluSupervisor()
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def _trained() -> bool:
    return train.RASA.exists() and train.model_path().exists()


async def _answers(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=_PROBE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(f"{url}/status") as response,
        ):
            return response.status < 500
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
