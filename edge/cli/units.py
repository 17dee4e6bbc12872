"""`check --write-units`: the addresses of the cameras into a drop-in of the recogniser's unit. For root; see edge/vision/addresses.py."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

import typer

from edge.cli import talk
from edge.cli.words import say
from edge.settings import Settings
from edge.vision import addresses
from edge.vision.settings import CameraSettings

BOOTED = Path("/run/systemd/system")  # sd_booted(3)


def write(settings: Settings, path: Path = addresses.DROP_IN) -> bool:
    """Write the drop-in and let systemd read it; whether every camera has an address now. Exits with 1 for who is not root.

    A camera whose host has none at this moment (the name service is away) keeps what the drop-in has for it, and is said.
    """
    locale = settings.locale
    if os.geteuid() != 0:
        talk.complain(say(locale, "units_need_root"))
        raise typer.Exit(talk.BAD_NEWS)
    missed = set()
    found: dict[str, Collection[str]] = {}
    try:
        for name, camera in settings.cameras.items():
            try:
                if host := host_of(camera):
                    found[name] = addresses.resolve(host)
            except (OSError, ValueError):
                missed.add(name)
                found[name] = addresses.kept(name, path)
                said = "camera_keeps_addresses" if found[name] else "camera_no_address"
                talk.complain(say(locale, said, name=name, addresses=", ".join(sorted(found[name]))))
        _put(path, addresses.drop_in(found, len(settings.cameras)))
    except OSError as why:
        talk.complain(say(locale, "cannot_write", path=str(path), detail=why.strerror or type(why).__name__))
        return False
    talk.complain(say(locale, "units_written", path=str(path), count=str(len({each for every in found.values() for each in every}))))
    if BOOTED.is_dir():
        subprocess.run(["/usr/bin/systemctl", "daemon-reload"], check=False)
        subprocess.run(["/usr/bin/systemctl", "try-restart", "anyu-edge-vision.service"], check=False)
    return not missed


def _put(path: Path, text: str) -> None:
    """The file for everybody to read; the one in force stays whole until this one is. Raises OSError."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")  # systemd reads names that end in .conf
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)  # no secret, and the daemon reads it
    new.replace(path)


def host_of(camera: CameraSettings) -> str:
    """The host of a camera's stream; empty for one that is not on the network. Raises ValueError for an address that is none."""
    options = camera.options
    address = getattr(options, "address", None)
    if address is not None:
        return str(address()[0])
    return urlsplit(f"//{getattr(options, 'host', '')}").hostname or ""
