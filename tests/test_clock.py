"""Time, and how far it is believed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from edge.clock import BUILT, HOLDOVER, Leap, Moment, SystemClock, Trust, kernel_synced
from tests.clock import START, HandClock


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    """The hand clock wakes by due time, not by who lay down first."""
    clock, woken = HandClock(), []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("late", 5.0), ("early", 1.0), ("middle", 3.0)):
            tasks.create_task(sleeper(name, seconds))
        await clock.settle()
        assert clock.sleeping() == 3
        clock.advance(10)
    assert woken == ["early", "middle", "late"]


async def test_periodic_sleeper_ticks_as_often_as_time_allows() -> None:
    """Letting time pass stops at each sleeper's moment."""
    clock, ticks = HandClock(), []

    async def tick() -> None:
        while True:
            await clock.sleep(1)
            ticks.append(clock.mono)

    task = asyncio.create_task(tick())
    await clock.pass_time(5.5)
    task.cancel()
    assert ticks == [1001.0, 1002.0, 1003.0, 1004.0, 1005.0]
    assert clock.now().at == START + timedelta(seconds=5.5)


async def test_cancelled_sleeper_is_forgotten() -> None:
    """A sleeper that was cancelled is not woken later."""
    clock = HandClock()
    task = asyncio.create_task(clock.sleep(1))
    await clock.settle()
    task.cancel()
    await clock.settle()
    assert clock.sleeping() == 0
    clock.advance(2)


def test_wall_steps_without_monotonic_time() -> None:
    """A stepped wall clock leaves monotonic time alone, and an untrusted one keeps the last trusted reading."""
    clock = HandClock()
    clock.now()
    clock.set_trust(Trust.UNTRUSTED)
    clock.set_wall(START - timedelta(days=365))
    now = clock.now()
    assert (now.mono, now.trust, now.last_trusted) == (1000.0, Trust.UNTRUSTED, START)


DAY = timedelta(days=1)


class Machine:
    """The outside of a SystemClock: a wall clock, a boot clock and a synchronisation that the test moves."""

    def __init__(self) -> None:
        self.wall = START.timestamp()
        self.boot = 100.0
        self.synced = True
        self.sync_at: datetime | None = None

    def clock(
        self,
        last_trusted: datetime | None = None,
        not_before: datetime | None = None,
        certain: datetime | None = None,
        leap: Leap | None = None,
    ) -> SystemClock:
        """A clock of this machine, as a fresh start of the daemon makes it."""
        return SystemClock(
            last_trusted=last_trusted,
            not_before=not_before,
            certain=certain,
            leap=leap,
            synced=lambda: self.synced,
            last_sync=lambda: self.sync_at,
            wall=lambda: self.wall,
            boot_time=lambda: self.boot,
            monotonic=lambda: self.boot,
        )

    def again(self, before: Moment) -> SystemClock:
        """The next start of the daemon, given what the last one wrote down."""
        return self.clock(before.last_trusted, before.at, before.certain, before.leap)

    def run(self, seconds: float) -> None:
        """Let time go by."""
        self.wall += seconds
        self.boot += seconds

    def watched(self, clock: SystemClock, hours: int) -> Moment:
        """Let hours go by, looked at every few minutes; the last look."""
        for _ in range(hours * 12):
            self.run(300)
            clock.now()
        return clock.now()


def test_a_disciplined_clock_is_its_own_last_trusted_time() -> None:
    """Synced: every reading is trusted and becomes the last trusted time."""
    machine = Machine()
    clock = machine.clock()
    machine.run(60)
    now = clock.now()
    assert (now.trust, now.at, now.last_trusted) == (Trust.SYNCED, START + timedelta(seconds=60), now.at)


def test_without_network_the_clock_is_held_over_for_a_month() -> None:
    """Holdover ends with its stated bound, and the last trusted time stays where it was."""
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.synced = False
    machine.run(HOLDOVER.total_seconds())
    assert clock.now().trust is Trust.HOLDOVER
    machine.run(1)
    now = clock.now()
    assert (now.trust, now.last_trusted) == (Trust.UNTRUSTED, START)


def test_a_year_back_without_synchronisation_is_untrusted_until_it_is_set() -> None:
    """A step back is noticed, told once, and forgiven by the next synchronisation."""
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.synced = False
    machine.wall -= 365 * 86_400
    assert clock.now().trust is Trust.UNTRUSTED
    assert clock.take_step() == pytest.approx(-365 * 86_400)
    assert clock.take_step() is None
    machine.wall += 365 * 86_400
    assert clock.now().trust is Trust.UNTRUSTED, "stepped back and forth by hand: nobody knows which was right"
    machine.synced = True
    assert clock.now().trust is Trust.SYNCED


