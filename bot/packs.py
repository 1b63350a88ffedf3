"""The policy packs in use and, for each, the dialogue engine that works on it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import structlog

import integrations.calendar
from dialogues.catalogue import Flows, load_flows
from dialogues.engine import Engine
from dialogues.ports import WorkCalendar, Workday
from integrations.calendar import CalendarOverrides
from policies_kb.errors import DataFileError
from policies_kb.knowledge import PackKnowledge, open_pack
from policies_kb.loader import pack_names, pack_version
from policies_kb.pack import Pack
from policies_kb.yamlfile import load_model

_log = structlog.get_logger(__name__)

CALENDAR_FILE = "calendar.yml"
FLOWS_FOLDER = "flows"


class OfficeCalendar:
    """The dialogue's WorkCalendar port on the calendar of the integrations, which know nothing of the dialogue."""

    def __init__(self, calendar: integrations.calendar.WorkCalendar) -> None:
        self._calendar = calendar

    def add_workdays(self, start: date, days: int) -> Workday:
        """The `days`-th workday after `start`."""
        found = self._calendar.add_workdays(start, days)
        return Workday(found.day, found.provisional)


@dataclass(frozen=True, slots=True)
class Desk:
    """One pack, ready to work: what it knows, its flows and workdays, and the engine that speaks for it."""

    knowledge: PackKnowledge
    flows: Flows
    calendar: WorkCalendar
    engine: Engine


