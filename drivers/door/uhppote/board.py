"""The questions to one board, by name. Each raises NoAnswer, LineLost, Garbled; Refused where the board says no."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime

from uhppoted import encode, structs

from drivers.contract import BoardCard, CardSync
from drivers.door.uhppote import wire
from drivers.door.uhppote.cards import plan
from drivers.door.uhppote.endpoint import Asker
from drivers.door.uhppote.meaning import Notation
from drivers.door.uhppote.wire import Slot, Stored
from drivers.errors import Garbled, Refused

NORMALLY_OPEN, NORMALLY_CLOSED, CONTROLLED = 1, 2, 3  # door modes
REFUSED_AT_MOST = 20  # cards that a board does not take, one after the other: its table is full, and each further one costs 10 ms


class Board:
    """One board behind an open Asker."""

    def __init__(self, asker: Asker, serial: int) -> None:
        self._ask = asker.ask
        self._serial = serial

    async def status(self, *, tries: int = 2) -> structs.GetStatusResponse:
        """Contacts, buttons, inputs, relays, clock and the newest event's index."""
        return await self._ask(encode.get_status_request(self._serial), tries=tries)

    async def identify(self) -> structs.GetControllerResponse:
        """Firmware and addresses."""
        return await self._ask(encode.get_controller_request(self._serial))

    async def listener(self) -> tuple[str, int]:
        """Who is told of events; 0.0.0.0 for nobody."""
        reply = await self._ask(encode.get_listener_request(self._serial))
        return str(reply.address), reply.port

    async def listen_at(self, host: str, port: int) -> None:
        """Tell events to us from now on, each once (interval 0: no repeated status)."""
        reply = await self._ask(encode.set_listener_request(self._serial, ipaddress.IPv4Address(host), port, 0))
        _must(reply.ok, "the listener")

    async def record_everything(self) -> None:
        """Make the board record door contacts and buttons, which it does not by itself."""
        reply = await self._ask(encode.record_special_events_request(self._serial, True))
        _must(reply.updated, "recording door events")

    async def set_time(self, at: datetime) -> None:
        """Set the board's clock to a local time."""
        await self._ask(encode.set_time_request(self._serial, at))

    async def pc_control(self, on: bool) -> None:
        """Ask to be asked, or not."""
        reply = await self._ask(encode.set_pc_control_request(self._serial, on))
        _must(reply.ok, "PC control")

    async def door(self, door: int) -> tuple[int, int]:
        """(mode, seconds of a release)."""
        reply = await self._ask(encode.get_door_control_request(self._serial, door))
        return reply.mode, reply.delay

    async def set_door(self, door: int, mode: int, seconds: int) -> None:
        """Set the mode and the seconds of a release."""
        reply = await self._ask(encode.set_door_control_request(self._serial, door, mode, seconds))
        _must((reply.mode, reply.delay) == (mode, seconds), f"the mode of door {door}")

    async def open_door(self, door: int) -> None:
        """Release once for the set seconds; the board times it. Asked once: whoever asks again must know that it is not too late."""
        reply = await self._ask(encode.open_door_request(self._serial, door), tries=1)
        _must(reply.opened, f"opening door {door}")

    async def event(self, index: int) -> Stored | None:
        """One stored event; None where the board says that it has none at that index. Raises Garbled for an event of another index."""
        event = wire.stored(await self._ask(encode.get_event_request(self._serial, index)))
        if event.kind == wire.NO_EVENT or not event.index:
            return None
        if event.kind != wire.OVERWRITTEN and index not in (event.index, wire.OLDEST):
            raise Garbled(f"event {event.index} instead of {index}")
        return event

    async def cards(self) -> dict[int, Slot]:
        """The whole table by number. Deleted cards leave holes, so the count alone does not tell where it ends."""
        found: dict[int, Slot] = {}
        expected: int = (await self._ask(encode.get_cards_request(self._serial))).cards
        index = 1
        while len(found) < expected:
            reply = await self._ask(encode.get_card_by_index_request(self._serial, index))
            if reply.card_number == wire.NO_CARD:
                break
            if (slot := wire.slot(reply)) is not None:
                found[slot.number] = slot
            index += 1
        return found

    async def sync_cards(self, wanted: Iterable[BoardCard], notation: Notation) -> CardSync:
        """Make the table hold exactly `wanted`, changing only what differs. A card that is not taken is counted, not raised."""
        todo = plan(wanted, await self.cards(), notation)
        for number in todo.delete:
            await self._ask(encode.delete_card_request(self._serial, number))
        put = refused = 0
        for slot in todo.put:
            doors = [int(door in slot.doors) for door in (1, 2, 3, 4)]
            request = encode.put_card_request(self._serial, slot.number, slot.valid_from, slot.valid_until, *doors, 0)
            stored = (await self._ask(request)).stored
            put, refused = (put + 1, 0) if stored else (put, refused + 1)
            if refused == REFUSED_AT_MOST:
                break
        return CardSync(put, len(todo.delete), todo.unchanged, todo.left_out, len(todo.put) - put)


def _must(done: bool, what: str) -> None:
    if not done:
        raise Refused(f"the board refuses {what}")
