"""`check --write-units`: the addresses of the cameras into a drop-in of the recogniser's unit. For root; see edge/vision/addresses.py."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import typer

from edge.cli import talk
from edge.cli.words import say
from edge.settings import Settings
from edge.vision import addresses
from edge.vision.settings import CameraSettings

BOOTED = Path("/run/systemd/system")  # sd_booted(3)


def write(settings: Settings, path: Path = addresses.DROP_IN) -> None:
    """Write the drop-in and let systemd read it. A host that has no address is said and left out. Exits with 1 for who is not root."""
    locale = settings.locale
    if os.geteuid() != 0:
        talk.complain(say(locale, "units_need_root"))
        raise typer.Exit(talk.BAD_NEWS)
    found: set[str] = set()
    for name, camera in settings.cameras.items():
        try:
            if host := host_of(camera):
                found.update(addresses.resolve(host))
        except (OSError, ValueError):
            talk.complain(say(locale, "camera_no_address", name=name))
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_text(addresses.drop_in(found, len(settings.cameras)), encoding="utf-8")
    path.chmod(0o644)  # no secret, and the daemon reads it
    talk.line(say(locale, "units_written", path=str(path), count=str(len(found))))
    if BOOTED.is_dir():
        subprocess.run(["/usr/bin/systemctl", "daemon-reload"], check=False)
        subprocess.run(["/usr/bin/systemctl", "try-restart", "anyu-edge-vision.service"], check=False)


def host_of(camera: CameraSettings) -> str:
    """The host of a camera's stream; empty for one that is not on the network. Raises ValueError for an address that is none."""
    options = camera.options
    address = getattr(options, "address", None)
    if address is not None:
        return str(address()[0])
    return urlsplit(f"//{getattr(options, 'host', '')}").hostname or ""
