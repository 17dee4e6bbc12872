"""The relays of one board: orders into coil writes, confirmed by reading the coil back."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping

from drivers.door.modbus.bus import Bus
from drivers.door.modbus.options import Options
from drivers.door.modbus.wire import FLASH_OFF, FLASH_ON, READ_COILS, Flash, Question, Read, Write
from drivers.errors import DriverError, Garbled, LineLost, NoAnswer, Refused, Stale
from drivers.latches import OPPOSITE
from drivers.orders import HoldReleased, Level, Outcome, Release, Secure
from drivers.timing import Timing

TRIES = 3  # a frame in a thousand is lost on a long pair; three in a row are a broken one
AGAIN_S = 1.0  # after a refusal to end a release
FINISH_S = 1.0  # of the 5 s that a stop may take
JUST_SET_S = 0.5  # a relay armature and a board's scan are behind a coil by less


class Relays:
    """What each lock's coil was last set to, which are held, and the releases that run."""

    def __init__(self, options: Options, secured: Mapping[int, Level], timing: Timing) -> None:
        self._options = options
        self._secured = secured
        self._timing = timing
        self._bus: Bus | None = None
        self._held: set[int] = set()
        self._ends: dict[int, float] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._set: dict[int, tuple[Level, float]] = {}  # output -> the confirmed level, and from when on it must hold

    def up(self, bus: Bus | None) -> None:
        """The board was found (a bus) or is gone (None). Nothing is sent; a release that ran is forgotten, what was held stays held."""
        self._bus = bus
        self._set.clear()
        self._ends.clear()
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    @property
    def is_up(self) -> bool:
        """Whether the board is there."""
        return self._bus is not None

    async def carry_out(self, order: Release | Secure | HoldReleased) -> Outcome:
        """One order. Raises LineLost, Stale, NoAnswer, Refused."""
        if self._bus is None:
            raise LineLost("the line is down")
        bus, output = self._bus, order.door
        secured = self._secured[output]
        match order:
            case Release():
                return await self._release(bus, order, OPPOSITE[secured])
            case Secure():
                self._held.discard(output)
                self._forget(output)
                return await self._drive(bus, output, secured)
            case HoldReleased():
                self._held.add(output)
                self._forget(output)
                return await self._drive(bus, output, OPPOSITE[secured])

    async def finish(self) -> None:
        """The daemon stops while the board is there: end what runs, in bounded time. Held outputs stay as they are."""
        running, bus = list(self._ends), self._bus
        for output in running:
            self._forget(output)
        if bus is None:
            return
        with contextlib.suppress(DriverError, TimeoutError):
            async with asyncio.timeout(FINISH_S):
                for output in running:
                    await self._drive(bus, output, self._secured[output])

    def moved(self, coils: list[bool]) -> int | None:
        """The first lock whose coil is not as it was set: the board has restarted, or somebody else drives it. None if all is well."""
        now = self._timing.now()
        for output, (level, since) in self._set.items():
            if now >= since and coils[output - 1] is not (level is Level.ENERGISED):
                return output
        return None

    async def _release(self, bus: Bus, order: Release, level: Level) -> Outcome:
        """Release for the longer of this release and one that runs already. A held lock stays released."""
        output = order.door
        if output in self._held:
            return await self._drive(bus, output, level, not_after=order.not_after)
        self._in_time(order.not_after)
        ends = max(self._timing.now() + order.seconds, self._ends.get(output, 0.0))
        self._forget(output)
        self._ends[output] = ends
        if self._options.pulse is None:
            self._tasks[output] = asyncio.create_task(self._end(bus, output), name=f"pulse of output {output}")
            return await self._drive(bus, output, level, not_after=order.not_after)
        return await self._flash(bus, output, level, ends, order.not_after)

    async def _flash(self, bus: Bus, output: int, level: Level, ends: float, not_after: float) -> Outcome:
        for attempt in range(1, TRIES + 1):
            self._in_time(not_after)
            tenths = max(1, math.ceil((ends - self._timing.now()) * 10))
            self._ends[output] = ends = self._timing.now() + tenths / 10
            self._set.pop(output, None)
            try:
                await bus.ask(self._pulse(output, level, tenths))
                follows = await self._reads(bus, output, level)
            except NoAnswer:
                if attempt == TRIES:
                    raise
                continue
            self._set[output] = OPPOSITE[level], ends + JUST_SET_S
            if follows:
                return Outcome.CONFIRMED
            if follows is None or self._timing.now() >= ends:
                return Outcome.COMMANDED  # so short a pulse that it was over before it could be read back
        raise Refused(f"relay {output} does not follow")

    def _pulse(self, output: int, level: Level, tenths: int) -> Question:
        """What makes the board set a coil for so long."""
        energise = level is Level.ENERGISED
        if self._options.pulse == "flash_register":
            return Flash(output, energise, tenths)
        return Write((FLASH_ON if energise else FLASH_OFF) + output - 1, tenths=tenths)

    async def _drive(self, bus: Bus, output: int, level: Level, not_after: float = math.inf) -> Outcome:
        """Set a coil until it reads as it was set."""
        self._set.pop(output, None)
        for attempt in range(1, TRIES + 1):
            self._in_time(not_after)
            try:
                await bus.ask(Write(self._options.first_coil + output - 1, level is Level.ENERGISED))
                follows = await self._reads(bus, output, level)
                if follows is None:
                    return Outcome.COMMANDED
                if follows:
                    self._set[output] = level, self._timing.now() + JUST_SET_S
                    return Outcome.CONFIRMED
            except NoAnswer:
                if attempt == TRIES:
                    raise
        raise Refused(f"relay {output} does not follow")

    async def _reads(self, bus: Bus, output: int, level: Level) -> bool | None:
        """Whether the coil reads as it was set; None where the board does not say: it has acknowledged the order all the same.

        All coils are read, as at the start: some boards refuse to read one.
        """
        question = Read(READ_COILS, self._options.first_coil, self._options.outputs)
        try:
            return question.bits(await bus.ask(question))[output - 1] is (level is Level.ENERGISED)
        except (Refused, Garbled):
            return None

    async def _end(self, bus: Bus, output: int) -> None:
        """End a release that the board cannot end. No lost frame and no refusal may leave the door open: only a lost line ends this."""
        await self._timing.sleep(max(0.0, self._ends[output] - self._timing.now()))
        self._ends.pop(output, None)
        while True:
            try:
                await self._drive(bus, output, self._secured[output])
            except NoAnswer:
                continue
            except Refused:  # boards refuse for a moment, too; a door must not stay released for that
                await self._timing.sleep(AGAIN_S)
                continue
            except LineLost:
                pass  # reported by the one who polls
            self._tasks.pop(output, None)
            return

    def _forget(self, output: int) -> None:
        self._ends.pop(output, None)
        task = self._tasks.pop(output, None)
        if task is not None:
            task.cancel()

    def _in_time(self, not_after: float) -> None:
        if self._timing.now() > not_after:
            raise Stale("the release came too late")
