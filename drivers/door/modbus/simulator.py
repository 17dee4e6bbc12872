"""A Modbus board at the other end of a line, from the same frames."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from drivers.door.modbus import wire
from drivers.door.modbus.options import Options
from drivers.door.modbus.wire import FLASH_OFF, FLASH_ON, READ_COILS, READ_INPUTS, WRITE_COIL, WRITE_REGISTERS
from drivers.line import Line

HISTORY = 10_000  # a day of a busy gate in the demo
ENERGISE, RELAX = 0xFF00, 0x0000
NO_FUNCTION, NO_ADDRESS, BAD_VALUE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Switched:
    """A coil changed or was written at `at` (monotonic seconds)."""

    at: float
    channel: int
    energised: bool


class Simulator:
    """A board with pulses of its own. `coils` and `inputs` count from 1; `history` holds every switching, the end of a pulse included.

    Habits: `echo`, the adapter repeats what is sent to it; `whole`, its coils can be read all at once only. `mute`: it says nothing.
    `stuck`: these relays do not follow.
    """

    def __init__(self, options: Options, *, now: Callable[[], float] = time.monotonic, echo: bool = False, whole: bool = False) -> None:
        self._whole = whole
        self._options = options
        self._now = now
        self._echo = echo
        self._pulses: dict[int, asyncio.TimerHandle] = {}
        self.coils = dict.fromkeys(range(1, options.outputs + 1), False)
        self.inputs = dict.fromkeys(range(1, options.inputs + 1), False)
        self.history: deque[Switched] = deque(maxlen=HISTORY)
        self.mute = False
        self.stuck: set[int] = set()

    async def run(self, line: Line) -> None:
        """Be the board at this end of a line until it is lost (raises LineLost) or cancelled."""
        buffer = b""
        while True:
            data = await line.read()
            if self._echo:
                line.write(data)
            asked, buffer = wire.requests(buffer + data, rtu=self._options.is_rtu)
            for unit, tid, pdu in asked:
                if unit == self._options.unit and not self.mute:
                    line.write(wire.wrap(self.answer(pdu), unit, tid, rtu=self._options.is_rtu))

    def answer(self, pdu: bytes) -> bytes:
        """Carry out one question and give the answer's PDU."""
        if pdu[0] == WRITE_REGISTERS and self._options.pulse == "flash_register":
            return self._write_registers(pdu)
        if len(pdu) != wire.QUESTION or pdu[0] not in (READ_COILS, READ_INPUTS, WRITE_COIL):
            return bytes((pdu[0] | wire.REFUSES, NO_FUNCTION))
        function, address, value = struct.unpack(">BHH", pdu)
        fault = self._write(address, value) if function == WRITE_COIL else None
        if function != WRITE_COIL:
            bits, first = (self.coils, self._options.first_coil) if function == READ_COILS else (self.inputs, self._options.first_input)
            wanted = [address - first + 1 + place for place in range(value)]
            part = self._whole and function == READ_COILS and value != len(bits)
            if value and all(place in bits for place in wanted) and not part:
                return wire.answer_bits(function, [bits[place] for place in wanted])
            fault = NO_ADDRESS
        return pdu if fault is None else bytes((function | wire.REFUSES, fault))

    def power_cycle(self) -> None:
        """Its supply went and came: all coils off, no pulse left."""
        for timer in self._pulses.values():
            timer.cancel()
        self._pulses.clear()
        self.coils = dict.fromkeys(self.coils, False)

    def _write(self, address: int, value: int) -> int | None:
        if (output := address - self._options.first_coil + 1) in self.coils and value in (ENERGISE, RELAX):
            self._switch(output, value == ENERGISE)
            return None
        for first, energised in ((FLASH_ON, True), (FLASH_OFF, False)):
            if self._options.pulse == "flash_on" and (output := address - first + 1) in self.coils:
                if not 0 < value <= wire.TENTHS_AT_MOST:
                    return BAD_VALUE
                self._flash(output, energised, value)
                return None
        return NO_ADDRESS

    def _write_registers(self, pdu: bytes) -> bytes:
        """An LC board: two registers a relay, what to do and for how many tenths of a second."""
        if len(pdu) == 10:
            _, address, count, size, what, tenths = struct.unpack(">BHHBHH", pdu)
            output, rest = divmod(address - wire.FLASH_REGISTER, wire.FLASH_APART)
            if (count, size, rest) == (2, 4, 0) and output + 1 in self.coils:
                if what not in (wire.ENERGISE_FOR, wire.RELAX_FOR) or not 0 < tenths <= wire.TENTHS_AT_MOST:
                    return bytes((WRITE_REGISTERS | wire.REFUSES, BAD_VALUE))
                self._flash(output + 1, what == wire.ENERGISE_FOR, tenths)
                return pdu[: wire.QUESTION]
        return bytes((WRITE_REGISTERS | wire.REFUSES, NO_ADDRESS))

    def _flash(self, output: int, energised: bool, tenths: int) -> None:
        self._switch(output, energised)
        self._pulses[output] = asyncio.get_running_loop().call_later(tenths / 10, self._switch, output, not energised)

    def _switch(self, output: int, energised: bool) -> None:
        if output in self._pulses:
            self._pulses.pop(output).cancel()
        if output not in self.stuck:
            self.coils[output] = energised
        self.history.append(Switched(self._now(), output, energised))
