"""UDP towards one board: questions from sockets of their own, and one socket that listens.

Only its function and serial number tie a reply to a question, so each question is asked from a port of its own: a reply that comes twice,
or after its time, reaches nobody. The asking socket is connected: the kernel itself drops every datagram that does not come from the
board's address and port, and hands us the board's "port unreachable". What a listener hears is never believed: it only says that it is
time to fetch. Nothing here is authenticated; see the device page for what that means for the network.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from drivers.door.uhppote import wire
from drivers.errors import LineLost, NoAnswer

log = logging.getLogger(__name__)


class Asker:
    """Questions to one board, one at a time."""

    def __init__(self, serial: int, timeout_s: float) -> None:
        self._serial = serial
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._board: tuple[str, int] | None = None
        self._question: _Question | None = None

    async def open(self, board: tuple[str, int]) -> str:
        """Find the way; give our own address as the board sees it. Raises LineLost without a route."""
        transport, _ = await self._connect(board)
        ours: str = transport.get_extra_info("sockname")[0]
        transport.close()
        self._board = board
        return ours

    async def ask(self, request: bytes, *, tries: int = 2) -> Any:  # noqa: ANN401  # one of uhppoted's records, by the question
        """Send one question and wait for its reply, up to `tries` times. Raises NoAnswer after as many time-outs, LineLost, Garbled."""
        async with self._turn:
            for last in range(tries - 1, -1, -1):
                try:
                    return wire.read_reply(await self._once(request))
                except NoAnswer:
                    if not last:
                        raise
        raise ValueError(f"{tries} tries, 1 or more expected")

    def tell(self, requests: Sequence[bytes]) -> None:
        """Send without waiting for replies: the last words before leaving, in their order."""
        if self._board is not None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                for request in requests:
                    out.sendto(request, self._board)

    def close(self) -> None:
        """Ask nothing any more; a waiting question ends with LineLost."""
        self._board = None
        if self._question is not None:
            self._question.fail(LineLost("closed"))

    async def _once(self, request: bytes) -> bytes:
        if self._board is None:
            raise LineLost("closed")
        transport, question = await self._connect(self._board, request[1])
        self._question = question
        try:
            transport.sendto(bytes(request))
            async with asyncio.timeout(self._timeout_s):
                return await question.answer
        except TimeoutError as error:
            raise NoAnswer("the board does not answer") from error
        finally:
            self._question = None
            transport.close()

    async def _connect(self, board: tuple[str, int], function: int = 0) -> tuple[asyncio.DatagramTransport, _Question]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_datagram_endpoint(lambda: _Question(self._serial, function), remote_addr=board, family=socket.AF_INET)
        except OSError as error:
            raise LineLost(error.strerror or "no route to the board") from error


class _Question(asyncio.DatagramProtocol):
    """One question's socket: the first datagram that can be its reply, or the kernel's word that nobody is there."""

    def __init__(self, serial: int, function: int) -> None:
        self._serial, self._function = serial, function
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _addr: tuple[str | Any, int]) -> None:
        """Take the reply that is waited for; drop every other datagram."""
        if not self.answer.done() and wire.is_reply(data, self._function, self._serial):
            self.answer.set_result(data)

    def error_received(self, _exc: Exception) -> None:
        """The kernel's word that nobody is there: no need to wait for the time-out."""
        self.fail(NoAnswer("nobody at the board's address"))

    def fail(self, error: LineLost | NoAnswer) -> None:
        """End the wait."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # whether or not somebody still waits


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
        """Wake whoever fetches, if the datagram can be the board's. Forgeries are counted, and told at the first of each life.

        The port is not looked at: a router, and some boards, send events from another one than they answer from.
        """
        if addr[0] == self._board[0] and wire.is_event(data, self._serial):
            self._hint()
            return
        self.refused += 1
        if self.refused == 1:
            log.warning("board %d: refused an event that is not the board's, from %s", self._serial, addr[0])
