"""Wiegand words, both ways, and the notations that people write card numbers in. Pure.

A word is an integer whose first-sent bit is its highest (bit 0 below). P is even or odd parity over the bits marked on its line:

    h10301, w26   P ffffffff nnnnnnnnnnnnnnnn P                        26: facility 8, number 16; or 24 flat
                  E xxxxxxxx xxxx
                                 xxxxxxxxxxxx O
    h10306, w34   P ffffffffffffffff nnnnnnnnnnnnnnnn P                34: facility 16, number 16; or 32 flat
                  E xxxxxxxxxxxxxxxx
                                     xxxxxxxxxxxxxxxx O
    c1k35         P P ffffffffffff nnnnnnnnnnnnnnnnnnnn P              35: facility 12, number 20 (Corporate 1000)
                    E xx.xx.xx.xx. xx.xx.xx.xx.xx.xx.xx              inner parities first, bit 0 last and over all
                    x x.xx.xx.xx.x x.xx.xx.xx.xx.xx.xx. O
                  O x xxxxxxxxxxxx xxxxxxxxxxxxxxxxxxxx x
    h10302        P nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn P              37: number 35
    h10304        P ffffffffffffffff nnnnnnnnnnnnnnnnnnn P             37: facility 16, number 19; bit 18 is in both parities
                  E xxxxxxxxxxxxxxxx xx
                                      xxxxxxxxxxxxxxxxxx O

Formats of one length cannot be told apart by their bits: which one it is stands in the settings and is never guessed.
Each bit-0 parity covers an odd number of bits, so a word with D0 and D1 swapped (its complement) always fails and is recognised.
Sources: the layouts of proxmark3's wiegand_formats.c, and captures with printed numbers in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from drivers.readings import Misread


@dataclass(frozen=True, slots=True)
class Parity:
    """One parity bit: its position, and the mask of all bits of its group, its own among them, on the whole word."""

    bit: int
    odd: bool
    group: int


@dataclass(frozen=True, slots=True)
class Format:
    """One layout. `facility` is 0 wide where the number is flat; `parities` are in the order in which they are computed."""

    name: str
    bits: int
    facility: int
    number: int
    parities: tuple[Parity, ...]

    @property
    def payload(self) -> int:
        """Width of the value in bits."""
        return self.facility + self.number

    def encode(self, value: int) -> int:
        """The word for a value. Raises ValueError outside 0 <= value < 2**payload."""
        if not 0 <= value < 1 << self.payload:
            raise ValueError(f"a {self.name} value has {self.payload} bits")
        word = value << 1
        for parity in self.parities:
            if ((word & parity.group).bit_count() % 2 == 1) is not parity.odd:
                word |= 1 << self.bits - 1 - parity.bit
        return word

    def decode(self, word: int) -> int | Misread:
        """The value in a word, or what is wrong with it."""
        if not 0 <= word < 1 << self.bits:
            return Misread.LENGTH
        if self._whole(word):
            return word >> 1 & (1 << self.payload) - 1
        if self._whole(word ^ (1 << self.bits) - 1):
            return Misread.SWAPPED
        return Misread.PARITY

    def join(self, facility: int, number: int) -> int:
        """The value of a facility code and a card number. Raises ValueError where they do not fit."""
        if not 0 <= facility < 1 << self.facility or not 0 <= number < 1 << self.number:
            raise ValueError(f"{self.name} has a facility code of {self.facility} bits and a number of {self.number}")
        return facility << self.number | number

    def split(self, value: int) -> tuple[int, int]:
        """Facility code and card number of a value; the code is 0 in a flat format."""
        return value >> self.number, value & (1 << self.number) - 1

    def _whole(self, word: int) -> bool:
        return all(((word & parity.group).bit_count() % 2 == 1) is parity.odd for parity in self.parities)


def _parity(bits: int, bit: int, kind: str, over: Iterable[int]) -> Parity:
    return Parity(bit, kind == "odd", sum(1 << bits - 1 - place for place in {bit, *over}))


def _halves(name: str, bits: int, facility: int, number: int, half: int) -> Format:
    """Even parity in front over the first `half` payload bits, odd parity behind over the last."""
    front, back = range(1, 1 + half), range(bits - 1 - half, bits - 1)
    return Format(name, bits, facility, number, (_parity(bits, 0, "even", front), _parity(bits, bits - 1, "odd", back)))


_C1K35 = Format(
    "c1k35",
    35,
    12,
    20,
    (
        _parity(35, 1, "even", (place for place in range(2, 34) if place % 3 != 1)),
        _parity(35, 34, "odd", (place for place in range(1, 34) if place % 3 != 0)),
        _parity(35, 0, "odd", range(1, 35)),
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        known.name: known
        for known in (
            _halves("h10301", 26, 8, 16, 12),
            _halves("w26", 26, 0, 24, 12),
            _halves("h10306", 34, 16, 16, 16),
            _halves("w34", 34, 0, 32, 16),
            _C1K35,
            _halves("h10302", 37, 0, 35, 18),
            _halves("h10304", 37, 16, 19, 18),
        )
    }
)
"""Every layout by the name that settings use."""


class NotationFault(StrEnum):
    """What is wrong with a written card number. The number itself is in no message."""

    FORM = "form"  # not fc:F,N or dec:N or hex:H
    RANGE = "range"  # does not fit into the format
    FLAT = "flat"  # fc: for a format without a facility code


class BadNotation(ValueError):
    """A card number that cannot be read; says why and never what."""

    def __init__(self, fault: NotationFault, layout: Format) -> None:
        texts = {
            NotationFault.FORM: "expected fc:FACILITY,NUMBER or dec:NUMBER or hex:DIGITS",
            NotationFault.RANGE: f"the number does not fit into {layout.name} ({layout.facility} + {layout.number} bits)",
            NotationFault.FLAT: f"{layout.name} has no facility code: write dec: or hex:",
        }
        super().__init__(texts[fault])
        self.fault = fault


_WRITTEN = re.compile(r"(?:fc:\s*([0-9]{1,6})\s*,\s*([0-9]{1,12})|dec:\s*([0-9]{1,12})|hex:\s*([0-9a-f]{1,10}))", re.ASCII)


def read_notation(text: str, layout: Format) -> tuple[int, int]:
    """(bits, value) of `fc:205,42220`, `dec:0013477100` or `hex:00CDA4EC`. Raises BadNotation.

    `dec` and `hex` are the whole payload without parity, as most Chinese readers print it; `fc` is facility code and number apart.
    """
    match = _WRITTEN.fullmatch(text.strip().lower())
    if match is None:
        raise BadNotation(NotationFault.FORM, layout)
    facility, number, decimal, hexadecimal = match.groups()
    if facility is not None and layout.facility == 0:
        raise BadNotation(NotationFault.FLAT, layout)
    try:
        if facility is not None:
            return layout.bits, layout.join(int(facility), int(number))
        value = int(decimal) if decimal is not None else int(hexadecimal, 16)
        layout.encode(value)
    except ValueError:
        raise BadNotation(NotationFault.RANGE, layout) from None
    return layout.bits, value


def write_notations(value: int, layout: Format) -> tuple[str, ...]:
    """Every way to write a value of this format, as the doctor shows them side by side: fc (where there is one), dec, hex."""
    facility, number = layout.split(value)
    both = (f"dec:{value:010d}", f"hex:{value:08X}")
    return (f"fc:{facility},{number}", *both) if layout.facility else both
