"""Damaged databases, set aside for a person to look at."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.journal.faults import DAMAGE
from edge.journal.store import connect, read_eras, row_id

KEPT = 3
"""Damaged databases kept: enough to see a pattern, few enough not to fill the disk. What they held is told as lost already."""

_NAME = "journal-*.damaged.db"


@dataclass(frozen=True, slots=True)
class LastSeen:
    """The newest epoch and number that a damaged database still shows."""

    epoch: str
    seq: int


def peek(path: Path) -> LastSeen | None:
    """Look for the last number in a damaged database: its newest page is often whole. None when it cannot be read."""
    try:
        with closing(connect(path)) as db:
            era = read_eras(db)[-1]
            (last,) = db.execute("SELECT max(id) FROM event").fetchone()
            return LastSeen(era.epoch, max(era.base_seq, (last or 0) - row_id(era.number, 0)))
    except (sqlite3.Error, *DAMAGE):
        return None


def set_aside(path: Path, at: datetime) -> None:
    """Rename a database and its log by the time, and forget the oldest of those set aside. Raises OSError."""
    to = path.with_name(f"journal-{at:%Y%m%dT%H%M%S%f}Z.damaged.db")
    if path.exists():
        path.rename(to)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        log.rename(to.with_name(to.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    for old in sorted(path.parent.glob(_NAME))[:-KEPT]:
        old.unlink()
        old.with_name(old.name + "-wal").unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def lying_aside(folder: Path) -> tuple[str, ...]:
    """Names of the databases set aside."""
    return tuple(sorted(file.name for file in folder.glob(_NAME)))
