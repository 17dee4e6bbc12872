"""QR and barcode readers that type what they see, on USB (virtual serial port) or a serial line, kind `qr`.

    A 7 K Q 2 9 X B CR LF      the code's text, then CR, LF or both; nothing else, and nothing comes back

Heads of 微光 Vguang and their kin speak frames instead, with `framing: tlv` (qr_tlv.py): they are asked, and lights and sounder answer.

Set any other reader to its serial mode (not "keyboard"), to a suffix of CR or CR LF, and to no prefix; its manual has the codes for that.
How it goes wrong: a code of another kind (a payment code, a web address) is a code like any other and belongs to nobody; text beyond ASCII
comes in the maker's own encoding and is a misread; a line without end is noise; a reader repeats the code that is held before it.
It has no identity, cannot be asked whether it is there, and shows nothing. A code can be photographed: it is a key that copies.
Source: the manuals of several makers of modules with a serial mode, which differ in speed alone.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers import line as lines
from drivers.contract import Emit
from drivers.door.qr_tlv import GOOD, KEPT, READ, SHOW, WAITING, Frame, Talk, questions
from drivers.errors import LineLost, NoAnswer, Refused
from drivers.latches import check
from drivers.line import Dial, Line, Port
from drivers.orders import Indicate, Level, Order, Outcome
from drivers.readings import CardMisread, CardRead, CodeRead, Misread, Reading
from drivers.reconnect import keep_line
from drivers.table import Has
from drivers.timing import MACHINE, Timing

log = logging.getLogger(__name__)

MOST_TEXT = 128  # characters of a visitor's code with room; whoever scans a web page is nobody here anyway
CR, LF = 0x0D, 0x0A
READER = 1
# A line that stops half way is dropped after this; a reader sends its line in one go, and a device server's repeated packet takes 0.3 s.
GAP_S = 0.5
CARD_BITS, CARD_BYTES = 34, 4  # an IC card's number, as a Wiegand reader of 34 bits gives it
EMPTYING_S = 5.0  # for what a head kept: one a poll; who always says something new is met all the same
SILENT_S = 2.0  # a head that restarts for a moment is not lost; a lost one is told well within 5 s
HISTORY = 10_000  # a day of a busy gate in the demo


class Options(BaseModel):
    """Settings of one reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port
    baud: int = Field(9600, gt=0)
    debounce_s: float = Field(3.0, ge=0, le=10)
    """The same code within this time is said once: people hold their telephone up until the door clicks."""
    framing: Literal["lines", "tlv"] = "lines"
    cards: Literal["msb", "lsb", "none"] = "msb"
    """Of `tlv` heads that read IC cards too: whether the card's four bytes are its number with the highest or the lowest first."""
    # Somebody waits at the turnstile. A question and its answer take 20 ms at 9,600 baud, a code of 60 characters 70 ms.
    poll_s: float = Field(0.1, ge=0.02, le=0.5)
    timeout_s: float = Field(0.3, ge=0.05, le=0.5)

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        return Has(readers=(READER,))


class Decoder:
    """The gateway's ear: bytes in any chunks in, readings out. Keeps at most one line of MOST_TEXT, and the last code."""

    def __init__(self, debounce_s: float = 0.0) -> None:
        self._debounce_s = debounce_s
        self._line = bytearray()
        self._last: tuple[Reading, float] | None = None
        self._at = 0.0

    def feed(self, data: bytes, at: float) -> list[Reading]:
        """Bytes that arrived by `at`."""
        self._at = at
        found: list[Reading] = []
        for byte in data:
            if byte in (CR, LF):
                found += self._whole(at)
            elif len(self._line) <= MOST_TEXT:  # one more than any line may have marks it as too long
                self._line.append(byte)
        return found

    def due(self) -> float | None:
        """When to call `silence` if nothing arrives before; None while nothing is waiting."""
        return self._at + GAP_S if self._line else None

    def silence(self) -> None:
        """The line was looked at when `due` had come and nothing lay there: half a code is dropped."""
        self._line.clear()

    def _whole(self, at: float) -> list[Reading]:
        line = bytes(self._line)
        self._line.clear()
        if not line:
            return []
        return self.once(code(line), at)

    def once(self, reading: Reading, at: float) -> list[Reading]:
        """A reading, unless it is the last one again."""
        last, self._last = self._last, (reading, at)
        if last is not None and last[0] == reading and at - last[1] < self._debounce_s:
            return []
        return [reading]


def code(text: bytes) -> Reading:
    """What was read, as a code."""
    if len(text) > MOST_TEXT:
        return CardMisread(READER, Misread.LENGTH)
    if any(not 0x20 <= byte < 0x7F for byte in text):
        return CardMisread(READER, Misread.TEXT)
    return CodeRead(READER, text.decode("ascii"))


def card_or_code(data: bytes, cards: str) -> Reading:
    """What a `tlv` head has read: four bytes are a card's number, where it reads cards; no code of a roster is so short."""
    if len(data) == CARD_BYTES and cards != "none":
        return CardRead(READER, CARD_BITS, int.from_bytes(data, "big" if cards == "msb" else "little"))
    return code(data.rstrip(b"\r\n"))


