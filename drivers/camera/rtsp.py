"""RTSP over TCP (the `rtsp` camera): what network cameras speak, and what ONVIF's GetStreamUri leads to.

TCP, not UDP: a lost UDP packet smears faces until the next keyframe, and the confined worker may open no UDP socket. Time-outs are explicit
because without them a frozen server blocks a read for ever (measured; with (5, 5) it ends after 10 s).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from av.container import InputContainer

    from drivers.camera.stream import StreamCamera

OPEN_READ_TIMEOUT_S = (5.0, 5.0)


class Options(BaseModel):
    """`url` without credentials; a URL pasted with them is taken apart, and they are kept out of sight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(max_length=1024)
    username: str = ""
    password: SecretStr = SecretStr("")

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


def with_credentials(url: str, username: str, password: str) -> str:
    """The URL FFmpeg is given: credentials percent-encoded. Never log it."""
    if not username:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(username, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def make(options: Options) -> StreamCamera:
    """An RTSP camera, not started. Raises ImportError without FFmpeg (the extra `face`)."""
    from drivers.camera.stream import StreamCamera

    return StreamCamera(options.address()[0], lambda: open_stream(options))


def open_stream(options: Options) -> InputContainer:
    """Connect, in up to five seconds. Raises av.FFmpegError, whose message quotes the URL: never repeat it."""
    import av

    url = with_credentials(options.url, options.username, options.password.get_secret_value())
    # nobuffer and low_delay: 34 ms from lens to array instead of 83.
    settings = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay"}
    return av.open(url, options=settings, timeout=OPEN_READ_TIMEOUT_S)
