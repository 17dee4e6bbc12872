"""What a controller said, and waiting for it to say something."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from drivers.contract import DoorController
from drivers.readings import Reading

PATIENCE_S = 20.0  # a slow shared machine


class Heard:
    """Every reading, in order; `take` waits for the next one that fits."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._news = asyncio.Event()
        self._at = 0

    def __call__(self, reading: Reading) -> None:
        """The controller's emit."""
        self.readings.append(reading)
        self._news.set()

    def of(self, *kinds: type) -> list[Reading]:
        """All readings of these kinds so far."""
        return [reading for reading in self.readings if isinstance(reading, kinds)]

    async def take(self, fits: type | Callable[[Reading], bool]) -> Reading:
        """The next reading, after the one taken last, that is of a kind or fits; those before it are passed over."""
        test = (lambda reading: isinstance(reading, fits)) if isinstance(fits, type) else fits
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._at < len(self.readings):
                    self._at += 1
                    if test(self.readings[self._at - 1]):
                        return self.readings[self._at - 1]
                self._news.clear()
                await self._news.wait()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something holds, looking at each reading and often in between."""
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self._news.wait()


@contextlib.asynccontextmanager
async def running(controller: DoorController) -> AsyncIterator[Heard]:
    """Run a controller; it is cancelled at the end, and must then have ended by that alone."""
    heard = Heard()
    task = asyncio.create_task(controller.run(heard))
    try:
        yield heard
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(asyncio.CancelledError):
                await task
