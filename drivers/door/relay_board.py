"""LCUS USB relay boards (CH340, 9600 8N1), kind `lcus`.

The wire, gateway to board, four bytes; the board answers nothing, unless it is one of those that can be asked (relay_board_status.py):

    A0  channel  00|01  sum        sum = (A0 + channel + state) & FF
    A0    01       01    A2        coil 1 energised
    A0    01       00    A1        coil 1 de-energised

How it goes wrong: the board starts with all coils off after any loss of USB power and remembers nothing; a cheap cable drops or doubles
bytes, so that the board waits for A0 and a sum that fits; some boards echo. Without `status` there is no feedback at all, hence every
outcome is COMMANDED and never a fact about the door. All CH340 boards share one name under /dev/serial/by-id: use /dev/serial/by-path.
Sources: the vendor's command table as printed by resellers; the frames above are the test vectors.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from drivers import line as lines
from drivers.contract import Emit
from drivers.door.relay_board_status import MOST_BYTES, QUESTION, WORD, Asker
from drivers.errors import DriverError, LineLost, NoAnswer, Refused, Stale
from drivers.latches import Latches
from drivers.line import Dial, Line, Port
from drivers.orders import Indicate, Level, Order, Outcome, Release
from drivers.reconnect import keep_line
from drivers.table import Has, up_to
from drivers.timing import MACHINE, Timing

HEAD = 0xA0
SIZE = 4
WORDS = frozenset(b"ONFonf:CHchRELAYrelay \r\n")  # some boards say ON or OFF of a channel
FOREIGN, FOREIGN_S = 4, 1.0  # a cheap cable makes a byte of noise now and then; a reader says more than this at once
LOOK_EVERY_S = 1.0  # a dead board, and one that has restarted, shows within about two seconds
SILENT_LOOKS = 2  # one lost byte is weather
MOST_OUTPUTS = 16  # the largest board sold
HISTORY = 10_000  # a day of a busy gate in the demo


class Options(BaseModel):
    """Settings of one board."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port
    baud: int = Field(9600, gt=0)
    outputs: int = Field(ge=1, le=MOST_OUTPUTS)
    status: Literal["ff"] | None = None
    """ff: the board says what its relays do when it is asked (relay_board_status.py). Every order is then read back."""
    accept_latching: bool = False
    """The site knows that a lock stays released if the daemon dies in the middle of a pulse, until it is back."""

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        return Has(outputs=up_to(self.outputs))


@dataclass(frozen=True, slots=True)
class Coil:
    """The one frame there is."""

    channel: int
    energised: bool

    def to_bytes(self) -> bytes:
        """The frame."""
        return bytes((HEAD, self.channel, self.energised, (HEAD + self.channel + self.energised) & 0xFF))

    @staticmethod
    def from_bytes(frame: bytes) -> Coil | None:
        """What a board makes of four bytes; None where they are no frame."""
        head, channel, state, total = frame
        if head != HEAD or state > 1 or total != (head + channel + state) & 0xFF:
            return None
        return Coil(channel, bool(state))


