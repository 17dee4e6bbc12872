"""Time, and how far it is believed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from edge.clock import Trust
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
