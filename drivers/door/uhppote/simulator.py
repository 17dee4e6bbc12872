"""A board that is not there, behind a UDP socket on loopback.

It does what a UT0311 does as far as a driver can tell, the awkward parts included: it tells one listener, events may be lost or overtake
each other, door events appear only when asked for, the card field of a door event holds a number that is no card, its memory is a ring, and
under PC control it waits for the PC until that has been silent for 30 s.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from uhppoted import codec

from drivers.door.uhppote.answers import ANSWERS, Fields, pack, status
from drivers.door.uhppote.device import RING, Device
from drivers.door.uhppote.options import Options
from drivers.door.uhppote.wire import SIZE, serial_of

OTHER_PROGRAM = ("127.0.0.9", 60_055)


@dataclass(slots=True)
class Weather:
    """What the network does to the board's events and replies."""

    silent: bool = False  # neither hears nor speaks: its cable is pulled
    frozen: bool = False  # stands still until `Simulator.thaw`, and carries out then what it was asked meanwhile
    unheard: list[tuple[bytes, tuple[str | Any, int]]] = field(default_factory=list)
    lose_events: bool = False
    hold_events: bool = False  # kept back until `Simulator.let_go`, newest first
    lose_next_requests: int = 0
    held: list[bytes] = field(default_factory=list)
    replies_twice: bool = False
    events_port: bool = False  # events come from another port than answers
    taken: bool = False  # another program has the board tell it, whoever else asks for that


class Simulator(Device, asyncio.DatagramProtocol):
    """One board on the network. `await start()` gives its port on loopback; what happens at the gate is Device's.

    `requests` counts the questions by function code.
    """

    def __init__(self, options: Options, *, now: Callable[[], float] = time.monotonic, ring: int = RING) -> None:
        super().__init__(options, now=now, ring=ring)
        self.on_event = self._tell
        self.listener = ("0.0.0.0", 0)  # noqa: S104  # nobody
        self.weather = Weather()
        self.requests: dict[int, int] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, port: int = 0) -> int:
        """Answer on loopback; give the port."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", port), family=socket.AF_INET)
        self._transport = transport
        bound: int = transport.get_extra_info("sockname")[1]
        return bound

    def stop(self) -> None:
        """Close the socket: a board without power."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def let_go(self) -> None:
        """Deliver the events that were held back, newest first."""
        self.weather.hold_events = False
        held, self.weather.held = self.weather.held, []
        for packet in reversed(held):
            self._send_event(packet)

    def thaw(self) -> None:
        """Go on after `weather.frozen`, with what lies in its inbox first."""
        self.weather.frozen = False
        unheard, self.weather.unheard = self.weather.unheard, []
        for data, addr in unheard:
            self.datagram_received(data, addr)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one question; a board is deaf to what is not for it."""
        if self.weather.frozen:
            self.weather.unheard.append((data, addr))
            return
        if self.weather.silent or len(data) != SIZE or data[0] != codec.SOM or serial_of(data) not in (0, self.serial):
            return
        if self.weather.lose_next_requests:
            self.weather.lose_next_requests -= 1
            return
        function = data[1]
        self.requests[function] = self.requests.get(function, 0) + 1
        self.pc_spoke_at = self._now()
        fields = self._answer(function, data)
        if fields is not None and self._transport is not None:
            for _ in range(2 if self.weather.replies_twice else 1):
                self._transport.sendto(pack(function, self.serial, fields), addr)

    def _answer(self, function: int, packet: bytes) -> Fields | None:
        if function == codec.GET_LISTENER:
            host, port = self.listener
            return [(8, ipaddress.IPv4Address(host).packed + struct.pack("<H", port) + b"\0")]
        if function == codec.SET_LISTENER and self.weather.taken:
            self.listener = OTHER_PROGRAM
            return [(8, b"\1")]
        if function == codec.SET_LISTENER:
            self.listener = (str(ipaddress.IPv4Address(packet[8:12])), struct.unpack_from("<H", packet, 12)[0])
            return [(8, b"\1")]
        answer = ANSWERS.get(function)
        return None if answer is None else answer(self, packet)

    def _tell(self) -> None:
        packet = pack(codec.LISTEN_EVENT, self.serial, status(self))
        if self.weather.hold_events:
            self.weather.held.append(packet)
        elif not self.weather.lose_events:
            self._send_event(packet)

    def _send_event(self, packet: bytes) -> None:
        if self._transport is None or not self.listener[1] or self.weather.silent:
            return
        if self.weather.events_port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(packet, self.listener)
        else:
            self._transport.sendto(packet, self.listener)