class Decoder:
    """The board's ear: bytes in any chunks in, frames out. Keeps at most three bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Coil]:
        """Every whole frame; a byte that cannot begin one is passed over."""
        buffer, at, frames = self._rest + data, 0, []
        while at + SIZE <= len(buffer):
            frame = Coil.from_bytes(buffer[at : at + SIZE])
            if frame is not None:
                frames.append(frame)
            at += SIZE if frame is not None else 1
        self._rest = buffer[at:]
        return frames


def frame(output: int, energised: bool) -> bytes:
    """What sets one coil of an LCUS board."""
    return Coil(output, energised).to_bytes()


class Settings(Protocol):
    """What a board that answers nothing needs to be told, whatever its frames."""

    @property
    def port(self) -> str: ...  # noqa: D102  (named like the settings)
    @property
    def baud(self) -> int: ...  # noqa: D102
    @property
    def outputs(self) -> int: ...  # noqa: D102


class Controller:
    """One board. A pulse is timed here; see drivers/latches.py for what that means. `frame` writes what sets one coil."""

    def __init__(
        self,
        options: Settings,
        secured: Mapping[int, Level],
        *,
        timing: Timing = MACHINE,
        dial: Dial | None = None,
        frame: Callable[[int, bool], bytes] = frame,
    ) -> None:
        self._options = options
        self._frame = frame
        self._timing = timing
        self._dial = dial or partial(lines.dial, options.port, options.baud)
        self._line: Line | None = None
        self._asks = isinstance(options, Options) and options.status == "ff"
        self._asker: Asker | None = None
        self._set: dict[int, tuple[Level, float]] = {}  # output -> the level it was last set to, and when
        self._confirming: set[int] = set()  # outputs whose order is being read back by whoever gave it
        self._echo: frozenset[int] = frozenset()  # the bytes of the frames that were written
        ours = {output: level for output, level in secured.items() if 1 <= output <= options.outputs}
        self._latches = Latches(ours, self._drive, timing)

    async def run(self, emit: Emit) -> None:
        """See DoorController. Nothing is sent on connecting; stopping ends running pulses."""
        await keep_line(self._dial, self._serve, emit, name=self._options.port, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """See DoorController. Goes to the wire before anything is waited for; CONFIRMED by boards that can be asked."""
        self._latches.carry_out(order, up=self._line is not None)
        if self._asker is None or isinstance(order, Indicate):
            return Outcome.COMMANDED
        self._confirming.add(order.door)
        try:
            return await self._confirm(self._asker, order.door, order.not_after if isinstance(order, Release) else math.inf)
        finally:
            self._confirming.discard(order.door)

    async def _confirm(self, asker: Asker, output: int, not_after: float) -> Outcome:
        """Ask until the relay is as it was set; COMMANDED where a short release is over before the board has answered."""
        wanted = self._set[output]
        for last_try in (False, False, True):
            try:
                if (await asker.ask())[output - 1] is (wanted[0] is Level.ENERGISED):
                    return Outcome.CONFIRMED
            except NoAnswer:
                if last_try:
                    raise
            if self._set.get(output) != wanted:
                return Outcome.COMMANDED
            if self._timing.now() > not_after:
                raise Stale("the release came too late")
            self._write(output, wanted[0])
        raise Refused(f"relay {output} does not follow")

    async def _serve(self, line: Line, ready: Callable[[], None]) -> None:
        asker = Asker(line, self._options.outputs, self._timing) if self._asks else None
        if asker is not None:
            await self._meet(asker)
        self._line, self._asker = line, asker
        try:
            ready()
            await (self._listen(line) if asker is None else self._look(asker))
        except DriverError:
            self._latches.lose()
            raise
        finally:
            self._latches.finish()
            self._line = self._asker = None
            self._set.clear()

    async def _listen(self, line: Line) -> None:
        """Nothing a silent board says means anything; but what says more than an echo or a word is no board, and must not be driven."""
        since, said = self._timing.now(), b""
        while True:
            more = await line.read()
            if self._timing.now() - since > FOREIGN_S:
                since, said = self._timing.now(), b""
            said = WORD.sub(b"", said + more)[-MOST_BYTES:]
            if sum(byte not in self._echo and byte not in WORDS for byte in said) >= FOREIGN:
                raise Refused("something that speaks answers at this port; is it a reader?")

    async def _meet(self, asker: Asker) -> None:
        """The board must say what its relays do before anything is driven. Raises NoAnswer."""
        with contextlib.suppress(NoAnswer):
            await asker.ask()
            return
        await asker.ask()

    async def _look(self, asker: Asker) -> None:
        """Ask until the board falls silent or its relays are not as they were set."""
        silent = 0
        while True:
            await self._timing.sleep(LOOK_EVERY_S)
            before = {output: last for output, last in self._set.items() if output not in self._confirming}
            try:
                told, silent = await asker.ask(), 0
            except NoAnswer:
                silent += 1
                if silent == SILENT_LOOKS:
                    raise
                continue
            for output, last in before.items():  # what was ordered meanwhile may not be in the answer yet
                settled = self._set.get(output) == last and output not in self._confirming
                if settled and told[output - 1] is not (last[0] is Level.ENERGISED):
                    raise LineLost(f"relay {output} is not as it was set: the board has restarted, or somebody else drives it")

    def _drive(self, output: int, level: Level) -> None:
        self._write(output, level)
        self._set[output] = level, self._timing.now()

    def _write(self, output: int, level: Level) -> None:
        if self._line is None:
            raise LineLost("the line is down")
        frame = self._frame(output, level is Level.ENERGISED)
        self._echo |= frozenset(frame)
        self._line.write(frame)


@dataclass(frozen=True, slots=True)
class Switched:
    """The simulated board carried out a frame at `at` (monotonic seconds)."""

    at: float
    channel: int
    energised: bool


class Simulator:
    """A board. `coils` is what its relays do now, `history` every frame that it carried out, oldest first.

    Habits: `echo`, an adapter that repeats what it hears; `words`, a board that says a set relay and its state in words. `stuck`: these
    relays do not follow. `mute`: it hears and says nothing.
    """

    def __init__(
        self, options: Options, *, now: Callable[[], float] = time.monotonic, echo: bool = False, words: bool = False, width: int = 8
    ) -> None:
        """`width`: how many bytes it answers to a question for its state, if it has fewer relays."""
        self._answers = options.status == "ff"
        self._words = words
        self._width = max(width, options.outputs)
        self.stuck: set[int] = set()
        self.mute = False
        self._now = now
        self._echo = echo
        self.coils = dict.fromkeys(range(1, options.outputs + 1), False)
        self.history: deque[Switched] = deque(maxlen=HISTORY)
        self.on_switch: Callable[[Switched], None] = lambda _: None

    async def run(self, line: Line) -> None:
        """Be the board at this end of a line until it is lost (raises LineLost) or cancelled."""
        decoder = Decoder()
        while True:
            data = await line.read()
            frames = decoder.feed(data)
            for frame in frames:
                self.take(frame)
            said = data if self._echo else b""
            if self._words:
                said += b"".join(self._said(frame.channel) for frame in frames)
            if self._answers and QUESTION in data:
                said += self.state()
            if said and not self.mute:
                line.write(said)

    def state(self) -> bytes:
        """What it answers to a question for its state."""
        if self._words:
            return b"".join(self._said(channel) for channel in self.coils)
        return bytes(self.coils.get(channel, False) for channel in range(1, self._width + 1))

    def _said(self, channel: int) -> bytes:
        return f"CH{channel}: {'ON' if self.coils.get(channel) else 'OFF'}\r\n".encode("ascii")

    def take(self, frame: Coil) -> None:
        """Carry out one frame; a channel the board does not have is ignored, as boards do."""
        if frame.channel not in self.coils:
            return
        if frame.channel not in self.stuck:
            self.coils[frame.channel] = frame.energised
        switched = Switched(self._now(), frame.channel, frame.energised)
        self.history.append(switched)
        self.on_switch(switched)

    def power_cycle(self) -> None:
        """USB power went and came: all coils off, nothing remembered."""
        self.coils = dict.fromkeys(self.coils, False)
