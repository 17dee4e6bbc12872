"""A TCP line to a serial device server or a board with Ethernet; and the other end, for simulators."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable

from drivers.errors import LineLost
from drivers.line.fd import FdLine, reason

DIAL_TIMEOUT_S = 5.0  # a switch's spanning tree answers later, but then the next attempt finds it

# Bytes that the device has not acknowledged for 3 s end the connection. Without this the kernel would keep an unlock through a pulled cable
# and deliver it minutes later; an unlock older than 3 s must never act.
UNACKNOWLEDGED_MS = 3000

# A silent reader is normal. Probes after 4 s of silence, then each 2 s, notice a box that lost its power within about 8 s.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 4), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 2))

TcpSocket = socket.socket


class TcpLine(FdLine):
    """An established connection."""

    def __init__(self, sock: TcpSocket, name: str) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        super().__init__(sock.fileno(), name, sock.close)
        self._sock = sock

    @staticmethod
    async def dial(host: str, port: int) -> TcpLine:
        """Connect. Raises LineLost after DIAL_TIMEOUT_S or at once when refused."""
        loop = asyncio.get_running_loop()
        name = f"tcp://{host}:{port}"
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                family, kind, protocol, _, address = found[0]
                sock = socket.socket(family, kind, protocol)
                sock.setblocking(False)
                try:
                    await loop.sock_connect(sock, address)
                except BaseException:
                    sock.close()
                    raise
        except TimeoutError as error:
            raise LineLost("no answer to the connection") from error
        except OSError as error:
            raise LineLost(reason(error)) from error
        return TcpLine(sock, name)

    def _fail(self, why: str) -> LineLost:
        """Close with a reset where the peer stopped reading: what it has not taken must not reach it later."""
        if why != "closed" and self._inbox.lost is None:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return super()._fail(why)


async def listen(serve: Callable[[TcpLine], Awaitable[None]], port: int = 0) -> tuple[int, asyncio.Task[None]]:
    """Wait on loopback as a simulated device server and serve each connection.

    Returns the port and the task that listens; cancelling the task closes the port and every connection.
    """
    server = socket.create_server(("127.0.0.1", port))
    server.setblocking(False)
    task = asyncio.create_task(_accept(server, serve))
    await asyncio.sleep(0)  # let it begin: a task cancelled before its first step would leave the port open
    return server.getsockname()[1], task


async def _accept(server: TcpSocket, serve: Callable[[TcpLine], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    with server:
        async with asyncio.TaskGroup() as group:
            while True:
                sock, _ = await loop.sock_accept(server)
                group.create_task(_converse(TcpLine(sock, "a client"), serve))


async def _converse(line: TcpLine, serve: Callable[[TcpLine], Awaitable[None]]) -> None:
    try:
        await serve(line)
    except LineLost:
        pass  # the client went away, as clients do
    finally:
        await line.close()
