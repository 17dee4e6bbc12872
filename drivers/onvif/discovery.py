"""Who is there: a WS-Discovery Probe and what answers it.

Anybody on the network can answer, with anything. An answer is no more than a hint where to ask; who a device is says the device itself, to
somebody who signs in.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from drivers.errors import Garbled, Refused
from drivers.onvif.device import library

GROUP, PORT = "239.255.255.250", 3702
MOST = 256  # devices; a dormitory has twenty cameras
LONGEST = 16_384  # bytes of one answer; real ones have 1,500 to 4,000
WORD = 64  # characters of a name
TRIES = 2  # a multicast packet may be lost

PROBE = (
    '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header><w:MessageID>{id}</w:MessageID>'
    "<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
    "<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>"
    "<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"
)


@dataclass(frozen=True, slots=True)
class Found:
    """Something that answered: from `host`, which the network says, all else in its own words."""

    host: str
    port: int
    endpoint: str
    name: str
    hardware: str


async def discover(seconds: float = 3.0, *, interfaces: Iterable[int] | None = None) -> list[Found]:
    """Ask on every interface (or those with these indices) and listen for so long. By host; each endpoint once.

    Raises Refused where the library is missing. Interfaces without multicast are passed over.
    """
    await library()
    loop = asyncio.get_running_loop()
    heard = _Heard()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("", 0))
    transport, _ = await loop.create_datagram_endpoint(lambda: heard, sock=sock)
    try:
        for _ in range(TRIES):
            for index in interfaces if interfaces is not None else [index for index, _ in socket.if_nameindex()]:
                _ask(sock, index, f"urn:uuid:{uuid.uuid4()}")
            await asyncio.sleep(seconds / TRIES)
    finally:
        transport.close()
    return sorted(heard.found.values(), key=lambda one: (one.host, one.port))


def parse(data: bytes, host: str) -> list[Found]:
    """The devices in one answer that came from `host`. Raises Garbled."""
    from drivers.onvif import xml

    if len(data) > LONGEST:
        raise Garbled("an answer that is too long")
    root, found = xml.parse(data), []
    for match in (element for element in root.iter() if xml.local(element) == "ProbeMatch"):
        scopes = xml.text(match, "Scopes").split()
        ports = [port for address in xml.text(match, "XAddrs").split() if (port := _port(address))]
        if ports:
            found.append(Found(host, ports[0], xml.text(match, "Address")[:WORD], _scope(scopes, "name"), _scope(scopes, "hardware")))
    return found[:MOST]


class _Heard(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Found] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            for one in parse(data, addr[0]):
                if len(self.found) < MOST:
                    self.found.setdefault((one.host, one.endpoint), one)
        except (Garbled, Refused):
            return

    def error_received(self, exc: Exception) -> None:
        """An interface went away: the others still answer."""


def _ask(sock: socket.socket, index: int, message_id: str) -> None:
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", b"\0" * 4, b"\0" * 4, index))
        sock.sendto(PROBE.format(id=message_id).encode(), (GROUP, PORT))
    except OSError:
        return  # no IPv4, no multicast, or down


def _port(address: str) -> int:
    """The port of an address. The host in it is not believed: devices with two networks name the wrong one, and others may lie."""
    try:
        parts = urlsplit(address)
        port = parts.port or 80
    except ValueError:
        return 0
    return port if parts.scheme == "http" and parts.hostname else 0


def _scope(scopes: list[str], word: str) -> str:
    """The last part of onvif://www.onvif.org/WORD/..., without control characters."""
    head = f"onvif://www.onvif.org/{word}/"
    told = next((unquote(scope[len(head) :]) for scope in scopes if scope.startswith(head)), "")
    return "".join(sign for sign in told[:WORD] if sign.isprintable())
