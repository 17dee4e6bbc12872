"""One RTSP session over one TCP or TLS connection: the camera's packets for FFmpeg, which sees neither the network nor the password.

FFmpeg's own client gives the password in the clear to any server that asks for Basic, follows redirects anywhere, and verifies no
certificate. Here the password leaves as a digest only, everything goes to one address, and `rtsps` is verified before the first byte.
"""

from __future__ import annotations

# getaddrinfo takes a host through this codec; in the sandbox it could not be loaded any more.
import encodings.idna  # noqa: F401
import secrets
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from drivers.camera.contract import WRONG_PASSWORD
from drivers.camera.down import REFUSALS
from drivers.camera.rtsp_wire import (
    Answer,
    Incoming,
    Packet,
    channels,
    request,
    session_of,
    video_of,
)
from drivers.digest import Challenge, authorization, challenge
from drivers.errors import DriverError, Garbled, NoAnswer, Refused

OPEN_S = 5.0  # to connect and to be told of the stream
READ_S = 5.0  # between two packets of a stream that is alive
DESCRIPTION_STEP = 1024  # FFmpeg reads a description in pieces of this size, and each must be full
BUFFER = 512  # FFmpeg's own: less than such a piece, or it would never get to the end of one
PACKET_READ = 65_536  # FFmpeg asks for a packet with more room than this
RECEIVE = 65_536
MAX_WAITING = 64  # packets that come before the answer to PLAY
RTP_HEADER = 12
FIRST = 20  # packets; where at least half of so many, or of all since, follow no other, the camera counts in a way of its own
MAX_REPORT = 1500  # a receiver's report is about 50 bytes


class WrongPassword(DriverError):
    """The camera does not know this user or this password."""


