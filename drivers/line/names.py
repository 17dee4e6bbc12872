"""What a settings file may call a line, and opening it by that name."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from drivers.line.base import Line
from drivers.line.serial_port import SerialLine
from drivers.line.tcp import TcpLine

_UNSTABLE = re.compile(r"/dev/tty(USB|ACM)\d+")


async def dial(port: str, baud: int = 9600) -> Line:
    """Open `tcp://host:port` or a device path. Raises LineLost."""
    if is_tcp(port):
        host, number = tcp_address(port)
        return await TcpLine.dial(host, number)
    return await SerialLine.dial(port, baud)


def is_tcp(port: str) -> bool:
    """Whether a port name leads over the network; `baud` means nothing there."""
    return port.startswith("tcp://")


def tcp_address(port: str) -> tuple[str, int]:
    """Host and number of `tcp://host:port`. Raises ValueError for anything else, without repeating it (it might hold a password)."""
    parts = urlsplit(port)
    if parts.scheme != "tcp" or not parts.hostname or not parts.port or parts.path or parts.query or parts.fragment or "@" in port:
        raise ValueError("expected tcp://host:port")
    return parts.hostname, parts.port


def is_unstable_name(port: str) -> bool:
    """True for /dev/ttyUSBn and /dev/ttyACMn, whose numbers follow the order of plugging in: after a reboot the relay may be the reader."""
    return _UNSTABLE.fullmatch(port) is not None


def _checked(port: str) -> str:
    if port.startswith("/") and "\0" not in port:
        return port
    try:
        tcp_address(port)
    except ValueError:
        raise PydanticCustomError(
            "line_port", "expected an absolute device path, such as /dev/serial/by-path/..., or tcp://host:port"
        ) from None
    return port


Port = Annotated[str, AfterValidator(_checked)]
"""The type of an Options field that names a line; the error's type is `line_port`."""
