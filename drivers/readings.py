"""Readings: everything hardware can say, upward, in one union.

Numbers (reader, door, input) are the device's own, from 1; which access point they belong to is the business of edge/gate/wiring.py.
Card values and PIN digits never appear in a repr, so that they cannot slip into a log or a traceback.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Contact(StrEnum):
    """A door contact or supervised input. Two-state inputs say only OPEN and CLOSED; CUT and SHORT are line faults."""

    CLOSED = "closed"
    OPEN = "open"
    CUT = "cut"
    SHORT = "short"
    UNKNOWN = "unknown"


class Misread(StrEnum):
    """Why a presented card gave no number."""

    PARITY = "parity"
    SWAPPED = "swapped"  # valid only when complemented: D0 and D1 are swapped
    LENGTH = "length"
    CHECKSUM = "checksum"
    TEXT = "text"  # a code that is not printable ASCII


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card at a reader: the Wiegand length it came with and the payload without parity bits, 0 <= value < 2**(bits-2)."""

    reader: int
    bits: int
    value: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardMisread:
    """Something was presented and could not be read as the configured format."""

    reader: int
    fault: Misread


@dataclass(frozen=True, slots=True)
class CodeRead:
    """A QR code or barcode at a reader: its text, printable ASCII, at most 128 characters. It can be a key and never appears in a repr."""

    reader: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PinEntered:
    """A complete PIN, ended by # or by the keypad's own framing; decimal digits only, at most 16."""

    reader: int
    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DoorPosition:
    """DPS of a door the device itself knows as a door."""

    door: int
    state: Contact


@dataclass(frozen=True, slots=True)
class RequestToExit:
    """The exit button of a door the device itself knows as a door; active while pressed."""

    door: int
    active: bool = True


@dataclass(frozen=True, slots=True)
class InputChanged:
    """A general input of an I/O board; wiring says whether it is a DPS, an exit button, a pass contact or the fire line."""

    input: int
    state: Contact


@dataclass(frozen=True, slots=True)
class Passed:
    """A turnstile's pass contact: one person went through. `inward` is the device's own sense of direction."""

    door: int
    inward: bool


@dataclass(frozen=True, slots=True)
class Tamper:
    """A cover or wall switch of the device, or of one of its readers (0 = the device itself)."""

    reader: int
    active: bool


@dataclass(frozen=True, slots=True)
class Power:
    """The device's own report on its supply."""

    ok: bool


@dataclass(frozen=True, slots=True)
class Motion:
    """Something moves in a camera's picture, by the camera's own judgement: a hint to look, never a reason to drive a lock."""

    active: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The line to the device went down. Said once; every contact and lock behind it is unknown from here on."""

    why: str


@dataclass(frozen=True, slots=True)
class Back:
    """The line is up (also said at the first connection). Nothing was sent to the device yet."""


@dataclass(frozen=True, slots=True)
class ReaderLost:
    """One of several readers on a shared line fell silent; the others go on. Said once, and not at all where Lost says it of the line.

    A lock whose number is the reader's is this reader's own relay and fell silent with it; its inputs are told as UNKNOWN.
    """

    reader: int
    why: str


@dataclass(frozen=True, slots=True)
class ReaderBack:
    """That reader answers again. Nothing was sent to it yet; what it shows of its inputs follows."""

    reader: int


class LoggedKind(StrEnum):
    """What a controller with a memory of its own recorded."""

    CARD_PASSED = "card_passed"
    CARD_REFUSED = "card_refused"
    EXIT_BUTTON = "exit_button"
    OPENED = "opened"
    CLOSED = "closed"
    FORCED = "forced"
    HELD = "held"
    FIRE = "fire"
    REMOTE_OPENED = "remote_opened"  # by somebody else than this driver
    SUPERVISOR_CODE = "supervisor_code"
    RESTARTED = "restarted"
    LOST = "lost"  # the controller wrote over `count` events before they could be fetched
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Logged:
    """What a controller recorded or decided by itself, fetched from its memory in its order, exactly once. Never a reason to drive a lock.

    `late`: it happened while nobody asked; otherwise just now. `at` is the controller's own local time, without zone (time_source:
    controller). `door` and `reader` are 0, and `bits` and `value` 0, where they do not apply.
    """

    index: int
    what: LoggedKind
    door: int
    at: datetime | None
    late: bool
    reader: int = 0
    bits: int = 0
    value: int = field(default=0, repr=False)
    count: int = 1


Reading = (
    CardRead
    | CardMisread
    | CodeRead
    | PinEntered
    | DoorPosition
    | RequestToExit
    | InputChanged
    | Passed
    | Tamper
    | Power
    | Motion
    | Lost
    | Back
    | ReaderLost
    | ReaderBack
    | Logged
)