@pytest.mark.parametrize(
    ("step", "trust"),
    [(3600.0, Trust.HOLDOVER), (8 * 3600.0, Trust.UNTRUSTED), (86_399.9, Trust.UNTRUSTED), (-10.0, Trust.UNTRUSTED)],
)
def test_a_step_by_hand_is_believed_within_two_hours_and_forward(step: float, trust: Trust) -> None:
    """Forward by an hour is holdover; local time taken for UTC, a day, or anything backward is not."""
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.synced = False
    machine.wall += step
    assert clock.now().trust is trust


def test_a_step_by_synchronisation_is_believed() -> None:
    """The first synchronisation after a cold start may move the clock by years."""
    machine = Machine()
    machine.synced = False
    machine.wall = datetime(1970, 1, 1, tzinfo=UTC).timestamp()
    clock = machine.clock(last_trusted=START)
    assert clock.now().trust is Trust.UNTRUSTED
    machine.synced = True
    machine.wall = START.timestamp() + 500
    assert clock.now().trust is Trust.SYNCED
    assert (clock.take_step() or 0) > 365 * 86_400


def test_a_start_remembers_what_the_last_run_trusted() -> None:
    """After a cold start a clock before what was written down is not believed; one shortly after it is."""
    machine = Machine()
    machine.synced = False
    assert machine.clock(last_trusted=START - timedelta(days=1)).now().trust is Trust.HOLDOVER
    assert machine.clock(last_trusted=START + timedelta(seconds=1)).now().trust is Trust.UNTRUSTED
    later = machine.clock(last_trusted=START - timedelta(days=1), not_before=START + timedelta(hours=1)).now()
    assert (later.trust, later.last_trusted) == (Trust.UNTRUSTED, START - timedelta(days=1))


def test_a_clock_that_was_never_set_is_not_believed() -> None:
    """Neither a remembered time nor a synchronisation in this boot: untrusted, however plausible it looks."""
    machine = Machine()
    machine.synced = False
    assert machine.clock().now().trust is Trust.UNTRUSTED
    machine.sync_at = START - timedelta(hours=3)
    assert machine.clock().now().trust is Trust.HOLDOVER


def test_certain_time_goes_on_without_a_time_server() -> None:
    """Beyond the holdover what ran is counted, whatever the wall clock is set to; what was off is not, and a restart loses nothing."""
    machine = Machine()
    clock = machine.clock()
    assert clock.now().certain == START
    machine.synced = False
    machine.run(40 * 86_400)
    machine.wall += 3650 * 86_400
    now = clock.now()
    assert (now.trust, now.certain) == (Trust.UNTRUSTED, START + timedelta(days=40))
    machine.wall -= 7300 * 86_400
    machine.run(86_400)
    written = clock.now()
    assert written.certain == START + timedelta(days=41)
    machine.boot = 0.0  # switched off for some time, and on again with an empty battery
    again = machine.clock(written.last_trusted, written.at, written.certain)
    machine.run(86_400)
    assert (again.now().trust, again.now().certain) == (Trust.UNTRUSTED, START + timedelta(days=42))


def test_certain_time_follows_the_synchronisation() -> None:
    """A trusted clock is certain, also where what was counted ran ahead of it."""
    machine = Machine()
    clock = machine.clock(certain=START + timedelta(hours=1))
    assert clock.now().certain == START


def test_a_clock_that_was_never_set_still_knows_when_it_was_built() -> None:
    """Where no time server was ever reached, time has certainly passed since this program was written."""
    machine = Machine()
    machine.synced = False
    clock = machine.clock()
    machine.run(10 * 86_400)
    assert clock.now().certain == BUILT + timedelta(days=10)


@pytest.mark.parametrize("leap", [365 * DAY, 2 * DAY, -365 * DAY, -2 * DAY])
def test_a_server_that_leaps_is_not_believed_before_half_a_day(leap: timedelta) -> None:
    """A time server is far off: not trusted, over a restart too; what was trusted last stays, and what is certain goes on."""
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.wall += leap.total_seconds()
    machine.watched(clock, 6)
    now = machine.again(clock.now()).now()
    assert (now.trust, now.leapt, now.last_trusted, now.certain) == (Trust.UNTRUSTED, True, START, START + timedelta(hours=6))
    machine.wall -= leap.total_seconds()
    back = clock.now()
    assert (back.trust, back.leapt, back.at) == (Trust.SYNCED, False, START + timedelta(hours=6)), "right again: at once"


