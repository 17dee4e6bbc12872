"""Keeping and forgetting: acknowledged events go after their time, and the chain of what is left still holds."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import Trust
from edge.journal import Ack, ChainWalk, Journal, last_certain_time
from tests.clock import START, HandClock
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, data_of, eventually, opened

DAY = timedelta(days=1)


def fill(journal: Journal, clock: HandClock, days: int) -> None:
    """One event a day, and the clock at the end of it."""
    for n in range(days):
        assert journal.append(opened(str(n), at=clock.now().at)).wait_blocking(WAIT_S)
        clock.advance(86_400)


def test_acknowledged_events_go_after_their_time(make: Make) -> None:
    """Older than the retention and acknowledged by everybody: pruned, with the chain value kept; the rest stays."""
    clock = HandClock()
    journal = make(clock=clock, retention_days=10, consumers=("centre", "police"))
    journal.open()
    fill(journal, clock, 30)
    journal.acknowledge("centre", journal.epoch, 25, proven=True)
    journal.acknowledge("police", journal.epoch, 12, proven=True)
    journal.tidy()
    eventually(lambda: journal.oldest() == 13, "pruning up to what everybody has")
    journal.acknowledge("police", journal.epoch, 30, proven=True)
    journal.tidy()
    eventually(lambda: journal.oldest() == 21, "pruning up to the retention")
    assert [record.seq for record in journal.page(0, 100)] == list(range(21, 31))
    report = journal.verify()
    assert (report.ok, report.checked) == (True, 10)
    journal.close()
    again = make(clock=clock, retention_days=10)
    again.open()
    assert (again.oldest(), again.head()) == (21, 30)
    assert again.verify().ok


def test_everything_may_be_pruned(make: Make) -> None:
    """With nothing left the numbers and the chain still go on."""
    clock = HandClock()
    journal = make(clock=clock, retention_days=1)
    journal.open()
    fill(journal, clock, 5)
    clock.advance(5 * 86_400)
    journal.acknowledge("centre", journal.epoch, 5, proven=True)
    journal.tidy()
    eventually(lambda: journal.oldest() == 6, "all of it")
    assert journal.head() == 5
    journal.close()
    again = make(clock=clock)
    again.open()
    receipt = again.append(opened())
    assert receipt.wait_blocking(WAIT_S)
    assert receipt.seq == 6
    assert again.verify().ok


def test_what_nobody_acknowledged_never_expires(make: Make) -> None:
    """A year without the centre, and everything is still there."""
    clock = HandClock()
    journal = make(clock=clock, retention_days=1)
    journal.open()
    fill(journal, clock, 5)
    clock.advance(365 * 86_400)
    journal.tidy()
    assert journal.append(opened()).wait_blocking(WAIT_S)
    assert journal.oldest() == 1


def test_days_to_a_full_disk_are_told_while_nothing_may_be_deleted(make: Make, tmp_path: Path) -> None:
    """From the journal's own growth; a centre that has everything ends it, and a disk that is soon full is a word."""
    clock = HandClock()
    journal = make(clock=clock)
    journal.open()
    fill(journal, clock, 30)
    journal.tidy()
    eventually(lambda: journal.health().days_left is not None, "the days")
    free, days = journal.health().disk_free, journal.health().days_left
    assert days is not None
    size = sum(file.stat().st_size for file in (tmp_path / "journal").glob("journal.db*"))
    assert free / size * 29 * 0.5 < days < free / 4096 * 29
    assert ("filling" in journal.health().why) == (days < 30)
    journal.acknowledge("centre", journal.epoch, 30)
    journal.tidy()
    eventually(lambda: journal.health().days_left is None, "no word of it")


def test_an_untrusted_clock_prunes_nothing(make: Make) -> None:
    """A clock that jumped ahead by years does not cost a single event; one stamped by it does not hold up the others later."""
    clock = HandClock()
    journal = make(clock=clock, retention_days=10)
    journal.open()
    assert journal.append(opened("before", at=START)).wait_blocking(WAIT_S)
    assert journal.append(opened("ahead", at=START + 3650 * DAY)).wait_blocking(WAIT_S)
    assert journal.append(opened("after", at=START)).wait_blocking(WAIT_S)
    journal.acknowledge("centre", journal.epoch, 3, proven=True)
    clock.set_trust(Trust.UNTRUSTED)
    clock.set_wall(START + 3650 * DAY)
    journal.tidy()
    assert journal.append(opened(at=START)).wait_blocking(WAIT_S)
    assert journal.oldest() == 1
    clock.set_trust(Trust.SYNCED)
    clock.set_wall(START + 20 * DAY)
    journal.tidy()
    eventually(lambda: journal.oldest() == 4, "pruning all that was acknowledged")


