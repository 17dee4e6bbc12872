"""What every driver test stands on: a driver that runs, what it said, and waiting for things with one generous time-out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from drivers.contract import DoorController
from drivers.orders import Release
from drivers.readings import Back, Lost, Reading
from drivers.reconnect import LONGEST_WAIT_S
from drivers.timing import Timing

PATIENCE_S = 20.0  # for a slow shared machine; nothing here takes a hundredth of it

BRISK = Timing(sleep=lambda seconds: asyncio.sleep(seconds if seconds > LONGEST_WAIT_S else min(seconds, 0.01)))
"""The machine's clock with every wait of a reconnect cut to 10 ms; a release longer than any such wait keeps its length."""


class Heard:
    """Everything a driver said, in order."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._more = asyncio.Event()

    def __call__(self, reading: Reading) -> None:
        """Be an Emit."""
        self.readings.append(reading)
        self._more.set()

    async def until(self, wanted: Callable[[Reading], bool], *, after: int = 0) -> int:
        """Wait for a reading at or behind position `after`; gives the position behind it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for place in range(after, len(self.readings)):
                    if wanted(self.readings[place]):
                        return place + 1
                self._more.clear()
                await self._more.wait()

    async def back(self, after: int = 0) -> int:
        """Wait for Back."""
        return await self.until(lambda reading: isinstance(reading, Back), after=after)

    async def lost(self, after: int = 0) -> int:
        """Wait for Lost."""
        return await self.until(lambda reading: isinstance(reading, Lost), after=after)

    def news(self) -> list[type[Reading]]:
        """The ups and downs alone."""
        return [type(reading) for reading in self.readings if isinstance(reading, Lost | Back)]


@asynccontextmanager
async def running(driver: DoorController, heard: Heard) -> AsyncIterator[asyncio.Task[None]]:
    """Run a driver; at the end cancel it and let whatever else it raised out."""
    task = asyncio.create_task(driver.run(heard))
    try:
        yield task
    finally:
        await stop(task)


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel and wait until it has really ended."""
    task.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():
        raise AssertionError("a driver ended by itself") from task.exception()


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something outside (a simulated board) is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is asked lies outside this loop's reach
            await asyncio.sleep(0.002)


def release(door: int = 1, seconds: float = 30.0, *, late_by: float = -10.0) -> Release:
    """A release with ten seconds to go, or one that is already late."""
    return Release(door, seconds, time.monotonic() - late_by)
