"""Which addresses the vision unit may reach: a drop-in of systemd/anyu-edge-vision.service that root writes and everybody may read.

Host names are resolved when it is written. Where a camera's address changes, it is written again; until then the daemon misses the address
in it and says so.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from pathlib import Path

DROP_IN = Path("/etc/systemd/system/anyu-edge-vision.service.d/10-cameras.conf")
# As in the unit: 448 MB hold three cameras, each further one takes 40.
FIRST_MB, FIRST_CAMERAS, CAMERA_MB = 448, 3, 40
_ALLOW = re.compile(r"^IPAddressAllow=(\S+)$", re.MULTILINE)


def resolve(host: str) -> tuple[str, ...]:
    """The addresses of a host, the first to be used; blocks as long as the name service takes. Raises OSError."""
    return tuple(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))


def drop_in(addresses: Iterable[str], cameras: int) -> str:
    """The text of the drop-in."""
    memory = FIRST_MB + CAMERA_MB * max(0, cameras - FIRST_CAMERAS)
    lines = [f"IPAddressAllow={address}" for address in sorted(set(addresses))]
    return "\n".join(["# Written by anyu-edge check --write-units.", "[Service]", *lines, f"MemoryMax={memory}M", ""])


def allowed(path: Path = DROP_IN) -> frozenset[str]:
    """The addresses that the drop-in allows; none where there is no drop-in."""
    try:
        return frozenset(_ALLOW.findall(path.read_text(encoding="utf-8")))
    except OSError:
        return frozenset()
