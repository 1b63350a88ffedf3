"""Workdays: by the notices where they reach, by the law beyond, and said so."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dialogues import ports
from integrations.calendar import CalendarOverrides, WorkCalendar, Workday

CALENDAR = WorkCalendar()
NOTICED = st.dates(date(2004, 1, 1), date(2026, 7, 1))


@given(start=NOTICED, days=st.integers(0, 60))
def test_it_counts_as_one_would_on_the_official_calendar(start: date, days: int) -> None:
    found = CALENDAR.add_workdays(start, days)
    between = [start + timedelta(days=number) for number in range(1, (found.day - start).days + 1)]
    assert sum(chinese_calendar.is_workday(day) for day in between) == days
    assert days == 0 or chinese_calendar.is_workday(found.day)
    assert not found.provisional


@given(start=st.dates(date(2004, 1, 1), date(2060, 1, 1)), days=st.integers(0, 40))
def test_a_day_more_is_always_later_and_never_less_provisional(start: date, days: int) -> None:
    one, two = CALENDAR.add_workdays(start, days), CALENDAR.add_workdays(start, days + 1)
    assert start <= one.day < two.day
    assert two.provisional >= one.provisional


@given(
    start=st.dates(date(2004, 1, 1), date(2060, 1, 1)), first=st.integers(1, 20), second=st.integers(0, 20)
)
def test_counting_in_two_parts_is_counting_at_once(start: date, first: int, second: int) -> None:
    part = CALENDAR.add_workdays(start, first).day
    assert CALENDAR.add_workdays(part, second).day == CALENDAR.add_workdays(start, first + second).day


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        # Spring Festival 2026: off 15 to 23 February, worked on Saturdays 14 and 28 February.
        (date(2026, 2, 13), 1, date(2026, 2, 14)),
        (date(2026, 2, 13), 2, date(2026, 2, 24)),
        (date(2026, 2, 27), 1, date(2026, 2, 28)),
        # National Day 2026: off 1 to 7 October, worked on Saturday 10 October.
        (date(2026, 9, 30), 1, date(2026, 10, 8)),
        (date(2026, 10, 9), 1, date(2026, 10, 10)),
        # A Sunday as start is not counted.
        (date(2026, 11, 22), 20, date(2026, 12, 18)),
        (date(2026, 11, 22), 0, date(2026, 11, 22)),
    ],
)
def test_days_the_state_council_moved(start: date, days: int, expected: date) -> None:
    assert CALENDAR.add_workdays(start, days) == Workday(expected, provisional=False)


def test_past_the_notices_a_date_is_provisional_and_never_a_holiday_by_law() -> None:
    # 30 workdays from 22 November 2026 reach into 2027, whose notice this test must not depend on being unknown.
    year = max(day.year for day in chinese_calendar.holidays) + 1
    found = CALENDAR.add_workdays(date(year - 1, 12, 30), 1)
    assert found.provisional is (found.day.year == year)
    for fixed in (date(year, 1, 1), date(year, 5, 1), date(year, 5, 2), date(year, 10, 1), date(year, 10, 2)):
        assert not CALENDAR.is_workday(fixed)
        assert CALENDAR.add_workdays(fixed - timedelta(days=1), 1).day > fixed
        assert CALENDAR.add_workdays(fixed, 3).provisional


def test_spring_festival_of_a_coming_year_is_known_from_the_moon() -> None:
    assert not any(
        CALENDAR.is_workday(date(2030, 2, day)) for day in (2, 3, 4, 5)
    )  # new year's day is 3 February


def test_an_office_adds_its_own_days_and_closes_a_year() -> None:
    calendar = WorkCalendar(
        CalendarOverrides.model_validate(
            {
                "source": "国务院办公厅关于2027年部分节假日安排的通知(示例)",
                "complete_years": [2027],
                "holidays": ["2027-01-01", "2027-01-04"],
                "workdays": ["2027-01-02"],
            }
        )
    )
    assert calendar.add_workdays(date(2026, 12, 31), 1) == Workday(date(2027, 1, 2), provisional=False)
    assert calendar.add_workdays(date(2026, 12, 31), 2) == Workday(date(2027, 1, 5), provisional=False)
    assert calendar.is_workday(date(2026, 12, 31))


def test_an_office_may_close_on_a_day_the_notice_knows() -> None:
    calendar = WorkCalendar(CalendarOverrides(source="镇政府搬迁", holidays=frozenset({date(2026, 11, 23)})))
    assert calendar.add_workdays(date(2026, 11, 22), 1).day == date(2026, 11, 24)


@pytest.mark.parametrize(
    "data",
    [
        {"holidays": ["2027-01-01"]},
        {"source": "x", "holidays": ["2027-02-30"]},
        {"source": "x", "holidays": ["2027-01-01"], "workdays": ["2027-01-01"]},
        {"source": "x", "hollidays": []},
    ],
)
def test_an_overrides_file_with_an_error_is_refused(data: object) -> None:
    with pytest.raises(ValidationError):
        CalendarOverrides.model_validate(data)


def test_days_cannot_be_counted_backwards() -> None:
    with pytest.raises(ValueError, match="negative"):
        CALENDAR.add_workdays(date(2026, 11, 22), -1)


def test_it_is_the_calendar_the_dialogue_asks_for() -> None:
    calendar: ports.WorkCalendar = CALENDAR  # type: ignore[assignment] # its Workday is a twin, not a subclass
    found = calendar.add_workdays(date(2026, 11, 22), 3)
    assert ports.Workday(found.day, found.provisional).day == date(2026, 11, 25)
