"""What a stored event means: pure. The reason decides; door and button events use the card field for other numbers.

Reasons, as the boards' own software lists them: 1 card passed; 5 to 18 card refused, 5 being "ask the PC"; 20 button; 23/24 door opened and
closed; 25 supervisor code; 28/29 power on and reset; 31 to 34 button refused; 37 held; 38 forced; 39 fire; 44/45 opened remotely.
"""

from __future__ import annotations

from typing import Literal

from drivers.door.uhppote.wire import Stored
from drivers.readings import CardRead, Contact, DoorPosition, Logged, LoggedKind, Reading, RequestToExit

Notation = Literal["wg26", "wg34"]

PASSED = 1
ASK_THE_PC = 5
RESTARTED = frozenset({28, 29})

# A refusal by the board's table, schedule or mode can be overruled by our roster, which may know more (a visitor of an hour ago). A wrong
# PIN (7), passback (8) or a missing second card (9, 10) is about how it was presented, and is only recorded.
ASK_AGAIN = frozenset({ASK_THE_PC, 6, 11, 13, 15, 18})
CARD_REFUSED = ASK_AGAIN | {7, 8, 9, 10, 12, 14, 16, 17}
BUTTON = frozenset({20, 31, 32, 33, 34})  # a refused button is still a person who wants out

RECORDED = {
    25: LoggedKind.SUPERVISOR_CODE,
    28: LoggedKind.RESTARTED,
    29: LoggedKind.RESTARTED,
    37: LoggedKind.HELD,
    38: LoggedKind.FORCED,
    39: LoggedKind.FIRE,
    44: LoggedKind.REMOTE_OPENED,
    45: LoggedKind.REMOTE_OPENED,
}


def meaning(event: Stored, *, fresh: bool, notation: Notation) -> Reading:
    """The one reading an event becomes. What is not fresh is only recorded: nobody stands at the door any more."""
    if event.reason == PASSED or event.reason in CARD_REFUSED:
        return _card(event, fresh, notation)
    if event.reason in BUTTON:
        return RequestToExit(event.door) if fresh else _logged(event, LoggedKind.EXIT_BUTTON, late=True)
    if event.reason in (23, 24):
        if fresh:
            return DoorPosition(event.door, Contact.OPEN if event.reason == 23 else Contact.CLOSED)
        return _logged(event, LoggedKind.OPENED if event.reason == 23 else LoggedKind.CLOSED, late=True)
    return _logged(event, RECORDED.get(event.reason, LoggedKind.OTHER), late=not fresh)


def lost(first: int, count: int) -> Logged:
    """The board wrote over events before they could be fetched."""
    return Logged(first, LoggedKind.LOST, door=0, at=None, late=True, count=count)


def reader_of(event: Stored) -> int:
    """Readers count 1, 2 for in and out of door 1, 3, 4 for door 2, and so on; 0 where the event names no door."""
    return 2 * event.door - (0 if event.direction == 2 else 1) if event.door else 0


def card_of(number: int, notation: Notation) -> tuple[int, int] | None:
    """(bits, value) of a number as the board writes it; None where it is no card of this notation."""
    if notation == "wg34":
        return 34, number
    facility, card = divmod(number, 100_000)
    return (26, facility << 16 | card) if facility <= 0xFF and card <= 0xFFFF else None


def number_of(bits: int, value: int, notation: Notation) -> int | None:
    """The number that the board writes for a card; None where it cannot hold it."""
    if notation == "wg34":
        return value if bits == 34 and 0 < value < 0xFFFFFFFF else None
    return (value >> 16) * 100_000 + (value & 0xFFFF) if bits == 26 and 0 < value < 1 << 24 else None


def _card(event: Stored, fresh: bool, notation: Notation) -> Reading:
    card = card_of(event.number, notation)
    passed = event.reason == PASSED
    if fresh and not passed and event.reason in ASK_AGAIN and card is not None:
        return CardRead(reader_of(event), *card)
    kind = LoggedKind.CARD_PASSED if passed else LoggedKind.CARD_REFUSED
    return _logged(event, kind, late=not fresh, card=card or (0, 0))


def _logged(event: Stored, kind: LoggedKind, *, late: bool, card: tuple[int, int] = (0, 0)) -> Logged:
    reader = reader_of(event) if kind in (LoggedKind.CARD_PASSED, LoggedKind.CARD_REFUSED) else 0
    return Logged(event.index, kind, event.door, event.at, late=late, reader=reader, bits=card[0], value=card[1])
