"""Workdays by the State Council's holiday notices, as far as they reach, and an office's own days.

`chinesecalendar` carries the notices (2004 up to the latest year it knows). The notice for a year comes out in the
autumn before; until then weekends and the holidays fixed by law (`holidays`: 全国年节及纪念日放假办法) are skipped and the
date is marked provisional, because the notice still shifts weekends around. An office bridges the gap with an
overrides file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import chinese_calendar
import holidays
from pydantic import BaseModel, ConfigDict, Field, model_validator

_NOTICED = {day.year for day in chinese_calendar.holidays}
_STATUTORY = holidays.country_holidays("CN")
_SATURDAY = 5


class CalendarOverrides(BaseModel):
    """Days an office or a pack adds (a YAML file; load it with the data-file loader of the layer above).

    Example::

        source: 国务院办公厅关于2027年部分节假日安排的通知
        complete_years: [2027]
        holidays: [2027-01-01]
        workdays: [2027-02-14]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, description="notice or office decision the days come from")
    complete_years: frozenset[int] = Field(
        default=frozenset(),
        description="years whose national notice is wholly in this file: no longer provisional",
    )
    holidays: frozenset[date] = Field(default=frozenset(), description="days off, whatever the notices say")
    workdays: frozenset[date] = Field(
        default=frozenset(), description="days worked, whatever the notices say"
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> CalendarOverrides:
        both = sorted(self.holidays & self.workdays)
        if both:
            raise ValueError(f"both holiday and workday: {', '.join(map(str, both))}")
        return self

    def over(self, under: CalendarOverrides) -> CalendarOverrides:
        """Both files as one; where they disagree about a day, this one is right."""
        return CalendarOverrides(
            source=f"{self.source}; {under.source}",
            complete_years=self.complete_years | under.complete_years,
            holidays=self.holidays | (under.holidays - self.workdays),
            workdays=self.workdays | (under.workdays - self.holidays),
        )


@dataclass(frozen=True, slots=True)
class Workday:
    """A computed date. `provisional`: a year without its holiday notice was counted through.

    Same fields as the dialogue's port of that name; defined here because integrations import nothing above them.
    """

    day: date
    provisional: bool


class WorkCalendar:
    """Counts workdays. Immutable; implements the dialogue's WorkCalendar port."""

    def __init__(self, overrides: CalendarOverrides | None = None) -> None:
        self._holidays = overrides.holidays if overrides else frozenset()
        self._workdays = overrides.workdays if overrides else frozenset()
        self._known = _NOTICED | (overrides.complete_years if overrides else frozenset())

    def is_workday(self, day: date) -> bool:
        """Whether the office works on `day`; weekends and statutory holidays where no notice reaches."""
        if day in self._workdays:
            return True
        if day in self._holidays:
            return False
        if day.year in _NOTICED:
            return bool(chinese_calendar.is_workday(day))
        return day.weekday() < _SATURDAY and day not in _STATUTORY

    def add_workdays(self, start: date, days: int) -> Workday:
        """The `days`-th workday after `start`, which itself is not counted; `start` for 0 days.

        Raises:
            ValueError: `days` is negative.
        """
        if days < 0:
            raise ValueError(f"days must not be negative, is {days}")
        day = start
        provisional = False
        while days:
            day += timedelta(days=1)
            provisional = provisional or day.year not in self._known
            days -= self.is_workday(day)
        return Workday(day, provisional)
