"""Weekly schedules, holidays, night shifts, time zones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access.schedule import ALWAYS, NEVER, WHOLE_DAY, Schedule, parse_dates, parse_days, parse_span

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = (parse_span("06:00-23:00"),)
NIGHT = (parse_span("22:00-06:00"),)


def week(spans: tuple[tuple[int, int], ...]) -> Schedule:
    """The same spans from Monday to Friday, nothing at the weekend."""
    return Schedule("s", (spans, spans, spans, spans, spans, (), ()))


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in March 2026 (the 2nd is a Monday) by the clock on the wall in Shanghai."""
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "hour", "minute", "covered"),
    [(2, 5, 59, False), (2, 6, 0, True), (2, 22, 59, True), (2, 23, 0, False), (6, 12, 0, True), (7, 12, 0, False)],
)
def test_a_span_holds_its_start_and_not_its_end(day: int, hour: int, minute: int, covered: bool) -> None:
    """Weekdays and minutes are those of the site, not of UTC."""
    assert week(DAY).covers(local(day, hour, minute), SHANGHAI) is covered


@pytest.mark.parametrize(
    ("day", "hour", "covered"), [(2, 5, False), (2, 22, True), (3, 5, True), (3, 6, False), (7, 5, True), (7, 22, False)]
)
def test_a_night_shift_belongs_to_the_day_it_begins(day: int, hour: int, covered: bool) -> None:
    """Friday's night runs into Saturday morning, and Saturday has none of its own."""
    assert week(NIGHT).covers(local(day, hour), SHANGHAI) is covered


def test_a_holiday_replaces_its_day() -> None:
    """Closed on a Monday that is a holiday, open on the Saturday that is worked instead."""
    plan = Schedule("s", week(DAY).weekly, {date(2026, 3, 2): (), date(2026, 3, 7): DAY})
    assert not plan.covers(local(2, 12), SHANGHAI)
    assert plan.covers(local(7, 12), SHANGHAI)
    assert plan.covers(local(3, 12), SHANGHAI)


def test_the_end_of_the_day_is_part_of_it() -> None:
    """00:00-24:00 leaves no minute out."""
    assert parse_span("00:00-24:00") == (0, 1440)
    assert all(Schedule("s", (WHOLE_DAY,) * 7).covers(local(2, 0) + timedelta(minutes=m), SHANGHAI) for m in range(0, 3000, 7))


@pytest.mark.parametrize("text", ["6", "06:00", "06:60-07:00", "25:00-26:00", "24:00-06:00", "a:b-c:d", "06:0-07:00", ""])
def test_what_is_no_span_is_refused(text: str) -> None:
    """A typing error never becomes a door that is shut or open all day."""
    with pytest.raises(ValueError, match=r"no (span|time) of the day"):
        parse_span(text)


def test_days_and_dates() -> None:
    """Ranges are inclusive; weekdays may run over the week's end."""
    assert parse_days("mon-fri") == (0, 1, 2, 3, 4)
    assert parse_days("sat,sun") == (5, 6)
    assert parse_days("sat-mon") == (5, 6, 0)
    assert parse_dates("2026-10-01..2026-10-03") == (date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3))
    for wrong in ("2026-10-03..2026-10-01", "2026-01-01..2036-01-01", "10-01"):
        with pytest.raises(ValueError, match=r"no dates|isoformat"):
            parse_dates(wrong)


@given(st.integers(0, 15 * 365 * 24 * 60).map(lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)))
def test_always_and_never_mean_it(at: datetime) -> None:
    """In every zone, daylight saving or not."""
    for zone in (SHANGHAI, ZoneInfo("Europe/Berlin"), UTC):
        assert ALWAYS.covers(at, zone)
        assert not NEVER.covers(at, zone)
