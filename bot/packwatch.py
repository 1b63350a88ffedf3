"""Looks now and then whether a policy pack's files have changed, and puts the new pack to work without a restart.

Every worker looks for itself, so it does not matter who changed them: the console of another worker, `jzt kb review`,
or an editor.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from bot.packs import Packs

_log = structlog.get_logger(__name__)


class PackWatch:
    """A task that calls `Packs.refresh` every `seconds`."""

    def __init__(self, packs: Packs, *, seconds: float) -> None:
        self._packs = packs
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the packs were read a moment ago, so the first look comes after the first wait."""
        self._task = asyncio.create_task(self._run(), name="packwatch")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._packs.refresh()
            except Exception:
                # The packs in use go on serving.
                _log.exception("pack_watch_failed", consequence="looked again later")
