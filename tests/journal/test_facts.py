"""What was remembered is read before anything is written, and late where it could not be read at the start."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.journal.conftest import Make, SmallDisk
from tests.journal.samples import WAIT_S, eventually, opened


@contextmanager
def taken(database: Path) -> Iterator[None]:
    """Another program holds the database for itself: nobody else reads or writes it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("INSERT OR REPLACE INTO fact VALUES ('tool', '1')")
        yield


@pytest.mark.parametrize("left_by", ["stop", "kill", "power cut"])
def test_a_read_only_disk_tells_what_was_remembered(make: Make, small_disk: SmallDisk, left_by: str) -> None:
    """After a stop, and after a kill whose last facts lie in the log only, with its index or without."""
    folder, left = small_disk.path / "journal", small_disk.path / "left"
    journal = make(folder)
    journal.open()
    journal.remember("mode.north", "lock_down")
    assert journal.append(opened()).wait_blocking(WAIT_S)
    shutil.copytree(folder, left)
    journal.close()
    if left_by == "power cut":
        (left / "journal.db-shm").unlink()
    small_disk.remount("ro")
    again = make(folder if left_by == "stop" else left)
    again.open()
    assert again.health().why == ("read_only",)
    assert again.recall("mode.north") == "lock_down"
    assert again.facts_known
    small_disk.remount("rw")
    eventually(lambda: again.health().state == "ok", "all well again")
    assert again.recall("mode.north") == "lock_down"


def test_what_a_damaged_database_still_tells_is_kept(make: Make, tmp_path: Path) -> None:
    """The tree of the events is damaged, the facts are whole: they go over into the new database."""
    journal = make()
    journal.open()
    journal.remember("mode.north", "lock_down")
    assert journal.append(opened()).wait_blocking(WAIT_S)
    journal.close()
    path = tmp_path / "journal" / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 100)
    for _ in range(2):
        again = make()
        again.open()
        assert "facts_unknown" not in again.health().why
        assert again.recall("mode.north") == "lock_down"
        assert again.append(opened()).wait_blocking(WAIT_S)
        again.close()


def test_facts_that_come_late(make: Make, tmp_path: Path) -> None:
    """What this run remembered stays, and what stood there before can be had, whether this run writes over it before or after."""
    journal = make()
    journal.open()
    for key in ("mode.north", "alarms.north"):
        journal.remember(key, "before")
    journal.close()
    late = make()
    with taken(tmp_path / "journal" / "journal.db"):
        late.open()
        assert late.health().why == ("locked", "facts_unknown")
        assert (late.recall("mode.north"), late.facts_known) == (None, False)
        late.remember("alarms.north", "since")
    eventually(lambda: late.facts_known, "the facts")
    assert (late.recall("mode.north"), late.former("mode.north")) == ("before", "before")
    assert (late.recall("alarms.north"), late.former("alarms.north")) == ("since", "before")
    late.remember("mode.north", "after")
    assert late.former("mode.north") == "before"
    eventually(lambda: late.health().state == "ok", "all well again")


@pytest.mark.parametrize("gone", [["journal.db"], ["journal.db", "journal.db-wal", "journal.db-shm"]])
def test_facts_that_are_gone_are_said(make: Make, tmp_path: Path, gone: list[str]) -> None:
    """The database was removed: nobody knows any more whether a lock-down was on, until the next start."""
    journal = make()
    journal.open()
    journal.close()
    for name in gone:
        (tmp_path / "journal" / name).unlink(missing_ok=True)
    without = make()
    without.open()
    assert without.health().why == ("facts_unknown",)
    without.close()
    after = make()
    after.open()
    assert after.health().state == "ok"


def test_a_damaged_text_keeps_no_later_database_from_being_written(make: Make, tmp_path: Path) -> None:
    """One bit of what was remembered flips, and later the database goes: that text is forgotten, everything else goes on."""
    database = tmp_path / "journal" / "journal.db"
    journal = make()
    journal.open()
    journal.remember("mode.north", "lock_down")
    journal.remember("mode.south", "locked_open")
    journal.close()
    database.write_bytes(database.read_bytes().replace(b"lock_down", b"\xecock_down"))
    journal = make()
    journal.open()
    assert journal.append(opened()).wait_blocking(WAIT_S)
    old = journal.epoch
    eventually(lambda: bool(journal._writer._store and journal._writer._store._files), "a first look")
    for file in database.parent.glob("journal.db*"):
        file.unlink()
    eventually(lambda: journal.epoch not in ("", old), "a new epoch")
    assert journal.append(opened()).wait_blocking(WAIT_S)
    assert (journal.recall("mode.north"), journal.recall("mode.south")) == (None, "locked_open")


def test_another_programs_lock_is_no_broken_disk(make: Make, tmp_path: Path) -> None:
    """A tool that holds the write lock: said as that, and everything is written when it lets go."""
    journal = make()
    journal.open()
    assert journal.append(opened()).wait_blocking(WAIT_S)
    with closing(sqlite3.connect(tmp_path / "journal" / "journal.db", isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        receipt = journal.append(opened())
        eventually(lambda: journal.health().why == ("locked",), "locked")
        tool.execute("ROLLBACK")
    assert receipt.wait_blocking(WAIT_S)
    eventually(lambda: journal.health().state == "ok", "all well again")


def test_an_append_of_nothing_tells_when_what_was_remembered_is_on_disk(make: Make, tmp_path: Path) -> None:
    """A mode without an event: its receipt is settled by the commit that has the fact."""
    journal = make()
    journal.open()
    for turn in range(20):
        journal.remember("mode.north", str(turn))
        assert journal.append().wait_blocking(WAIT_S)
        with closing(sqlite3.connect(tmp_path / "journal" / "journal.db")) as db:
            assert db.execute("SELECT value FROM fact WHERE key = 'mode.north'").fetchone() == (str(turn),)
    assert journal.head() == 0
