"""Which addresses the vision unit may reach: a drop-in of systemd/anyu-edge-vision.service that root writes and everybody may read.

Host names are resolved when it is written. Where a camera's address changes, it is written again; until then the daemon misses the address
in it and says so.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

DROP_IN = Path("/etc/systemd/system/anyu-edge-vision.service.d/10-cameras.conf")
# As in the unit: 448 MB hold three cameras, each further one takes 40.
FIRST_MB, FIRST_CAMERAS, CAMERA_MB = 448, 3, 40
_ALLOW = re.compile(r"^IPAddressAllow=(\S+)$", re.MULTILINE)
_CAMERA = "# camera "


def resolve(host: str) -> tuple[str, ...]:
    """The addresses of a host, the first to be used; blocks as long as the name service takes. Raises OSError."""
    return tuple(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))


def drop_in(addresses: Mapping[str, Collection[str]], cameras: int) -> str:
    """The text of the drop-in: of each camera its addresses, under its name."""
    memory = FIRST_MB + CAMERA_MB * max(0, cameras - FIRST_CAMERAS)
    lines = [
        line
        for name, found in sorted(addresses.items())
        for line in (f"{_CAMERA}{name}", *(f"IPAddressAllow={address}" for address in sorted(found)))
    ]
    return "\n".join(["# Written by anyu-edge check --write-units.", "[Service]", *lines, f"MemoryMax={memory}M", ""])


def kept(camera: str, path: Path = DROP_IN) -> frozenset[str]:
    """The addresses that the drop-in has for this camera; all of a drop-in that does not name its cameras. Raises OSError, not for none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return frozenset()
    unnamed, *named = re.split(rf"^{_CAMERA}", text, flags=re.MULTILINE)
    of = {part.split("\n", 1)[0].strip(): frozenset(_ALLOW.findall(part)) for part in named}
    return of.get(camera, frozenset(_ALLOW.findall(unnamed)))


def allowed(path: Path = DROP_IN) -> frozenset[str]:
    """The addresses that the drop-in allows; none where there is no drop-in."""
    try:
        return frozenset(_ALLOW.findall(path.read_text(encoding="utf-8")))
    except OSError:
        return frozenset()
