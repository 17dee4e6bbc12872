"""A small house: two tenants' worth of everything, and moments to ask at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge.access.rules import AccessPoint, AccessRule, Rules, rules_of
from edge.access.schedule import Schedule, parse_span
from edge.access.terms import Book, Card, Direction, PersonKind, Tenant, Visit
from edge.clock import Moment, Trust

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Monday noon in Shanghai."""


def card(number: int) -> Card:
    """A 26-bit card."""
    return Card(26, number)


@pytest.fixture
def rules() -> Rules:
    """Residents pass north by day, staff everywhere always; the back door is for staff."""
    day = (parse_span("06:00-23:00"),)
    points = [
        AccessPoint("north_in", "north", Direction.IN),
        AccessPoint("north_out", "north", Direction.OUT),
        AccessPoint("back_in", "back", Direction.IN),
    ]
    return rules_of(
        points,
        [
            AccessRule(frozenset({"residents"}), frozenset({"north_in", "north_out"}), Schedule("day", (day,) * 7)),
            AccessRule(frozenset({"staff", "guards"}), frozenset({"north_in", "north_out", "back_in"})),
        ],
        ZoneInfo("Asia/Shanghai"),
    )


@pytest.fixture
def book() -> Book:
    """Who has which card: 1 resident, 2 ended, 3 not yet, 4 staff, 5 guard, 6 permit run out, 7 visitor, 8 building B, 9 nobody."""
    people = {
        "resident": Tenant("resident", "t1", "n", groups=frozenset({"residents"})),
        "ended": Tenant("ended", "t2", "n", valid_until=date(2026, 3, 1)),
        "coming": Tenant("coming", "t3", "n", valid_from=date(2026, 3, 3)),
        "staff": Tenant("staff", "t4", "n", kind=PersonKind.STAFF),
        "guard": Tenant("guard", "t5", "n", kind=PersonKind.GUARD),
        "permit": Tenant("permit", "t6", "n", permit_until=date(2020, 1, 1), extended_time=True),
        "other": Tenant("other", "t8", "n", groups=frozenset({"building_b"})),
    }
    visit = Visit("visit", "v1", "n", "resident", frozenset({"north_in"}), NOON - timedelta(hours=1), NOON + timedelta(hours=1), entries=2)
    owners = ("resident", "ended", "coming", "staff", "guard", "permit", "visit", "other")
    return Book(
        "r1",
        NOON - timedelta(days=1),
        tenants=people,
        visits={"visit": visit},
        cards={card(n): ref for n, ref in enumerate(owners, start=1)} | {card(99): "forgotten"},
        pins={b"pin": "resident", b"pin-of-ended": "ended"},
        duress={b"duress": "resident"},
    )


@pytest.fixture
def moment() -> Callable[..., Moment]:
    """A moment so many hours after noon; untrusted ones may know a last trusted time, in hours after noon too."""

    def make(hours: float = 0.0, trust: Trust = Trust.SYNCED, last: float | None = None) -> Moment:
        now = Moment(NOON + timedelta(hours=hours), 100.0 + hours * 3600, trust)
        return replace(now, last_trusted=None if last is None else NOON + timedelta(hours=last))

    return make
