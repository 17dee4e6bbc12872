"""Who may pass, whatever the clock does: the real daemon at a simulated gate, one row a fault of the clock.

Hours are not waited for: the machine is suspended for them, so that the boot clock goes on and the doors do not notice. Every row says who
may pass at its end. CLOCKS plays each row so many times in one life of the site, one after the other (once where it is not set).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drivers.door.simulated import Controller
from edge.clock import SystemClock
from edge.daemon import Daemon
from tests.premises import bodies
from tests.walks.harness import EVENING, Person, Site, WallClock, gateway, simulated_site, until

ROUNDS = int(os.environ.get("CLOCKS", "1"))
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)

PEOPLE = {
    "no end": Person("A2001", 43001),
    "ended yesterday": Person("A2002", 43002, {"valid_until": "2026-03-01"}),
    "ends in 10 days": Person("A2003", 43003, {"valid_until": "2026-03-12"}),
    "ends in 400 days": Person("A2004", 43004, {"valid_until": "2027-04-06"}),
    "began 5 days ago": Person("A2005", 43005, {"valid_from": "2026-02-25"}),
    "begins in 10 days": Person("A2006", 43006, {"valid_from": "2026-03-12"}),
    "at night": Person("A2007", 43007, {"groups": "night"}),
    "visits for 10 days": Person("V2008", 43010),
}
VISITOR = "visits for 10 days"
LAST = (Person("A2008", 43008), Person("A2009", 43009))
"""One of them comes last in turn: the door takes the same card twice within two seconds for one that is held to it."""
VALID = {"no end", "ends in 10 days", "ends in 400 days", "began 5 days ago", VISITOR}
LATER = VALID - {"ends in 10 days", VISITOR} | {"begins in 10 days"}
"""Ten days and more later."""
LENIENT = VALID | {"begins in 10 days", "at night"}
"""Where the clock is not believed: nobody is early, no hour is wrong, and only who had ended before is refused."""
RULES = {
    "schedules": {"night": {"weekly": {"mon-sun": ["01:30-03:30"]}}},
    "access_rules": [
        {"groups": ["residents"], "access_points": ["north_in"]},
        {"groups": ["night"], "access_points": ["north_in"], "schedule": "night"},
    ],
}


class Life:
    """A site, its clock chip, and the daemon in its present run. `truth` is the time that a right server tells."""

    def __init__(
        self, folder: Path, *, at: datetime = EVENING, synced: bool = True, zone: str = "Asia/Shanghai", who: Iterable[str] = PEOPLE
    ) -> None:
        self.people = {name: PEOPLE[name] for name in who}
        tenants = [person for name, person in self.people.items() if name != VISITOR]
        name = {"name": "anting_01", "label": "安亭一号公寓", "timezone": zone}
        self.site: Site = simulated_site(folder, 1, (*tenants, *LAST), {"free_exit": True, "release_s": 1}, site=name, **RULES)
        if VISITOR in self.people:
            visit = f'V2008,访客,A2001,north_in,2026-03-01,2026-03-12,"fc:205,{PEOPLE[VISITOR].card}"'
            sheet = self.site.roster / "visitors.csv"
            sheet.write_text(f"visit_id,name,host,access_points,from,until,card\n{visit}\n", "utf-8")
        self.wall = WallClock(at, synced=synced)
        self.truth = WallClock(EVENING)
        self.checks = 0

    @asynccontextmanager
    async def on(self) -> AsyncIterator[Run]:
        """The daemon runs."""
        clock = self.wall.believed(self.site)
        async with gateway(self.site, clock) as daemon:
            yield Run(self, daemon, clock)

    def off(self, time: timedelta, *, chip: bool = True) -> None:
        """The machine is without power for so long; `chip`: its battery is good."""
        self.truth.set(self.right() + time)
        if chip:
            self.wall.set(self.reads() + time)

    def server(self, error: timedelta = timedelta(0)) -> None:
        """A time server that is wrong by so much sets the clock, and goes on to."""
        self.wall.set(self.right() + error)
        self.wall.synced = True

    def alone(self) -> None:
        """No server answers any more, and the kernel has given up."""
        self.wall.synced = False

    def right(self) -> datetime:
        """The right time."""
        return datetime.fromtimestamp(self.truth(), UTC)

    def reads(self) -> datetime:
        """What the chip says."""
        return datetime.fromtimestamp(self.wall(), UTC)


class Run:
    """One run of the daemon, and the people at its door."""

    def __init__(self, life: Life, daemon: Daemon, clock: SystemClock) -> None:
        self.life, self.daemon, self.clock = life, daemon, clock

    def look(self) -> None:
        """The daemon reads its clock."""
        self.clock.now()

    def hours(self, count: float) -> None:
        """Time goes by."""
        for _ in range(int(count * 4)):
            self.life.wall.sleep(900)
            self.life.truth.sleep(900)
            self.look()

    def step(self, seconds: timedelta) -> None:
        """Somebody sets the clock by hand."""
        self.life.wall.set(self.life.reads() + seconds)
        self.look()

    async def may(self) -> set[str]:
        """Everybody shows their card at the entry; who was let in."""
        self.life.checks += 1
        stranger = Person("", 60_000 + self.life.checks)  # or the same card refused twice would be one refusal
        people = {"stranger": stranger, **self.life.people, "last": LAST[self.life.checks % 2]}
        passed = len(bodies(self.daemon, "passage.entry"))
        let_in = {name for name, person in people.items() if await self._enters(person)}
        await until(lambda: len(bodies(self.daemon, "passage.entry")) == passed + len(let_in))
        return let_in - {"last"}

    async def _enters(self, person: Person) -> bool:
        gate, before = self.daemon.controllers["sim"], self._decided()
        assert isinstance(gate, Controller)
        gate.present_card(1, 26, person.value)
        await until(lambda: self._decided() != before)
        return self._decided()[0] > before[0]

    def _decided(self) -> tuple[int, int]:
        """Grants and refusals so far."""
        return len(bodies(self.daemon, "access.granted")), len(bodies(self.daemon, "access.denied"))


Story = Callable[[Life], Awaitable[None]]


async def in_peace(life: Life) -> None:
    """Synchronised: the calendar is the calendar; held over for twenty days it still is."""
    async with life.on() as run:
        assert await run.may() == VALID
        life.alone()
        run.hours(20 * 24)
        assert await run.may() == LATER


async def stepped_by_hand(life: Life, step: timedelta) -> None:
    """A step without a server: nobody valid is refused, then nor after a restart, nor when it is set back."""
    async with life.on() as run:
        life.alone()
        run.step(step)
        assert await run.may() == LENIENT
    async with life.on() as run:
        assert await run.may() == LENIENT
        run.step(-step)
        assert await run.may() == LENIENT
        life.server()
        assert await run.may() == VALID


async def small_steps(life: Life) -> None:
    """Thirteen steps of 1.9 hours gain a day, and lose trust on the way."""
    async with life.on() as run:
        life.alone()
        run.step(1.9 * HOUR)
        assert await run.may() == VALID
        for _ in range(12):
            run.step(1.9 * HOUR)
        assert await run.may() == LENIENT


async def wrong_server(life: Life, error: timedelta) -> None:
    """A server is wrong for a minute, then there is none: nobody valid is refused, over restarts and when somebody sets the clock right."""
    async with life.on() as run:
        life.server(error)
        assert await run.may() == LENIENT
        if error == YEAR:
            await until(lambda: "clock.leapt" in run.daemon.condition.words())
        run.hours(9)  # so long the kernel says that all is well
        life.alone()
        assert await run.may() == LENIENT
    async with life.on() as run:
        assert await run.may() == LENIENT
        life.wall.set(life.right())
        assert await run.may() == LENIENT
    async with life.on() as run:
        assert await run.may() >= VALID
        assert "ended yesterday" not in await run.may()
        life.server()
        assert await run.may() == VALID


async def wrong_all_day(life: Life) -> None:
    """A server a year ahead for thirteen hours is believed; as soon as it is right nobody valid is refused."""
    async with life.on() as run:
        life.server(YEAR)
        run.look()
        run.hours(13)
        assert "ends in 10 days" not in await run.may()
        life.server()
        assert await run.may() >= VALID


async def off_for_weeks(life: Life) -> None:
    """Really off: who came meanwhile gets in at once, who left a few hours longer, and by the next day the calendar holds."""
    async with life.on():
        pass
    life.off(21 * DAY)
    async with life.on() as run:
        assert await run.may() == LENIENT
        run.hours(7)
    async with life.on() as run:
        assert await run.may() == LENIENT
        run.hours(6)
        assert await run.may() == LATER


async def off_for_a_night(life: Life) -> None:
    """Ten hours without power and without a server afterwards: held over, the calendar holds."""
    async with life.on():
        life.alone()
    life.off(10 * HOUR)
    async with life.on() as run:
        assert await run.may() == VALID


async def empty_battery(life: Life, at: datetime) -> None:
    """The chip says 1970 or 2000 at boot, and no server answers: judged by what was trusted, until one does."""
    async with life.on():
        life.alone()
    life.off(HOUR, chip=False)
    life.wall.set(at)
    async with life.on() as run:
        assert await run.may() == LENIENT
        life.server()
        assert await run.may() == VALID


async def far_ahead_at_boot(life: Life) -> None:
    """25 days ahead at boot, and no server: nobody valid is refused."""
    async with life.on():
        life.alone()
    life.wall.set(life.right() + 25 * DAY)
    async with life.on() as run:
        assert await run.may() == LENIENT


ROWS: dict[str, Story] = {
    "in peace": in_peace,
    "a year back by hand": lambda life: stepped_by_hand(life, -YEAR),
    "a year forward by hand": lambda life: stepped_by_hand(life, YEAR),
    "small steps": small_steps,
    "a server a year ahead": lambda life: wrong_server(life, YEAR),
    "a server a year behind": lambda life: wrong_server(life, -YEAR),
    "a server eleven days ahead": lambda life: wrong_server(life, 11 * DAY),
    "wrong all day": wrong_all_day,
    "off for weeks": off_for_weeks,
    "off for a night": off_for_a_night,
    "boot in 1970": lambda life: empty_battery(life, datetime(1970, 1, 1, tzinfo=UTC)),
    "boot in 2000": lambda life: empty_battery(life, datetime(2000, 1, 1, tzinfo=UTC)),
    "far ahead at boot": far_ahead_at_boot,
}


@pytest.mark.parametrize("row", ROWS)
async def test_who_may_pass(tmp_path: Path, row: str) -> None:
    """One fault of the clock, from a gateway that knew the time."""
    for turn in range(ROUNDS):
        folder = tmp_path / str(turn)
        life = Life(folder)
        async with life.on() as run:
            run.look()
        await ROWS[row](life)


@pytest.mark.parametrize(("year", "synced"), [(1970, False), (2000, False), (2000, True)])
async def test_a_first_start_without_time(tmp_path: Path, year: int, synced: bool) -> None:
    """Nothing was ever known, and a server that says 2000 knows nothing either: nobody is early, late or ended."""
    life = Life(tmp_path, at=datetime(year, 1, 1, tzinfo=UTC), synced=synced)
    async with life.on() as run:
        assert await run.may() == set(PEOPLE)
        life.server()
        assert await run.may() == VALID


async def test_a_first_start_with_a_wrong_server(tmp_path: Path) -> None:
    """It says ten years ahead and is believed, since nothing was known. Who lives here is let in as soon as another one is right."""
    life = Life(tmp_path, synced=False)
    async with life.on() as run:
        life.server(10 * YEAR)
        assert "ends in 10 days" not in await run.may()
        life.server()
        assert await run.may() >= VALID
    async with life.on() as run:
        assert await run.may() >= VALID
        run.hours(13)
        assert await run.may() == VALID


@pytest.mark.parametrize(
    ("day", "inside", "outside"),
    [
        ("2026-03-29", ("00:31", "01:29"), ("00:29", "01:31")),  # 01:30 in winter time to 03:30 in summer time: one hour
        ("2026-10-24", ("23:31", "24:30", "25:30", "26:29"), ("23:29", "26:31")),  # the hour from 02:00 comes twice: three
    ],
)
async def test_the_nights_in_which_clocks_change(tmp_path: Path, day: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> None:
    """A rule from 01:30 to 03:30 in Berlin means what a person there reads off a clock."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    life = Life(tmp_path, at=midnight, zone="Europe/Berlin", who=("no end", "at night"))
    async with life.on() as run:
        for at in (*inside, *outside):
            hours, minutes = map(int, at.split(":"))
            life.wall.set(midnight + timedelta(hours=hours, minutes=minutes))
            assert ("at night" in await run.may()) is (at in inside), at
