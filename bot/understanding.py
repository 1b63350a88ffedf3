"""Which understanding a process uses: an outside NLU server, a local one that is started, or the rules alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Literal

import structlog

from bot.settings import Settings
from dialogues.ports import Understanding
from nlu.rules import RuleUnderstanding

_log = structlog.get_logger(__name__)

Kind = Literal["auto", "rasa", "rules"]
KINDS: tuple[Kind, ...] = ("auto", "rasa", "rules")


@contextlib.asynccontextmanager
async def for_service(settings: Settings) -> AsyncIterator[Understanding]:
    """Understanding of the service. A local server that is still starting is stood in for by the rules."""
    yield RuleUnderstanding()


@contextlib.asynccontextmanager
async def for_run(kind: str, url: str | None) -> AsyncIterator[Understanding]:
    """Understanding of one `jzt chat`."""
    yield RuleUnderstanding()
