"""The 64-byte packets of UT0311-L0x boards: what is asked and what may answer.

    0     1         4..7             8..63
    17    function  serial (LE u32)  fields; dates and times in BCD; 19 instead of 17 in events of firmware 6.62

Packing and unpacking are uhppoted's; here is what it leaves to its caller: a reply counts only if its length, first byte, function and
serial number are those of the question, and a stored event is a value of ours with the card number kept out of every repr.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from uhppoted import codec, decode, structs

from drivers.errors import Garbled

SIZE = 64
PORT = 60000  # fixed in the firmware
EVERY_BOARD = 0  # the serial number that a search asks for
OVERWRITTEN = 0xFF  # the type of an event whose place in the ring was used again
NO_EVENT = 0  # its type when there is none at that index
OLDEST = 0  # the index that stands for the oldest event kept
NEVER, ALWAYS = 0, 1  # what a card may do at a door; 2 to 254 is a time profile
NO_CARD = 0  # the number in a slot beyond the last card
DELETED_CARD = 0xFFFFFFFF  # the number in a slot whose card was deleted

DECODERS: dict[int, Callable[[bytes], Any]] = {
    codec.GET_CONTROLLER: decode.get_controller_response,
    codec.GET_STATUS: decode.get_status_response,
    codec.SET_TIME: decode.set_time_response,
    codec.OPEN_DOOR: decode.open_door_response,
    codec.GET_DOOR: decode.get_door_control_response,
    codec.SET_DOOR: decode.set_door_control_response,
    codec.GET_LISTENER: decode.get_listener_response,
    codec.SET_LISTENER: decode.set_listener_response,
    codec.RECORD_SPECIAL_EVENTS: decode.record_special_events_response,
    codec.SET_PC_CONTROL: decode.set_pc_control_response,
    codec.GET_EVENT: decode.get_event_response,
    codec.GET_CARDS: decode.get_cards_response,
    codec.GET_CARD_AT_INDEX: decode.get_card_by_index_response,
    codec.PUT_CARD: decode.put_card_response,
    codec.DELETE_CARD: decode.delete_card_response,
}
"""Function code -> uhppoted's decoder of its reply."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One event as the board keeps it. `at` is the board's own local time, without zone; None where it has none."""

    index: int
    kind: int
    granted: bool
    door: int
    direction: int
    number: int = field(repr=False)
    at: datetime | None
    reason: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of the board's card table: its printed number, dates inclusive, and the doors (1..4) it opens at any hour.

    `profiles`: the doors that it opens at the hours of a time profile, which other software has left there; we write none.
    """

    number: int = field(repr=False)
    valid_from: date
    valid_until: date
    doors: frozenset[int]
    profiles: frozenset[int] = frozenset()


def serial_of(packet: bytes) -> int:
    """The serial number that a packet claims. `packet` has at least 8 bytes."""
    serial: int = struct.unpack_from("<L", packet, 4)[0]
    return serial


def is_reply(packet: bytes, function: int, serial: int) -> bool:
    """Whether a packet can be the answer to `function` from the board `serial` (any board for EVERY_BOARD)."""
    shape = len(packet) == SIZE and packet[0] == codec.SOM and packet[1] == function
    return shape and serial in (EVERY_BOARD, serial_of(packet))


def is_event(packet: bytes, serial: int) -> bool:
    """Whether a packet that came by itself is an event of the board `serial`."""
    shape = len(packet) == SIZE and packet[0] in (codec.SOM, codec.SOM_v6_62) and packet[1] == codec.LISTEN_EVENT
    return shape and serial_of(packet) == serial


def read_reply(packet: bytes) -> Any:  # noqa: ANN401  # one of uhppoted's fifteen records, which it does not type
    """Uhppoted's record of a reply. Raises Garbled for what is not one."""
    if len(packet) != SIZE or packet[1] not in DECODERS:
        raise Garbled("not a reply of a UHPPOTE board")
    try:
        return DECODERS[packet[1]](packet)
    except (ValueError, struct.error) as error:
        raise Garbled("a reply of a UHPPOTE board that does not decode") from error


def stored(reply: structs.GetEventResponse) -> Stored:
    """The event in a get-event reply."""
    return Stored(
        reply.index,
        reply.event_type,
        reply.access_granted,
        reply.door,
        reply.direction,
        reply.card,
        reply.timestamp,
        reply.reason,
    )


def slot(reply: structs.GetCardByIndexResponse) -> Slot | None:
    """The card in a get-card-by-index reply; None for an empty or deleted slot."""
    if reply.card_number in (NO_CARD, DELETED_CARD):
        return None
    given = dict(enumerate((reply.door_1, reply.door_2, reply.door_3, reply.door_4), 1))
    doors = frozenset(door for door, how in given.items() if how == ALWAYS)
    profiles = frozenset(door for door, how in given.items() if how not in (NEVER, ALWAYS))
    return Slot(reply.card_number, reply.start_date or date.min, reply.end_date or date.max, doors, profiles)
