"""Epochs: when the numbers begin anew, and what becomes of events that nobody has acknowledged."""

from __future__ import annotations

import shutil
from pathlib import Path

from edge.journal import Ack
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, data_of, eventually, mark_of, opened


def loss_of(record_data: dict[str, str]) -> tuple[str, str, str, str]:
    """The four facts of a record of loss."""
    return record_data["epoch"], record_data["from"], record_data["to"], record_data["cause"]


def test_a_centre_that_knows_more_than_we_gave(make: Make) -> None:
    """Ahead, and proven: a new epoch reports the numbers that we no longer have, and everything held gets new ones, acknowledged or not."""
    journal = make()
    journal.open()
    assert journal.append(*(opened(str(n)) for n in range(1, 11))).wait_blocking(WAIT_S)
    old = journal.epoch
    journal.acknowledge("centre", old, 6)
    assert journal.acknowledge("centre", old, 15, proven=True) is Ack.AHEAD
    assert journal.acknowledge("centre", old, 10**12) is Ack.AHEAD
    journal.new_epoch("rolled_back")
    journal.new_epoch("rolled_back")
    eventually(lambda: journal.epoch != old and journal.head() == 11, "the new epoch")
    report, *again = journal.page(0, 20)
    assert loss_of(data_of(report)) == (old, "11", "15", "rolled_back")
    assert [mark_of(record) for record in again] == [str(n) for n in range(1, 11)]
    assert journal.acked() == {"centre": 0}
    assert journal.acknowledge("centre", old, 7) is Ack.OTHER_EPOCH
    assert journal.verify().ok
    assert journal.verify().epochs == (old, journal.epoch)


def test_an_unproven_number_beyond_ours_is_no_loss(make: Make) -> None:
    """Anybody may have said it: a new epoch carries everything over and reports nothing lost, and the old epoch can still be read."""
    journal = make()
    journal.open()
    assert journal.append(*(opened(str(n)) for n in range(1, 11))).wait_blocking(WAIT_S)
    old = journal.epoch
    journal.acknowledge("centre", old, 10)
    assert journal.acknowledge("centre", old, 10**12) is Ack.AHEAD
    journal.new_epoch("rolled_back")
    eventually(lambda: journal.epoch != old and journal.head() == 10, "the new epoch")
    assert [mark_of(record) for record in journal.page(0, 20)] == [str(n) for n in range(1, 11)]
    assert journal.older(old) == (0, 10)
    assert [(record.epoch, record.seq) for record in journal.page(7, 20, epoch=old)] == [(old, 8), (old, 9), (old, 10)]
    assert journal.older("never") is None
    assert journal.older(journal.epoch) is None


def test_a_long_backlog_is_carried_over_piece_by_piece(make: Make) -> None:
    """New events are not kept waiting by it, and none is forgotten when the daemon is restarted half way."""
    journal = make(group_events=10)
    journal.open()
    assert journal.append(*(opened(str(n)) for n in range(500))).wait_blocking(WAIT_S)
    old = journal.epoch
    journal.new_epoch("rolled_back")
    eventually(lambda: journal.epoch != old, "the new epoch")
    assert journal.append(opened("live")).wait_blocking(WAIT_S)
    journal.close()
    again = make(group_events=10)
    again.open()
    eventually(lambda: again.head() == 501, "all of it")
    assert sorted(mark_of(record) for record in again.page(0, 1000)) == sorted([*(str(n) for n in range(500)), "live"])
    assert again.verify().ok


