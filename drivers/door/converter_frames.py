"""The frames of Wiegand-to-serial converters and serial readers, both ways. Pure: bytes and monotonic seconds in, readings out.

    hex_cr        7 B 1 1 D 7 CR               WIE232-A: the payload in hexadecimal ASCII; the box has checked the parity
    decimal_crlf  0 0 0 0 1 2 3 4 7 8 CR LF    S4A: the payload in ten decimal digits
                  5                            ... and each key of its keypad as that one byte, without CR LF; * clears, # ends a PIN
    stx_etx       STX 6 2 E 3 0 8 6 C E D 0 8 ETX    RDM6300: ten hexadecimal digits and their xor; the number is the low bits of the tag
    fixed         02 F6 23 AE                  the bits as they came, in whole bytes, right aligned, with nothing around them

A Wiegand keypad sends each key as a word of its own, which such a box passes on like a card's (`keys`):

    burst4        B CR        or  0B           four bits: 0 to 9, A is *, B is #
    burst8        4 B CR      or  4B           eight bits: the key's complement before it

How they go wrong, and what is done about it:
 - noise between and inside frames: a byte that no frame can hold starts the frame anew, and a frame counts only at its exact length, so
   that a damaged one is never a shorter card;
 - a frame that stops half way is dropped after a silence (`gap_s`), or at the next STX;
 - a key cannot be told from the first digit of a card except by the silence behind it, so that the gap of a keypad is short;
 - `fixed` has no mark at all: only a burst of exactly the right length between two silences counts, at the price of that silence on every
   card. Random bytes on such a line would otherwise pass the two parity bits by the hundred;
 - a key of four bits has nothing to check it by; the PIN as a whole has, at the roster. A key of eight bits that is not its own complement
   is dropped, and the PIN with it; one that is a key only when complemented says that D0 and D1 are swapped;
 - a reader repeats a card that is held to it: the same answer within `debounce_s` of the last is said once.
Sources: the makers' manuals; the vectors in the tests are theirs, and captures with printed numbers.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor

from drivers.readings import CardMisread, CardRead, Misread, PinEntered, Reading
from drivers.wiegand import Format

STX, ETX, CR, LF = 0x02, 0x03, 0x0D, 0x0A
READER = 1  # a converter has one reader
MOST_BYTES = 64  # the longest frame that can be configured is under 30; a line that says more without an end is noise
MOST_PIN = 16  # the bound of PinEntered
PIN_PAUSE_S = 10.0  # whoever stops typing for longer has walked away; the next person starts afresh
KEYS = "0123456789*#"  # by their code
REMEMBERED = 16  # answers kept for debouncing; nobody waves more cards within three seconds


class Framing(StrEnum):
    """What marks the frame."""

    HEX_CR = "hex_cr"
    DECIMAL_CRLF = "decimal_crlf"
    STX_ETX = "stx_etx"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Frame:
    """How one converter writes a number, everything settled."""

    framing: Framing
    layout: Format
    base: int  # 10 or 16; of no meaning when fixed
    size: int  # digits, or bytes when fixed, without the checksum
    word: bool  # the number is the whole Wiegand word with its parity bits, not the payload alone
    invert: bool  # the converter is wired with D0 and D1 swapped: take the complement
    checksum: bool  # followed by the xor of its bytes
    keypad: bool  # keys come as single ASCII bytes
    gap_s: float
    debounce_s: float
    burst: int = 0  # 4 or 8: keys come as Wiegand words of so many bits

    @property
    def whole(self) -> int:
        """Digits or bytes with the checksum."""
        return self.size + self.checksum * (1 if self.framing is Framing.FIXED else 2)

    @property
    def width(self) -> int:
        """Bits of the number on the wire."""
        return self.layout.bits if self.word else self.layout.payload

    def write(self, value: int, *, swapped: bool = False) -> bytes:
        """What the converter sends for a card. `swapped` is a word from wires that nobody has put right."""
        number = self.layout.encode(value) if self.word else value
        if self.invert is not swapped:
            number ^= (1 << self.width) - 1
        if self.framing is Framing.FIXED:
            data = number.to_bytes(self.size, "big")
            return data + bytes((reduce(xor, data),)) if self.checksum else data
        text = f"{number:0{self.size}d}" if self.base == 10 else f"{number:0{self.size}X}"
        if self.checksum:
            text += f"{reduce(xor, bytes.fromhex(text)):02X}"
        ascii_text = text.encode("ascii")
        if self.framing is Framing.STX_ETX:
            return bytes((STX, *ascii_text, ETX))
        return ascii_text + (b"\r" if self.framing is Framing.HEX_CR else b"\r\n")

    def write_key(self, key: str) -> bytes:
        """What the converter sends for one of KEYS. Raises ValueError without a keypad."""
        if not self.keypad and not self.burst:
            raise ValueError("no such keys")
        code = KEYS.index(key)
        if self.keypad:
            return key.encode("ascii")
        if self.burst == 8:
            code |= (code ^ 0xF) << 4
        if self.invert:
            code ^= (1 << self.burst) - 1
        return bytes((code,)) if self.framing is Framing.FIXED else f"{code:0{self.burst // 4}X}\r".encode("ascii")

    def read_keys(self, body: bytes) -> str | Misread | None:
        """The keys in a frame's body; "" for a damaged key, None for what is no key at all but perhaps a card.

        SWAPPED for a key that is one only when complemented: 0, 1, 2 and 3 are, the others are keys both ways.
        """
        if self.framing is Framing.FIXED:
            codes = list(body) if len(body) < self.whole else []  # two keys may share one packet of a device server
        else:
            codes = [int(body, 16)] if len(body) == self.burst // 4 else []
        if not self.burst or not codes:
            return None
        swap = (1 << self.burst) - 1
        words = [code ^ swap if self.invert else code for code in codes]
        keys = [self._key(word) for word in words]
        if None in keys:
            return Misread.SWAPPED if None not in map(self._key, (word ^ swap for word in words)) else ""
        return "".join(key for key in keys if key is not None)

    def _key(self, word: int) -> str | None:
        low = word & 0xF
        sound = word >> 4 == (low ^ 0xF if self.burst == 8 else 0) and low < len(KEYS)
        return KEYS[low] if sound else None

    def read(self, body: bytes) -> Reading:
        """What a frame's body says, its marks taken off."""
        if len(body) != self.whole:
            return CardMisread(READER, Misread.LENGTH)
        if self.framing is Framing.FIXED:
            data = body
        elif self.checksum:
            data = bytes.fromhex(body.decode("ascii"))
        else:
            return self._judge(int(body, self.base))
        if self.checksum:
            if reduce(xor, data) != 0:
                return CardMisread(READER, Misread.CHECKSUM)
            data = data[:-1]
        return self._judge(int.from_bytes(data, "big"))

    def _judge(self, number: int) -> Reading:
        if self.framing is Framing.STX_ETX and not self.word:
            number &= (1 << self.width) - 1  # above it are the maker's version and customer bits
        if number >= 1 << self.width:
            return CardMisread(READER, Misread.LENGTH)
        if self.invert:
            number ^= (1 << self.width) - 1
        value = self.layout.decode(number) if self.word else number
        if isinstance(value, Misread):
            return CardMisread(READER, value)
        return CardRead(READER, self.layout.bits, value)


