"""A disk that is full, read-only, failing or silent: doors go on, nothing raises, and what is lost is counted."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from edge.journal import Journal, Receipt
from edge.journal import health as health_module
from edge.journal import store as store_module
from edge.journal.store import Store
from tests.journal.conftest import Make, SmallDisk
from tests.journal.samples import WAIT_S, data_of, eventually, forced, mark_of, opened


def append_until_degraded(journal: Journal, why: str) -> list[Receipt]:
    """Append one by one until health says so; most disks have some room left in files that are already there."""
    receipts: list[Receipt] = []
    while why not in journal.health().why:
        receipts.append(journal.append(opened(f"w{len(receipts)}")))
        receipts[-1].wait_blocking(0.2)
        assert len(receipts) < 20_000
    return receipts


def account(journal: Journal, receipts: list[Receipt], before: int) -> int:
    """Every receipt is committed, or counted in a record of loss; gives the number lost. The chain holds."""
    committed = sum(receipt.done() for receipt in receipts)
    dropped = sum(receipt.dropped() for receipt in receipts)
    assert committed + dropped == len(receipts)
    records = journal.page(before, 100_000)
    holes = [data_of(record) for record in records if record.name == "loss"]
    lost = sum(int(hole["to"]) - int(hole["from"]) + 1 for hole in holes)
    assert lost == dropped
    numbers = {record.seq for record in records}
    numbers |= {seq for hole in holes for seq in range(int(hole["from"]), int(hole["to"]) + 1)}
    assert numbers == set(range(before + 1, journal.head() + 1))
    assert journal.verify().ok
    return lost


def test_a_full_disk_gives_up_the_ballast_first(make: Make, small_disk: SmallDisk) -> None:
    """The event that met the full disk is written all the same, and health says what it cost; with room again it comes back."""
    journal = make(small_disk.path / "journal", ballast_mb=1)
    journal.open()
    assert journal.append(opened()).wait_blocking(WAIT_S)
    assert (small_disk.path / "journal" / "ballast").stat().st_blocks * 512 >= 1 << 20
    assert journal.health().state == "ok"
    small_disk.fill()
    receipts = append_until_degraded(journal, "ballast")
    assert all(receipt.wait_blocking(WAIT_S) for receipt in receipts)
    assert journal.health().why == ("ballast",)
    small_disk.clear()
    journal.close()
    again = make(small_disk.path / "journal", ballast_mb=1)
    again.open()
    eventually(lambda: again.health().state == "ok", "the ballast taken on board again")
    assert again.head() == 1 + len(receipts)


def test_a_disk_that_stays_full(make: Make, small_disk: SmallDisk) -> None:
    """Events wait in memory; when that is full too the oldest ordinary go, alarms stay, and the loss is written down when it can be."""
    journal = make(small_disk.path / "journal", ring_events=100)
    journal.open()
    small_disk.fill()
    receipts = append_until_degraded(journal, "disk_full")
    before = 0
    alarm = journal.append(forced("alarm"))
    receipts += [alarm, *(journal.append(opened(f"more{n}")) for n in range(500))]
    health = journal.health()
    assert health.waiting <= health.waiting_bound + 1
    assert health.lost > 300
    assert "events_lost" in health.why
    assert not receipts[-1].wait_blocking(0.05)
    small_disk.clear()
    assert receipts[-1].wait_blocking(WAIT_S)
    eventually(lambda: journal.health().state == "ok", "all well again")
    assert alarm.done()
    assert account(journal, receipts, before) == health.lost
    assert data_of(next(record for record in journal.page(0, 100_000) if record.name == "loss"))["cause"] == "disk_full"


def test_last_words_fit_on_a_full_disk(make: Make, small_disk: SmallDisk) -> None:
    """At the stop the rest of the ballast goes, and with it there is room for what waited."""
    folder = small_disk.path / "journal"
    journal = make(folder, ballast_mb=2)
    journal.open()
    small_disk.fill()
    append_until_degraded(journal, "ballast")
    small_disk.fill()
    receipts = append_until_degraded(journal, "disk_full")
    receipts += [journal.append(opened(f"last{n}")) for n in range(50)]
    journal.close()
    assert all(receipt.done() for receipt in receipts[-51:])
    again = make(folder, ballast_mb=2)
    assert again.open().clean


def test_what_went_with_the_process_is_reported_by_the_next(make: Make, small_disk: SmallDisk) -> None:
    """No ballast and no room: the count of what was only in memory is kept in place, and becomes a record of loss, once."""
    folder = small_disk.path / "journal"
    journal = make(folder)
    journal.open()
    small_disk.fill()
    append_until_degraded(journal, "disk_full")
    for n in range(20):
        journal.append(opened(f"gone{n}"))
    journal.close()
    waiting, head = journal.health().waiting, journal.head()
    assert waiting >= 20
    small_disk.clear()
    for clean in (False, True):
        again = make(folder)
        assert again.open().clean == clean
        said = data_of(again.page(head, 10)[0])
        assert (said["from"], said["to"], said["cause"]) == (str(head + 1), str(head + waiting), "disk_failed")
        assert [data_of(record)["cause"] for record in again.page(head, 10)] == ["disk_failed", "left_out"]
        assert again.verify().ok
        again.close()


def test_a_read_only_disk_at_the_start(make: Make, small_disk: SmallDisk) -> None:
    """The start is not held up, events wait, and are written when the disk takes them again."""
    folder = small_disk.path / "journal"
    journal = make(folder)
    journal.open()
    assert journal.append(opened("first")).wait_blocking(WAIT_S)
    epoch = journal.epoch
    journal.close()
    small_disk.remount("ro")
    journal = make(folder)
    assert journal.open().cause == "restart"
    receipt = journal.append(opened("second"))
    assert not receipt.wait_blocking(0.1)
    assert journal.health().why == ("read_only",)
    assert (journal.epoch, journal.page(0, 10), journal.head()) == ("", [], 0)
    small_disk.remount("rw")
    assert receipt.wait_blocking(WAIT_S)
    assert (journal.epoch, receipt.seq) == (epoch, 2)
    assert [mark_of(record) for record in journal.page(0, 10)] == ["first", "second"]
    eventually(lambda: journal.health().state == "ok", "all well again")


def test_a_limit_of_pages_is_a_full_disk(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own "database or disk is full", without the right to mount one."""
    limited = True
    connect = store_module.connect

    def small(path: Path, *, create: bool = False) -> sqlite3.Connection:
        db = connect(path, create=create)
        if limited:
            db.execute("PRAGMA max_page_count = 40")
        return db

    monkeypatch.setattr(store_module, "connect", small)
    journal = make(ring_events=200)
    journal.open()
    receipts = append_until_degraded(journal, "disk_full")
    receipts += [journal.append(opened(f"more{n}")) for n in range(400)]
    assert journal.health().lost > 0
    limited = False
    eventually(lambda: journal.health().state == "ok", "all well again")
    assert account(journal, receipts, 0) > 0