def test_what_is_certainly_old_goes_without_a_time_server(make: Make, tmp_path: Path) -> None:
    """Months without synchronisation: pruned by the time that certainly passed, and nothing that may be younger, whatever its stamp."""
    clock = HandClock()
    journal = make(clock=clock, retention_days=10)
    journal.open()
    fill(journal, clock, 5)
    clock.now()
    clock.set_trust(Trust.UNTRUSTED)
    clock.set_wall(START + 3650 * DAY)
    assert journal.append(opened("ahead", at=clock.now().at)).wait_blocking(WAIT_S)
    assert journal.append(opened("old", at=START)).wait_blocking(WAIT_S)
    journal.acknowledge("centre", journal.epoch, 7, proven=True)
    clock.advance(8 * 86_400)  # certainly thirteen days after the start
    journal.tidy()
    eventually(lambda: journal.oldest() == 4, "pruning what is older than ten days")
    clock.advance(365 * 86_400)
    journal.tidy()
    eventually(lambda: journal.oldest() == 6, "pruning up to the record that nobody can date")
    journal.close()
    assert last_certain_time(tmp_path / "journal") == START + 378 * DAY


def test_an_unproven_number_deletes_nothing_before_it_has_stood_a_week(make: Make) -> None:
    """Two hundred days without a centre, then one message "I have it all" of whoever: nothing goes while it may be contradicted."""
    clock = HandClock()
    journal = make(clock=clock, retention_days=10)
    journal.open()
    fill(journal, clock, 30)
    journal.acknowledge("centre", journal.epoch, 30)
    journal.tidy()
    eventually(lambda: "[0, 30," in str(journal.recall("journal.stood")), "a look at what may go")
    assert journal.oldest() == 1
    clock.advance(6 * 86_400)
    journal.close()
    journal = make(clock=clock, retention_days=10)
    journal.open()
    assert journal.acknowledge("centre", journal.epoch, 4) is Ack.WENT_BACK  # the true one
    journal.acknowledge("centre", journal.epoch, 30)
    clock.advance(2 * 86_400)
    journal.tidy()
    eventually(lambda: journal.oldest() == 5, "pruning what nobody contradicted")
    clock.advance(7 * 86_400)
    journal.tidy()
    eventually(lambda: journal.oldest() == 31, "pruning the rest once it has stood")


def test_a_centre_restored_to_before_what_is_kept_is_told(make: Make) -> None:
    """It went back behind the oldest event: what can never be sent again is reported as pruned."""
    clock = HandClock()
    journal = make(clock=clock, retention_days=1)
    journal.open()
    fill(journal, clock, 10)
    journal.acknowledge("centre", journal.epoch, 10, proven=True)
    journal.tidy()
    eventually(lambda: journal.oldest() > 5, "pruning")
    oldest = journal.oldest()
    assert journal.acknowledge("centre", journal.epoch, 2) is Ack.WENT_BACK
    eventually(lambda: journal.head() == 11, "the report")
    said = data_of(journal.page(10, 1)[0])
    assert (said["epoch"], said["from"], said["to"], said["cause"]) == (journal.epoch, "3", str(oldest - 1), "pruned")


@pytest.mark.parametrize(
    ("damage", "seq", "what"),
    [
        ("UPDATE event SET data = replace(data, 'n4', 'xx') WHERE seq = 4", 4, "changed"),
        ("UPDATE event SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 6", 6, "changed"),
        ("DELETE FROM event WHERE seq = 5", 5, "missing"),
        ("DELETE FROM event WHERE seq > 8", 9, "short"),
    ],
)
def test_what_was_changed_is_found(journal: Journal, tmp_path: Path, damage: str, seq: int, what: str) -> None:
    """A record changed, removed, or cut off at the end: the first break is named."""
    assert journal.append(*(opened(f"n{n}") for n in range(1, 11))).wait_blocking(WAIT_S)
    expected = journal.epoch, 10
    journal.close()
    copy = tmp_path / "copy.db"
    shutil.copy(tmp_path / "journal" / "journal.db", copy)
    assert ChainWalk(copy, expected).run().ok
    db = sqlite3.connect(copy)
    db.execute(damage.replace("seq", "(id & 0xFFFFFFFFFF)").replace("replace(data", "CAST(replace(data").replace("'xx')", "'xx') AS BLOB)"))
    db.commit()
    db.close()
    report = ChainWalk(copy, expected).run()
    assert report.first_break is not None
    assert (report.checked, report.first_break.seq, report.first_break.what) == (seq - 1, seq, what)
