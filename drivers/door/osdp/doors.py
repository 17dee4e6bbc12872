"""The doors that readers' own relays drive: orders into output commands, acknowledged by the reader."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping

from drivers.door.osdp.meaning import TENTHS_AT_MOST, pulse, steady
from drivers.door.osdp.options import Options
from drivers.door.osdp.panel import Panel
from drivers.errors import DriverError, LineLost, Stale
from drivers.latches import OPPOSITE
from drivers.orders import HoldReleased, Level, Release, Secure
from drivers.timing import Timing

# A reader acknowledges within 0.1 s. Two lost packets and their repetition take 0.6 s; what comes after a second is too late for a passage
# that somebody waits for, and is taken back.
ACKNOWLEDGE_S = 1.0
FINISH_S = 1.0  # of the 5 s that a stop may take
RENEW_S = 20.0  # a longer release than the 25.5 s of one command is told again, well before that runs out


class Doors:
    """Door n is the relay of reader n. Remembers which are held and until when a release runs."""

    def __init__(self, options: Options, secured: Mapping[int, Level], timing: Timing) -> None:
        self._outputs = {number: reader.output for number, reader in enumerate(options.readers, start=1)}
        self._secured = secured
        self._timing = timing
        self._panel: Panel | None = None
        self._held: set[int] = set()
        self._ends: dict[int, float] = {}
        self._renewals: dict[int, asyncio.Task[None]] = {}

    def up(self, panel: Panel | None) -> None:
        """The bus was found (a panel) or is gone (None). Nothing is sent; releases are forgotten, what was held stays held."""
        self._panel = panel
        for door in list(self._ends):
            self.forget(door)

    def forget(self, door: int) -> None:
        """The reader is gone or the release is over."""
        self._ends.pop(door, None)
        task = self._renewals.pop(door, None)
        if task is not None:
            task.cancel()

    async def carry_out(self, order: Release | Secure | HoldReleased) -> None:
        """One order, acknowledged. Raises LineLost, Stale, NoAnswer, Refused."""
        if self._panel is None:
            raise LineLost("the line is down")
        door, secured = order.door, self._secured[order.door]
        match order:
            case Release():
                if self._timing.now() > order.not_after:
                    raise Stale("the release came too late")
                if door in self._held:
                    await self._steady(self._panel, door, OPPOSITE[secured])
                else:
                    await self._release(self._panel, order)
            case Secure():
                self._held.discard(door)
                self.forget(door)
                await self._steady(self._panel, door, secured)
            case HoldReleased():
                self._held.add(door)
                self.forget(door)
                await self._steady(self._panel, door, OPPOSITE[secured])

    async def finish(self, panel: Panel) -> None:
        """The daemon stops while the bus is up: end what runs. `panel` must be stepped meanwhile."""
        for door in list(self._ends):
            self.forget(door)
            with contextlib.suppress(DriverError):
                await self._steady(panel, door, self._secured[door])

    async def _release(self, panel: Panel, order: Release) -> None:
        """For the longer of this release and one that runs already."""
        door = order.door
        ends = max(self._timing.now() + order.seconds, self._ends.get(door, 0.0))
        self.forget(door)
        self._ends[door] = ends
        await self._pulse(panel, door, ends, min(ACKNOWLEDGE_S, max(0.0, order.not_after - self._timing.now())))
        if ends - self._timing.now() > TENTHS_AT_MOST / 10:
            self._renewals[door] = asyncio.create_task(self._renew(panel, door, ends), name=f"release of door {door}")

    async def _renew(self, panel: Panel, door: int, ends: float) -> None:
        while ends - self._timing.now() > TENTHS_AT_MOST / 10:
            await self._timing.sleep(RENEW_S)
            try:
                await self._pulse(panel, door, ends, ACKNOWLEDGE_S)
            except DriverError:
                return  # the reader is being reported; the lock secures itself

    async def _pulse(self, panel: Panel, door: int, ends: float, patience_s: float) -> None:
        tenths = max(1, math.ceil((ends - self._timing.now()) * 10))
        await panel.tell(door - 1, pulse(self._output(door), OPPOSITE[self._secured[door]], tenths), patience_s)

    async def _steady(self, panel: Panel, door: int, level: Level) -> None:
        await panel.tell(door - 1, steady(self._output(door), level), ACKNOWLEDGE_S)

    def _output(self, door: int) -> int:
        output = self._outputs[door]
        assert output is not None, "Controller leaves out readers without a relay"
        return output
