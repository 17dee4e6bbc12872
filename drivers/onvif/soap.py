"""Questions to one device, over onvif-zeep-async. The only file that imports it, and aiohttp, and zeep.

What is done here because the library leaves it open: every answer is bounded in time and size and looked at before zeep sees it; every
request has a connection of its own, which is reset when it is given up, so that no unlock waits in the kernel for a cable to come back;
redirects are not followed and no address from a device leads to another host; HTTP digest; nothing that was sent or received is logged.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import aiohttp.client_proto
import onvif.client
import onvif.definition
import onvif.settings
import onvif.zeep_aiohttp
import zeep.exceptions
from aiohttp.abc import AbstractCookieJar
from lxml import etree  # type: ignore[import-untyped]  # lxml has no types

from drivers.digest import Challenge, authorization, challenge
from drivers.errors import Garbled, LineLost, NoAnswer, Refused
from drivers.onvif import xml
from drivers.onvif.faults import NotAllowed
from drivers.onvif.options import Endpoint

if not inspect.iscoroutinefunction(getattr(onvif.client.ONVIFService, "setup", None)):
    raise ImportError("the package `onvif` belongs to another library than onvif-zeep-async")

# It logs a traceback for each value that is not what the WSDL promised; what cannot be read is told by us, once.
logging.getLogger("zeep").setLevel(logging.CRITICAL)

# The library lifts libxml2's own limits on depth and length; no camera needs that.
onvif.settings.DEFAULT_SETTINGS.xml_huge_tree = False

WSDL = Path(onvif.client.__file__).parent / "wsdl"
UNACKNOWLEDGED_MS = 3000  # as for any TCP line: an unlock older than 3 s must never act
CHUNK = 65_536
HEAD_ENDS, HEAD_AT_MOST = b"\r\n\r\n", 16_384  # bytes; cameras send 300
SAID_AT_MOST = 120  # characters of a fault's own words that are repeated

# What zeep makes of an answer that is not what the WSDL promised: it has no error of its own for most of it.
BAFFLED = (zeep.exceptions.Error, etree.LxmlError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)


class Soap:
    """One device's services. Made inside a running loop; `skew_s` is added to our clock in every signature."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._user = endpoint.username
        self._password = endpoint.password.get_secret_value()
        wants_digest = bool(self._user) and endpoint.auth != "wsse"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=8, socket_factory=_socket),  # a pull, a renewal and four doors at once
            middlewares=(_Digest(self._user, self._password),) if wants_digest else (),
            timeout=aiohttp.ClientTimeout(total=None),  # each question has its own
            cookie_jar=_no_cookies(),
            auto_decompress=False,
        )
        self._transport = _Transport(self._session)
        assert self._session.connector is not None
        # The connector takes no factory from outside.
        answers = partial(_Answers, asyncio.get_running_loop(), self._transport.meet)
        self._session.connector._factory = answers  # type: ignore[assignment]  # noqa: SLF001
        self._services: dict[tuple[str, str, float], onvif.client.ONVIFService] = {}
        self.skew_s = 0.0
        self.addresses: dict[str, str] = {}  # namespace -> where that service answers

    @property
    def http_skew_s(self) -> float | None:
        """How far the clock in the last answer's HTTP header is ahead of ours, in seconds; None where there was none."""
        return self._transport.http_skew_s

    def knows(self, service: str) -> bool:
        """Whether the device has this service."""
        return service == "devicemgmt" or onvif.definition.SERVICES[service]["ns"] in self.addresses

    async def call(
        self,
        service: str,
        operation: str,
        words: Mapping[str, object] | None = None,
        *,
        at: str | None = None,
        within_s: float | None = None,
        signed: bool = True,
        headers: Sequence[object] = (),
    ) -> Any:  # noqa: ANN401  # zeep's answers have the WSDL's types, not Python's
        """Ask one question in the words of the WSDL. `at`: the address of a subscription; `within_s`: another bound than the endpoint's.

        Raises LineLost, NoAnswer, NotAllowed, Refused, Garbled.
        """
        more: dict[str, object] = {"_soapheaders": list(headers)} if headers else {}
        made = await self._service(service, at)  # reads the WSDL the first time: that is our own time, not the device's
        signs = signed and self._user and self._endpoint.auth != "digest"
        client = made.ws_client if signs else made.ws_client_authless
        try:
            async with asyncio.timeout(within_s or self._endpoint.timeout_s):
                return await getattr(client, operation)(**(words or {}), **more)
        except TimeoutError as error:
            raise NoAnswer("no answer") from error
        except zeep.exceptions.Fault as fault:
            codes = [str(fault.code), *(str(getattr(code, "text", code)) for code in fault.subcodes or ())]
            raise _refusal(codes, str(fault.message or "")) from None
        except aiohttp.ClientError as error:
            raise LineLost(_why(error)) from error
        except BAFFLED as error:
            raise Garbled(f"an answer to {operation} that makes no sense ({type(error).__name__})") from None
        except OSError as error:
            raise LineLost("the connection broke") from error

    def home(self, address: object) -> str:
        """An address the device gave, on the host that the site gave: a device leads us to no other. Raises Garbled.

        Its port counts where the address is of that host, by the name that the site gave or by the number that we speak to.
        """
        try:
            parts = urlsplit(str(address).strip())
            same = parts.scheme == "http" and parts.hostname in {self._endpoint.host.lower(), self._transport.peer}
            port = (parts.port or 80) if same else self._endpoint.port
        except ValueError as error:
            raise Garbled("an address that is none") from error
        query = f"?{parts.query}" if parts.query else ""
        return f"http://{self._endpoint.bracketed}:{port}{parts.path or '/'}{query}"

    async def close(self) -> None:
        """Close every connection, though this be cancelled. Never raises."""
        self._services.clear()
        await asyncio.shield(self._session.close())

    async def _service(self, name: str, at: str | None) -> onvif.client.ONVIFService:
        """The service object for an address and a skew; never one of an older subscription or clock."""
        definition = onvif.definition.SERVICES[name]
        address = at or self.addresses.get(definition["ns"]) or f"http://{self._endpoint.name}/onvif/device_service"
        key = name, address, self.skew_s
        if key not in self._services:
            made = onvif.client.ONVIFService(
                address,
                self._user,
                self._password,
                str(WSDL / definition["wsdl"]),
                no_cache=True,  # nothing is ever loaded but the files beside it, and a cache would be a database in $HOME
                dt_diff=timedelta(seconds=self.skew_s),
                binding_name=f"{{{definition['ns']}}}{definition['binding']}",
            )
            made.transport = self._transport
            try:
                await made.setup()
            finally:
                await asyncio.shield(made.close())  # the session that it brought, which nothing uses
            self._services.setdefault(key, made)
        return self._services[key]


