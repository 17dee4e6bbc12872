"""Why a camera is down: one word of a fixed list, whatever went wrong. No message of FFmpeg or of a camera is repeated: they quote URLs."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Literal, cast, get_args

from drivers.errors import DriverError

Down = Literal[
    "address not allowed here",
    "an address that is none",
    "ca_file cannot be used",
    "camera is busy: too many viewers",
    "certificate not trusted",
    "connection refused",
    "does not send over TCP",
    "does not speak TLS",
    "ended",
    "failed",
    "hung up",
    "in use by another program",
    "name not known",
    "no answer",
    "no picture",
    "no route to the camera",
    "no such file or device",
    "no such stream",
    "no video",
    "no way to sign in",
    "not a video stream",
    "not allowed",
    "not RTSP",
    "picture too large",
    "refuses",
    "sends elsewhere",
    "unknown codec",
    "wants the password in the clear",
    "wrong user or password",
]
"""The words; docs/devices/rtsp.md says what to do about each."""

BUSY: Down = "camera is busy: too many viewers"
NO_TCP: Down = "does not send over TCP"

REFUSALS: Mapping[int, Down] = {
    403: "not allowed",
    404: "no such stream",
    410: "no such stream",
    453: BUSY,  # not enough bandwidth
    461: NO_TCP,  # unsupported transport: the camera sends by UDP only
    503: BUSY,  # service unavailable
}
"""An RTSP status that says more than no."""

_NUMBERS: Mapping[int, Down] = {
    errno.ECONNREFUSED: "connection refused",
    errno.ENETUNREACH: "no route to the camera",
    errno.EHOSTUNREACH: "no route to the camera",
    errno.ENETDOWN: "no route to the camera",
    errno.EADDRNOTAVAIL: "no route to the camera",
    errno.ECONNRESET: "hung up",
    errno.ECONNABORTED: "hung up",
    errno.EPIPE: "hung up",
    errno.ETIMEDOUT: "no answer",
    errno.EPERM: "address not allowed here",
    errno.EACCES: "address not allowed here",
    errno.ENOENT: "no such file or device",
    errno.ENODEV: "no such file or device",
    errno.ENXIO: "no such file or device",
    errno.EBUSY: "in use by another program",
}


def why(error: Exception) -> Down:
    """The word for what went wrong; "failed" for what has none."""
    if isinstance(error, DriverError):
        return known(str(error))
    match error:
        case ssl.SSLCertVerificationError():
            return "certificate not trusted"
        case ssl.SSLError():
            return "does not speak TLS"
        case socket.gaierror():
            return "name not known"
        case TimeoutError():
            return "no answer"
    if (word := _NUMBERS.get(getattr(error, "errno", None) or 0)) is not None:
        return word
    # FFmpeg's own errors have numbers of their own, which PyAV's classes name.
    names: Mapping[str, Down] = {"InvalidDataError": "not a video stream", "ExitError": "no answer"}
    return names.get(type(error).__name__, "failed")


def known(word: str) -> Down:
    """A word of the list; "failed" for any other text."""
    return cast("Down", word) if word in get_args(Down) else "failed"
