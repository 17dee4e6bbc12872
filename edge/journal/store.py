"""The database, as its one writer sees it. What is committed here has been fsynced (WAL, synchronous=FULL)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from edge.journal.faults import NewerSchema
from edge.journal.mark import which
from edge.journal.record import NO_CHAIN, Draft, link, names_hole

APPLICATION_ID = 0x414E5955
"""`ANYU`, in the file's header."""

ERA_SHIFT = 40
"""Bits of `event.id` below the era: 10^12 numbers an epoch, a thousand years of ten events a second times three."""
SEQ_MASK = (1 << ERA_SHIFT) - 1

WAL_LEFT = 16 << 20
"""Bytes to which a write-ahead log that once grew larger is cut back."""

BUSY_S = 1.0
"""Seconds to wait for another connection's lock: only a tool that reads or copies the file ever holds one, and a stop has three."""


@dataclass(frozen=True, slots=True)
class Era:
    """One epoch in this database. Numbers up to `base_seq` are pruned, and `base_chain` is the chain value there."""

    number: int
    epoch: str
    base_seq: int = 0
    base_chain: bytes = NO_CHAIN


@dataclass(frozen=True, slots=True)
class Tip:
    """The last committed number of an era and the chain value there."""

    seq: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class Carry:
    """Events (after, upto] of an older era that still need numbers of the current one."""

    era: int
    after: int
    upto: int


def row_id(era: int, seq: int) -> int:
    """Where a record lies."""
    return era << ERA_SHIFT | seq


def read_eras(db: sqlite3.Connection) -> list[Era]:
    """Every epoch of a database, oldest first."""
    return [Era(*row) for row in db.execute("SELECT number, epoch, base_seq, base_chain FROM era ORDER BY number")]


def text_of(raw: bytes) -> str:
    """Text as it lies there: damaged text differs from what was chained, and is no reason to leave the records around it unread."""
    return raw.decode("utf-8", "surrogateescape")


def is_whole(text: object) -> bool:
    """Whether this is text that can be written again, and not what damage has made of it."""
    return isinstance(text, str) and text == text.encode("utf-8", "ignore").decode()


