"""Wiegand converters and card readers on a serial port or a device server, kind `wiegand_serial`.

The four frames are drawn in drivers/door/converter_frames.py. Such a box has no identity and no answer: it speaks when a card is there, and
a reader whose wires are cut behind it is silent like one with nobody in front of it. It drives no lock and shows nothing.

    WIE232-A             framing: hex_cr        format: h10301
    S4A with keypad      framing: decimal_crlf  format: w26 (the box loses the high bytes of longer cards)
    RDM6300, Seeed       framing: stx_etx       format: w34 (printed number: ten digits) or w26 (eight)
    raw word, 4 bytes    framing: fixed         format: h10301
    ... with a Wiegand keypad before the box: keys: burst4 or burst8
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from drivers import line as lines
from drivers.contract import Emit
from drivers.door.converter_frames import READER, Decoder, Frame, Framing
from drivers.errors import LineLost
from drivers.latches import check
from drivers.line import Dial, Line, Port
from drivers.orders import Level, Order, Outcome
from drivers.reconnect import keep_line
from drivers.table import Has
from drivers.timing import MACHINE, Timing
from drivers.wiegand import FORMATS

# The silence that ends a frame. A frame with an end mark may dawdle (a device server that repeats a lost packet takes 0.3 s); a keypad's
# digit waits for this long before it counts, and so does every card of the fixed framing, where 50 ms is thrice a USB adapter's latency.
GAP_S = {Framing.HEX_CR: 0.5, Framing.DECIMAL_CRLF: 0.1, Framing.STX_ETX: 0.5, Framing.FIXED: 0.05}


class Options(BaseModel):
    """Settings of one converter. What is left out follows from `framing` and `format`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port
    baud: int = Field(9600, gt=0)
    framing: Framing
    format: Literal["h10301", "w26", "h10306", "w34", "c1k35", "h10302", "h10304"]
    base: Literal["hex", "dec"] | None = None
    digits: int | None = Field(None, ge=1, le=20)
    content: Literal["payload", "word"] | None = None
    """Whether the number is the card's payload (the box has checked the parity) or the Wiegand word with its parity bits."""
    invert: bool = False
    """Take the complement: for D0 and D1 swapped where nobody can reach the screws."""
    checksum: Literal["none", "xor"] | None = None
    keypad: bool | None = None
    keys: Literal["burst4", "burst8"] | None = None
    """The reader before the box has a keypad that sends each key as four bits, or as eight with its complement."""
    gap_s: float | None = Field(None, gt=0, le=5)
    debounce_s: float = Field(2.0, ge=0, le=10)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what contradicts itself."""
        frame = self.frame()
        if self.framing is Framing.FIXED and (self.base or self.digits):
            raise PydanticCustomError("converter_fixed", "the fixed framing is in bytes: leave base and digits out")
        if frame.checksum and self.framing is not Framing.FIXED and (frame.base == 10 or frame.size % 2):
            raise PydanticCustomError("converter_checksum", "a checksum needs an even number of hexadecimal digits")
        if frame.keypad and self.framing is not Framing.DECIMAL_CRLF:
            raise PydanticCustomError("converter_keypad", "only decimal_crlf carries a keypad's keys")
        if self.keys and (self.framing not in (Framing.HEX_CR, Framing.FIXED) or frame.base == 10 or frame.keypad):
            raise PydanticCustomError("converter_keys", "only hex_cr and fixed carry a Wiegand keypad's keys")
        if self.framing is not Framing.FIXED and (frame.base**frame.size) >> frame.width == 0:
            raise PydanticCustomError("converter_digits", "so few digits cannot hold a card of this format")
        return self

    @property
    def has(self) -> Has:
        """What site.yaml may refer to."""
        return Has(readers=(READER,))

    def frame(self) -> Frame:
        """Everything settled."""
        layout, framing = FORMATS[self.format], self.framing
        word = self.content == "word" if self.content else framing is Framing.FIXED
        width = layout.bits if word else layout.payload
        size = {
            Framing.HEX_CR: -(-width // 4),
            Framing.DECIMAL_CRLF: 10,
            Framing.STX_ETX: 10,
            Framing.FIXED: -(-width // 8),
        }[framing]
        decimal = self.base == "dec" if self.base else framing is Framing.DECIMAL_CRLF
        return Frame(
            framing=framing,
            layout=layout,
            base=10 if decimal else 16,
            size=self.digits or size,
            word=word,
            invert=self.invert,
            checksum=self.checksum == "xor" if self.checksum else framing is Framing.STX_ETX,
            keypad=self.keypad if self.keypad is not None else framing is Framing.DECIMAL_CRLF and decimal,
            gap_s=self.gap_s or GAP_S[framing],
            debounce_s=self.debounce_s,
            burst=int(self.keys[-1]) if self.keys else 0,
        )


class Controller:
    """One converter."""

    def __init__(self, options: Options, _secured: Mapping[int, Level], *, timing: Timing = MACHINE, dial: Dial | None = None) -> None:
        self._name = options.port
        self._frame = options.frame()
        self._decoder = Decoder(self._frame)
        self._timing = timing
        self._dial = dial or partial(lines.dial, options.port, options.baud)

    async def run(self, emit: Emit) -> None:
        """See DoorController."""
        await keep_line(self._dial, partial(self._serve, emit), emit, name=self._name, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """Raises Refused for every order: nothing can be told to a converter."""
        check(order, {})
        raise AssertionError("check lets no order pass without a lock")

    async def _serve(self, emit: Emit, line: Line, ready: Callable[[], None]) -> None:
        decoder = self._decoder
        decoder.break_off(self._timing.now())
        ready()
        while True:
            due = decoder.due()
            data = await line.read(None if due is None else max(0.0, due - self._timing.now()))
            now = self._timing.now()
            for reading in decoder.feed(data, now) if data else decoder.silence(now):
                emit(reading)


class Simulator:
    """A converter with a reader and, where configured, a keypad. `swapped` wires its D0 and D1 the wrong way round."""

    def __init__(self, options: Options, *, swapped: bool = False) -> None:
        self._frame = options.frame()
        self._swapped = swapped
        self._line: Line | None = None

    async def run(self, line: Line) -> None:
        """Be the converter at this end of a line until it is lost (raises LineLost) or cancelled."""
        self._line = line
        try:
            while True:
                await line.read()  # nothing is ever said to a converter
        finally:
            if self._line is line:
                self._line = None

    def present(self, bits: int, value: int) -> None:
        """Hold a card to the reader. Raises ValueError for a card of another length, LineLost while unplugged."""
        if bits != self._frame.layout.bits:
            raise ValueError(f"this converter reads {self._frame.layout.bits} bits")
        self._write(self._frame.write(value, swapped=self._swapped))

    def type_pin(self, digits: str) -> None:
        """Type digits and #. Raises ValueError without a keypad."""
        if not digits.isdecimal():
            raise ValueError("no such keys")
        for key in f"{digits}#":
            self._write(self._frame.write_key(key))

    def _write(self, data: bytes) -> None:
        if self._line is None:
            raise LineLost("nobody is listening")
        self._line.write(data)
