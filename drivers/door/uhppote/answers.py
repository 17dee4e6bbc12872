"""What a simulated board answers, packed by the layout that uhppoted decodes."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from datetime import date, datetime

from uhppoted import codec

from drivers.door.uhppote.device import Device
from drivers.door.uhppote.wire import DELETED_CARD, SIZE, Slot, Stored

Fields = list[tuple[int, bytes]]


def pack(function: int, serial: int, fields: Fields) -> bytes:
    """A whole packet of (offset, bytes)."""
    packet = bytearray(SIZE)
    packet[0], packet[1] = codec.SOM, function
    struct.pack_into("<L", packet, 4, serial)
    for offset, value in fields:
        packet[offset : offset + len(value)] = value
    return bytes(packet)


def status(board: Device) -> Fields:
    """Offset 8 on, in a status reply and in an event alike."""
    at = board.wall()
    flags = [door in board.doors and board.doors[door].is_open for door in (1, 2, 3, 4)]
    buttons = [door in board.doors and board.doors[door].pressed for door in (1, 2, 3, 4)]
    relays = sum(1 << door - 1 for door in board.doors if board.released(door))
    fields = [
        (28, bytes(flags)),
        (32, bytes(buttons)),
        (37, _bcd(f"{at:%H%M%S}")),
        (49, bytes((relays, int(board.fire)))),
        (51, _bcd(f"{at:%y%m%d}")),
    ]
    return [(8, _event_fields(board.events[-1])), *fields] if board.events else fields


def _bcd(digits: str) -> bytes:
    return bytes.fromhex(digits)


def _u32(packet: bytes, offset: int) -> int:
    value: int = struct.unpack_from("<L", packet, offset)[0]
    return value


def _day(packet: bytes, offset: int) -> date:
    return datetime.strptime(packet[offset : offset + 4].hex(), "%Y%m%d").date()  # noqa: DTZ007  # a board has no zone


def _event_fields(event: Stored) -> bytes:
    at = _bcd(f"{event.at:%Y%m%d%H%M%S}") if event.at is not None else bytes(7)
    head = struct.pack("<LBBBBL", event.index, event.kind, event.granted, event.door, event.direction, event.number)
    return head + at + bytes((event.reason,))


def _slot_fields(slot: Slot) -> Fields:
    doors = bytes(int(door in slot.doors) for door in (1, 2, 3, 4))
    days = _bcd(f"{slot.valid_from:%Y%m%d}") + _bcd(f"{slot.valid_until:%Y%m%d}")
    return [(8, struct.pack("<L", slot.number) + days + doors)]


def _who(_board: Device, _: bytes) -> Fields:
    addresses = ipaddress.IPv4Address("127.0.0.1").packed + ipaddress.IPv4Address("255.0.0.0").packed + bytes(4)
    return [(8, addresses + bytes.fromhex("001223344556") + bytes.fromhex("0892") + _bcd("20181105"))]


def _get_status(board: Device, _: bytes) -> Fields:
    return status(board)


def _set_time(board: Device, packet: bytes) -> Fields:
    board.set_wall(datetime.strptime(packet[8:15].hex(), "%Y%m%d%H%M%S"))  # noqa: DTZ007  # a board has no zone
    return _get_time(board, packet)


def _get_time(board: Device, _: bytes) -> Fields:
    return [(8, _bcd(f"{board.wall():%Y%m%d%H%M%S}"))]


def _open_door(board: Device, packet: bytes) -> Fields:
    return [(8, bytes((board.open_remotely(packet[8]),)))]


def _get_door(board: Device, packet: bytes) -> Fields:
    door = board.doors[packet[8]]
    return [(8, bytes((packet[8], door.mode, door.seconds)))]


def _set_door(board: Device, packet: bytes) -> Fields:
    board.control(packet[8], packet[9], packet[10])
    return _get_door(board, packet)


def _record_special(board: Device, packet: bytes) -> Fields:
    board.records_doors = bool(packet[8])
    return [(8, b"\1")]


def _set_pc_control(board: Device, packet: bytes) -> Fields:
    board.pc_control = bool(packet[12])
    return [(8, b"\1")]


def _get_event(board: Device, packet: bytes) -> Fields:
    event = board.event(_u32(packet, 8))
    return [(8, _event_fields(event))] if event is not None else []


def _get_cards(board: Device, _: bytes) -> Fields:
    return [(8, struct.pack("<L", sum(slot is not None for slot in board.cards)))]


def _get_card_at(board: Device, packet: bytes) -> Fields:
    index = _u32(packet, 8)
    if not 1 <= index <= len(board.cards):
        return []
    slot = board.cards[index - 1]
    return _slot_fields(slot) if slot is not None else [(8, struct.pack("<L", DELETED_CARD))]


def _get_card(board: Device, packet: bytes) -> Fields:
    found = (slot for slot in board.cards if slot is not None and slot.number == _u32(packet, 8))
    return next((_slot_fields(slot) for slot in found), [])


def _put_card(board: Device, packet: bytes) -> Fields:
    doors = frozenset(door for door in (1, 2, 3, 4) if packet[19 + door])
    return [(8, bytes((board.put(Slot(_u32(packet, 8), _day(packet, 12), _day(packet, 16), doors)),)))]


def _delete_card(board: Device, packet: bytes) -> Fields:
    return [(8, bytes((board.delete(_u32(packet, 8)),)))]


ANSWERS: dict[int, Callable[[Device, bytes], Fields]] = {
    codec.GET_CONTROLLER: _who,
    codec.GET_STATUS: _get_status,
    codec.SET_TIME: _set_time,
    codec.GET_TIME: _get_time,
    codec.OPEN_DOOR: _open_door,
    codec.GET_DOOR: _get_door,
    codec.SET_DOOR: _set_door,
    codec.RECORD_SPECIAL_EVENTS: _record_special,
    codec.SET_PC_CONTROL: _set_pc_control,
    codec.GET_EVENT: _get_event,
    codec.GET_CARDS: _get_cards,
    codec.GET_CARD_AT_INDEX: _get_card_at,
    codec.GET_CARD: _get_card,
    codec.PUT_CARD: _put_card,
    codec.DELETE_CARD: _delete_card,
}
"""Function code -> what the board puts into its reply, as (offset, bytes)."""
