"""A network camera by its ONVIF address (the `onvif` camera): which stream to take and where it is, the camera says itself.

Only RTSP may be spoken by the confined vision worker, so the daemon resolves these options into those of the `rtsp` camera before it starts
the worker, and again when the camera was away: its address or its stream may be another then. `make` is for tools that are not confined.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, ValidationError

from drivers.camera import rtsp
from drivers.errors import Garbled, Refused
from drivers.onvif import Endpoint, connect
from drivers.onvif.media import Profile, choose, profiles, stream_address

if TYPE_CHECKING:
    from av.container import InputContainer

    from drivers.camera.stream import StreamCamera

RTSP_PORT = 554


class Options(Endpoint):
    """Where the camera is, and as whom to look. Give it an account of its own that may only look: never the one that moves a relay."""

    profile: str = Field(default="", max_length=64, description="a profile's token or name; else the smallest stream wide enough for faces")
    serial: str = Field(default="", max_length=64, description="the camera's serial number: another one at this address is refused")


async def resolve(options: Options) -> rtsp.Options:
    """Ask the camera for its stream. Raises LineLost, NoAnswer, NotAllowed, Refused, Garbled."""
    stream, _ = await look_up(options)
    return stream


async def look_up(options: Options) -> tuple[rtsp.Options, Profile]:
    """The stream and the profile it is of. Raises as `resolve`."""
    device = await connect(options)
    try:
        if options.serial and options.serial != device.information.serial:
            told = device.information.serial or "not told"
            raise Refused(f"another camera: its serial number is {told}, {options.serial} was configured")
        profile = choose(await profiles(device), options.profile)
        address = await stream_address(device, profile)
    finally:
        await device.close()
    return rtsp_options(address, options), profile


def rtsp_options(address: str, options: Options) -> rtsp.Options:
    """What a camera said its address is, as options: on the host and with the account that the site gave. Raises Garbled."""
    bare, _, _ = rtsp.split_credentials(address)
    try:
        parts = urlsplit(bare)
        port = parts.port or RTSP_PORT
        url = urlunsplit(("rtsp", f"{options.bracketed}:{port}", parts.path, parts.query, ""))
        if parts.scheme != "rtsp":
            raise Garbled("the camera's stream has an address that is not RTSP")
        return rtsp.Options(url=url, username=options.username, password=options.password)
    except (ValidationError, ValueError):
        raise Garbled("the camera's stream has an address that is none") from None


def make(options: Options) -> StreamCamera:
    """A camera that resolves its stream each time it connects; not started. Not for the confined worker."""
    from drivers.camera.stream import StreamCamera

    gaps = rtsp.Gaps()

    def open_stream() -> InputContainer:
        return rtsp.open_stream(asyncio.run(resolve(options)), missing=gaps.found)

    return StreamCamera(options.host, open_stream, gaps=lambda: gaps.count)
