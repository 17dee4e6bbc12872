"""HW-667 and other one-relay USB boards that look like an LCUS and speak otherwise (CH340, 9600 8N1), kind `hw667`.

The wire, gateway to board, one byte; the board answers nothing:

    AA   coil energised
    BB   coil de-energised
    CC   coil energised for one second, then de-energised by the board ("jog"); never sent from here

How it goes wrong: one byte is one order and nothing guards it, so one spurious AA opens a fail-secure lock: such is the board.
Noise of CC lasts a second. Boards of both kinds come in the same box: the doctor's click tells which it is.
The jog is left alone: a second is too short for most doors, and what a board makes of AA or CC while a jog runs is written nowhere.
Source: the command table that resellers print for HW-667.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.door import relay_board
from drivers.door.relay_board import HISTORY, Switched
from drivers.line import Dial, Line, Port
from drivers.orders import Level
from drivers.table import Has, up_to
from drivers.timing import MACHINE, Timing

ON, OFF, JOG = 0xAA, 0xBB, 0xCC
JOG_S = 1.0
RELAY = 1  # the only one there is


class Options(BaseModel):
    """Settings of one board."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port
    baud: int = Field(9600, gt=0)
    outputs: Literal[1] = 1
    accept_latching: bool = False
    """The site knows that a lock stays released if the daemon dies in the middle of a pulse, until it is back."""

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        return Has(outputs=up_to(self.outputs))


def frame(_output: int, energised: bool) -> bytes:
    """The byte that sets the coil."""
    return bytes((ON if energised else OFF,))


class Controller(relay_board.Controller):
    """One board; everything but the byte is as with an LCUS."""

    def __init__(self, options: Options, secured: Mapping[int, Level], *, timing: Timing = MACHINE, dial: Dial | None = None) -> None:
        super().__init__(options, secured, timing=timing, dial=dial, frame=frame)


class Simulator:
    """A board. `coils` is what its relay does now, `history` every switching, the end of a jog included, oldest first."""

    def __init__(self, _options: Options, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._jog: asyncio.TimerHandle | None = None
        self.coils = {RELAY: False}
        self.history: deque[Switched] = deque(maxlen=HISTORY)
        self.on_switch: Callable[[Switched], None] = lambda _: None

    async def run(self, line: Line) -> None:
        """Be the board at this end of a line until it is lost (raises LineLost) or cancelled."""
        while True:
            for byte in await line.read():
                self.take(byte)

    def take(self, byte: int) -> None:
        """Carry out one byte; any other than the three is passed over."""
        if byte not in (ON, OFF, JOG):
            return
        if self._jog is not None:
            self._jog.cancel()
            self._jog = None
        self._switch(energised=byte != OFF)
        if byte == JOG:
            self._jog = asyncio.get_running_loop().call_later(JOG_S, lambda: self._switch(energised=False))

    def power_cycle(self) -> None:
        """USB power went and came: the coil is off, nothing remembered."""
        if self._jog is not None:
            self._jog.cancel()
        self.coils = {RELAY: False}

    def _switch(self, *, energised: bool) -> None:
        self.coils[RELAY] = energised
        switched = Switched(self._now(), RELAY, energised)
        self.history.append(switched)
        self.on_switch(switched)
