"""The demo's hardware: devices that speak their real wire formats at the far ends of ptys, and the people in front of them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from drivers.door import relay_board, wiegand_serial
from drivers.door.modbus import options as modbus_options
from drivers.door.modbus import simulator as modbus_simulator
from drivers.line import PtyPair, open_pty_pair
from edge.demo.house import Person, Ports

CONTACT, BUTTON = 1, 2
CARDS = 1  # the relay of the door with readers; the other one opens by face
WALK_S = 0.4  # from the click of the lock to the leaf opening
THROUGH_S = 0.9  # from opening to closing


class Rig:
    """One door with two readers, a relay board and a board of inputs. `latencies` are seconds from card to relay."""

    def __init__(self, folder: Path) -> None:
        """Plug everything in, inside a running loop."""
        names = ("reader_in", "reader_out", "relay", "inputs")
        self._ptys: dict[str, PtyPair] = {name: open_pty_pair(folder / name) for name in names}
        self.ports = Ports(*(self._ptys[name].path for name in names))
        reading = {"framing": "hex_cr", "format": "h10301"}
        self._readers = {
            name: wiegand_serial.Simulator(wiegand_serial.Options.model_validate({"port": self._ptys[name].path, **reading}))
            for name in ("reader_in", "reader_out")
        }
        self._relay = relay_board.Simulator(relay_board.Options(port=self.ports.relay, outputs=2))
        self._relay.on_switch = self._switched
        self._inputs = modbus_simulator.Simulator(modbus_options.Options(port=self.ports.inputs, unit=1, inputs=2))
        self._inputs.inputs[CONTACT] = True  # a closed leaf closes its contact
        self._released = asyncio.Event()
        self._presented: float | None = None
        self.latencies: list[float] = []

    async def run(self) -> None:
        """Be the devices until cancelled."""
        async with asyncio.TaskGroup() as devices:
            for name, reader in self._readers.items():
                devices.create_task(reader.run(self._ptys[name].line))
            devices.create_task(self._relay.run(self._ptys["relay"].line))
            devices.create_task(self._inputs.run(self._ptys["inputs"].line))

    async def swipe(self, person: Person, *, inward: bool = True, patience_s: float = 2.0) -> bool:
        """Hold a card to the reader; whether the lock was released within `patience_s`."""
        self._released.clear()
        self._presented = time.monotonic()
        self._readers["reader_in" if inward else "reader_out"].present(26, person.value)
        return await self._release(patience_s)

    async def press_exit(self) -> bool:
        """Press the exit button; whether the lock was released."""
        self._released.clear()
        self._inputs.inputs[BUTTON] = True
        await asyncio.sleep(0.5)  # a person's push; inputs active for 400 ms must be noticed
        self._inputs.inputs[BUTTON] = False
        return await self._release(2.0)

    async def walk_through(self, open_s: float = THROUGH_S) -> None:
        """Open the leaf, go through, let it fall shut."""
        await asyncio.sleep(WALK_S)
        self._inputs.inputs[CONTACT] = False
        await asyncio.sleep(open_s)
        self._inputs.inputs[CONTACT] = True

    async def _release(self, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                await self._released.wait()
        except TimeoutError:
            return False
        finally:
            self._presented = None
        return True

    def _switched(self, switched: relay_board.Switched) -> None:
        if switched.energised and switched.channel == CARDS:
            if self._presented is not None:
                self.latencies.append(switched.at - self._presented)
            self._released.set()

    async def unplug(self) -> None:
        """Close the ptys."""
        for pair in self._ptys.values():
            await pair.line.close()
