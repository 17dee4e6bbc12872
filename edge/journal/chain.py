"""Walking the hash chain: has anything been changed, removed or put in between since it was written?"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.journal.faults import DAMAGE
from edge.journal.record import Draft, names_hole, try_link
from edge.journal.store import Era, connect, read_eras, row_id, text_of


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """Where the chain first does not hold.

    `changed`: the record is not what was chained. `missing`: numbers without a record and without a `gateway.loss` that names them.
    `short`: the last records are gone. `unreadable`: the file itself is damaged.
    """

    epoch: str
    seq: int
    what: Literal["changed", "missing", "short", "unreadable"]


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a walk found. `checked` records hold, up to the first break if there is one; `chain` is the value at the newest of them."""

    checked: int
    epochs: tuple[str, ...]
    chain: bytes
    first_break: ChainBreak | None = None

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.first_break is None


class _Broken(Exception):
    def __init__(self, found: ChainBreak) -> None:
        super().__init__(found.what)
        self.found = found


class ChainWalk:
    """One walk over a database file, in one snapshot: the writer goes on beside it."""

    def __init__(self, path: Path, expected: tuple[str, int] | None = None) -> None:
        """`expected` is (epoch, last number) as known from elsewhere, to notice a tail that was cut off."""
        self._path = path
        self._expected = expected
        self._checked = 0
        self._chain = b""
        self._place = ("", 0)

    def run(self) -> ChainReport:
        """Walk every epoch. Raises nothing but what opening the file raises (OSError, sqlite3.Error)."""
        if not self._path.exists():
            raise FileNotFoundError(self._path)
        db = connect(self._path)
        epochs: tuple[str, ...] = ()
        try:
            db.text_factory = text_of
            db.execute("PRAGMA query_only = ON")
            db.execute("BEGIN")
            eras = read_eras(db)
            epochs = tuple(era.epoch for era in eras)
            for era in eras:
                self._walk(db, era)
        except _Broken as broken:
            return ChainReport(self._checked, epochs, self._chain, broken.found)
        except (sqlite3.DatabaseError, *DAMAGE):
            return ChainReport(self._checked, epochs, self._chain, ChainBreak(*self._place, "unreadable"))
        finally:
            db.close()
        return ChainReport(self._checked, epochs, self._chain)

    def _walk(self, db: sqlite3.Connection, era: Era) -> None:
        seq, chain = era.base_seq, era.base_chain
        self._place = (era.epoch, seq + 1)
        span = row_id(era.number, 0), row_id(era.number + 1, 0)
        for key, *rest, stored in db.execute(
            "SELECT id, at, class, name, data, chain FROM event WHERE id > ? AND id < ? ORDER BY id", span
        ):
            number = key - row_id(era.number, 0)
            event = Draft(*rest)
            if number != seq + 1 and not names_hole(event, era.epoch, seq + 1, number - 1):
                raise _Broken(ChainBreak(era.epoch, seq + 1, "missing"))
            chain = try_link(chain, era.epoch, number, event)
            if chain != stored:
                raise _Broken(ChainBreak(era.epoch, number, "changed"))
            seq = number
            self._checked += 1
            self._chain = chain
            self._place = (era.epoch, seq + 1)
        if self._expected is not None and self._expected[0] == era.epoch and seq < self._expected[1]:
            raise _Broken(ChainBreak(era.epoch, seq + 1, "short"))
