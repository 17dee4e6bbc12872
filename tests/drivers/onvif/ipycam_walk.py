"""Our client against ipycam, both in a network of their own: `unshare -rn python -m tests.drivers.onvif.ipycam_walk`.

Prints what it found as one JSON object.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import socket
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

from drivers.camera import onvif as camera_kind
from drivers.errors import DriverError
from drivers.onvif import Device, Endpoint, connect
from drivers.onvif.discovery import discover
from drivers.onvif.io import Ports
from drivers.onvif.media import choose, profiles, snapshot_address
from drivers.onvif.pullpoint import subscribe
from tests.drivers.harness import BRISK
from tests.drivers.onvif.peer import folder
from tests.drivers.onvif.rig import ACCOUNT

SCRIPT = Path(__file__).with_name("ipycam_camera.py")
RIGHT, AHEAD, BEHIND = 8080, 8090, 8091
SKEWS = {RIGHT: 0, AHEAD: 7200, BEHIND: -86_400}
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP, IFF_MULTICAST = 0x1, 0x1000


async def main() -> None:
    """Start three cameras, one with a right clock and two with wrong ones, and ask each everything."""
    _loopback_up()
    cameras = [await _camera(port, skew) for port, skew in SKEWS.items()]
    facts: dict[str, Any] = {"found": [(one.host, one.port, one.name) for one in await discover(1.0)]}
    for port in SKEWS:
        facts[str(port)] = await _ask(Endpoint(host="127.0.0.1", port=port, **ACCOUNT))
    facts["wrong password"] = await _error(connect(Endpoint(host="127.0.0.1", port=RIGHT, username="gate", password="wrong")))
    stream = await camera_kind.resolve(camera_kind.Options(host="127.0.0.1", port=RIGHT, **ACCOUNT))
    facts["stream"] = [stream.url, stream.username]
    for camera in cameras:
        camera.kill()
        await camera.wait()
    facts["gone"] = await _error(connect(Endpoint(host="127.0.0.1", port=RIGHT, **ACCOUNT)))
    print(json.dumps(facts))


async def _ask(endpoint: Endpoint) -> dict[str, Any]:
    device = await connect(endpoint)
    try:
        chosen = choose(await profiles(device))
        return {
            "serial": device.information.serial,
            "skew": device.skew.seconds,
            "source": device.skew.source,
            "chosen": [chosen.codec, chosen.width, chosen.height],
            "snapshot": await snapshot_address(device, chosen),
            "relays": await _error(Ports(device).relays()),
            "events": await _error(subscribe(device, BRISK)),
        }
    finally:
        await device.close()


async def _error(asked: Any) -> str:
    try:
        told = await asked
    except DriverError as error:
        return type(error).__name__
    if isinstance(told, Device):
        await told.close()
    return "none"


async def _camera(port: int, skew: int) -> Process:
    words = [str(folder()), str(port), ACCOUNT["username"], ACCOUNT["password"], str(skew), *(["discover"] if port == RIGHT else [])]
    process = await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), *words, stdout=PIPE, stderr=DEVNULL, cwd="/")
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while (line := await process.stdout.readline()) != b"ready\n":
            assert line, "the camera ended"
    return process


def _loopback_up() -> None:
    """Bring up loopback and let it carry multicast, in this namespace."""
    with socket.socket() as control:
        name = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack_from("16sh", fcntl.ioctl(control, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP | IFF_MULTICAST))


if __name__ == "__main__":
    asyncio.run(main())
