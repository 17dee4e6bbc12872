"""The two UDP sockets towards one board: one asks, one listens.

The asking socket is connected, so that the kernel itself drops every datagram that does not come from the board's address and port, and
hands us the board's "port unreachable". The listening one checks the same by hand. What a listener hears is never believed: it only says
that it is time to fetch. Nothing here is authenticated; see the device page for what that means for the network.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from drivers.door.uhppote import wire
from drivers.errors import LineLost, NoAnswer

log = logging.getLogger(__name__)


class Asker(asyncio.DatagramProtocol):
    """Questions to one board, one at a time."""

    def __init__(self, serial: int, timeout_s: float) -> None:
        self._serial = serial
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._transport: asyncio.DatagramTransport | None = None
        self._function = 0
        self._answer: asyncio.Future[bytes] | None = None

    async def open(self, board: tuple[str, int]) -> str:
        """Connect; give our own address as the board sees it. Raises LineLost without a route."""
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=board, family=socket.AF_INET)
        except OSError as error:
            raise LineLost(error.strerror or "no route to the board") from error
        self._transport = transport
        ours: str = transport.get_extra_info("sockname")[0]
        return ours

    async def ask(self, request: bytes) -> Any:  # noqa: ANN401  # one of uhppoted's records, by the question
        """Send one question and wait for its reply. Raises NoAnswer after the time-out, LineLost when closed, Garbled."""
        async with self._turn:
            transport = self._transport
            if transport is None:
                raise LineLost("closed")
            self._function = request[1]
            self._answer = asyncio.get_running_loop().create_future()
            transport.sendto(bytes(request))
            try:
                async with asyncio.timeout(self._timeout_s):
                    packet = await self._answer
            except TimeoutError as error:
                raise NoAnswer("the board does not answer") from error
            finally:
                self._answer = None
        return wire.read_reply(packet)

    def tell(self, request: bytes) -> None:
        """Send without waiting for the reply: the last word before leaving."""
        if self._transport is not None:
            self._transport.sendto(bytes(request))

    def close(self) -> None:
        """Give the socket back; a waiting question ends with LineLost."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self._fail(LineLost("closed"))

    def datagram_received(self, data: bytes, _addr: tuple[str | Any, int]) -> None:
        """Take the reply that is waited for; drop every other datagram."""
        if self._answer is not None and not self._answer.done() and wire.is_reply(data, self._function, self._serial):
            self._answer.set_result(data)

    def error_received(self, _exc: Exception) -> None:
        """The kernel's word that nobody is there: no need to wait for the time-out."""
        self._fail(NoAnswer("nobody at the board's address"))

    def _fail(self, error: LineLost | NoAnswer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


class Listener(asyncio.DatagramProtocol):
    """Where the board's events arrive. `refused` counts the datagrams that were not the board's."""

    def __init__(self, board: tuple[str, int], serial: int, hint: Callable[[], None]) -> None:
        self._board = board
        self._serial = serial
        self._hint = hint
        self._transport: asyncio.DatagramTransport | None = None
        self.refused = 0

    async def open(self, host: str, port: int) -> int:
        """Bind; give the port. Raises LineLost when another program has it."""
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port), family=socket.AF_INET)
        except OSError as error:
            raise LineLost(f"cannot listen on port {port}: {error.strerror}") from error
        self._transport = transport
        bound: int = transport.get_extra_info("sockname")[1]
        return bound

    def close(self) -> None:
        """Give the socket back."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Wake whoever fetches, if the datagram can be the board's. Forgeries are counted, and told at the first of each life."""
        if tuple(addr[:2]) == self._board and wire.is_event(data, self._serial):
            self._hint()
            return
        self.refused += 1
        if self.refused == 1:
            log.warning("board %d: refused an event that is not the board's, from %s", self._serial, addr[0])
