"""Finding boards: one broadcast on each network card, and every board on its segment answers with who it is."""

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
    search, asking = _Search(), list[asyncio.DatagramTransport]()
    request, why = bytes(encode.get_controller_request(wire.EVERY_BOARD)), "no network"
    try:
        for _, card in socket.if_nameindex():
            sock = _on_card(card)
            try:
                sock.sendto(request, broadcast)
            except OSError as error:  # a card without IPv4, or down
                sock.close()
                why = error.strerror or why
                continue
            asking.append((await loop.create_datagram_endpoint(lambda: search, sock=sock))[0])
        if not asking:
            raise LineLost(why)
        await asyncio.sleep(seconds)
    finally:
        for transport in asking:
            transport.close()
    return [search.found[serial] for serial in sorted(search.found)]


def _on_card(name: str) -> socket.socket:
    """A socket that broadcasts out of one network card; left to itself the kernel sends a broadcast along the default route only."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")  # needs no privilege since Linux 5.7
    sock.bind(("", 0))
    return sock


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
