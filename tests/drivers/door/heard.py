"""What a controller said, and taking it reading by reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from drivers.contract import DoorController
from drivers.readings import Reading
from tests.drivers import harness


class Heard(harness.Heard):
    """Everything a driver said, with a place up to which the test has read."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    def of(self, *kinds: type) -> list[Reading]:
        """All readings of these kinds so far."""
        return [reading for reading in self.readings if isinstance(reading, kinds)]

    async def take(self, fits: type | Callable[[Reading], bool]) -> Reading:
        """The next reading, behind the one taken last, that is of a kind or fits; those before it are passed over."""
        self._at = await self.until((lambda reading: isinstance(reading, fits)) if isinstance(fits, type) else fits, after=self._at)
        return self.readings[self._at - 1]


@asynccontextmanager
async def running(driver: DoorController) -> AsyncIterator[Heard]:
    """Run a driver and hear it; at the end it is cancelled, and must have ended by that alone."""
    heard = Heard()
    async with harness.running(driver, heard):
        yield heard
