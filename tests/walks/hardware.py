"""What is screwed to the wall of one gate, at the far ends of ptys, and the people in front of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from drivers.door import relay_board, wiegand_serial
from drivers.door.modbus import options as modbus_options
from drivers.door.modbus import simulator as modbus_simulator
from drivers.errors import LineLost
from drivers.line import Line, PtyPair, open_pty_pair

PATIENCE_S = 30.0
"""How long a wait may take on a slow shared machine before the walk is called failed."""

READER_IN, READER_OUT, RELAY, INPUTS = "reader_in", "reader_out", "relay", "inputs"
LOCK = 1  # the relay's output that the lock hangs on
CONTACT, BUTTON, FIRE = 1, 2, 3  # inputs: closed while the leaf is closed; closed while pressed; open while it burns

KEYPAD = {"framing": "decimal_crlf", "format": "w26"}
RAW = {"framing": "fixed", "format": "h10301"}
PLAIN = {"framing": "hex_cr", "format": "h10301"}


class Gatehouse:
    """Two readers, a relay board without any answer, and a board of inputs. Each can be unplugged and plugged in again under its name."""

    def __init__(self, folder: Path, *, entry: Mapping[str, str] = PLAIN) -> None:
        """Nothing is plugged in yet. `entry` is the converter of the reader at the entry."""
        self._folder = folder
        self.reading = {READER_IN: entry, READER_OUT: PLAIN}
        self.readers = {
            name: wiegand_serial.Simulator(wiegand_serial.Options.model_validate({"port": self.path(name), **how}))
            for name, how in self.reading.items()
        }
        self.relay = relay_board.Simulator(relay_board.Options(port=self.path(RELAY), outputs=2))
        self.relay.on_switch = lambda _: self._switched.set()
        self.inputs = modbus_simulator.Simulator(modbus_options.Options(port=self.path(INPUTS), unit=1, inputs=4))
        self.inputs.inputs[CONTACT] = self.inputs.inputs[FIRE] = True
        self._switched = asyncio.Event()
        self._runs: dict[str, Callable[[Line], Awaitable[None]]] = {
            **{name: reader.run for name, reader in self.readers.items()},
            RELAY: self.relay.run,
            INPUTS: self.inputs.run,
        }
        self._plugged: dict[str, tuple[PtyPair, asyncio.Task[None]]] = {}

    def path(self, name: str) -> str:
        """The name of a port in the settings; it is a link, as udev's are."""
        return str(self._folder / name)

    def controllers(self) -> dict[str, object]:
        """The settings' `controllers`."""
        return {
            RELAY: {"driver": "lcus", "port": self.path(RELAY), "outputs": 2, "accept_latching": True},
            # The board lives in the test's own process, which a busy machine may hold up; a pulled plug is noticed at once all the same.
            INPUTS: {"driver": "modbus", "port": self.path(INPUTS), "unit": 1, "inputs": 4, "timeout_s": 1.0},
            **{name: {"driver": "wiegand_serial", "port": self.path(name), **how} for name, how in self.reading.items()},
        }

    def plug(self, name: str) -> None:
        """Put the plug in: a new port under the old name."""
        pair = open_pty_pair(Path(self.path(name)))

        async def live() -> None:
            with contextlib.suppress(LineLost):
                await self._runs[name](pair.line)

        self._plugged[name] = pair, asyncio.create_task(live(), name=f"far end of {name}")

    async def unplug(self, name: str) -> None:
        """Pull the plug."""
        pair, task = self._plugged.pop(name)
        await pair.line.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    @asynccontextmanager
    async def plugged_in(self) -> AsyncIterator[Gatehouse]:
        """Everything plugged in while the block runs."""
        for name in self._runs:
            self.plug(name)
        try:
            yield self
        finally:
            for name in list(self._plugged):
                await self.unplug(name)

    # --- people ----------------------------------------------------------------------------------------------------------------------

    def swipe(self, value: int, *, inward: bool = True) -> None:
        """Hold a 26-bit card to a reader."""
        self.readers[READER_IN if inward else READER_OUT].present(26, value)

    def scratch(self, frame: bytes) -> None:
        """Hold something to the reader at the entry that comes out of its converter like this."""
        self._plugged[READER_IN][0].line.write(frame)

    def type_pin(self, digits: str) -> None:
        """Type a PIN at the entry."""
        self.readers[READER_IN].type_pin(digits)

    def leaf(self, *, opened: bool) -> None:
        """Move the leaf; the contact is looked at ten times a second."""
        self.inputs.inputs[CONTACT] = not opened

    def button(self, *, pressed: bool) -> None:
        """Press the exit button, or let go."""
        self.inputs.inputs[BUTTON] = pressed

    def fire(self, *, burning: bool) -> None:
        """The fire panel's contact."""
        self.inputs.inputs[FIRE] = not burning

    # --- the lock --------------------------------------------------------------------------------------------------------------------

    def told(self) -> list[bool]:
        """Every level that the lock's coil was told, in order: True is energised."""
        return [switched.energised for switched in self.relay.history if switched.channel == LOCK]

    async def until_told(self, count: int) -> list[bool]:
        """Wait until the lock's coil was told so many levels."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.told()) < count:
                self._switched.clear()
                await self._switched.wait()
        return self.told()

    async def until_coil(self, *, energised: bool) -> None:
        """Wait until the lock's coil was told something and is at that level."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.told() or self.relay.coils[LOCK] is not energised:
                self._switched.clear()
                await self._switched.wait()