class Packs:
    """Desks by pack name, opened at first use and kept.

    A pack's folder, or an ancestor's, may hold `calendar.yml` (days the office adds) and `flows/` (flows and patterns
    that replace ours of the same id); the nearest wins.
    """

    def __init__(
        self, packs_dir: Path | None = None, *, calendar: Path | None = None, warming: bool = False,
        cache: Path | None = None, by_sense: bool = True,
    ) -> None:  # fmt: skip
        """`calendar`: an office's own days, over every pack's. `warming`: open each pack's index at its first use.
        `cache`: a folder where indexes are kept from one start to the next; None: they are built at every start.
        `by_sense`: use sentence vectors.

        Raises:
            policies_kb.errors.DataFileError: a flow file is wrong; a pack's faults show when it is first used.
        """
        self._flows = load_flows()
        self._packs_dir = packs_dir
        self._calendar = calendar
        self._cache = cache
        self._by_sense = by_sense
        self._desks: dict[str, Desk] = {}
        self._opening = threading.Lock()
        self._refreshing = asyncio.Lock()
        self._warm_first = warming
        self._warming: dict[str, asyncio.Task[None]] = {}
        # Versions that could not be loaded, by pack: said once, not at every look.
        self._refused: dict[str, str] = {}

    @property
    def folder(self) -> Path | None:
        """Where the packs are; None: the shipped ones."""
        return self._packs_dir

    def names(self) -> tuple[str, ...]:
        """Every pack there is to open."""
        return tuple(pack_names(self._packs_dir))

    def desk(self, pack: str) -> Desk:
        """The desk of `pack`. The first call reads files (a second or so).

        Raises:
            policies_kb.errors.DataFileError: the pack cannot be loaded; names file, line and cure.
        """
        with self._opening:
            if pack not in self._desks:
                self._desks[pack] = self._open(pack)
            return self._desks[pack]

    async def refresh(self) -> tuple[str, ...]:
        """Open packs whose files have changed anew, and warm, before they take the old one's place; their names.

        A pack that cannot be loaded as it is now goes on as it was, and the log says once what is wrong. One at a
        time: the watch and an acceptance that meet would both build the same index.
        """
        async with self._refreshing:
            return await self._refresh()

    async def _refresh(self) -> tuple[str, ...]:
        changed = []
        for pack, desk in list(self._desks.items()):
            version = None
            try:
                version = await asyncio.to_thread(pack_version, pack, self._packs_dir)
                if version in (desk.knowledge.version, self._refused.get(pack)):
                    continue
                fresh = await asyncio.to_thread(self._open, pack)
                await asyncio.to_thread(_warm, fresh)
            except DataFileError as error:
                if version is None or self._refused.get(pack) != version:
                    _log.error(
                        "changed_pack_refused",
                        pack=pack,
                        problems=str(error),
                        consequence="the old one serves",
                    )
                if version is not None:
                    self._refused[pack] = version
                continue
            with self._opening:
                self._desks[pack] = fresh
            _log.info("pack_refreshed", pack=pack, version=fresh.knowledge.version)
            changed.append(pack)
        return tuple(changed)

    def warm(self, pack: str) -> None:
        """Build what the first question of `pack` would otherwise wait for. Takes seconds: call it in a thread."""
        _warm(self.desk(pack))

    async def prepare(self, pack: str) -> None:
        """Open `pack` beside the event loop and begin to warm it, where that is wanted.

        Raises:
            policies_kb.errors.DataFileError: see `desk`.
        """
        if pack not in self._desks:
            await asyncio.to_thread(self.desk, pack)
        if self._warm_first and pack not in self._warming:
            self._warming[pack] = asyncio.create_task(self._warm(pack), name=f"warm {pack}")

    async def ready(self, pack: str) -> None:
        """Like `prepare`, and wait until it is warm: an index built inside the event loop would hold up everybody."""
        await self.prepare(pack)
        if pack in self._warming:
            await asyncio.shield(self._warming[pack])

    async def warmed(self) -> bool:
        """Whether nothing is being warmed now (a readiness check)."""
        return all(task.done() for task in self._warming.values())

    async def close(self) -> None:
        """Wait for what is being warmed: a thread cannot be stopped half-way."""
        await asyncio.gather(*self._warming.values(), return_exceptions=True)
        self._warming.clear()

    def trouble(self, pack: str) -> dict[str, Any]:
        """What the resident reads when a turn failed: the texts and buttons of pattern_internal_error, as they stand.

        The engine is not asked: it may be what failed.
        """
        desk = self.desk(pack)
        steps = desk.flows.flows["pattern_internal_error"].steps.values()
        names = {"pack": desk.knowledge.text}
        return {
            "text": "\n".join(step.text.render(names) for step in steps if step.text),
            "buttons": [
                {"title": title.render(names), "payload": button.payload()}
                for step in steps
                for _, title, button in step.buttons
            ],
        }

    def _open(self, pack: str) -> Desk:
        knowledge = open_pack(pack, self._packs_dir, cache=self._cache, by_sense=self._by_sense)
        flows = self._flows_of(knowledge.loaded)
        calendar = self._calendar_of(knowledge.loaded)
        return Desk(knowledge, flows, calendar, Engine(flows, knowledge, calendar))

    async def _warm(self, pack: str) -> None:
        try:
            await asyncio.to_thread(self.warm, pack)
        except Exception:
            # Questions fail one by one then, each told to its resident; everything else goes on working.
            _log.exception("pack_not_warmed", pack=pack)

    def _flows_of(self, pack: Pack) -> Flows:
        own = [folder / FLOWS_FOLDER for folder in reversed(pack.folders) if (folder / FLOWS_FOLDER).is_dir()]
        return load_flows(overrides=own) if own else self._flows

    def _calendar_of(self, pack: Pack) -> OfficeCalendar:
        files = [*([self._calendar] if self._calendar else []), *pack.files(CALENDAR_FILE)]
        layers = [load_model(file, CalendarOverrides) for file in files]
        merged = reduce(CalendarOverrides.over, layers) if layers else None
        return OfficeCalendar(integrations.calendar.WorkCalendar(merged))


def _warm(desk: Desk) -> None:
    # A wording no clause lists, so that the sentence encoder reads its weights too.
    desk.knowledge.answer("低保 热身", today=date.today())  # noqa: DTZ011 (any day will do)