def read_facts_of(db: sqlite3.Connection) -> dict[str, str]:
    """Every small fact of a database whose text is whole: any other would keep the next database from being written."""
    return {key: value for key, value in db.execute("SELECT key, value FROM fact") if is_whole(key) and is_whole(value)}


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open a connection that any thread may use, one at a time; transactions are begun by hand."""
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


class Store:
    """The writer's connection. After any error it is to be closed and opened anew: what is on disk then is what counts."""

    def __init__(self, path: Path, synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL") -> None:
        """Open or create the database. Raises sqlite3.Error; `created` says that it was not there. Only measurements use less than FULL."""
        self._path = path
        self._db = connect(path, create=True)
        try:
            self._db.text_factory = text_of
            self._db.execute(f"PRAGMA synchronous = {synchronous}")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA wal_autocheckpoint = 0")
            self._db.execute(f"PRAGMA journal_size_limit = {WAL_LEFT}")
            self.created = self._migrate()
            self.eras = read_eras(self._db)
            self.tip = self._read_tip()
        except BaseException:
            self._db.close()
            raise
        self._files: dict[Path, str] = {}
        self._rows: list[tuple[int, str, str, str, bytes, bytes]] = []

    @property
    def era(self) -> Era:
        """The current era. There is one as soon as the first `begin_era` is committed."""
        return self.eras[-1]

    def close(self) -> None:
        """Close; as the last connection it also folds the write-ahead log into the database."""
        self._db.close()

    def moved(self) -> bool:
        """Whether the database, its log or its index is no longer the file that it was at the first look: deleted, or replaced."""
        now = {path: which(path) for path in (self._path, *(self._path.with_name(self._path.name + end) for end in ("-wal", "-shm")))}
        moved = any(was != now[path] for path, was in self._files.items())
        self._files = self._files or {path: file for path, file in now.items() if file}
        return moved

    def gone(self) -> bool:
        """Whether it is the database itself that was deleted or replaced since the first look."""
        return self._files.get(self._path) != which(self._path)

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """All of it or nothing, on disk when the block is left."""
        eras, tip = list(self.eras), self.tip
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self
            self._db.executemany("INSERT INTO event (id, at, class, name, data, chain) VALUES (?, ?, ?, ?, ?, ?)", self._rows)
            self._db.execute("COMMIT")
        except BaseException:
            self.eras, self.tip = eras, tip
            if self._db.in_transaction:
                self._roll_back()
            raise
        finally:
            self._rows.clear()

    def add(self, drafts: Iterable[Draft]) -> range:
        """Number, chain and insert events; gives their numbers."""
        first = self.tip.seq + 1
        for event in drafts:
            seq = self.tip.seq + 1
            self.tip = Tip(seq, link(self.tip.chain, self.era.epoch, seq, event))
            self._rows.append((row_id(self.era.number, seq), event.at, event.cls, event.name, event.data, self.tip.chain))
        return range(first, self.tip.seq + 1)

    def skip(self, count: int) -> range:
        """Leave a hole of numbers for events that are gone; the next record must be the `gateway.loss` that names it."""
        hole = range(self.tip.seq + 1, self.tip.seq + 1 + count)
        self.tip = Tip(self.tip.seq + count, self.tip.chain)
        return hole

    def begin_era(self, epoch: str, begun: str, cause: str, *, ended_at: int | None = None) -> None:
        """Start a new epoch; its chain goes on from the one before, acknowledgements start at none.

        `ended_at` makes it an epoch that is known only by name, of a database that is gone: nothing of it up to there is here.
        """
        number = self.eras[-1].number + 1 if self.eras else 1
        era = Era(number, epoch, ended_at or 0, self.tip.chain)
        self._db.execute("INSERT INTO era VALUES (?, ?, ?, ?, ?, ?)", (number, epoch, begun, cause, era.base_seq, era.base_chain))
        self._db.execute("DELETE FROM ack")
        self.eras.append(era)
        self.tip = Tip(era.base_seq, era.base_chain)

    def set_acks(self, acked: Mapping[str, int]) -> None:
        """Write down how far each consumer is in the current era."""
        rows = [(consumer, self.era.number, seq) for consumer, seq in acked.items()]
        self._db.executemany("INSERT OR REPLACE INTO ack VALUES (?, ?, ?)", rows)

    def acks(self) -> dict[str, int]:
        """How far each consumer is in the current era."""
        rows = self._db.execute("SELECT consumer, seq FROM ack WHERE era = ?", (self.era.number,))
        return {consumer: seq for consumer, seq in rows if is_whole(consumer)}

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Write down small facts."""
        self._db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", list(facts.items()))

    def facts(self) -> dict[str, str]:
        """Every small fact."""
        return read_facts_of(self._db)

    def carry_over(self, era: int, after: int, upto: int) -> None:
        """Note that events (after, upto] of an era are to be given numbers of the current one."""
        if after < upto:
            self._db.execute("INSERT INTO carry VALUES (?, ?, ?)", (era, after, upto))

    def carries(self) -> list[Carry]:
        """What is still to be carried over, oldest first."""
        return [Carry(*row) for row in self._db.execute("SELECT era, after, upto FROM carry ORDER BY era")]

    def carried(self, some: Carry, upto: int) -> None:
        """Note that events up to this number have been given numbers of the current era."""
        if upto < some.upto:
            self._db.execute("UPDATE carry SET after = ? WHERE era = ?", (upto, some.era))
        else:
            self._db.execute("DELETE FROM carry WHERE era = ?", (some.era,))

    def growth(self, waiting: int) -> float | None:
        """Bytes a day by which the database has grown while number `waiting` of the current era and what follows has waited.

        None while that is less than a day, or nothing waits: what waits a moment goes again.
        """
        rows = self._db.execute(
            "SELECT at FROM event WHERE id = ? UNION ALL SELECT * FROM (SELECT at FROM event ORDER BY id LIMIT 1)",
            (row_id(self.era.number, waiting),),
        ).fetchall()
        last = self.last_at()
        if len(rows) < 2 or last is None:
            return None
        try:
            waits, since = ((datetime.fromisoformat(last) - datetime.fromisoformat(at)).total_seconds() / 86_400 for (at,) in rows)
        except (TypeError, ValueError):
            return None  # a damaged time; whoever reads that record tells
        if waits < 1 or since < 1:
            return None
        used, free, size = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
        return float((used - free) * size / since)

    def last_at(self) -> str | None:
        """The time of the newest record of any era."""
        row = self._db.execute("SELECT at FROM event ORDER BY id DESC LIMIT 1").fetchone()
        return row[0] if row else None

    def prune(self, upto: int, cutoff: str, now: str, limit: int) -> int:
        """Delete the oldest records up to `upto` of the current era (and any of older eras) that are older than `cutoff`.

        Stops at the first record between `cutoff` and `now`. A time after `now` was written by a clock that ran ahead and says
        nothing of the record's age: its neighbours in sequence do. Gives the number deleted, at most `limit`.
        """
        if self.carries():
            return 0
        last = row_id(self.era.number, upto)
        rows = self._db.execute("SELECT id, at, chain FROM event WHERE id <= ? ORDER BY id LIMIT ?", (last, limit)).fetchall()
        old = 0
        for index, (_, at, _) in enumerate(rows):
            if cutoff <= at <= now:
                break
            if at < cutoff:
                old = index + 1
        if old:
            self._forget(rows[:old])
        return old

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Fold the write-ahead log into the database, without waiting for readers unless it is to be cut as well."""
        self._db.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})").fetchall()

    def _forget(self, rows: list[tuple[int, str, bytes]]) -> None:
        self._db.execute("DELETE FROM event WHERE id <= ?", (rows[-1][0],))
        for number, (seq, chain) in {key >> ERA_SHIFT: (key & SEQ_MASK, chain) for key, _, chain in rows}.items():
            self._db.execute("UPDATE era SET base_seq = ?, base_chain = ? WHERE number = ?", (seq, chain, number))
        self.eras = read_eras(self._db)

    def _read_tip(self) -> Tip:
        if not self.eras:
            return Tip(0, NO_CHAIN)
        span = row_id(self.era.number, self.era.base_seq), row_id(self.era.number + 1, 0)
        rows = self._db.execute(
            "SELECT id, at, class, name, data, chain FROM event WHERE id > ? AND id < ? ORDER BY id DESC LIMIT 2", span
        ).fetchall()
        if not rows:
            return Tip(self.era.base_seq, self.era.base_chain)
        (key, *draft, chain), before = rows[0], rows[1][0] if len(rows) == 2 else span[0]
        hole = before - row_id(self.era.number, 0) + 1, key - row_id(self.era.number, 0) - 1
        if key != before + 1 and not names_hole(Draft(*draft), self.era.epoch, *hole):
            raise sqlite3.DatabaseError("the last number does not follow the one before")
        return Tip(hole[1] + 1, chain)

    def _migrate(self) -> bool:
        """Bring the schema up to date, one numbered file a transaction. Says whether there was nothing before."""
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (owner,) = self._db.execute("PRAGMA application_id").fetchone()
        steps = sorted(step.name for step in files("edge.journal.schema").iterdir() if step.name.endswith(".sql"))
        if version and owner != APPLICATION_ID:
            raise sqlite3.DatabaseError("not a journal of this program")
        if version > len(steps):
            raise NewerSchema(f"schema {version} is newer than {len(steps)}: upgrade this program")
        for number, name in enumerate(steps[version:], start=version + 1):
            script = files("edge.journal.schema").joinpath(name).read_text("utf-8")
            self._db.executescript(
                f"BEGIN IMMEDIATE; {script} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
            )
        return bool(version == 0)

    def _roll_back(self) -> None:
        try:
            self._db.execute("ROLLBACK")
        except sqlite3.Error:
            # SQLite has rolled back already, or cannot: this connection is closed next, and the log's tail was never valid.
            return
