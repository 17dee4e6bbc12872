"""What can be wrong with a disk, in the words that health and `gateway.loss` use."""

from __future__ import annotations

import errno
import os
import sqlite3
from enum import StrEnum
from pathlib import Path
from typing import Literal

FULL_BELOW = 256 * 1024
"""Bytes free under which a failed write is put down to a full disk: SQLite reports some of them as I/O errors or failed opens."""


class Fault(StrEnum):
    """Why the journal cannot write."""

    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    IO_ERROR = "io_error"
    LOCKED = "locked"
    """Another program holds the database's write lock; the disk is well."""
    CORRUPT = "corrupt"
    NEWER = "newer_schema"
    """Written by a later version of this program: left alone, to be opened by that version."""
    STUCK = "stuck"
    """A write has not come back for seconds: the disk neither takes it nor refuses it."""


DAMAGE = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What our own code raises over a stored value that is not what was written: a time that is no date, a number that is none."""


class NewerSchema(sqlite3.DatabaseError):
    """The database belongs to a later version; nothing here may write to it."""


class JournalInUse(Exception):
    """Another process writes this journal: stop, and say so."""


class WriterStopped(Exception):
    """The journal's thread has ended, which no disk makes it do: nothing is written any more."""


class Unreadable(Exception):
    """A read failed: try again later; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


_SQLITE: dict[int, Fault] = {
    sqlite3.SQLITE_FULL: Fault.DISK_FULL,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_PERM: Fault.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Fault.READ_ONLY,
    sqlite3.SQLITE_BUSY: Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: Fault.LOCKED,
    sqlite3.SQLITE_CORRUPT: Fault.CORRUPT,
    sqlite3.SQLITE_NOTADB: Fault.CORRUPT,
    # Our statements are constant and tested: "no such table" means that the schema page was damaged.
    sqlite3.SQLITE_ERROR: Fault.CORRUPT,
    # A stored value of the wrong kind, or a number that is already there: damage as well.
    sqlite3.SQLITE_MISMATCH: Fault.CORRUPT,
    sqlite3.SQLITE_CONSTRAINT: Fault.CORRUPT,
}

_ERRNO: dict[int | None, Fault] = {
    errno.ENOSPC: Fault.DISK_FULL,
    errno.EDQUOT: Fault.DISK_FULL,
    errno.EROFS: Fault.READ_ONLY,
    errno.EACCES: Fault.READ_ONLY,
    errno.EPERM: Fault.READ_ONLY,
}


def fault_of(error: Exception, folder: Path) -> Fault:
    """Name a failure: one of SQLite, of the disk, or one of DAMAGE. What the disk merely does not give now is never called corrupt."""
    if isinstance(error, NewerSchema):
        return Fault.NEWER
    if isinstance(error, Unreadable):
        return error.fault
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno, Fault.IO_ERROR)
    if not isinstance(error, sqlite3.Error):
        return Fault.CORRUPT
    code: int | None = getattr(error, "sqlite_errorcode", None)
    # Errors raised by Python's module itself have no code: text that is no UTF-8 is the only one our statements can meet.
    fault = _SQLITE.get(code & 0xFF, Fault.IO_ERROR) if code is not None else Fault.CORRUPT
    if fault in (Fault.IO_ERROR, Fault.READ_ONLY) and disk_free(folder) < FULL_BELOW:
        return Fault.DISK_FULL
    return fault


def loss_cause(fault: Fault | None) -> Literal["disk_full", "disk_failed"]:
    """The word of `gateway.loss` for events that went from memory under this fault."""
    return "disk_full" if fault is Fault.DISK_FULL else "disk_failed"


def disk_free(folder: Path) -> int:
    """Bytes that the daemon may still write where `folder` lies; 0 where even that cannot be asked."""
    try:
        stat = os.statvfs(folder)
    except OSError:
        return 0
    return stat.f_bavail * stat.f_frsize
