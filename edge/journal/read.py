"""Reading what is committed, beside the writer: short reads by number, nothing kept in memory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.journal.faults import Unreadable, fault_of
from edge.journal.record import Record
from edge.journal.store import ERA_SHIFT, Era, connect, read_eras, row_id

_COLUMNS = "SELECT id, at, class, name, data, chain FROM event"


class Reader:
    """One connection that never writes; any thread, one at a time. Opened at the first read, so that a missing file is no error yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def eras(self) -> list[Era]:
        """Every epoch there is, oldest first. Raises Unreadable."""
        with self._reading() as db:
            return read_eras(db)

    def page(self, era: Era, after: int, limit: int, upto: int | None = None) -> list[Record]:
        """Records of one epoch with `after` < seq <= `upto`, in order, at most `limit`. Raises Unreadable."""
        last = row_id(era.number + 1, 0) - 1 if upto is None else row_id(era.number, upto)
        span = row_id(era.number, after), last, limit
        with self._reading() as db:
            rows = db.execute(f"{_COLUMNS} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", span).fetchall()
        return [_record(era, row) for row in rows]

    def latest(self, limit: int) -> list[Record]:
        """The newest records whatever their epoch, oldest of them first. Raises Unreadable."""
        with self._reading() as db:
            eras = {era.number: era for era in read_eras(db)}
            rows = db.execute(f"{_COLUMNS} ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return [_record(eras[row[0] >> ERA_SHIFT], row) for row in reversed(rows)]

    def close(self) -> None:
        """Close after the read that is under way; the next read opens whatever lies there then."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._db is None:
                    if not self._path.exists():
                        raise FileNotFoundError(self._path)
                    self._db = connect(self._path)
                    self._db.execute("PRAGMA query_only = ON")
                yield self._db
            except (sqlite3.Error, OSError) as error:
                raise Unreadable(fault_of(error, self._path.parent)) from error


def _record(era: Era, row: tuple[int, str, str, str, bytes, bytes]) -> Record:
    key, at, cls, name, data, chain = row
    return Record(key - row_id(era.number, 0), era.epoch, at, cls, name, data, chain)
