"""Files that are whole or the old ones, whatever happens in between: written beside, flushed, renamed, the folder flushed.

No link is followed, but one that root has put in a folder's place to move it to another disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

_TEMPORARY = ".new-"
MOST_BYTES = 256 << 20
"""Of a file that is read: a kept roster of 100,000 is about 50 MB."""


def read(path: Path) -> bytes:
    """The whole of a plain file. Raises OSError, also for a link, a pipe or a device, and for more than MOST_BYTES."""
    with open(path, "rb", opener=no_link) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if found.st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return file.read()


def no_link(path: str, flags: int) -> int:
    """An opener for `open`: no link is followed, and a pipe's other end is not waited for."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def write(path: Path, parts: Iterable[bytes], mode: int = 0o600) -> None:
    """Replace `path` by these bytes, readable by its owner alone unless `mode` says more, and return when a power cut cannot undo it.

    Raises:
        OSError: it could not be written; the old file is as it was.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = _open(path.parent)
    new = f"{path.name}{_TEMPORARY}{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder), "wb") as file:
            if mode != 0o600:
                os.fchmod(file.fileno(), mode)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
    finally:
        os.close(folder)


def flush_folder(folder: Path) -> None:
    """Make renames and removals in a folder survive a power cut."""
    opened = _open(folder)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _open(folder: Path) -> int:
    """A folder to work in. Raises OSError, also where another account than root has put a link in its place."""
    links = 0 if folder.lstat().st_uid == 0 else os.O_NOFOLLOW
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | links)


def sweep(folder: Path) -> None:
    """Remove what a power cut left half-written."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f"*{_TEMPORARY}*"):
            left.unlink(missing_ok=True)


def put_aside(path: Path) -> None:
    """Rename a damaged file out of the way, for whoever wants to look at it."""
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"{path.name}.damaged"))
