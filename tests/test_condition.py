"""What is wrong with the gateway itself is told once, with one alarm_id from begin to end, over a restart too."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.access.events import Event, GatewayClock, GatewayDegraded
from edge.clock import Trust
from edge.condition import LOOK_EVERY_S, SETTLED_AFTER_S, SLOWLY_AFTER_S, SLOWLY_OVER_S, Condition
from edge.journal import JournalHealth
from edge.roster.outcomes import RosterView
from tests.clock import HandClock

WELL = JournalHealth("ok", (), "e", 1, 1, "", "sha256", 0, 100, 0, 10**9, ())
GOOD = RosterView("good", "v1", datetime(2026, 1, 1, tzinfo=UTC), 2, 0, 0)


class Desk:
    """The journal and memory that the condition writes to, and the states it looks at."""

    def __init__(self, notes: dict[str, str] | None = None) -> None:
        self.journal = WELL
        self.roster = GOOD
        self.step: float | None = None
        self.told: list[Event] = []
        self.notes = {} if notes is None else notes
        self.clock = HandClock()
        self.changes = 0
        self.slowly: tuple[str, ...] = ()
        number = itertools.count(1)
        self.condition = Condition(
            journal=lambda: self.journal,
            roster=lambda: self.roster,
            clock=self.clock,
            take_step=self._take_step,
            recorder=self,
            memory=self,
            new_id=lambda: f"a{next(number)}",
            changed=self._changed,
            slowly=lambda: self.slowly,
        )

    def append(self, *events: Event) -> Desk:
        """Keep events."""
        self.told.extend(events)
        return self

    async def wait(self, timeout_s: float) -> bool:
        """Everything is committed at once."""
        return True

    def remember(self, key: str, value: str) -> None:
        """Keep a fact."""
        self.notes[key] = value

    def recall(self, key: str) -> str | None:
        """Read it back."""
        return self.notes.get(key)

    def look(self, seconds: float = 0) -> list[tuple[str, str, str]]:
        """Let time pass, look, and return what was told of it: what, phase, alarm_id."""
        self.clock.advance(seconds)
        before = len(self.told)
        self.condition.look()
        return [(event.what, event.phase, event.alarm_id) for event in self.told[before:] if isinstance(event, GatewayDegraded)]

    def _take_step(self) -> float | None:
        step, self.step = self.step, None
        return step

    def _changed(self) -> None:
        self.changes += 1


def test_nothing_wrong_nothing_told() -> None:
    """A healthy gateway says nothing."""
    desk = Desk()
    assert desk.look() == desk.look(60) == []
    assert desk.condition.words() == ()
    assert desk.changes == 0


def test_begin_and_end_once_each() -> None:
    """What lasts is told when it has lasted, and when it is over; what passes at once is not told at all."""
    desk = Desk()
    desk.journal = replace(WELL, state="degraded", why=("disk_full", "ballast"))
    assert desk.look() == []
    assert desk.look(SETTLED_AFTER_S) == [("journal.ballast", "begin", "a1"), ("journal.disk_full", "begin", "a2")]
    assert desk.look(60) == []
    assert desk.condition.words() == ("journal.ballast", "journal.disk_full")
    assert {alarm.alarm_id for alarm in desk.condition.alarms()} == {"a1", "a2"}
    desk.journal = WELL
    assert sorted(desk.look(1)) == [("journal.ballast", "end", "a1"), ("journal.disk_full", "end", "a2")]
    desk.roster = replace(GOOD, state="stale")
    assert desk.look(1) == []
    desk.roster = GOOD
    assert desk.look(SETTLED_AFTER_S) == []
    assert desk.changes == 4


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ({"state": "stale", "why": "faults"}, ("roster.stale",)),
        ({"state": "stale", "why": "unreadable"}, ("roster.stale",)),
        ({"state": "stale", "why": "too_many_removed"}, ("roster.asks",)),
        ({"state": "stale", "why": "unreadable", "folder": "missing"}, ("roster.folder_missing",)),
        ({"state": "stale", "why": "unreadable", "folder": "closed"}, ("roster.folder_closed",)),
        ({"state": "none", "why": "too_many_removed"}, ("roster.asks", "roster.none")),
        ({"state": "none", "why": "faults"}, ("roster.none",)),
        ({"state": "held"}, ("roster.held",)),
    ],
)
def test_a_roster_that_is_not_in_force_has_the_word_of_its_cause(view: dict[str, Any], words: tuple[str, ...]) -> None:
    """`roster check` names no cell where a sheet only asks, or where the folder is gone."""
    desk = Desk()
    desk.roster = replace(GOOD, **view)
    desk.look()
    desk.look(SETTLED_AFTER_S)
    assert desk.condition.words() == words


def test_what_comes_and_goes_is_told_as_one_thing() -> None:
    """A broker that is away for half of every minute for a day: one begin, and one end when it stays."""
    desk = Desk()
    told = []
    for second in range(0, 86_400, 10):
        desk.slowly = ("uplink.away",) if second < 120 or second % 60 < 30 else ()
        told += desk.look(10)
    assert [(what, phase) for what, phase, _ in told] == [("uplink.away", "begin")]
    desk.slowly = ()
    assert desk.look(SLOWLY_OVER_S - 31) == []
    assert [(what, phase) for what, phase, _ in desk.look(31)] == [("uplink.away", "end")]
    desk.slowly = ("uplink.away",)
    assert desk.look() == desk.look(SLOWLY_AFTER_S - 1) == []


def test_an_alarm_outlives_a_restart() -> None:
    """Begun before the stop and still so after it: no second begin, and the end bears the first id."""
    first = Desk()
    first.roster = replace(GOOD, kept=False)
    first.look()
    assert first.look(SETTLED_AFTER_S) == [("roster.not_kept", "begin", "a1")]
    second = Desk(first.notes)
    second.roster = replace(GOOD, kept=False)
    assert second.look() == second.look(SETTLED_AFTER_S) == []
    second.roster = GOOD
    assert second.look(1) == [("roster.not_kept", "end", "a1")]


def test_the_clock_is_told_at_each_change() -> None:
    """A change of trust, and a step without one, are each one event."""
    desk = Desk()
    desk.clock.set_trust(Trust.HOLDOVER)
    desk.look()
    desk.look(1)
    desk.step = -3600.0004
    desk.look(1)
    told = [(event.clock, event.stepped_s) for event in desk.told if isinstance(event, GatewayClock)]
    assert told == [(Trust.HOLDOVER, None), (Trust.HOLDOVER, -3600.0)]


async def test_it_looks_once_a_second_and_shows_that_it_does() -> None:
    """Its pulse goes with its looking."""
    desk = Desk()
    task = asyncio.create_task(desk.condition.run())
    await desk.clock.pass_time(10 * LOOK_EVERY_S)
    assert desk.condition.pulse.last() >= desk.clock.mono - LOOK_EVERY_S
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