def io_error() -> sqlite3.OperationalError:
    """What SQLite raises when the disk fails."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


def test_a_failing_disk_is_tried_again(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """I/O errors for a while: degraded, then everything is written, once, in order."""
    assert journal.append(opened("0")).wait_blocking(WAIT_S)
    transaction, left = Store.transaction, 5

    def failing(store: Store) -> AbstractContextManager[Store]:
        nonlocal left
        left -= 1
        if left > 0:
            raise io_error()
        return transaction(store)

    monkeypatch.setattr(Store, "transaction", failing)
    receipts = [journal.append(opened(str(n))) for n in range(1, 50)]
    eventually(lambda: journal.health().why == ("io_error",) or receipts[0].done(), "degraded")
    assert all(receipt.wait_blocking(WAIT_S) for receipt in receipts)
    assert [mark_of(record) for record in journal.page(0, 100)] == [str(n) for n in range(50)]
    assert journal.verify().ok


def test_a_commit_that_failed_and_held_is_not_written_twice(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error reported after the commit reached the disk: what is on disk counts."""
    commit, fail = Store.transaction, True

    class AfterIt:
        def __init__(self, store: Store) -> None:
            self._inner = commit(store)

        def __enter__(self) -> Store:
            return self._inner.__enter__()

        def __exit__(self, *error: object) -> None:
            nonlocal fail
            self._inner.__exit__(*error)  # type: ignore[arg-type]  # whatever the block raised
            if fail:
                fail = False
                raise io_error()

    monkeypatch.setattr(Store, "transaction", lambda store: AfterIt(store))  # noqa: PLW0108 (a class is not bound to the store)
    receipt = journal.append(opened("once"))
    assert receipt.wait_blocking(WAIT_S)
    assert [mark_of(record) for record in journal.page(0, 10)] == ["once"]
    assert receipt.seq == 1


def test_a_disk_that_never_answers(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that hangs: appending goes on, health says stuck, and closing gives up in time."""
    transaction, held, hanging = Store.transaction, threading.Event(), threading.Event()

    def hang(store: Store) -> AbstractContextManager[Store]:
        hanging.set()
        held.wait(WAIT_S)
        return transaction(store)

    journal = make(ring_events=100)
    journal.open()
    monkeypatch.setattr(Store, "transaction", hang)
    monkeypatch.setattr(health_module, "STUCK_S", 0.05)
    receipts = [journal.append(opened(str(n))) for n in range(1000)]
    assert hanging.wait(WAIT_S)
    eventually(lambda: journal.health().why[:1] == ("stuck",), "stuck")
    # A hundred may hang in the writer's hands and a hundred wait; which ones depends on when the writer came to take them.
    assert sum(receipt.dropped() for receipt in receipts) >= 800
    begun = time.monotonic()
    journal.close()
    assert time.monotonic() - begun < WAIT_S / 2
    held.set()
    assert receipts[-1].wait_blocking(WAIT_S)
    assert sum(receipt.done() for receipt in receipts) + sum(receipt.dropped() for receipt in receipts) == 1000


def test_a_database_of_a_later_version_is_left_alone(make: Make, tmp_path: Path) -> None:
    """After a downgrade: nothing is written to it, nothing is set aside, health says why."""
    journal = make()
    journal.open()
    journal.close()
    path = tmp_path / "journal" / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
        db.commit()
    again = make()
    again.open()
    assert not again.append(opened()).wait_blocking(0.2)
    assert again.health().why == ("newer_schema",)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)
    assert not list(path.parent.glob("*.damaged.db"))


def test_a_fault_is_said_once_and_its_end_once(journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried: one line when the disk is lost, one when it is back."""
    transaction, tries = Store.transaction, 0

    def failing(store: Store) -> AbstractContextManager[Store]:
        nonlocal tries
        tries += 1
        if tries < 10:
            raise io_error()
        return transaction(store)

    monkeypatch.setattr(Store, "transaction", failing)
    with caplog.at_level("INFO", "edge.journal"):
        assert journal.append(opened()).wait_blocking(WAIT_S)
        eventually(lambda: journal.health().state == "ok", "all well again")
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