def test_a_minute_of_a_wrong_server_is_never_believed() -> None:
    """The kernel calls the clock synchronised for nine hours after the server's last word: those do not count, nor do they add up."""
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.wall += 365 * 86_400
    for _ in range(4):
        machine.synced = True
        assert machine.watched(clock, 9).leapt
        machine.synced = False
        assert machine.watched(clock, 1).leapt
    now = machine.again(clock.now()).now()
    assert (now.trust, now.leapt, now.last_trusted) == (Trust.UNTRUSTED, True, START)
    machine.wall -= 365 * 86_400  # somebody sets it right
    now = clock.now()
    assert (now.trust, now.leapt, now.last_trusted) == (Trust.UNTRUSTED, False, START)


def test_a_gateway_that_was_off_for_weeks_believes_its_server_within_a_day_of_running() -> None:
    """Switched off at night too: what servers vouched for adds up over restarts. Until then nothing is forgotten and nothing is certain."""
    machine = Machine()
    before = machine.clock().now()
    machine.wall += 21 * 86_400
    clock = machine.again(before)
    assert machine.watched(clock, 8).leapt
    machine.wall += 10 * 3600.0
    clock = machine.again(clock.now())
    machine.synced = False
    assert machine.watched(clock, 1).leapt, "not heard of a server yet today"
    machine.synced = True
    assert machine.watched(clock, 3).leapt
    now = machine.watched(clock, 2)
    assert (now.trust, now.leapt, now.last_trusted, now.certain) == (Trust.SYNCED, False, now.at, now.at)
    machine.wall += 3600.0
    assert machine.again(now).now().trust is Trust.SYNCED


def test_whoever_comes_back_to_what_was_trusted_is_believed_at_once() -> None:
    """A server was wrong for a whole day and believed; it is put right: nobody waits half a day for that, over a restart neither."""
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.wall += 365 * 86_400
    now = machine.watched(clock, 13)
    assert (now.trust, now.last_trusted) == (Trust.SYNCED, now.at)
    machine.wall -= 365 * 86_400
    now = machine.again(now).now()
    assert (now.trust, now.last_trusted) == (Trust.SYNCED, START + timedelta(hours=13))


def test_a_first_start_believes_its_server_but_not_that_it_is_2000() -> None:
    """Nothing is known yet, but for the year in which this program was written."""
    machine = Machine()
    assert machine.clock().now().trust is Trust.SYNCED
    machine.wall = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
    clock = machine.clock()
    assert machine.watched(clock, 24).trust is Trust.UNTRUSTED


@pytest.mark.parametrize("step", [1.9 * 3600, 600.0, -1.9])
def test_steps_without_a_server_add_up(step: float) -> None:
    """Each is small, and nobody vouches for any: together they lose trust, and a server gives it back."""
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.synced = False
    trusts = []
    for _ in range(13):
        machine.run(60)
        machine.wall += step
        trusts.append(clock.now().trust)
    assert trusts == sorted(trusts), "held over first, then untrusted for good"
    assert trusts[-1] is Trust.UNTRUSTED
    machine.wall -= 13 * step
    machine.synced = True
    assert clock.now().trust is Trust.SYNCED


def test_steps_over_restarts_add_up() -> None:
    """1.9 hours at each of thirteen starts are a day; and so are 25 days at one. What was off for less than a day is held over."""
    machine = Machine()
    now = machine.clock().now()
    machine.synced = False
    trusts = []
    for _ in range(13):
        machine.wall += 1.9 * 3600
        machine.run(60)
        now = machine.again(now).now()
        trusts.append(now.trust)
    assert trusts == [Trust.HOLDOVER] * 12 + [Trust.UNTRUSTED]
    machine = Machine()
    now = machine.clock().now()
    machine.synced = False
    machine.wall += 25 * 86_400
    assert machine.again(now).now().trust is Trust.UNTRUSTED


def test_an_update_in_the_middle_of_a_holdover() -> None:
    """Version 0.1.0 wrote no certain time: twenty days without a server are held over by its last time of all."""
    machine = Machine()
    machine.synced = False
    assert machine.clock(START - timedelta(days=20), START - timedelta(hours=1)).now().trust is Trust.HOLDOVER


def test_slewing_is_no_step() -> None:
    """A clock that is drawn right by small steps is never told as stepped."""
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.run(1)
        machine.wall -= 0.5
        assert clock.now().trust is Trust.SYNCED
    assert clock.take_step() is None


def test_the_kernel_can_be_asked() -> None:
    """The real system call answers, and the real clock agrees with it."""
    synced = kernel_synced()
    assert (SystemClock().now().trust is Trust.SYNCED) == synced
