"""Files that are whole or the old ones, whatever happens in between: written beside, flushed, renamed, the folder flushed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_TEMPORARY = ".new-"


def write(path: Path, parts: Iterable[bytes]) -> None:
    """Replace `path` by these bytes, readable by its owner alone (0600), and return when a power cut cannot undo it.

    Raises:
        OSError: it could not be written; the old file is as it was.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}{_TEMPORARY}{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make renames and removals in a folder survive a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sweep(folder: Path) -> None:
    """Remove what a power cut left half-written."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f"*{_TEMPORARY}*"):
            left.unlink(missing_ok=True)


def put_aside(path: Path) -> None:
    """Rename a damaged file out of the way, for whoever wants to look at it."""
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"{path.name}.damaged"))
