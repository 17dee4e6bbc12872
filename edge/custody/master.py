"""The gateway's master key: a systemd credential where there is one, else a file only its owner can read. It never leaves here."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from edge import durable
from edge.custody.seal import lies_sealed
from edge.errors import EdgeError

KEY_BYTES = 32
CREDENTIAL = "master_key"


class KeyUnusable(EdgeError):
    """The master key is there and cannot be trusted or read: a person has to look at it. Nothing is overwritten."""


def master_key(folder: Path, environ: Mapping[str, str]) -> bytes:
    """32 bytes: $CREDENTIALS_DIRECTORY/master_key, else `folder`/master_key, made at the first start.

    Raises:
        KeyUnusable: a key of another length, a file that others can read, or none beside files that one has sealed.
        OSError: it could not be read or written.
    """
    given = environ.get("CREDENTIALS_DIRECTORY")
    if given and (sealed := Path(given, CREDENTIAL)).exists():
        return _of_length(sealed.read_bytes(), sealed)
    path = folder / CREDENTIAL
    if not path.exists():
        if _sealed_something(folder.parent):
            raise KeyUnusable(
                f"{path} is missing, and files here are sealed with it: put it back; docs/runbook.md says what to do if it is lost"
            )
        durable.write(path, [os.urandom(KEY_BYTES)])
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyUnusable(f"{path} can be read by others than its owner: chmod 600 it, and consider it known")
    return _of_length(durable.read(path), path)


def _sealed_something(state: Path) -> bool:
    """Whether rosters or templates lie here that only a key of before opens."""
    if any((state / "custody" / "faces").glob("*")):
        return True
    for path in (state / "roster" / "identities.json", *(state / "roster").glob("*.roster")):
        try:
            if lies_sealed(path):
                return True
        except OSError:
            continue
    return False


def _of_length(key: bytes, where: Path) -> bytes:
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"{where} holds {len(key)} bytes, {KEY_BYTES} expected")
    return key
