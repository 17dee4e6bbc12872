"""Keeping one bus: its readers met over their secure channels, heard, shown their answers, their relays driven."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from functools import partial

from osdp import Capability

from drivers import line as lines
from drivers.contract import Emit
from drivers.door.osdp.doors import FINISH_S, Doors
from drivers.door.osdp.hear import Hear
from drivers.door.osdp.keypad import Keypad
from drivers.door.osdp.meaning import light, sound
from drivers.door.osdp.options import Options
from drivers.door.osdp.panel import Panel
from drivers.errors import LineLost, NoAnswer, Refused
from drivers.examine import Finding, Mark
from drivers.latches import check
from drivers.line import Dial, Line
from drivers.orders import Indicate, Level, Order, Outcome
from drivers.readings import ReaderBack, ReaderLost
from drivers.reconnect import keep_line
from drivers.timing import MACHINE, Timing

log = logging.getLogger(__name__)

REFRESH_S = 0.02  # libosdp asks for 50 ms or less; answers are taken at once, whenever they come
GREET_S = 5.0  # two probes of every reader before the bus counts as dead
LIGHT_S = 1.0  # an answer that comes later helps nobody
STATUS_EVERY_S = 5.0  # tamper and power, for readers that do not tell by themselves


class Controller:
    """One bus; a DoorController. Every order is acknowledged by its reader before send returns."""

    def __init__(self, options: Options, secured: Mapping[int, Level], *, timing: Timing = MACHINE, dial: Dial | None = None) -> None:
        self._options = options
        self._timing = timing
        self._dial = dial or partial(lines.dial, options.port, options.baud)
        relays = {number for number, reader in enumerate(options.readers, start=1) if reader.output is not None}
        self._secured = {door: level for door, level in secured.items() if door in relays}
        self._doors = Doors(options, self._secured, timing)
        self._keypads = [Keypad() for _ in options.readers]
        self._panel: Panel | None = None
        if options.install_mode:
            log.warning("%s: install mode: readers are given their keys over a channel that anybody on the wire can read", options.port)

    async def run(self, emit: Emit) -> None:
        """See DoorController. Nothing is driven on connecting; stopping ends running releases."""
        await keep_line(self._dial, partial(self._serve, emit), emit, name=self._options.port, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """See DoorController. CONFIRMED: the reader acknowledged; whether its relay moved it does not say."""
        if isinstance(order, Indicate):
            await self._indicate(order)
        else:
            check(order, self._secured)
            await self._doors.carry_out(order)
        return Outcome.CONFIRMED

    async def examine(self) -> list[Finding]:
        """Each reader, and whether keys are being given away. See Examinable."""
        panel = self._panel
        if panel is None:
            raise LineLost("the line is down")
        found = [Finding("install_mode", Mark.BAD)] if self._options.install_mode else []
        for at, reader in enumerate(self._options.readers):
            if panel.up(at):
                found.append(Finding("secure_channel", values={"address": str(reader.address)}, reader=at + 1))
            else:
                found.append(Finding("reader_silent", Mark.BAD, {"why": panel.why(at)}, reader=at + 1))
        return found

    async def _indicate(self, order: Indicate) -> None:
        if not 1 <= order.reader <= len(self._options.readers):
            raise Refused(f"there is no reader {order.reader} on this bus")
        panel, reader = self._panel, order.reader - 1
        if panel is None:
            raise LineLost("the line is down")
        if not panel.here(reader):
            raise LineLost(panel.why(reader))
        told = False
        beeps = sound(order.signal)
        if beeps is not None and panel.has(reader, Capability.AudibleControl):
            panel.submit(reader, beeps)
            told = True
        if panel.has(reader, Capability.LEDControl):
            await panel.tell(reader, light(order.signal), LIGHT_S)
            told = True
        if not told:
            raise Refused(f"reader {order.reader} has neither LED nor buzzer")

    async def _serve(self, emit: Emit, line: Line, ready: Callable[[], None]) -> None:
        for keypad in self._keypads:
            keypad.break_off(self._timing.now())
        hear = Hear(self._options, self._timing.now, emit, self._keypads)
        panel = Panel(self._options, line, self._timing, hear.event, hear.lost_keys)
        try:
            await self._greet(panel, line)
            self._panel = panel
            self._doors.up(panel)
            ready()
            hear.open()
            await self._follow(panel, line, hear, emit)
        except asyncio.CancelledError:
            await self._finish(panel, line)
            raise
        finally:
            self._panel = None
            self._doors.up(None)
            panel.close()

    async def _greet(self, panel: Panel, line: Line) -> None:
        """Wait for the readers: for all of them, or after GREET_S for those that are there. Raises NoAnswer if none is."""
        readers = range(len(self._options.readers))
        ends = self._timing.now() + GREET_S
        while self._timing.now() < ends and not all(panel.up(reader) for reader in readers):
            panel.step(await line.read(REFRESH_S))
        if not any(panel.up(reader) for reader in readers):
            raise NoAnswer("; ".join(panel.why(reader) for reader in readers))

    async def _follow(self, panel: Panel, line: Line, hear: Hear, emit: Emit) -> None:
        """Refresh until the last reader is gone; say which come and go."""
        readers = range(len(self._options.readers))
        here = dict.fromkeys(readers, True)
        status_due = 0.0
        while True:
            now = self._timing.now()
            for reader in readers:
                if panel.here(reader) is here[reader]:
                    continue
                here[reader] = panel.here(reader)
                if not any(panel.here(other) for other in readers):
                    raise NoAnswer("; ".join(panel.why(other) for other in readers))
                self._doors.forget(reader + 1)
                hear.forget(reader)
                self._say(panel, reader, emit)
                status_due = 0.0
            if now >= status_due:
                panel.ask_status()
                status_due = now + STATUS_EVERY_S
            panel.step(await line.read(REFRESH_S))

    def _say(self, panel: Panel, reader: int, emit: Emit) -> None:
        """One of several readers came or went."""
        if panel.here(reader):
            log.info("%s: reader %d is back", self._options.port, reader + 1)
            emit(ReaderBack(reader + 1))
        else:
            log.warning("%s: lost: %s", self._options.port, panel.why(reader))
            emit(ReaderLost(reader + 1, panel.why(reader)))

    async def _finish(self, panel: Panel, line: Line) -> None:
        """Cancelled: end running releases, refreshing by ourselves until that is acknowledged, for FINISH_S at most."""
        if self._panel is None:
            return
        ending = asyncio.create_task(self._doors.finish(panel))
        ends = self._timing.now() + FINISH_S
        with contextlib.suppress(LineLost):
            while not ending.done() and self._timing.now() < ends:
                panel.step(await line.read(REFRESH_S / 4))
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