class Controller:
    """One reader; a DoorController that drives no lock."""

    def __init__(self, options: Options, _secured: Mapping[int, Level], *, timing: Timing = MACHINE, dial: Dial | None = None) -> None:
        self._options = options
        self._timing = timing
        self._dial = dial or partial(lines.dial, options.port, options.baud)
        self._talk: Talk | None = None

    async def run(self, emit: Emit) -> None:
        """See DoorController."""
        await keep_line(self._dial, partial(self._serve, emit), emit, name=self._options.port, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """See DoorController. `tlv` heads acknowledge an Indicate; a reader of lines can be told nothing: Refused."""
        if self._options.framing == "tlv" and isinstance(order, Indicate):
            if order.reader != READER:
                raise Refused(f"there is no reader {order.reader} here")
            if self._talk is None:
                raise LineLost("the line is down")
            await self._talk.show(order.signal)
            return Outcome.CONFIRMED
        check(order, {})
        raise AssertionError("check lets no order pass without a lock")

    async def _serve(self, emit: Emit, line: Line, ready: Callable[[], None]) -> None:
        if self._options.framing == "tlv":
            await self._ask(emit, Talk(line, self._options.timeout_s, self._timing), ready)
        else:
            await self._listen(emit, line, ready)

    async def _ask(self, emit: Emit, talk: Talk, ready: Callable[[], None]) -> None:
        """Poll until the head falls silent. What it kept from before is dropped: whoever showed it has gone."""
        until, kept = self._timing.now() + EMPTYING_S, 0
        while (read := await talk.poll()) and self._timing.now() < until:
            kept += len(read)
        if kept:
            log.warning("%s: the reader kept %d codes or cards from before; none was used", self._options.port, kept)
        self._talk = talk
        try:
            ready()
            decoder, heard = Decoder(self._options.debounce_s), self._timing.now()
            while True:
                try:
                    read, heard = await talk.poll(), self._timing.now()
                except NoAnswer:
                    if self._timing.now() - heard >= SILENT_S:
                        raise
                    continue
                for data in read:
                    for reading in decoder.once(card_or_code(data, self._options.cards), heard):
                        emit(reading)
                await self._timing.sleep(self._options.poll_s)
        finally:
            self._talk = None

    async def _listen(self, emit: Emit, line: Line, ready: Callable[[], None]) -> None:
        decoder = Decoder(self._options.debounce_s)
        ready()
        while True:
            due = decoder.due()
            data = await line.read(None if due is None else max(0.0, due - self._timing.now()))
            if not data:
                decoder.silence()
            for reading in decoder.feed(data, self._timing.now()):
                emit(reading)


class Simulator:
    """A reader on a desk. `shown` has what a `tlv` head was told to show, as the frame's data.

    Habits of `tlv` heads: `keeps`, what it reads while nobody is on the line is told afterwards; `reports`, it tells it by itself;
    `echo`, the adapter repeats what is sent to it.
    """

    def __init__(self, options: Options, *, keeps: bool = False, reports: bool = False, echo: bool = False) -> None:
        self._tlv = options.framing == "tlv"
        self._keeps, self._reports, self._echo = keeps, reports, echo
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._line: Line | None = None
        self.shown: deque[bytes] = deque(maxlen=HISTORY)
        self.mute = False

    async def run(self, line: Line) -> None:
        """Be the reader at this end of a line until it is lost (raises LineLost) or cancelled."""
        self._line = line
        buffer = b""
        try:
            while True:
                data = await line.read()
                if self._echo:
                    line.write(data)
                buffer = (buffer + data)[-KEPT:] if self._tlv else b""  # nothing is ever said to a reader of lines
                while (asked := questions(buffer)) is not None:
                    command, said, buffer = asked
                    if not self.mute:
                        line.write(self._answer(command, said))
        finally:
            if self._line is line:
                self._line = None

    def _answer(self, command: int, data: bytes) -> bytes:
        if command == READ:
            return Frame(READ, GOOD, self._waiting.popleft() if self._waiting else b"").to_bytes()
        if command == SHOW and len(data) == 5:
            self.shown.append(data)
            return Frame(SHOW, GOOD, b"").to_bytes()
        return Frame(command, 1, b"").to_bytes()

    def present_card(self, number: bytes) -> None:
        """Hold an IC card to a `tlv` head. Raises LineLost while unplugged, unless it keeps what it reads."""
        self._present(number)

    def present(self, text: str) -> None:
        """Hold a code to it. Raises ValueError for text that no such reader sends, LineLost while unplugged."""
        if not text.isascii() or not text.isprintable() or not 0 < len(text) <= MOST_TEXT:
            raise ValueError("such a reader sends printable ASCII")
        self._present(text.encode("ascii"))

    def _present(self, data: bytes) -> None:
        if self._line is None and not (self._tlv and self._keeps):
            raise LineLost("nobody is listening")
        if self._line is not None and (self._reports or not self._tlv):
            self._line.write(Frame(READ, GOOD, data).to_bytes() if self._tlv else data + b"\r\n")
        else:
            self._waiting.append(data)