class Session:
    """Connected and playing once made. One thread uses it; it reads like a file, one packet a read, after its description.

    `missing` is called, by the thread that reads, before the first packet behind a gap in the camera's count is given out.
    Raises, when made: OSError (TimeoutError too), ssl.SSLError, WrongPassword, Refused, Garbled, NoAnswer.
    """

    def __init__(
        self,
        url: str,
        address: tuple[str, int],
        username: str = "",
        password: str = "",
        *,
        basic: bool = False,
        tls: ssl.SSLContext | None = None,
        tls_name: str = "",
        missing: Callable[[], None] = lambda: None,
    ) -> None:
        self._url, self._username, self._password, self._basic = url, username, password, basic
        self._incoming, self._waiting = Incoming(), deque[Packet]()
        self._missing, self._next_number = missing, -1
        self._counted = self._gaps = 0
        self._number = self._used = 0
        self._asked: Challenge | None = None
        self._session, self._alive_s, self._alive_at = "", 60.0, 0.0
        self._alive_by = "OPTIONS"
        self._owed = 0  # answers to signs of life that are still to come
        self._hurried = False  # the last sign of life came early, to be signed anew
        self._media = self._reports = -1
        self._until = time.monotonic() + OPEN_S
        self._socket = socket.create_connection(address, OPEN_S)
        try:
            if tls is not None:
                self._socket = tls.wrap_socket(self._socket, server_hostname=tls_name)
            self._description = self._play()
        except BaseException:
            self._socket.close()
            raise
        self._described = False

    # handshake

    def _play(self) -> bytes:
        if "GET_PARAMETER" in self._ask("OPTIONS", self._url).headers.get("public", ""):
            self._alive_by = "GET_PARAMETER"
        told = self._ask("DESCRIBE", self._url, {"Accept": "application/sdp"})
        base = told.headers.get("content-base") or told.headers.get("content-location") or self._url
        video = video_of(told.body, base if urlsplit(base).scheme in {"rtsp", "rtsps"} else self._url)
        if video is None:
            raise Refused("no video")
        up = self._ask("SETUP", video.control, {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"})
        self._media, self._reports = channels(up.headers.get("transport", ""))
        self._session, self._alive_s = session_of(up.headers.get("session", ""))
        self._ask("PLAY", base, {"Range": "npt=0.000-"})
        self._alive_at = time.monotonic() + self._alive_s / 2
        return video.description.ljust(-(-len(video.description) // DESCRIPTION_STEP) * DESCRIPTION_STEP, b"\n")

    def _ask(self, method: str, uri: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask and wait for the answer, signing in where that is wanted."""
        answer = self._put(method, uri, headers or {})
        for attempt in range(2):  # signed, and once more where the camera says that its nonce was old: more may lock the account
            if answer.status != 401:
                break
            asked, before = challenge(answer.headers.get("www-authenticate", ""), basic=self._basic), self._asked
            known = before is not None and (attempt or asked.nonce == before.nonce)
            if not self._username or (known and not asked.stale):
                break
            self._asked, self._used = asked, 0
            answer = self._put(method, uri, headers or {})
        if answer.status == 401:
            raise WrongPassword(WRONG_PASSWORD)
        if answer.status == 200 or (method == "OPTIONS" and answer.status >= 400):  # an old camera may not know that question
            return answer
        if answer.status < 400:
            raise Refused("sends elsewhere")
        raise Refused(REFUSALS.get(answer.status, "refuses"))

    def _put(self, method: str, uri: str, headers: Mapping[str, str]) -> Answer:
        self._send(method, uri, headers)
        return self._answer()

    def _send(self, method: str, uri: str, headers: Mapping[str, str]) -> None:
        self._number += 1
        said = dict(headers)
        if self._session:
            said["Session"] = self._session
        if self._asked is not None:
            self._used += 1
            said["Authorization"] = authorization(
                self._asked, self._username, self._password, method, uri, self._used, secrets.token_hex(8)
            )
        self._socket.sendall(request(method, uri, self._number, said))

    def _answer(self) -> Answer:
        while True:
            one = self._incoming.next()
            if isinstance(one, Answer):
                if one.status >= 200:
                    return one
            elif isinstance(one, Packet):
                self._keep(one)
            else:
                self._receive()

    # what FFmpeg sees of it

    def opened(self) -> None:
        """FFmpeg knows the stream now: from here on each packet has READ_S."""
        self._until = float("inf")

    def opening(self, seconds: float) -> None:
        """How long FFmpeg may take to know the stream."""
        self._until = time.monotonic() + seconds

    def read(self, size: int) -> bytes:
        """The description first, then one packet a call; nothing at the end. Raises OSError, Garbled, NoAnswer."""
        if size == BUFFER:  # after the description: a buffer that was once filled is what FFmpeg writes its reports in
            return bytes(BUFFER)
        if size < PACKET_READ:
            piece, self._description = self._description[:size], self._description[size:]
            return piece
        silent_at = time.monotonic() + READ_S
        while not self._waiting:
            if time.monotonic() >= min(silent_at, self._until):
                raise NoAnswer("no answer")
            one = self._incoming.next()
            if isinstance(one, Packet):
                self._keep(one)
            elif isinstance(one, Answer) and self._owed and one.status >= 200:  # what was not asked for is not looked at
                self._owed -= 1
                self._kept_alive(one)
            elif one is None and not self._receive():
                return b""
        self._keep_alive()
        packet = self._waiting.popleft()
        if packet.channel == self._media:
            self._count(packet.payload)
        return packet.payload

    def write(self, data: bytes) -> int:
        """FFmpeg's report on what it received, which some cameras wait for."""
        if len(data) <= MAX_REPORT:
            self._socket.sendall(bytes((0x24, self._reports)) + len(data).to_bytes(2, "big") + data)
        return len(data)

    def close(self) -> None:
        """End it, and tell the camera, which has only so many sessions."""
        with suppress(OSError, Garbled):
            if self._session:
                self._socket.settimeout(0.2)
                self._send("TEARDOWN", self._url, {})
        self._socket.close()

    def _keep(self, packet: Packet) -> None:
        if packet.channel in {self._media, self._reports} and len(self._waiting) < MAX_WAITING:
            self._waiting.append(packet)

    def _count(self, payload: bytes) -> None:
        """RTP counts its packets (RFC 3550, bytes 2 and 3): a camera that cannot send as fast as it sees leaves some out, over TCP too."""
        if len(payload) >= RTP_HEADER:
            number = int.from_bytes(payload[2:4], "big")
            self._counted += 1
            if self._next_number not in (-1, number):
                self._gaps += 1
                if self._counted < FIRST or self._gaps < self._counted / 2:
                    self._missing()
            self._next_number = (number + 1) % 0x10000

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now >= self._alive_at:
            self._hurried = self._alive_at == 0.0
            self._alive_at = now + self._alive_s / 2
            self._owed = min(self._owed + 1, 2)
            self._send(self._alive_by, self._url, {})

    def _kept_alive(self, answer: Answer) -> None:
        """A camera that wants a new digest gets it with the next sign of life, sooner than otherwise, but not twice on end."""
        if answer.status == 401 and self._username:
            asked = challenge(answer.headers.get("www-authenticate", ""), basic=self._basic)
            if self._asked is None or asked.nonce != self._asked.nonce:
                self._asked, self._used = asked, 0
                if not self._hurried:
                    self._alive_at = 0.0

    def _receive(self) -> bool:
        """Wait for more; False when the camera hung up."""
        left = min(READ_S, self._until - time.monotonic())
        if left <= 0:
            raise NoAnswer("no answer")
        self._socket.settimeout(left)
        data = self._socket.recv(RECEIVE)
        self._incoming.feed(data)
        if not data and self._until != float("inf"):
            raise NoAnswer("hung up")
        return bool(data)
