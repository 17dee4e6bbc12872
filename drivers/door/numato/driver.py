"""Keeping one module: asked for its id, its inputs polled, its relays driven and read back."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from drivers import line as lines
from drivers.contract import Emit
from drivers.door.numato import wire
from drivers.errors import DriverError, LineLost, NoAnswer, Refused, Stale
from drivers.examine import Finding, Mark
from drivers.latches import OPPOSITE, check
from drivers.line import Dial, Line, Port
from drivers.orders import HoldReleased, Level, Order, Outcome, Release, Secure
from drivers.readings import Contact, InputChanged
from drivers.reconnect import keep_line
from drivers.table import Has, up_to
from drivers.timing import MACHINE, Timing

TRIES = 3  # USB loses nothing; a module that was just plugged in may still be starting
AGAIN_S = 1.0  # after a refusal to end a release
FINISH_S = 1.0  # of the 5 s that a stop may take
SILENT_S = 2.0  # and then some: a pulled module is told well within 5 s
LIFE_EVERY_S = 1.0  # the sign of life of a module without inputs: relay 1 is read


class Options(BaseModel):
    """Settings of one module. Nothing is driven before it has answered, and, where `id` is given, with that id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port
    baud: int = Field(19200, gt=0)
    outputs: int = Field(ge=1, le=32)
    inputs: int = Field(0, ge=0, le=16)
    id: str | None = Field(None, pattern=r"^[!-=?-~]{8}$")
    """What `id set` wrote into this module; another module on the same port is then never driven."""
    accept_latching: bool = False
    """The site knows that a lock stays released if the daemon dies in the middle of a pulse, until it is back."""
    # As with every input board: active for 400 ms must be noticed (IEC 60839-11-1).
    poll_s: float = Field(0.1, ge=0.02, le=0.1)
    timeout_s: float = Field(0.3, ge=0.05, le=0.5)

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        return Has(outputs=up_to(self.outputs), inputs=up_to(self.inputs))


