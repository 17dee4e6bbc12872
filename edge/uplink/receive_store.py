"""What a centre has received, in SQLite: committed before it is acknowledged, and never twice."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.uplink.coverage import Coverage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
  id         INTEGER PRIMARY KEY,
  site       TEXT NOT NULL,
  gateway    TEXT NOT NULL,
  epoch      TEXT NOT NULL,
  contiguous INTEGER NOT NULL DEFAULT 0,
  UNIQUE (site, gateway, epoch)
) STRICT;
CREATE TABLE IF NOT EXISTS event (
  run  INTEGER NOT NULL REFERENCES run,
  seq  INTEGER NOT NULL,
  type TEXT NOT NULL,
  time TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (
  run   INTEGER NOT NULL REFERENCES run,
  first INTEGER NOT NULL,
  last  INTEGER NOT NULL,
  cause TEXT NOT NULL,
  PRIMARY KEY (run, first, last)
) STRICT, WITHOUT ROWID;
"""


LEFT_OUT = "left_out"
"""Cause of numbers that a gateway left out after a start without a stop: nothing is known to be lost."""


@dataclass(frozen=True, slots=True)
class Key:
    """One run of sequence numbers. Gateways of two sites may bear one name, so the site is part of it."""

    site: str
    gateway: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Row:
    """One event to keep; `body` is the CloudEvent as it came."""

    key: Key
    seq: int
    type: str
    time: str
    body: str


@dataclass(slots=True)
class Run:
    """What is known of one run. `head` is the newest number that the gateway has spoken of, `gone` what it said can never come.

    `left_out` is that part of `gone` which no event is known to have had.
    """

    number: int
    covered: Coverage
    gone: Coverage = field(default_factory=Coverage)
    left_out: Coverage = field(default_factory=Coverage)
    head: int = 0
    late: set[int] = field(default_factory=set)  # said to be lost and come all the same; a gateway remembers 1,000 of these
    asked_in: str = ""  # the gateway's epoch in which it was last asked for the rest of this run


class Store:
    """The centre's database. Used by one thread; after an sqlite3.Error it is closed and opened anew."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises sqlite3.Error."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._db.execute("INSERT OR IGNORE INTO fact VALUES ('centre_id', ?)", (secrets.token_hex(8),))
        facts = dict(self._db.execute("SELECT key, value FROM fact"))
        self.centre_id = str(facts["centre_id"])
        """Random name of this database: another one tells a gateway that the centre begins anew."""
        self.said_at = int(facts.get("said_at", 0))
        """`at` of the last acknowledgement known to be said, in milliseconds since 1970."""
        self.runs: dict[Key, Run] = {}
        for number, site, gateway, epoch, contiguous in self._db.execute("SELECT id, site, gateway, epoch, contiguous FROM run"):
            self.runs[Key(site, gateway, epoch)] = self._load(number, contiguous)

    def close(self) -> None:
        """Close."""
        self._db.close()

    def note_said(self, at: int) -> None:
        """Write down the `at` of the last acknowledgement, so that a clock that is set back does not make the next ones worthless."""
        self._db.execute("INSERT OR REPLACE INTO fact VALUES ('said_at', ?)", (str(at),))

    def commit(self, rows: list[Row], gone: list[tuple[Key, int, int, str]], keys: list[Key]) -> None:
        """Write all of it in one transaction; on disk when this returns. `keys` are the runs whose contiguous part may have grown."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?)",
                [(self.runs[row.key].number, row.seq, row.type, row.time, row.body) for row in rows],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO gone VALUES (?, ?, ?, ?)",
                [(self.runs[key].number, first, last, cause) for key, first, last, cause in gone],
            )
            self._db.executemany(
                "UPDATE run SET contiguous = ? WHERE id = ?", [(self.runs[key].covered.contiguous, self.runs[key].number) for key in keys]
            )
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def run(self, key: Key) -> Run:
        """The run of this key, begun if it is new."""
        run = self.runs.get(key)
        if run is None:
            row = (key.site, key.gateway, key.epoch)
            number = self._db.execute("INSERT INTO run (site, gateway, epoch) VALUES (?, ?, ?) RETURNING id", row).fetchone()[0]
            run = self.runs[key] = Run(number, Coverage())
        return run

    def events(self, key: Key) -> Iterator[tuple[int, str]]:
        """Every event of a run in order: (number, CloudEvent as it came)."""
        yield from self._db.execute("SELECT seq, body FROM event WHERE run = ? ORDER BY seq", (self.runs[key].number,))

    def body(self, key: Key, seq: int) -> str | None:
        """One event as it came."""
        row = self._db.execute("SELECT body FROM event WHERE run = ? AND seq = ?", (self.runs[key].number, seq)).fetchone()
        return str(row[0]) if row else None

    def count(self) -> int:
        """Events kept."""
        return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])

    def _load(self, number: int, contiguous: int) -> Run:
        beyond = self._db.execute("SELECT seq FROM event WHERE run = ? AND seq > ? ORDER BY seq", (number, contiguous))
        run = Run(number, Coverage(contiguous, (seq for (seq,) in beyond)))
        for first, last, cause in self._db.execute("SELECT first, last, cause FROM gone WHERE run = ?", (number,)).fetchall():
            run.covered.add(first, last)
            for start, end in self._without_events(number, first, last):
                run.gone.add(start, end)
                if cause == LEFT_OUT:
                    run.left_out.add(start, end)
        return run

    def _without_events(self, number: int, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The parts of first..last that no event came for: what came before its loss was told, or after, is here."""
        here = self._db.execute("SELECT seq FROM event WHERE run = ? AND seq BETWEEN ? AND ? ORDER BY seq", (number, first, last))
        for (seq,) in here:
            if first < seq:
                yield first, seq - 1
            first = seq + 1
        if first <= last:
            yield first, last