class _Digest:
    """HTTP digest: of all that a device offers the strongest digest. The one of aiohttp takes the first header, and Basic for a refusal."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._asked: Challenge | None = None
        self._used = 0
        self._accepted = self._hopeless = False

    async def __call__(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Sign with what was asked for last; sign once more where something new is asked for.

        A digest knows no time: one that is refused before any was accepted is a wrong account, and others would lock it.
        """
        body = b"" if isinstance(request.body, bytes) else await request.body.as_bytes()
        self._sign(request, body)
        answer = await handler(request)
        if answer.status == 401 and not self._hopeless:
            try:
                asked = challenge("\n".join(answer.headers.getall("WWW-Authenticate", ())), basic=False)
            except Refused:
                return answer
            if asked.stale or self._asked is None or asked.nonce != self._asked.nonce:
                answer.close()
                self._asked, self._used = asked, 0
                self._sign(request, body)
                answer = await handler(request)
                self._hopeless = answer.status == 401 and not self._accepted
        self._accepted |= self._asked is not None and answer.status != 401
        return answer

    def _sign(self, request: aiohttp.ClientRequest, body: bytes) -> None:
        if self._asked is not None and not self._hopeless:
            self._used += 1
            where, once = request.url.raw_path_qs, secrets.token_hex(8)
            request.headers["Authorization"] = authorization(
                self._asked, self._user, self._password, request.method, where, self._used, once, body
            )


