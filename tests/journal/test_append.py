"""Appending: receipts, one commit for whatever waits, many callers."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from edge.journal import Journal, JournalInUse
from edge.journal.store import Store
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, forced, mark_of, opened


def test_an_append_is_on_disk_when_its_receipt_says_so(journal: Journal) -> None:
    """The receipt carries the numbers, and the records can be read back with exactly what was written."""
    receipt = journal.append(opened("one"), forced("two"))
    assert receipt.wait_blocking(WAIT_S)
    assert (receipt.seqs, receipt.seq, journal.head(), journal.oldest()) == (range(1, 3), 2, 2, 1)
    one, two = journal.page(0, 10)
    assert (one.seq, one.epoch, one.cls, one.name, one.at) == (1, journal.epoch, "door", "opened", "2026-03-02T08:00:00.000Z")
    assert one.data == b'{"clock":"synced","door":"one","time_source":"gateway"}'
    assert (mark_of(two), two.name) == ("two", "forced")
    assert journal.record(2) == two
    assert journal.record(3) is None


async def test_a_coroutine_can_wait_for_the_commit(journal: Journal) -> None:
    """The loop is not blocked, and a receipt that is settled already answers at once."""
    receipt = journal.append(opened())
    assert await receipt.wait(WAIT_S)
    assert await receipt.wait(0)


async def test_waiting_ends_when_the_time_is_up(make: Make) -> None:
    """A journal that writes nothing (here: not opened) keeps nobody at the door."""
    receipt = make().append(opened())
    assert not await receipt.wait(0.01)
    assert not receipt.wait_blocking(0.01)
    assert not receipt.done()
    assert not receipt.dropped()


def test_facts_of_an_append_share_its_commit(make: Make) -> None:
    """However much waits, a fact is on disk when its events are, and not before: at every commit the two say the same."""
    journal = make(group_events=10)
    receipts = [journal.append(opened(str(n)), facts={"told": str(n)}) for n in range(95)]
    journal.remember("loose", "yes")
    told: list[tuple[int, str | None]] = []
    journal.on_commit(lambda head: told.append((head, journal.recall("told"))))
    journal.open()
    assert receipts[-1].wait_blocking(WAIT_S)
    journal.close()
    assert {(head, str(head - 1)) for head in range(10, 91, 10)} | {(95, "94")} <= set(told)
    again = make()
    again.open()
    assert (again.recall("told"), again.recall("loose")) == ("94", "yes")


def test_whatever_waits_goes_into_one_commit(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Group commit: what was appended before the writer came round costs one transaction, up to the bound."""
    begun: list[int] = []
    transaction = Store.transaction

    def counted(store: Store) -> object:
        begun.append(store.tip.seq)
        return transaction(store)

    journal = make(group_events=100)
    receipts = [journal.append(opened(str(n))) for n in range(250)]
    monkeypatch.setattr(Store, "transaction", counted)
    journal.open()
    assert receipts[-1].wait_blocking(WAIT_S)
    assert [seq for seq in begun if seq < 250][-3:] == [0, 100, 200]
    assert [mark_of(record) for record in journal.page(0, 300)] == [str(n) for n in range(250)]


async def test_many_appenders_at_once(journal: Journal) -> None:
    """Threads and coroutines append together: every append stays together and each caller's events keep their order."""
    receipts: dict[str, list[range]] = {}

    def caller(name: str) -> None:
        kept = [journal.append(opened(f"{name}.{n}.a"), opened(f"{name}.{n}.b")) for n in range(50)]
        assert all(receipt.wait_blocking(WAIT_S) for receipt in kept)
        receipts[name] = [receipt.seqs or range(0) for receipt in kept]

    async def coroutine(name: str) -> None:
        for n in range(50):
            assert await journal.append(opened(f"{name}.{n}.a"), opened(f"{name}.{n}.b")).wait(WAIT_S)

    threads = [threading.Thread(target=caller, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    async with asyncio.TaskGroup() as tasks:
        for n in range(4):
            tasks.create_task(coroutine(f"c{n}"))
    for thread in threads:
        await asyncio.to_thread(thread.join)

    records = journal.page(0, 1000)
    assert [record.seq for record in records] == list(range(1, 801))
    marks = [mark_of(record) for record in records]
    for name in [f"t{n}" for n in range(4)] + [f"c{n}" for n in range(4)]:
        own = [mark for mark in marks if mark.startswith(f"{name}.")]
        assert own == [f"{name}.{n}.{part}" for n in range(50) for part in "ab"]
    assert all(marks[seqs[0] - 1].removesuffix(".a") == marks[seqs[-1] - 1].removesuffix(".b") for own in receipts.values() for seqs in own)
    assert journal.verify().ok


def test_the_new_head_is_told_after_it_is_committed(journal: Journal) -> None:
    """Whoever is woken finds the record; a subscriber whose loop is closed is dropped and harms nobody."""
    seen: list[int] = []
    told = threading.Event()

    def closed(head: int) -> None:
        raise RuntimeError("Event loop is closed")

    def wake(head: int) -> None:
        seen.append(len(journal.page(0, head)))
        told.set()

    journal.on_commit(closed)
    journal.on_commit(wake)
    journal.append(opened())
    assert told.wait(WAIT_S)
    assert journal.append(opened()).wait_blocking(WAIT_S)
    assert seen[0] == 1


def test_pages_stop_where_they_are_told_to(journal: Journal) -> None:
    """`after` is exclusive, `upto` inclusive, `limit` a limit."""
    assert journal.append(*(opened(str(n)) for n in range(10))).wait_blocking(WAIT_S)
    assert [record.seq for record in journal.page(3, 4)] == [4, 5, 6, 7]
    assert [record.seq for record in journal.page(3, 100, 5)] == [4, 5]
    assert [record.seq for record in journal.latest(2)] == [9, 10]
    assert journal.page(10, 5) == []


def test_facts_outlive_a_restart_and_never_come_after_their_event(make: Make) -> None:
    """A remembered fact is on disk no later than an event appended after it."""
    journal = make()
    journal.open()
    journal.remember("mode.north", "hold_open")
    journal.remember("mode.north", "locked")
    assert journal.recall("mode.north") == "locked"
    assert journal.append(opened()).wait_blocking(WAIT_S)
    journal.close()
    again = make()
    again.open()
    assert again.recall("mode.north") == "locked"
    assert again.recall("mode.south") is None


def test_nothing_that_waited_is_missing_after_close(make: Make) -> None:
    """`close` writes what waits; what comes after it is not taken."""
    journal = make()
    journal.open()
    receipts = [journal.append(opened(str(n))) for n in range(2000)]
    journal.close()
    assert all(receipt.done() for receipt in receipts)
    assert not journal.append(opened()).wait_blocking(0.01)
    again = make()
    assert again.open().clean
    assert again.head() == 2000


def test_a_second_writer_is_refused(journal: Journal, make: Make, tmp_path: Path) -> None:
    """Two daemons on one folder: the second stops, and says so."""
    with pytest.raises(JournalInUse, match="another process"):
        make().open()
    assert journal.append(opened()).wait_blocking(WAIT_S)