class Decoder:
    """The gateway's ear for one converter. Keeps at most MOST_BYTES and one unfinished PIN."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._digits = frozenset(b"0123456789" if frame.base == 10 else b"0123456789ABCDEFabcdef")
        self._body = bytearray()
        self._inside = frame.framing is not Framing.STX_ETX  # whether bytes belong to a frame
        self._last = 0.0
        self._pin = ""
        self._keyed = 0.0
        self._seen: dict[Hashable, float] = {}

    def feed(self, data: bytes, at: float) -> list[Reading]:
        """Bytes that arrived by `at`. However they are cut up, the same bytes say the same."""
        self._last = at
        if self._frame.framing is Framing.FIXED:
            self._body += data[: MOST_BYTES + 1 - len(self._body)]  # one more than any frame may have marks the burst as noise
            return []
        return [reading for byte in data for reading in self._take(byte, at)]

    def break_off(self, at: float) -> None:
        """The line was lost: a frame without its end is none. Of a PIN that was begun keys may be lost: its end may be another person's."""
        self.silence(at)
        if self._pin and at - self._keyed <= PIN_PAUSE_S:
            self._pin, self._keyed = "0" * (MOST_PIN + 1), at  # too long for anybody's, until # or * or the pause

    def due(self) -> float | None:
        """When to call `silence` if nothing arrives before; None while nothing is waiting."""
        return self._last + self._frame.gap_s if self._body else None

    def silence(self, at: float) -> list[Reading]:
        """The line was looked at when `due` had come and nothing lay there: what that means.

        It is never inferred from the times of two chunks, because a loop that stood still would then tear frames apart.
        """
        body = bytes(self._body)
        self._drop()
        if self._frame.framing is Framing.FIXED:
            return self._whole(body, at) if 0 < len(body) <= MOST_BYTES else []
        if self._frame.keypad and 0 < len(body) < self._frame.whole:
            self._keys(body, at)
        return []

    def _take(self, byte: int, at: float) -> list[Reading]:
        frame = self._frame
        if byte in self._digits and self._inside:
            if len(self._body) <= MOST_BYTES:  # one more than any frame may have makes the whole run too long
                self._body.append(byte)
        elif frame.framing is Framing.STX_ETX:
            body, whole = bytes(self._body), self._inside and byte == ETX and bool(self._body)
            self._drop()
            self._inside = byte == STX
            if whole:
                return self._once(frame.read(body), at)
        elif byte == CR and self._body:
            body = bytes(self._body)
            self._drop()
            return self._whole(body, at)
        elif frame.keypad and byte in b"*#":
            self._keys(bytes(self._body), at)
            self._drop()
            return self._command(byte, at)
        elif byte not in (CR, LF):
            self._drop()
            self._pin = ""
        return []

    def _whole(self, body: bytes, at: float) -> list[Reading]:
        """A frame that can hold a card or a Wiegand keypad's key."""
        keys = self._frame.read_keys(body)
        if keys is None:
            self._pin = ""  # a card begins a request of its own
            return self._once(self._frame.read(body), at)
        if isinstance(keys, Misread):
            self._pin = ""
            return self._once(CardMisread(READER, keys), at)
        said: list[Reading] = []
        for key in keys:
            if key.isdigit():
                self._keys(key.encode("ascii"), at)
            else:
                said += self._command(ord(key), at)
        if not keys:
            self._pin = ""
        return said

    def _keys(self, digits: bytes, at: float) -> None:
        """Digits that were keys. One more than a PIN may have is kept, so that too long a PIN is nobody's."""
        if at - self._keyed > PIN_PAUSE_S:
            self._pin = ""
        self._pin = (self._pin + digits.decode("ascii"))[: MOST_PIN + 1]
        self._keyed = at

    def _command(self, key: int, at: float) -> list[Reading]:
        pin, self._pin = ("" if at - self._keyed > PIN_PAUSE_S else self._pin), ""
        return [PinEntered(READER, pin)] if key == ord("#") and 0 < len(pin) <= MOST_PIN else []

    def _drop(self) -> None:
        self._body.clear()
        self._inside = self._frame.framing is not Framing.STX_ETX

    def _once(self, reading: Reading, at: float) -> list[Reading]:
        """Pass a reading on unless it is a repetition; a card that stays at the reader stays one reading."""
        last = self._seen.pop(reading, None)
        self._seen[reading] = at
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return [reading] if last is None or at - last >= self._frame.debounce_s else []
