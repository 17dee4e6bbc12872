"""RTSP over TCP or TLS (the `rtsp` camera): what network cameras speak, and what ONVIF's GetStreamUri leads to.

TCP, not UDP: a lost UDP packet smears faces until the next keyframe, and the confined worker may open no UDP socket. The session is our own
(rtsp_session.py says why); FFmpeg takes its packets apart and decodes them.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from drivers.camera.rtsp_session import BUFFER, Session
from drivers.errors import Refused

if TYPE_CHECKING:
    from av.container import InputContainer

    from drivers.camera.stream import StreamCamera

KNOWN_S = 15.0  # for FFmpeg to know the stream: a camera that describes it only in its keyframes sends one in ten seconds
# low_delay: 34 ms from lens to array instead of 83. Not nobuffer: it throws away what was read to know the stream, the first keyframe with
# it, and nothing can be decoded before the next. Nothing may be opened but what the session gives: an empty list of protocols.
# avioflags 2 opens that for reading and writing: FFmpeg's custom_io reads packets and writes its reports. fflags sets FFmpeg's own default
# anew: PyAV adds a flag by which the session would not be closed with the container.
FFMPEG = {"sdp_flags": "custom_io", "avioflags": "2", "protocol_whitelist": "", "fflags": "autobsf", "flags": "low_delay"}


class Options(BaseModel):
    """`url` without credentials; a URL pasted with them is taken apart, and they are kept out of sight.

    The password leaves as a digest; `auth: basic` also gives it in the clear to whoever asks for it so. An `rtsps` camera is verified by
    the system's authorities, or by `ca_file` (PEM; it may be the camera's own certificate). `tls_name` is the name in the certificate
    where that is not the host.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(max_length=1024)
    username: str = ""
    password: SecretStr = SecretStr("")
    auth: Literal["digest", "basic"] = "digest"
    ca_file: str = Field("", max_length=1024)
    tls_name: str = Field("", max_length=255)

    @model_validator(mode="before")
    @classmethod
    def _take_apart(cls, data: object) -> object:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        bare, username, password = split_credentials(data["url"])
        taken = {"username": username, "password": password} if username else {}
        return {**taken, **data, "url": bare}

    @field_validator("url")
    @classmethod
    def _is_rtsp(cls, url: str) -> str:
        if urlsplit(url).scheme not in {"rtsp", "rtsps"} or not urlsplit(url).hostname:
            raise PydanticCustomError("rtsp_url", "expected rtsp://host[:port]/path")
        return url

    def at(self, number: str) -> Options:
        """The same camera by an address that needs no name service; its name stays, for a certificate to be checked against."""
        host, _ = self.address()
        parts = urlsplit(self.url)
        place = f"[{number}]" if ":" in number else number
        there = f"{place}:{parts.port}" if parts.port else place
        return self.model_copy(update={"url": urlunsplit(parts._replace(netloc=there)), "tls_name": self.tls_name or host})

    def address(self) -> tuple[str, int]:
        """Host and port, for the worker's confinement."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (322 if parts.scheme == "rtsps" else 554)


def split_credentials(url: str) -> tuple[str, str, str]:
    """A URL as (url without credentials, username, password), percent-decoded.

    Where the part before the first slash makes a host, it is read as RFC 3986 says; else somebody pasted a password with `/` or `:` in it,
    and everything up to the last `@` is credentials.
    """
    scheme, mark, rest = url.partition("://")
    network, slash, path = rest.partition("/")
    head, _, host = network.rpartition("@")
    if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?", host):
        head, _, tail = rest.rpartition("@")
    else:
        tail = host + slash + path
    if not mark or not head:
        return url, "", ""
    username, _, password = head.partition(":")
    return f"{scheme}://{tail}", unquote(username), unquote(password)


class Gaps:
    """How often packets were missing, over all connections to one camera."""

    def __init__(self) -> None:
        self.count = 0

    def found(self) -> None:
        """One more."""
        self.count += 1


def make(options: Options) -> StreamCamera:
    """An RTSP camera, not started. Raises ImportError without FFmpeg (the extra `face`)."""
    from drivers.camera.stream import StreamCamera

    try:
        trusted = _trusted(options)  # now: the confined worker can read no file later
    except OSError as why:
        broken = type(why)

        def unusable() -> InputContainer:
            raise Refused("ca_file cannot be used") from broken()

        return StreamCamera(options.address()[0], unusable)
    gaps = Gaps()
    return StreamCamera(options.address()[0], partial(open_stream, options, trusted, gaps.found), gaps=lambda: gaps.count)


def open_stream(options: Options, trusted: ssl.SSLContext | None = None, missing: Callable[[], None] = lambda: None) -> InputContainer:
    """Connect and play, the camera verified by `trusted` (made of the options where it is not given). `missing`: see Session.

    Raises DriverError, OSError, av.FFmpegError, ValueError; no message repeats the URL or what the camera said.
    """
    import av

    host, port = options.address()
    session = Session(
        quote(options.url, safe=_IN_URLS),
        (host, port),
        options.username,
        options.password.get_secret_value(),
        basic=options.auth == "basic",
        tls=trusted or _trusted(options),
        tls_name=options.tls_name or host,
        missing=missing,
    )
    try:
        session.opening(KNOWN_S)
        container = av.open("camera", format="sdp", options=FFMPEG, buffer_size=BUFFER, io_open=lambda *_: session)
        session.opened()
    except BaseException:
        session.close()
        raise
    return container


_IN_URLS = "!#$%&'()*+,/:;=?@[]~"


def _trusted(options: Options) -> ssl.SSLContext | None:
    """The authorities that an `rtsps` camera is verified by. Raises OSError (ssl.SSLError is one) for a `ca_file` that is none."""
    if urlsplit(options.url).scheme != "rtsps":
        return None
    return ssl.create_default_context(cafile=options.ca_file or None)
