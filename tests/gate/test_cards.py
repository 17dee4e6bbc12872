"""Who is in a board's own card table, and when it is brought up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from drivers.contract import BoardCard, CardSync
from drivers.errors import NoAnswer
from drivers.readings import Back, Lost
from edge.access.events import DoorLockdown
from edge.access.schedule import ALWAYS, NEVER, Schedule
from edge.access.terms import Book, Card, PersonKind, Tenant
from edge.clock import Trust
from edge.gate.cards import RETRY_S, CardTables, at_any_hour, table
from edge.gate.view import DoorView
from edge.gate.wiring import Wiring, wire
from tests.clock import START, HandClock
from tests.gate.house import SHANGHAI, book, settings

WHOLE = ((0, 1440),)
DAY = ((360, 1380),)


def wiring(**more: object) -> Wiring:
    """The small house; `more` replaces parts of its settings."""
    return wire(settings(None, **more), SHANGHAI)


def values(cards: Sequence[BoardCard]) -> list[int]:
    """Their numbers."""
    return [card.value for card in cards]


def test_tenants_with_their_dates_and_no_visitor() -> None:
    """Everybody who may enter at any hour, with the dates of the contract, which the board keeps; visits it cannot keep."""
    assert table("sim", wiring(), book(), frozenset()) == (
        BoardCard(26, 1, frozenset({1})),
        BoardCard(26, 2, frozenset({1})),
        BoardCard(26, 3, frozenset({1}), None, date(2026, 3, 1)),
    )
    assert table("other", wiring(), book(), frozenset()) == ()


def test_who_may_enter_at_some_hours_only_is_judged_here() -> None:
    """A board knows no schedule; and naming groups narrows."""
    rules = [
        {"groups": ["residents"], "access_points": ["north_in", "north_out"], "schedule": "day"},
        {"groups": ["staff"], "access_points": ["north_in"]},
        {"groups": ["guards"], "access_points": ["north_out"]},
    ]
    made = wiring(access_rules=rules, schedules={"day": {"weekly": {"mon-sun": ["06:00-23:00"]}}})
    kinds = (PersonKind.RESIDENT, PersonKind.STAFF, PersonKind.GUARD)
    tenants = {kind.value: Tenant(kind.value, kind.value, "n", kind=kind) for kind in kinds}
    tenants["narrowed"] = Tenant("narrowed", "x", "n", kind=PersonKind.STAFF, groups=frozenset({"east"}))
    cards = {Card(26, number): ref for number, ref in enumerate(tenants, start=1)}
    assert values(table("sim", made, Book("r", START, tenants=tenants, cards=cards), frozenset())) == [2]


def test_a_door_in_lock_down_leaves_the_table() -> None:
    """The board would let in at once whom the guard keeps out."""
    assert table("sim", wiring(), book(), frozenset({"north"})) == ()


def test_a_lock_elsewhere_is_not_the_boards_to_open() -> None:
    """A reader on a board whose relay drives nothing must ask us, or its card would open no door."""
    lock = {"lock": {"controller": "relay", "output": 1, "type": "fail_secure", "wiring": "no"}}
    made = wire(settings(lock, controllers={"sim": {"driver": "simulated"}, "relay": {"driver": "simulated"}}), SHANGHAI)
    assert table("sim", made, book(), frozenset()) == ()
    assert table("relay", made, book(), frozenset()) == ()


def test_any_hour_means_every_hour_and_holiday() -> None:
    """Spans may be pieced together; one holiday that is shorter is enough for no."""
    week = (WHOLE,) * 7
    assert at_any_hour(ALWAYS)
    assert not at_any_hour(NEVER)
    assert at_any_hour(Schedule("pieces", (((720, 1440), (0, 720)), *week[1:])))
    assert not at_any_hour(Schedule("day", (DAY, *week[1:])))
    assert not at_any_hour(Schedule("holiday", week, {date(2026, 10, 1): ()}))  # type: ignore[arg-type]  # seven, all alike


class Keeper:
    """A board's table."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.fails = 0
        self.room = 20_000
        self.called = asyncio.Event()

    async def sync_cards(self, cards: Sequence[BoardCard]) -> CardSync:
        """Take it."""
        self.calls.append(values(cards))
        self.called.set()
        if self.fails:
            self.fails -= 1
            raise NoAnswer("busy")
        return CardSync(min(len(cards), self.room), 0, 0, 0, max(0, len(cards) - self.room))

    async def until(self, count: int) -> None:
        """Wait for so many calls."""
        async with asyncio.timeout(20):
            while len(self.calls) < count:
                self.called.clear()
                await self.called.wait()