class Controller:
    """One module; a DoorController. Every outcome is read back."""

    def __init__(self, options: Options, secured: Mapping[int, Level], *, timing: Timing = MACHINE, dial: Dial | None = None) -> None:
        self._options = options
        self._timing = timing
        self._dial = dial or partial(lines.dial, options.port, options.baud)
        self._secured = {output: level for output, level in secured.items() if 1 <= output <= options.outputs}
        self._talk: Talk | None = None
        self._held: set[int] = set()
        self._pulses: dict[int, tuple[float, asyncio.Task[None]]] = {}

    async def run(self, emit: Emit) -> None:
        """See DoorController. Nothing is driven on connecting; stopping ends running releases."""
        await keep_line(self._dial, partial(self._serve, emit), emit, name=self._options.port, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """See DoorController. CONFIRMED: the module says that its relay is so."""
        check(order, self._secured)
        if self._talk is None:
            raise LineLost("the line is down")
        match order:
            case Release(output, seconds, not_after):
                return await self._release(self._talk, output, seconds, not_after)
            case HoldReleased(output):
                self._held.add(output)
                self._forget(output)
                return await self._drive(self._talk, output, OPPOSITE[self._secured[output]])
            case Secure(output):
                self._held.discard(output)
                self._forget(output)
                return await self._drive(self._talk, output, self._secured[output])
        raise AssertionError("check lets only these pass")

    async def examine(self) -> list[Finding]:
        """Which module it is. See Examinable."""
        if self._talk is None:
            raise LineLost("the line is down")
        found = await self._talk.ask("id get")
        checked = self._options.id is not None
        identity = Finding("identity" if checked else "identity_unchecked", Mark.GOOD if checked else Mark.WARN, {"what": f"id: {found}"})
        return [identity, Finding("firmware", values={"version": await self._talk.ask("ver")})]

    async def _serve(self, emit: Emit, line: Line, ready: Callable[[], None]) -> None:
        talk = Talk(line, self._options.timeout_s, self._timing)
        await self._identify(talk)
        self._talk = talk
        try:
            ready()
            await self._poll(talk, emit)
        except asyncio.CancelledError:
            await self._finish(talk)
            raise
        finally:
            self._talk = None
            for output in list(self._pulses):
                self._forget(output)

    async def _identify(self, talk: Talk) -> None:
        """The module must answer, and be the configured one, before anything is driven."""
        for last_try in (False, False, True):
            try:
                found = await talk.ask("id get")
                break
            except NoAnswer:
                if last_try:
                    raise
        if self._options.id is not None and found != self._options.id:
            raise Refused("another module than the configured one answers at this port")

    async def _poll(self, talk: Talk, emit: Emit) -> None:
        known: list[str] = [""] * self._options.inputs
        heard = self._timing.now()
        while True:
            try:
                for at in range(self._options.inputs):
                    state = await talk.ask(wire.gpio_read(at + 1))
                    if state in {"0", "1"} and state != known[at]:
                        known[at] = state
                        emit(InputChanged(at + 1, Contact.CLOSED if state == "0" else Contact.OPEN))
                if not self._options.inputs:
                    await talk.ask(wire.relay_read(1))
                heard = self._timing.now()
            except (NoAnswer, Refused):  # a damaged command is one that the module does not know
                if self._timing.now() - heard >= SILENT_S:
                    raise
            await self._timing.sleep(self._options.poll_s if self._options.inputs else LIFE_EVERY_S)

    async def _release(self, talk: Talk, output: int, seconds: float, not_after: float) -> Outcome:
        """Release for the longer of this release and one that runs already. A held lock stays released."""
        level = OPPOSITE[self._secured[output]]
        if self._timing.now() > not_after:
            raise Stale("the release came too late")
        if output not in self._held:
            ends = max(self._timing.now() + seconds, self._pulses[output][0] if output in self._pulses else 0.0)
            self._forget(output)
            self._pulses[output] = ends, asyncio.create_task(self._end(talk, output, ends), name=f"pulse of output {output}")
        return await self._drive(talk, output, level, not_after)

    async def _drive(self, talk: Talk, output: int, level: Level, not_after: float = math.inf) -> Outcome:
        """Set a relay until it reads as it was set."""
        energised = level is Level.ENERGISED
        for attempt in range(1, TRIES + 1):
            if self._timing.now() > not_after:
                raise Stale("the release came too late")
            try:
                await talk.ask(wire.relay(output, energised), not_after)
                state = _state(await talk.ask(wire.relay_read(output)))
                if state is None:
                    return Outcome.COMMANDED  # the module took the order and says nothing that can be read of it
                if state is energised:
                    return Outcome.CONFIRMED
            except NoAnswer:
                if attempt == TRIES:
                    raise
        raise Refused(f"relay {output} does not follow")

    async def _end(self, talk: Talk, output: int, ends: float) -> None:
        """End a release that the module cannot end; it is asked until it answers or the line is lost."""
        await self._timing.sleep(max(0.0, ends - self._timing.now()))
        while True:
            try:
                await self._drive(talk, output, self._secured[output])
            except NoAnswer:
                continue
            except Refused:  # as a damaged command is; a door must not stay released for that
                await self._timing.sleep(AGAIN_S)
                continue
            except LineLost:
                pass  # reported by the one who polls
            self._pulses.pop(output, None)
            return

    async def _finish(self, talk: Talk) -> None:
        """The daemon stops while the module is there: end what runs, in bounded time. Held outputs stay as they are."""
        running = list(self._pulses)
        for output in running:
            self._forget(output)
        with contextlib.suppress(DriverError, TimeoutError):
            async with asyncio.timeout(FINISH_S):
                for output in running:
                    await self._drive(talk, output, self._secured[output])

    def _forget(self, output: int) -> None:
        if output in self._pulses:
            self._pulses.pop(output)[1].cancel()


def _state(answer: str) -> bool | None:
    """What a module says of its relay, however it writes it; None for anything else."""
    return {"on": True, "off": False}.get("".join(sign for sign in answer if sign.isalpha()).lower())


class Talk:
    """Questions on an open line, one at a time."""

    def __init__(self, line: Line, timeout_s: float, timing: Timing) -> None:
        self._line = line
        self._timeout_s = timeout_s
        self._now = timing.now
        self._turn = asyncio.Lock()
        self._given_up = True  # an earlier program may have left half a command in the module

    async def ask(self, words: str, not_after: float = math.inf) -> str:
        """The answer, "" where there is none to give. Raises NoAnswer, LineLost, Stale; Refused for an unknown command."""
        async with self._turn:
            if self._now() > not_after:
                raise Stale("the release came too late")
            for _ in range(10):  # what belongs to no question; a line that is never quiet does not keep us from asking
                if not await self._line.read(0):
                    break
            blocks = wire.Blocks()
            self._line.write((b"\r" if self._given_up else b"") + wire.command(words))
            self._given_up = True
            ends = self._now() + self._timeout_s
            while (left := ends - self._now()) > 0:
                for block in blocks.feed(await self._line.read(left)):
                    answer = wire.answer_in(block, words)
                    if answer is not None:
                        self._given_up = False
                        if "not recognized" in answer.lower():
                            raise Refused("the module does not know this command")
                        return answer
            raise NoAnswer("the module does not answer")
