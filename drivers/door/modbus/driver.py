"""Keeping one board: asked for by its unit id, polled, its relays driven."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from drivers import line as lines
from drivers.contract import Emit
from drivers.door.modbus.bus import Bus
from drivers.door.modbus.options import Options
from drivers.door.modbus.relays import Relays
from drivers.door.modbus.wire import READ_COILS, READ_INPUTS, Read
from drivers.errors import LineLost, NoAnswer, Refused
from drivers.examine import Finding, Mark
from drivers.latches import check
from drivers.line import Dial, Line
from drivers.orders import Indicate, Level, Order, Outcome
from drivers.readings import Contact, InputChanged
from drivers.reconnect import keep_line
from drivers.timing import MACHINE, Timing

SILENT_POLLS = 3  # one lost frame is weather
SILENT_S = 2.0  # a machine that stood still for a moment is not a lost board; and a lost board is told well within 5 s
COILS_EVERY_S = 1.0  # the sign of life of a board without inputs, and how soon a restart of it shows


class Controller:
    """One board; a DoorController. Every outcome is read back from the board."""

    def __init__(self, options: Options, secured: Mapping[int, Level], *, timing: Timing = MACHINE, dial: Dial | None = None) -> None:
        self._options = options
        self._timing = timing
        self._dial = dial or partial(lines.dial, options.port, options.baud)
        self._secured = {output: level for output, level in secured.items() if 1 <= output <= options.outputs}
        self._relays = Relays(options, self._secured, timing)

    async def run(self, emit: Emit) -> None:
        """See DoorController. Nothing is driven on connecting; stopping ends running releases."""
        await keep_line(self._dial, partial(self._serve, emit), emit, name=self._options.port, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """See DoorController. CONFIRMED: the coil was read back; COMMANDED only for a pulse shorter than its read-back."""
        check(order, self._secured)
        assert not isinstance(order, Indicate)
        return await self._relays.carry_out(order)

    async def examine(self) -> list[Finding]:
        """The board was asked for by its unit id, with as many coils and inputs as configured, or it would not be up. See Examinable."""
        options = self._options
        if not self._relays.is_up:
            raise LineLost("the line is down")
        values = {"unit": str(options.unit), "outputs": str(options.outputs), "inputs": str(options.inputs)}
        found = [Finding("unit", values=values)]
        if options.outputs and options.pulse is None:
            found.append(Finding("no_pulse", Mark.WARN))
        return found

    async def _serve(self, emit: Emit, line: Line, ready: Callable[[], None]) -> None:
        bus = Bus(line, self._options, self._timing)
        coils = Read(READ_COILS, self._options.first_coil, self._options.outputs)
        inputs = Read(READ_INPUTS, self._options.first_input, self._options.inputs)
        await self._identify(bus, [question for question in (coils, inputs) if question.count])
        self._relays.up(bus)
        try:
            ready()
            await self._poll(bus, coils, inputs, emit)
        except asyncio.CancelledError:
            await self._relays.finish()
            raise
        finally:
            self._relays.up(None)

    async def _identify(self, bus: Bus, questions: list[Read]) -> None:
        """The unit must answer, with as many coils and inputs as configured, before anything is driven."""
        for question in questions:
            for last_try in (False, True):
                try:
                    await bus.ask(question)
                    break
                except NoAnswer:
                    if last_try:
                        raise
                except Refused as error:
                    what = "coils" if question.function == READ_COILS else "inputs"
                    raise Refused(f"{error}: {question.count} {what} from {question.address} on were configured") from error

    async def _poll(self, bus: Bus, coils: Read, inputs: Read, emit: Emit) -> None:
        """Look until the board falls silent or its relays are not as they were set."""
        known: list[bool | None] = [None] * inputs.count
        silent, coils_due = 0, 0.0
        while True:
            try:
                if inputs.count:
                    known = _tell(known, inputs.bits(await bus.ask(inputs)), emit)
                if coils.count and self._timing.now() >= coils_due:
                    moved = self._relays.moved(coils.bits(await bus.ask(coils)))
                    if moved is not None:
                        raise LineLost(f"relay {moved} is not as it was set: the board has restarted, or somebody else drives it")
                    coils_due = self._timing.now() + COILS_EVERY_S
                silent = 0
            except (NoAnswer, Refused):  # a board may refuse one question as it may lose one
                silent += 1
                if silent >= SILENT_POLLS and self._timing.now() - bus.answered_at >= SILENT_S:
                    raise
            await self._timing.sleep(self._options.poll_s)


def _tell(known: list[bool | None], now: list[bool], emit: Emit) -> list[bool | None]:
    """Emit the inputs that changed; an input that carries current is CLOSED."""
    for number, (before, bit) in enumerate(zip(known, now, strict=True), start=1):
        if bit is not before:
            emit(InputChanged(number, Contact.CLOSED if bit else Contact.OPEN))
    return list(now)