def test_what_is_damaged_gets_no_new_number(make: Make, tmp_path: Path) -> None:
    """One event of a backlog was changed on disk, others lie on a page that is gone: neither goes over as if it were sound; it is named."""
    journal = make(group_events=100)
    journal.open()
    for first in range(0, 3000, 500):
        assert journal.append(*(opened(str(n)) for n in range(first, first + 500))).wait_blocking(WAIT_S)
    old = journal.epoch
    journal.close()
    database = tmp_path / "journal" / "journal.db"
    raw = bytearray(database.read_bytes())
    raw[raw.index(b'"door":"700"') + 8] ^= 1
    page = raw.index(b'"door":"1500"') // 4096 * 4096
    raw[page : page + 4096] = bytes(4096)
    database.write_bytes(raw)
    journal = make(group_events=100)
    journal.open()
    journal.new_epoch("rolled_back")
    eventually(lambda: journal.epoch not in ("", old), "the new epoch")
    eventually(lambda: not journal._writer._carrying, "all of it")
    records = journal.page(0, 5000)
    carried = {mark_of(record) for record in records if record.name == "opened"}
    said = [loss_of(data_of(record)) for record in records if record.name == "loss"]
    named = {n for epoch, first, last, cause in said if (epoch, cause) == (old, "corrupt") for n in range(int(first) - 1, int(last))}
    assert {700, 1500} <= named
    assert len(named) <= 301
    assert carried == {str(n) for n in range(3000)} - {str(n) for n in named}
    assert journal.verify().epochs == (old, journal.epoch)


def test_an_old_copy_of_the_database_is_noticed_at_the_start(make: Make, tmp_path: Path) -> None:
    """The sign of life knows of higher numbers: a new epoch, and what is gone is reported at once."""
    folder = tmp_path / "journal"
    journal = make()
    journal.open()
    assert journal.append(*(opened(str(n)) for n in range(1, 6))).wait_blocking(WAIT_S)
    old = journal.epoch
    journal.acknowledge("centre", old, 4)
    journal.close()
    shutil.copy(folder / "journal.db", tmp_path / "copy.db")
    journal = make()
    journal.open()
    assert journal.append(*(opened(str(n)) for n in range(6, 10))).wait_blocking(WAIT_S)
    journal.close()
    shutil.copy(tmp_path / "copy.db", folder / "journal.db")
    restored = make()
    restored.open()
    assert restored.epoch != old
    eventually(lambda: restored.head() == 6, "all five under new numbers")
    report, *carried = restored.page(0, 10)
    assert loss_of(data_of(report)) == (old, "6", "9", "rolled_back")
    assert [mark_of(record) for record in carried] == ["1", "2", "3", "4", "5"]
    assert restored.verify().ok
    epoch = restored.epoch
    restored.close()
    again = make()
    again.open()
    assert (again.epoch, again.head()) == (epoch, 6)


def test_a_copy_from_before_the_last_epoch_is_noticed_too(make: Make, tmp_path: Path) -> None:
    """It does not even know the epoch's name."""
    folder = tmp_path / "journal"
    journal = make()
    journal.open()
    assert journal.append(opened("1")).wait_blocking(WAIT_S)
    journal.close()
    shutil.copy(folder / "journal.db", tmp_path / "copy.db")
    journal = make()
    journal.open()
    first = journal.epoch
    journal.new_epoch("rolled_back")
    eventually(lambda: journal.epoch != first and journal.head() == 1, "the new epoch")
    second = journal.epoch
    assert journal.append(opened("2")).wait_blocking(WAIT_S)
    journal.close()
    shutil.copy(tmp_path / "copy.db", folder / "journal.db")
    restored = make()
    restored.open()
    assert restored.epoch not in (first, second)
    eventually(lambda: restored.head() == 2, "event 1 under a new number")
    assert loss_of(data_of(restored.page(0, 1)[0])) == (second, "1", "2", "rolled_back")
    assert restored.verify().ok


def test_a_database_that_was_removed_is_reported(make: Make, tmp_path: Path) -> None:
    """Somebody deleted it: the numbers that were not acknowledged are told as lost."""
    journal = make()
    journal.open()
    assert journal.append(*(opened() for _ in range(5))).wait_blocking(WAIT_S)
    old = journal.epoch
    journal.acknowledge("centre", old, 2)
    journal.close()
    (tmp_path / "journal" / "journal.db").unlink()
    again = make()
    assert again.open().cause == "restart"
    assert again.epoch != old
    assert [loss_of(data_of(record)) for record in again.page(0, 10)] == [(old, "3", "5", "corrupt")]
