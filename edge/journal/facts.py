"""Reading the small facts before anything is written: a disk that takes no writes still tells what was remembered."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from edge.journal.faults import DAMAGE
from edge.journal.store import BUSY_S, read_facts_of, text_of


def read_facts(path: Path) -> dict[str, str] | None:
    """Read every fact of a database, without its lock; a value that is no text is left out. None where it cannot be read."""
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    try:
        # With a log beside it SQLite reads both, on a read-only disk too. Without one the file is whole, and no other file is needed.
        how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
        # A copy of the two, or a power cut, may have left no index of the log, and none can be made here: it is made in memory then.
        alone = how == "mode=ro" and not index.exists() and not os.access(path.parent, os.W_OK)
        how += "&vfs=unix-none" if alone else ""
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_S, isolation_level=None)) as db:
            db.text_factory = text_of
            if alone:
                db.execute("PRAGMA locking_mode = EXCLUSIVE")
            return read_facts_of(db)
    except (sqlite3.Error, OSError, *DAMAGE):
        return None
