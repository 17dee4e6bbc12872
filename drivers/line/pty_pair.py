"""A pty as a serial port: the daemon opens a path, a simulator speaks at the other end."""

from __future__ import annotations

import contextlib
import os
import pty
import tty
from dataclasses import dataclass
from pathlib import Path

from drivers.line.fd import FdLine


@dataclass(frozen=True, slots=True)
class PtyPair:
    """`path` is what the daemon opens as its port; `line` is the simulator's end. Closing the line is pulling the USB plug."""

    path: str
    line: FdLine


def open_pty_pair(link: Path | None = None) -> PtyPair:
    """Make a pty in raw mode, inside a running loop.

    `link` becomes a symbolic link to the port, as udev's by-id names are: a new pair on the same link is the device back under its name.
    It is taken away when the line closes. The simulator's end stays open while the daemon closes and opens the port, as a device does.
    """
    master, slave = pty.openpty()
    tty.setraw(slave)
    device = os.ttyname(slave)
    if link is not None:
        fresh = link.with_name(link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(device)
        fresh.replace(link)

    def shut() -> None:
        if link is not None:
            with contextlib.suppress(OSError):
                if str(link.readlink()) == device:
                    link.unlink()
        os.close(master)
        os.close(slave)

    return PtyPair(str(link or device), FdLine(master, f"the far end of {device}", shut))
