"""Weekly schedules with holidays, and validity by calendar day; everything in the site's own time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from types import MappingProxyType

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60

Spans = tuple[tuple[int, int], ...]
"""Spans of one day in minutes from its midnight: 0 <= start < 1440, start < end <= 2880; an end past 1440 runs into the next day."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a rule is in force. `weekly` has one entry a weekday, Monday first; `holidays` replaces single days."""

    name: str
    weekly: tuple[Spans, Spans, Spans, Spans, Spans, Spans, Spans]
    holidays: Mapping[date, Spans] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def covers(self, at: datetime, tz: tzinfo) -> bool:
        """Whether `at` (aware) lies in the schedule, by the wall clock of `tz`. Spans hold their start and not their end."""
        local = at.astimezone(tz)
        minute = local.hour * 60 + local.minute
        today = local.date()
        if any(start <= minute < end for start, end in self.spans_of(today)):
            return True
        late = minute + DAY_MINUTES  # a night shift that began yesterday
        return any(start <= late < end for start, end in self.spans_of(today - timedelta(days=1)))

    def spans_of(self, day: date) -> Spans:
        """Return the spans that begin on this day."""
        found = self.holidays.get(day)
        return self.weekly[day.weekday()] if found is None else found


WHOLE_DAY: Spans = ((0, DAY_MINUTES),)
ALWAYS = Schedule("always", (WHOLE_DAY,) * 7)
NEVER = Schedule("never", ((),) * 7)


def parse_span(text: str) -> tuple[int, int]:
    """Read `HH:MM-HH:MM` (up to 24:00) as minutes; an end at or before the start is on the next day. Raises ValueError."""
    start_text, dash, end_text = text.replace(" ", "").partition("-")
    if not dash:
        raise ValueError(f"no span of the day: {text!r}")
    start, end = _minutes(start_text), _minutes(end_text)
    if start == DAY_MINUTES:
        raise ValueError(f"no span of the day: {text!r}")
    return (start, end) if end > start else (start, end + DAY_MINUTES)


def parse_days(text: str) -> tuple[int, ...]:
    """Read `mon`, `mon-fri` or `sat,mon-tue` as weekday numbers, Monday 0; a range may run over the week's end. Raises ValueError."""
    found: list[int] = []
    for part in text.replace(" ", "").lower().split(","):
        first, dash, last = part.partition("-")
        a = DAYS.index(first)
        b = DAYS.index(last) if dash else a
        found.extend((a + step) % 7 for step in range((b - a) % 7 + 1))
    return tuple(found)


def parse_dates(text: str) -> tuple[date, ...]:
    """Read `2026-10-01` or `2026-10-01..2026-10-07` (inclusive, at most 366 days: a typing error stays small). Raises ValueError."""
    first_text, dots, last_text = text.replace(" ", "").partition("..")
    first = date.fromisoformat(first_text)
    last = date.fromisoformat(last_text) if dots else first
    days = (last - first).days
    if not 0 <= days <= 366:
        raise ValueError(f"no dates: {text!r}")
    return tuple(first + timedelta(days=n) for n in range(days + 1))


def _minutes(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and len(hours) <= 2):
        raise ValueError(f"no time of the day: {text!r}")
    value = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or value > DAY_MINUTES:
        raise ValueError(f"no time of the day: {text!r}")
    return value
