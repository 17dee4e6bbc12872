"""RTSP 1.0 as bytes (RFC 2326): answers and interleaved packets out of a stream, requests and digests into it. No I/O.

Every length is bounded, and what a camera says is used in no other place than this connection: no address in it is ever opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from drivers.errors import Garbled, Refused

MAX_HEAD = 16 * 1024  # of one answer; cameras send 300 bytes
MAX_BODY = 64 * 1024  # a description of ten streams is 5 KB
MAX_LINE = 2048  # of an address or a description's line that is sent on
MOST_CHANNEL = 0xFF  # one byte in front of each packet
_DOLLAR = 0x24


@dataclass(frozen=True, slots=True)
class Answer:
    """A camera's answer; names of headers in lower case, a header that came twice with two values as one text of several lines."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Packet:
    """One interleaved packet."""

    channel: int
    payload: bytes


class Incoming:
    """What arrives, cut into answers and packets. What a camera asks of us is skipped: nothing that a gate needs is asked that way."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._bytes += data

    def next(self) -> Answer | Packet | None:
        """The next one; None until more arrives. Raises Garbled, after which the connection is worth nothing."""
        while self._bytes:
            if self._bytes[0] == _DOLLAR:
                return self._packet()
            if self._bytes[:2] == b"\r\n":  # between two messages: some cameras send one too many
                del self._bytes[:2]
                continue
            end = self._bytes.find(b"\r\n\r\n", 0, MAX_HEAD)
            if end < 0:
                if len(self._bytes) >= MAX_HEAD:
                    raise Garbled("not RTSP")
                return None
            first, headers = _head(bytes(self._bytes[:end]))
            length = _number(headers.get("content-length", "0"), MAX_BODY)
            if len(self._bytes) < end + 4 + length:
                return None
            body = bytes(self._bytes[end + 4 : end + 4 + length])
            del self._bytes[: end + 4 + length]
            if answer := re.fullmatch(r"RTSP/1\.\d (\d{3})(?: .*)?", first):
                return Answer(int(answer[1]), headers, body)
            if not re.fullmatch(r"[A-Z_]{1,32} \S+ RTSP/1\.\d", first):
                raise Garbled("not RTSP")
        return None

    def _packet(self) -> Packet | None:
        if len(self._bytes) < 4 or len(self._bytes) < 4 + (length := int.from_bytes(self._bytes[2:4], "big")):
            return None
        packet = Packet(self._bytes[1], bytes(self._bytes[4 : 4 + length]))
        del self._bytes[: 4 + length]
        return packet


def _head(raw: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = re.sub(r"\r\n[ \t]+", " ", raw.decode("utf-8", "replace")).split("\r\n")  # a line that begins so goes on
    found: dict[str, list[str]] = {}
    for line in lines:
        name, mark, value = line.partition(":")
        if not mark:
            raise Garbled("not RTSP")
        values = found.setdefault(name.strip().lower(), [])
        if value.strip() not in values:  # some cameras say Content-Length or Session twice
            values.append(value.strip())
    return first, {name: "\n".join(values) for name, values in found.items()}


def _number(text: str, at_most: int) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or int(text) > at_most:
        raise Garbled("not RTSP")
    return int(text)


def request(method: str, uri: str, number: int, headers: Mapping[str, str]) -> bytes:
    """One request. Raises Garbled for an address that cannot stand in one."""
    if not re.fullmatch(rf"[\x21-\x7e]{{1,{MAX_LINE}}}", uri):
        raise Garbled("an address that is none")
    lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {number}", "User-Agent: anyu-edge"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True, slots=True)
class Video:
    """The first video stream of a description: the address that sets it up, and a description of it alone, without addresses."""

    control: str
    description: bytes


_KEPT = ("m=video ", "a=rtpmap:", "a=fmtp:", "a=framerate:", "a=framesize:")
_ALONE = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"


def video_of(body: bytes, base: str) -> Video | None:
    """The video of an SDP (RFC 8866) whose relative addresses are of `base`; None where it has none."""
    lines = [line for line in body.decode("utf-8", "replace").replace("\r", "").split("\n") if len(line) <= MAX_LINE]
    starts = [index for index, line in enumerate(lines) if line.startswith("m=")]
    first = next((index for index in starts if lines[index].startswith("m=video ")), None)
    if first is None:
        return None
    end = min((index for index in starts if index > first), default=len(lines))
    part = lines[first:end]
    control = next((line.removeprefix("a=control:").strip() for line in part if line.startswith("a=control:")), "*")
    kept = [line for line in part if line.startswith(_KEPT) and line.isprintable()]
    return Video(address_of(control, base), (_ALONE + "\r\n".join(kept) + "\r\n").encode())


def address_of(control: str, base: str) -> str:
    """A control address, absolute or relative to `base`; as cameras mean it, a plain name goes behind the base whatever its last slash."""
    if control in {"", "*"}:
        return base
    if urlsplit(control).scheme in {"rtsp", "rtsps"}:
        return control
    if control.startswith("/"):
        return urljoin(base.replace("rtsps:", "https:", 1).replace("rtsp:", "http:", 1), control).replace("http", "rtsp", 1)
    return f"{base.rstrip('/')}/{control}"


def channels(transport: str) -> tuple[int, int]:
    """The channels of media and of reports in a SETUP's answer. Raises Refused unless the media comes over this connection.

    Only TCP has channels: a camera that names some need not say TCP, and one that says TCP and names none takes those it was asked for.
    """
    found = re.search(r"interleaved\s*=\s*(\d{1,3})(?:-(\d{1,3}))?", transport, re.IGNORECASE)
    if found is None and "/TCP" in transport.upper():
        return 0, 1
    if found is None or "/UDP" in transport.upper():
        raise Refused("does not send over TCP")
    media = int(found[1])
    reports = int(found[2]) if found[2] else (media + 1) % (MOST_CHANNEL + 1)
    if max(media, reports) > MOST_CHANNEL:
        raise Garbled("not RTSP")
    return media, reports


def session_of(header: str) -> tuple[str, float]:
    """The session's name and after how many seconds of silence it ends (RFC 2326: 60 where nothing is said). Raises Garbled."""
    name, *more = (part.strip() for part in header.split(";"))
    if not re.fullmatch(r"[\x21-\x7e]{1,256}", name):
        raise Garbled("not RTSP")
    said = next((part[8:] for part in more if part.startswith("timeout=")), "60")
    return name, float(said) if re.fullmatch(r"[1-9]\d{0,5}", said) else 60.0


def cut(incoming: Incoming) -> Iterator[Answer | Packet]:
    """All that is whole by now. Raises Garbled."""
    while (one := incoming.next()) is not None:
        yield one
