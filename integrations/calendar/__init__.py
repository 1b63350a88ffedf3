"""Chinese workdays."""

from integrations.calendar.workdays import CalendarOverrides, WorkCalendar, Workday

__all__ = ["CalendarOverrides", "WorkCalendar", "Workday"]
