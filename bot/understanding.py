"""Which understanding a process uses: an outside NLU server, a local one that is started, or the rules alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Literal

import structlog
from nlu.supervisor import NluSupervisor
from nlu.understanding import build_understanding

from bot.settings import Settings
from dialogues.ports import Understanding

_log = structlog.get_logger(__name__)

Kind = Literal["auto", "rasa", "rules"]
KINDS: tuple[Kind, ...] = ("auto", "rasa", "rules")


@contextlib.asynccontextmanager
async def for_service(settings: Settings) -> AsyncIterator[Understanding]:
    """Understanding of the service. A local server that is still starting is stood in for by the rules."""
    if settings.nlu_url or not settings.nlu_start:
        yield build_understanding(settings.nlu_url)
        return
    supervisor = NluSupervisor()
    await supervisor.start()
    try:
        yield build_understanding(supervisor.url)
    finally:
        await supervisor.stop()
