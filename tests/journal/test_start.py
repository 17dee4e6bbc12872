"""What a start finds: how the last run ended, and how long nobody recorded."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import Trust
from edge.journal import Journal, last_trusted_time, last_written_time
from edge.journal.mark import SLOT, Mark, MarkFile, read_mark
from tests.clock import START, HandClock
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, eventually, opened


def copy_of_the_living(journal: Journal, folder: Path, to: Path) -> None:
    """What the disk would hold had the process ended now: the files as they are, without the lock's holder."""
    eventually(lambda: read_mark(folder) is not None, "the first mark")
    shutil.copytree(folder, to)


def test_the_first_start_is_nobodys_fault(make: Make) -> None:
    """Nothing was there: no blind time."""
    start = make().open()
    assert (start.cause, start.clean, start.blind_from, start.blind_to) == ("first", True, None, None)


def test_a_clean_stop_and_start(make: Make, tmp_path: Path) -> None:
    """A restart: nobody recorded between the stop and the start, and the last trusted time is known to the next clock."""
    clock = HandClock()
    journal = make(clock=clock)
    journal.open()
    clock.advance(60)
    journal.close()
    assert last_trusted_time(tmp_path / "journal") == START + timedelta(seconds=60)
    later = HandClock(START + timedelta(seconds=90))
    start = make(clock=later).open()
    assert (start.cause, start.clean) == ("restart", True)
    assert (start.blind_from, start.blind_to) == (START + timedelta(seconds=60), START + timedelta(seconds=90))


@pytest.mark.parametrize(("boot_id", "cause"), [("one", "crash"), ("two", "power_cut")])
def test_an_end_without_a_stop(make: Make, tmp_path: Path, boot_id: str, cause: str) -> None:
    """The same boot: the daemon crashed. Another boot: the power went. Blind from the last thing that is known to be recorded."""
    journal = make(boot_id="one")
    journal.open()
    last = START + timedelta(seconds=5)
    assert journal.append(opened(at=last)).wait_blocking(WAIT_S)
    copy_of_the_living(journal, tmp_path / "journal", tmp_path / "copy")
    start = make(tmp_path / "copy", HandClock(START + timedelta(hours=1)), boot_id=boot_id).open()
    assert (start.cause, start.clean) == (cause, False)
    assert (start.blind_from, start.blind_to) == (last, START + timedelta(hours=1))


def test_the_sign_of_life_is_renewed_while_nothing_happens(make: Make, tmp_path: Path) -> None:
    """On a quiet night the blind time still begins at the last sign of life, and an untrusted clock leaves the trusted time alone."""
    clock = HandClock()
    journal = make(clock=clock)
    journal.open()
    clock.set_trust(Trust.UNTRUSTED)
    clock.advance(3600)
    eventually(lambda: last_written_time(tmp_path / "journal") == START + timedelta(hours=1), "a later mark")
    assert last_trusted_time(tmp_path / "journal") == START


def test_numbers_and_chain_go_on_after_a_restart(make: Make) -> None:
    """The epoch stays, numbers go on, the chain holds across the seam."""
    journal = make()
    journal.open()
    assert journal.append(opened(), opened()).wait_blocking(WAIT_S)
    epoch = journal.epoch
    journal.close()
    again = make()
    again.open()
    receipt = again.append(opened())
    assert receipt.wait_blocking(WAIT_S)
    assert (again.epoch, receipt.seq) == (epoch, 3)
    assert again.verify().checked == 3


def test_a_torn_mark_leaves_the_one_before(tmp_path: Path) -> None:
    """Two slots in turn: the torn one is no mark, the other stands."""
    file = MarkFile(tmp_path)
    for head in (1, 2, 3):
        file.write(Mark("e", head, START, "boot", {"centre": head}))
    raw = bytearray((tmp_path / "alive").read_bytes())
    newest = raw.index(b'"head": 3') // SLOT
    raw[newest * SLOT + 30 : newest * SLOT + 60] = bytes(30)
    (tmp_path / "alive").write_bytes(raw)
    assert read_mark(tmp_path) == Mark("e", 2, START, "boot", {"centre": 2})
    MarkFile(tmp_path).write(Mark("e", 4, START, "boot"))
    assert (read_mark(tmp_path) or Mark("", 0, START, "")).head == 4


def test_a_mark_that_is_rubbish_is_no_mark(tmp_path: Path) -> None:
    """Anything may lie in the file; reading it raises nothing."""
    for rubbish in (b"", b"x" * 10, b"00000000 {}\n".ljust(SLOT), bytes(2 * SLOT)):
        (tmp_path / "alive").write_bytes(rubbish)
        assert read_mark(tmp_path) is None