class _Answers(aiohttp.client_proto.ResponseHandler):
    """What comes on one connection, which is one answer: its head is put in order before aiohttp's strict parser sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, meet: Callable[[str], None]) -> None:
        super().__init__(loop)
        self._meet = meet
        self._head: bytes | None = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._meet(str((transport.get_extra_info("peername") or ("",))[0]))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._head is not None:
            self._head += data
            if HEAD_ENDS not in self._head and len(self._head) < HEAD_AT_MOST:
                return
            data, self._head = in_order(self._head), None
        super().data_received(data)


def in_order(answer: bytes) -> bytes:
    """An answer without what stands twice in its head, and without a length where the body has its own: some devices say both."""
    head, ends, body = answer.partition(HEAD_ENDS)
    lines = {line.lower().replace(b" ", b""): line for line in head.split(b"\r\n")}
    if b"transfer-encoding:chunked" in lines:
        lines = {key: line for key, line in lines.items() if not key.startswith(b"content-length:")}
    return b"\r\n".join(lines.values()) + ends + body


class _Transport(onvif.zeep_aiohttp.AIOHTTPTransport):  # type: ignore[misc]  # the library has no types
    """The library's transport with bounds, and without its log of what goes over the wire."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(session)
        self.http_skew_s: float | None = None
        self.peer = ""  # the number of the host that we spoke to last

    def meet(self, peer: str) -> None:
        """A connection was made."""
        self.peer = peer

    async def post_xml(self, address: str, envelope: object, headers: dict[str, str]) -> object:
        """One request on one connection."""
        sent = {"Content-Type": "application/soap+xml; charset=utf-8", "User-Agent": "anyu-edge", "Accept-Encoding": "identity"} | headers
        async with self.session.post(
            address, data=etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers=sent, allow_redirects=False
        ) as answer:
            self._note_clock(answer.headers.get("Date"))
            content = await _read(answer)
            if answer.status in {401, 403}:
                raise NotAllowed("the device does not accept the account, or its clock and ours differ")
            # Some devices call their messages text/html: what counts is what is in it.
            called_xml = "xml" in answer.content_type and "multipart" not in answer.content_type
            try:
                message = xml.parse(content)
            except Garbled:
                if called_xml and answer.status < 400:
                    raise
                message = None
            if message is None or not (called_xml or xml.local(message) == "Envelope"):
                raise Refused(f"it answers HTTP {answer.status} without a message: is this an ONVIF address?")
            # Read here: zeep gives up at a fault whose prefixes are not declared, and many are not. Some come with status 200.
            if answer.status >= 400 or xml.is_fault(message):
                raise _refusal(
                    xml.texts(message, "Value") + xml.texts(message, "faultcode"),
                    xml.text(message, "Text") or xml.text(message, "faultstring"),
                )
            # Some devices answer in the older envelope; what is in it is the same.
            return self._aiohttp_to_requests_response(answer, content.replace(xml.SOAP11, xml.SOAP12))

    def _note_clock(self, date: str | None) -> None:
        self.http_skew_s = None
        if date:
            try:
                theirs = parsedate_to_datetime(date)
            except ValueError:
                return
            self.http_skew_s = (theirs.replace(tzinfo=theirs.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body, if it is plain and not too long."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Garbled("an answer packed in a way we did not ask for")
    content = b""
    async for chunk in answer.content.iter_chunked(CHUNK):
        content += chunk
        if len(content) > xml.LARGEST:
            raise Garbled("an answer longer than a megabyte")
    return content


def _socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket that forgets what it could not deliver: closing resets it, and three seconds without an acknowledgement end it."""
    family, kind, protocol = info[:3]
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return made


def _no_cookies() -> AbstractCookieJar:
    return aiohttp.DummyCookieJar()


def _refusal(codes: Sequence[str], said: str) -> Refused:
    """A fault as a refusal, its words shortened and without control characters."""
    told = " ".join(codes)
    words = "".join(sign for sign in said[:SAID_AT_MOST] if sign.isprintable())
    if "NotAuthorized" in told or "NotAuthorized" in words or "FailedAuthentication" in told:
        return NotAllowed("the device does not accept the account, or its clock and ours differ")
    return Refused(f"the device refuses: {words or 'it does not say why'}")


def _why(error: aiohttp.ClientError) -> str:
    """A connection's end in words that hold no address."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    return "the connection broke"
