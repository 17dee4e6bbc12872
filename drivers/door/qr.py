"""QR and barcode readers that type what they see, on USB (virtual serial port) or a serial line, kind `qr`.

    A 7 K Q 2 9 X B CR LF      the code's text, then CR, LF or both; nothing else, and nothing comes back

Set the reader to its serial mode (not "keyboard"), to a suffix of CR or CR LF, and to no prefix; its manual has the codes for that.
How it goes wrong: a code of another kind (a payment code, a web address) is a code like any other and belongs to nobody; text beyond ASCII
comes in the maker's own encoding and is a misread; a line without end is noise; a reader repeats the code that is held before it.
Such a reader has no identity, cannot be asked whether it is there, and shows nothing. A code can be photographed: it is a key that copies.
Source: the manuals of several makers of modules with a serial mode, which differ in speed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from drivers import line as lines
from drivers.contract import Emit
from drivers.errors import LineLost
from drivers.latches import check
from drivers.line import Dial, Line, Port
from drivers.orders import Level, Order, Outcome
from drivers.readings import CardMisread, CodeRead, Misread, Reading
from drivers.reconnect import keep_line
from drivers.table import Has
from drivers.timing import MACHINE, Timing

MOST_TEXT = 128  # characters of a visitor's code with room; whoever scans a web page is nobody here anyway
CR, LF = 0x0D, 0x0A
READER = 1
# A line that stops half way is dropped after this; a reader sends its line in one go, and a device server's repeated packet takes 0.3 s.
GAP_S = 0.5


class Options(BaseModel):
    """Settings of one reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port
    baud: int = Field(9600, gt=0)
    debounce_s: float = Field(3.0, ge=0, le=10)
    """The same code within this time is said once: people hold their telephone up until the door clicks."""

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
        reading: Reading
        if len(line) > MOST_TEXT:
            reading = CardMisread(READER, Misread.LENGTH)
        elif any(not 0x20 <= byte < 0x7F for byte in line):
            reading = CardMisread(READER, Misread.TEXT)
        else:
            reading = CodeRead(READER, line.decode("ascii"))
        last, self._last = self._last, (reading, at)
        if last is not None and last[0] == reading and at - last[1] < self._debounce_s:
            return []
        return [reading]


class Controller:
    """One reader; a DoorController that drives no lock."""

    def __init__(self, options: Options, _secured: Mapping[int, Level], *, timing: Timing = MACHINE, dial: Dial | None = None) -> None:
        self._options = options
        self._timing = timing
        self._dial = dial or partial(lines.dial, options.port, options.baud)

    async def run(self, emit: Emit) -> None:
        """See DoorController."""
        await keep_line(self._dial, partial(self._serve, emit), emit, name=self._options.port, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """Raises Refused for every order: nothing can be told to such a reader."""
        check(order, {})
        raise AssertionError("check lets no order pass without a lock")

    async def _serve(self, emit: Emit, line: Line, ready: Callable[[], None]) -> None:
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
    """A reader on a desk."""

    def __init__(self, _options: Options) -> None:
        self._line: Line | None = None

    async def run(self, line: Line) -> None:
        """Be the reader at this end of a line until it is lost (raises LineLost) or cancelled."""
        self._line = line
        try:
            while True:
                await line.read()  # nothing is ever said to it
        finally:
            if self._line is line:
                self._line = None

    def present(self, text: str) -> None:
        """Hold a code to it. Raises ValueError for text that no such reader sends, LineLost while unplugged."""
        if not text.isascii() or not text.isprintable() or not 0 < len(text) <= MOST_TEXT:
            raise ValueError("such a reader sends printable ASCII")
        if self._line is None:
            raise LineLost("nobody is listening")
        self._line.write(text.encode("ascii") + b"\r\n")