class Site:
    """Tables of one board under a roster that changes."""

    def __init__(self) -> None:
        self.keeper, self.clock, self.book, self.mode = Keeper(), HandClock(), book(), "normal"
        self.tables = CardTables(
            wiring=wiring(), keepers={"sim": self.keeper}, book=lambda: self.book, view=lambda: (self.door(),), clock=self.clock
        )

    def door(self) -> DoorView:
        """North, in the mode that was set."""
        return DoorView("north", "", "leaf", "secured", "closed", "secured", self.mode, "up", ())

    async def run(self, story: Callable[[], object]) -> None:
        """Play a story while the tables are kept."""
        task = asyncio.create_task(self.tables.run())
        try:
            await story()  # type: ignore[misc]  # a coroutine
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_back_roster_and_lock_down_bring_it_up_to_date() -> None:
    """Written at Back, after a change and at lock-down; not while the board is away, and not again for a line that only flapped."""
    site = Site()

    async def story() -> None:
        site.tables.roster_changed()
        site.tables.heard("sim", Back())
        await site.keeper.until(1)
        for reading in (Lost("weather"), Back()):
            site.tables.heard("sim", reading)
        await asyncio.sleep(0.1)
        assert len(site.keeper.calls) == 1
        site.book = replace(site.book, cards={Card(26, 2): "second"})
        site.tables.roster_changed()
        await site.keeper.until(2)
        site.mode = "lock_down"
        site.tables.noticed(DoorLockdown(at=START, clock=Trust.SYNCED, door="north", alarm_id="a", phase="begin"))
        await site.keeper.until(3)
        site.tables.heard("sim", Lost("cable"))
        site.mode = "normal"
        site.tables.roster_changed()
        await asyncio.sleep(0.1)
        site.tables.heard("sim", Back())
        await site.keeper.until(4)

    await site.run(story)
    assert site.keeper.calls == [[1, 2, 3], [2], [], [2]]


async def test_a_board_that_refuses_is_asked_again_and_an_empty_roster_wipes_nothing() -> None:
    """Half a synchronisation is finished later; before any roster is in force the table stays as it is."""
    site = Site()
    full, site.book = site.book, Book("", START)
    site.keeper.fails = 1

    async def story() -> None:
        site.tables.heard("sim", Back())
        await asyncio.sleep(0.1)
        assert site.keeper.calls == []
        site.book = full
        site.tables.roster_changed()
        await site.keeper.until(1)
        await asyncio.sleep(0)
        await site.clock.pass_time(RETRY_S + 1)
        await site.keeper.until(2)

    await site.run(story)
    assert site.keeper.calls == [[1, 2, 3]] * 2


async def test_a_full_table_is_said_and_written_again_only_after_a_change() -> None:
    """Who does not fit is judged here; the same table is not written every half minute, and a smaller roster ends the word."""
    site = Site()
    site.keeper.room = 2

    async def story() -> None:
        site.tables.heard("sim", Back())
        await site.keeper.until(1)
        await asyncio.sleep(0)
        assert site.tables.words() == ("card_table.full.sim",)
        await site.clock.pass_time(RETRY_S + 1)
        site.book = replace(site.book, cards={Card(26, 2): "second"})
        site.tables.roster_changed()
        await site.keeper.until(2)
        await asyncio.sleep(0)
        assert site.tables.words() == ()

    await site.run(story)
    assert site.keeper.calls == [[1, 2, 3], [2]]
