"""Just enough of an HTTP server for SOAP: one request a connection, on loopback, with digest authentication."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

HEAD_AT_MOST = 16_384
BODY_AT_MOST = 1 << 20
REALM = "simulated"
PATIENCE_S = 10.0  # for the rest of a request


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/soap+xml; charset=utf-8"

    def to_bytes(self) -> bytes:
        """As it goes over the wire."""
        lines = [
            f"HTTP/1.1 {self.status} .",
            *([f"Content-Type: {self.content_type}"] if self.content_type else []),
            f"Content-Length: {len(self.body)}",
            "Connection: close",
        ]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in self.headers), "", ""]).encode() + self.body


Answer = Callable[[Request], Awaitable[Reply | bytes]]

TURNS = 3
"""Of the loop, until a connection that was accepted is known to us: its transport is made, tells us, and one more."""


async def shut(server: asyncio.Server) -> None:
    """Close a server: CPython 3.11 forgets a connection accepted and not made yet when that happens, so accept no more first."""
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    server.close()


class Server:
    """Listens on 127.0.0.1; `stop` cuts every connection, as a camera does that loses its power."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen, on any free port if none is given."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port, limit=HEAD_AT_MOST)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on and reset those that are open."""
        if self._server is not None:
            server, self._server = self._server, None
            await shut(server)
        for task, writer in list(self._open.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="one request")
        self._open[task] = writer
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                request = await _read(reader)
            if request is not None:
                reply = await self._answer(request)
                writer.write(reply if isinstance(reply, bytes) else reply.to_bytes())
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the client went away
        finally:
            writer.close()


class Digest:
    """HTTP digest authentication (RFC 7616, MD5), as cameras have it. `qop`: auth, or auth-int as some few."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._secret = hashlib.md5(f"{user}:{REALM}:{password}".encode()).hexdigest()  # noqa: S324  # the standard's own
        self._nonces: set[str] = set()
        self.qop = "auth"

    def challenge(self) -> tuple[str, str]:
        """The header that asks for it."""
        nonce = secrets.token_hex(8)
        self._nonces.add(nonce)
        return "WWW-Authenticate", f'Digest realm="{REALM}", nonce="{nonce}", qop="{self.qop}", algorithm=MD5'

    def accepts(self, request: Request) -> bool:
        """Whether the request's Authorization is right."""
        given = request.headers.get("authorization", "")
        word = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', given)}
        if not given.startswith("Digest ") or word.get("nonce") not in self._nonces or word.get("username") != self._user:
            return False
        whole = f":{hashlib.md5(request.body).hexdigest()}" if self.qop == "auth-int" else ""  # noqa: S324  # the standard's own
        where = hashlib.md5(f"{request.method}:{request.path}{whole}".encode()).hexdigest()  # noqa: S324  # as above
        parts = (
            self._secret,
            word["nonce"],
            word.get("nc", ""),
            word.get("cnonce", ""),
            self.qop if word.get("qop") == self.qop else "",
            where,
        )
        return hmac.compare_digest(hashlib.md5(":".join(parts).encode()).hexdigest(), word.get("response", ""))  # noqa: S324  # as above


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= BODY_AT_MOST:
        return None
    return Request(method, path, headers, await reader.readexactly(length))
