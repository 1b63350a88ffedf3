"""The policy packs in use and, for each, the dialogue engine that works on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import integrations.calendar
from dialogues.catalogue import Flows
from dialogues.engine import Engine
from dialogues.ports import Knowledge, WorkCalendar, Workday
from policies_kb.knowledge import open_pack
from policies_kb.loader import pack_names


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
    """One pack, ready to work: what it knows and the engine that speaks for it."""

    knowledge: Knowledge
    engine: Engine


class Packs:
    """Desks by pack name, opened at first use and kept."""

    def __init__(self, flows: Flows, calendar: WorkCalendar, packs_dir: Path | None = None) -> None:
        self.flows = flows
        self._calendar = calendar
        self._packs_dir = packs_dir
        self._desks: dict[str, Desk] = {}

    def desk(self, pack: str) -> Desk:
        """The desk of `pack`.

        Raises:
            policies_kb.errors.DataFileError: the pack cannot be loaded; names file, line and cure.
        """
        if pack not in self._desks:
            knowledge = open_pack(pack, self._packs_dir)
            self._desks[pack] = Desk(knowledge, Engine(self.flows, knowledge, self._calendar))
        return self._desks[pack]

    def names(self) -> tuple[str, ...]:
        """Every pack there is to open."""
        return tuple(pack_names(self._packs_dir))

    def warm(self, pack: str) -> None:
        """Build what the first question of `pack` would otherwise wait for. Takes seconds: call it in a thread."""
        self.desk(pack).knowledge.answer("低保", today=date.today())  # noqa: DTZ011 (any day will do)

    def trouble(self, pack: str) -> dict[str, Any]:
        """What the resident reads when a turn failed: the texts and buttons of pattern_internal_error, as they stand.

        The engine is not asked: it may be what failed.
        """
        steps = self.flows.flows["pattern_internal_error"].steps.values()
        names = {"pack": self.desk(pack).knowledge.text}
        return {
            "text": "\n".join(step.text.render(names) for step in steps if step.text),
            "buttons": [
                {"title": title.render(names), "payload": button.payload()}
                for step in steps
                for _, title, button in step.buttons
            ],
        }
