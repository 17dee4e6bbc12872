"""Finding boards: one broadcast, and every board on the network segment answers with who it is."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from datetime import date
from typing import Any

from uhppoted import codec, encode

from drivers.door.uhppote import wire
from drivers.errors import Garbled, LineLost

FOUND_AT_MOST = 256  # a segment has one town's gate, not a town's; forged answers must not fill the memory


@dataclass(frozen=True, slots=True)
class Found:
    """A board that answered: where, and what it says of itself. `address` is where the answer came from."""

    serial: int
    address: str
    firmware: str
    built: date | None
    mac: str


async def discover(broadcast: tuple[str, int] = ("255.255.255.255", wire.PORT), *, seconds: float = 2.0) -> list[Found]:
    """Ask and collect for `seconds`, which a board on the same switch never needs; by serial number. Raises LineLost without a network."""
    loop = asyncio.get_running_loop()
    search = _Search()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: search, family=socket.AF_INET, allow_broadcast=True)
    except OSError as error:
        raise LineLost(error.strerror or "no network") from error
    try:
        transport.sendto(bytes(encode.get_controller_request(wire.EVERY_BOARD)), broadcast)
        await asyncio.sleep(seconds)
    finally:
        transport.close()
    return [search.found[serial] for serial in sorted(search.found)]


class _Search(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.found: dict[int, Found] = {}

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if len(self.found) >= FOUND_AT_MOST or not wire.is_reply(data, codec.GET_CONTROLLER, wire.EVERY_BOARD):
            return
        try:
            reply = wire.read_reply(data)
        except Garbled:
            return
        self.found[reply.controller] = Found(reply.controller, str(addr[0]), reply.version, reply.date, reply.mac_address)
