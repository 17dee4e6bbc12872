"""A controller in memory, kind `simulated`: doors, readers and inputs without a wire, for the `simulate` verb, the demo and tests.

Driver and device are one object here. The hooks are what a person at the gate or a fault would do; they are called in the loop that runs
the controller, take effect at once, and say nothing while the line is down, when nobody would hear them. After Back the states of all
contacts and inputs follow, as from any board that knows them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from drivers.contract import Emit
from drivers.errors import LineLost, Refused
from drivers.latches import OPPOSITE, Latches
from drivers.orders import Indicate, Level, Order, Outcome
from drivers.readings import (
    Back,
    CardMisread,
    CardRead,
    Contact,
    DoorPosition,
    InputChanged,
    Lost,
    Misread,
    Passed,
    PinEntered,
    Power,
    Reading,
    RequestToExit,
    Tamper,
)
from drivers.table import Has, up_to
from drivers.timing import MACHINE, Timing

RECORDED = 10_000  # orders kept for whoever looks: a simulated week of a small gate


class Options(BaseModel):
    """The size of the device. Numbers run from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    doors: int = Field(4, ge=0, le=64)
    readers: int = Field(8, ge=0, le=64)
    inputs: int = Field(8, ge=0, le=64)
    contacts: bool = True  # whether its doors have a contact of their own
    fire_input: int | None = None  # which input `fire` closes or opens; the last where nothing is said
    fire_active: Contact = Contact.OPEN  # a fire line is closed while all is well, so that a cut cable is an alarm

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        doors = up_to(self.doors)
        return Has(
            readers=up_to(self.readers),
            outputs=doors,
            inputs=up_to(self.inputs),
            doors=doors,
            contacts=doors if self.contacts else (),
            buttons=doors,
            passes=doors,
        )


@dataclass(frozen=True, slots=True)
class Carried:
    """An order that was carried out, at its monotonic time."""

    at: float
    order: Order


class Controller:
    """Driver and device in one. `coils` is the level of each output, `orders` what was carried out, oldest first."""

    def __init__(self, options: Options, secured: Mapping[int, Level], *, timing: Timing = MACHINE) -> None:
        self._options = options
        self._timing = timing
        self._secured = {door: level for door, level in secured.items() if 1 <= door <= options.doors}
        self._latches = Latches(self._secured, self._drive, timing)
        self._emit: Emit | None = None  # set while running
        self._broken: str | None = None  # why the line is down
        self.coils: dict[int, Level] = dict.fromkeys(range(1, options.doors + 1), Level.DEENERGISED)
        self.leaves = dict.fromkeys(range(1, options.doors + 1), Contact.CLOSED)
        self.inputs = dict.fromkeys(range(1, options.inputs + 1), Contact.CLOSED)
        self.orders: deque[Carried] = deque(maxlen=RECORDED)
        self.on_order: Callable[[Carried], None] = lambda _: None
        if self._fire_input is not None and options.fire_active is Contact.CLOSED:
            self.inputs[self._fire_input] = Contact.OPEN

    # --- the driver ------------------------------------------------------------------------------------------------------------------

    async def run(self, emit: Emit) -> None:
        """See DoorController."""
        self._emit = emit
        try:
            self._report()
            await asyncio.Event().wait()
        finally:
            if self._broken is None:
                self._latches.finish()
            self._emit = None

    async def send(self, order: Order) -> Outcome:
        """See DoorController. CONFIRMED: this device knows what it did."""
        up = self._emit is not None and self._broken is None
        if isinstance(order, Indicate):
            if not 1 <= order.reader <= self._options.readers:
                raise Refused(f"there is no reader {order.reader}")
            if not up:
                raise LineLost(self._broken or "not running")
        else:
            self._latches.carry_out(order, up=up)
        carried = Carried(self._timing.now(), order)
        self.orders.append(carried)
        self.on_order(carried)
        return Outcome.CONFIRMED

    # --- the hooks -------------------------------------------------------------------------------------------------------------------

    def released(self, door: int) -> bool:
        """Whether the lock of a door is released now."""
        return door in self._secured and self.coils[door] is OPPOSITE[self._secured[door]]

    def say(self, reading: Reading) -> None:
        """Anything that no state of the device goes with: a card, a PIN, a button."""
        self._say(reading)

    def present_card(self, reader: int, bits: int, value: int) -> None:
        """Somebody holds a card to a reader."""
        self._say(CardRead(reader, bits, value))

    def misread(self, reader: int, fault: Misread) -> None:
        """Somebody holds something to a reader that it cannot read."""
        self._say(CardMisread(reader, fault))

    def type_pin(self, reader: int, digits: str) -> None:
        """Somebody types a PIN and #."""
        self._say(PinEntered(reader, digits))

    def open_leaf(self, door: int) -> None:
        """The leaf opens, released or not: forcing a door is this without a release."""
        self._move(door, Contact.OPEN)

    def close_leaf(self, door: int) -> None:
        """The leaf falls shut."""
        self._move(door, Contact.CLOSED)

    def press_exit(self, door: int) -> None:
        """Somebody presses the exit button and lets go."""
        self._say(RequestToExit(door, active=True))
        self._say(RequestToExit(door, active=False))

    def pass_through(self, door: int, *, inward: bool) -> None:
        """A turnstile's arm turns for one person."""
        self._say(Passed(door, inward))

    def set_input(self, number: int, state: Contact) -> None:
        """An input changes; said only when it does."""
        if self.inputs[number] is not state:
            self.inputs[number] = state
            self._say(InputChanged(number, state))

    def fire(self, *, active: bool = True) -> None:
        """The fire panel's contact acts, or is reset. Raises Refused for a device without inputs."""
        if self._fire_input is None:
            raise Refused("this device has no fire input")
        alarm = self._options.fire_active
        calm = Contact.CLOSED if alarm is not Contact.CLOSED else Contact.OPEN
        self.set_input(self._fire_input, alarm if active else calm)

    def tamper(self, reader: int, *, active: bool = True) -> None:
        """A cover opens or is put back; reader 0 is the device itself."""
        self._say(Tamper(reader, active))

    def power(self, *, ok: bool) -> None:
        """The supply fails or returns."""
        self._say(Power(ok))

    def lose_line(self, why: str = "unplugged") -> None:
        """The cable is pulled: from here on orders meet LineLost and nothing is heard."""
        if self._broken is None:
            self._broken = why
            self._latches.lose()
            self._report()

    def restore_line(self) -> None:
        """The cable is back."""
        if self._broken is not None:
            self._broken = None
            self._report()

    # --- inside ----------------------------------------------------------------------------------------------------------------------

    @property
    def _fire_input(self) -> int | None:
        return self._options.fire_input or self._options.inputs or None

    def _report(self) -> None:
        """Say how the line is; and where it is up, how everything behind it is."""
        if self._emit is None:
            return
        if self._broken is not None:
            self._emit(Lost(self._broken))
            return
        self._emit(Back())
        if self._options.contacts:
            for door, state in self.leaves.items():
                self._emit(DoorPosition(door, state))
        for number, state in self.inputs.items():
            self._emit(InputChanged(number, state))

    def _move(self, door: int, state: Contact) -> None:
        if self.leaves[door] is not state:
            self.leaves[door] = state
            if self._options.contacts:
                self._say(DoorPosition(door, state))

    def _say(self, reading: Reading) -> None:
        if self._emit is not None and self._broken is None:
            self._emit(reading)

    def _drive(self, output: int, level: Level) -> None:
        self.coils[output] = level


Simulator = Controller
"""There is no wire to put a second end to."""
