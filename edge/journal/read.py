"""Reading what is committed, beside the writer: short reads by number, nothing kept in memory, nothing given out that was changed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.journal.faults import DAMAGE, Unreadable, fault_of
from edge.journal.record import Draft, Record, names_hole, try_link
from edge.journal.store import Era, connect, read_eras, row_id, text_of

_COLUMNS = "SELECT id, at, class, name, data, chain FROM event"
_CHAIN = "SELECT id, chain FROM event"
_NEWEST = "SELECT min(id) FROM (SELECT id FROM event WHERE id > ? AND id < ? ORDER BY id DESC LIMIT ?)"  # counted: numbers may be left out

MOST_CANDIDATES = 8
"""Chain values tried for the record after several damaged ones."""


@dataclass(frozen=True, slots=True)
class Page:
    """Records as they were written, and the numbers of those that are not any more."""

    sound: list[Record]
    damaged: list[int]


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

    def page(self, era: Era, after: int, limit: int, upto: int | None = None) -> Page:
        """Records of one epoch with `after` < seq <= `upto`, in order, at most `limit`. Raises Unreadable."""
        first, last = row_id(era.number, 0), row_id(era.number + 1, 0) - 1 if upto is None else row_id(era.number, upto)
        with self._reading() as db:
            base = db.execute("SELECT base_seq + ?, base_chain FROM era WHERE number = ?", (first, era.number)).fetchone()
            before = db.execute(f"{_CHAIN} WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 1", (first, first + after)).fetchone()
            rows = db.execute(f"{_COLUMNS} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (first + after, last, limit)).fetchall()
            return _check(era, rows, *(before or base or (first, b"")))

    def last(self, era: Era) -> int:
        """The last number of an epoch that is held; 0 = none. Raises Unreadable."""
        first, end = row_id(era.number, 0), row_id(era.number + 1, 0)
        with self._reading() as db:
            (last,) = db.execute("SELECT max(id) FROM event WHERE id > ? AND id < ?", (first, end)).fetchone()
        return 0 if last is None else int(last) - first

    def latest(self, limit: int) -> list[Record]:
        """The newest records whatever their epoch, oldest of them first. Raises Unreadable."""
        found: list[Record] = []
        for era in reversed(self.eras()):
            wanted = limit - len(found)
            if wanted <= 0:
                break
            span = row_id(era.number, 0), row_id(era.number + 1, 0)
            with self._reading() as db:
                (first,) = db.execute(_NEWEST, (*span, wanted)).fetchone()
            if first is not None:
                found = self.page(era, first - span[0] - 1, wanted).sound + found
        return found

    def close(self) -> None:
        """Close after the read that is under way; the next read opens whatever lies there then."""
        with self.closed():
            pass

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep it closed for a while: the file is being moved away."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None
            yield

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._db is None:
                    self._db = connect(self._path)
                    self._db.text_factory = text_of
                    self._db.execute("PRAGMA query_only = ON")
                self._db.execute("BEGIN")
                try:
                    yield self._db
                finally:
                    self._db.execute("ROLLBACK")
            except (sqlite3.Error, OSError, *DAMAGE) as error:
                raise Unreadable(fault_of(error, self._path.parent)) from error


def _check(era: Era, rows: list[tuple[int, str, str, str, bytes, bytes]], last: int, before: bytes) -> Page:
    """Compare every record with its chain value. One that was damaged does not bring its successor into doubt.

    `last` and `before` are the key and chain value of the record before. Raises LookupError where numbers are missing that no loss names.
    """
    sound: list[Record] = []
    damaged: list[int] = []
    candidates = {before}
    for key, at, cls, name, data, chain in rows:
        seq = key - row_id(era.number, 0)
        draft = Draft(at, cls, name, data)
        if key != last + 1 and not names_hole(draft, era.epoch, last - row_id(era.number, 0) + 1, seq - 1):
            raise LookupError("numbers are missing")
        last = key
        links = {try_link(one, era.epoch, seq, draft) for one in candidates}
        if chain in links:
            sound.append(Record(seq, era.epoch, at, cls, name, data, chain))
        else:
            damaged.append(seq)
        # The stored value is wrong where that was damaged, the computed one where the event was.
        candidates = {chain} if chain in links else links | {chain}
        if len(candidates) > MOST_CANDIDATES:
            candidates = {chain}
    return Page(sound, damaged)
