"""A database that forgot its last seconds, came back from a copy, or vanished under the running daemon: no number is given twice unsaid."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from edge.journal import Journal
from edge.journal.faults import WriterStopped
from edge.journal.founding import AFTER_MARK, LEFT_OUT
from edge.journal.writer import Writer
from tests.clock import START, HandClock
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, data_of, eventually, mark_of, numbers_of, opened


def put(journal: Journal, *marks: str) -> None:
    """Write these down."""
    assert journal.append(*(opened(mark) for mark in marks)).wait_blocking(WAIT_S)


def stop_short(folder: Path, to: Path) -> None:
    """What the disk holds now, as if the process had ended; the copy is made by the files' own names and numbers."""
    eventually((folder / "alive").exists, "the first mark")
    shutil.copytree(folder, to)


def runs_from_one_copy(make: Make, tmp_path: Path, clock: HandClock, apart_s: float) -> list[set[int]]:
    """A run ends unstopped, and three begin where it ended, so many seconds one after the other: the numbers of each for 2,000 events."""
    journal = make(clock=HandClock())
    journal.open()
    put(journal, "1")
    stop_short(tmp_path / "journal", tmp_path / "copy")
    given: list[set[int]] = []
    for turn in range(3):
        clock.advance(apart_s)
        shutil.copytree(tmp_path / "copy", tmp_path / str(turn))
        run = make(tmp_path / str(turn), clock)
        run.open()
        put(run, *(str(number) for number in range(2000)))
        given.append({record.seq for record in run.page(1, 5000)})
        run.close()
    return given


def test_two_runs_from_one_copy_give_no_number_twice(make: Make, tmp_path: Path) -> None:
    """The later one leaves out what the earlier one may have given."""
    given = runs_from_one_copy(make, tmp_path, HandClock(), 5.0)
    assert not given[0] & given[1] | given[1] & given[2] | given[0] & given[2]


def test_two_runs_whose_clock_begins_anew(make: Make, tmp_path: Path) -> None:
    """No battery behind the clock: all starts are at the same time, and the lot keeps them apart."""
    given = runs_from_one_copy(make, tmp_path, HandClock(START - timedelta(hours=1)), 0.0)
    assert len({max(numbers) for numbers in given}) == 3


def test_a_clock_that_is_years_ahead_leaves_numbers_enough(make: Make, tmp_path: Path) -> None:
    """A thousand such starts would still fit."""
    journal = make()
    journal.open()
    put(journal, "1")
    stop_short(tmp_path / "journal", tmp_path / "copy")
    later = make(tmp_path / "copy", HandClock(START + timedelta(days=36_500)))
    later.open()
    put(later, "2")
    assert later.head() < 2**40 // 1000


@pytest.mark.parametrize("stopped", [True, False])
def test_a_folder_set_back_gives_no_number_twice(make: Make, tmp_path: Path, stopped: bool) -> None:
    """A copy of a running or of a stopped journal is put in its place; a hole that is named lies between what was and what comes."""
    folder, copy = tmp_path / "journal", tmp_path / "copy"
    journal = make()
    journal.open()
    put(journal, "1", "2", "3")
    if stopped:
        journal.close()
    stop_short(folder, copy)
    if stopped:
        journal = make()
        journal.open()
    put(journal, "4", "5")
    journal.close()
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    again = make()
    again.open()
    put(again, "other")
    records = again.page(0, 100)
    assert [mark_of(record) for record in records if record.name != "loss"] == ["1", "2", "3", "other"]
    said = data_of(records[3])
    assert (said["from"], said["cause"]) == ("4", "left_out")
    assert int(said["to"]) - 3 >= LEFT_OUT
    assert numbers_of(records) == [(1, again.head())]
    assert again.latest(4) == records[-4:], "the newest four are not four numbers"
    assert again.verify().ok


def test_a_stop_in_order_leaves_nothing_out(make: Make) -> None:
    """The usual restart: numbers go on without a gap."""
    for n in range(3):
        journal = make()
        journal.open()
        put(journal, str(n))
        journal.close()
    again = make()
    again.open()
    assert [mark_of(record) for record in again.page(0, 100)] == ["0", "1", "2"]
    assert again.head() == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the thread is ended on purpose
def test_a_stop_that_loses_events_counts_them(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk hangs over the stop: the number is given, and the next start reports exactly so many as lost."""
    journal = make()
    journal.open()
    put(journal, "1", "2")
    held, hanging = threading.Event(), threading.Event()

    def hang(writer: Writer, *_args: object) -> None:
        hanging.set()
        held.wait(WAIT_S)
        raise SystemExit  # the process is gone by then

    monkeypatch.setattr(Writer, "_write", hang)
    for n in range(7):
        journal.append(opened(str(n)))
    assert hanging.wait(WAIT_S)
    assert journal.close() == 7
    monkeypatch.undo()
    held.set()
    again = make()
    journal._writer.join(WAIT_S)
    again.open()
    said = [data_of(record) for record in again.page(2, 10)]
    assert [(each["from"], each["cause"]) for each in said] == [("3", "disk_failed"), ("11", "left_out")]
    assert said[0]["to"] == "9"


def delete(folder: Path) -> None:
    """Somebody tidies up."""
    for file in folder.glob("journal.db*"):
        file.unlink()


def delete_log(folder: Path) -> None:
    """Somebody takes the log for rubbish."""
    (folder / "journal.db-wal").unlink()


def delete_index(folder: Path) -> None:
    """Somebody takes the index for rubbish."""
    (folder / "journal.db-shm").unlink()


def set_back(folder: Path) -> None:
    """Somebody copies yesterday's database over it."""
    delete(folder)
    shutil.copy(folder.parent / "copy" / "journal.db", folder / "journal.db")


def garble(folder: Path) -> None:
    """Somebody puts another file there."""
    delete(folder)
    (folder / "journal.db").write_bytes(b"no database" * 1000)


def remove(folder: Path) -> None:
    """Somebody removes the folder."""
    shutil.rmtree(folder)


@pytest.mark.parametrize("act", [delete, delete_log, delete_index, set_back, garble, remove])
def test_files_that_vanish_under_the_running_daemon(make: Make, tmp_path: Path, act: Callable[[Path], None]) -> None:
    """Noticed with the next sign of life: what comes is written, what was remembered stays, what could not be sent is named."""
    folder = tmp_path / "journal"
    journal = make()
    journal.open()
    journal.remember("mode.north", "lock_down")
    put(journal, "1", "2")
    journal.close()
    shutil.copytree(folder, tmp_path / "copy")
    journal = make()
    journal.open()
    put(journal, "3", "4")
    old = journal.epoch
    eventually(lambda: journal._writer._files_at > 0 and bool(journal._writer._store and journal._writer._store._files), "a first look")
    act(folder)
    only_the_log = act in (delete_log, delete_index)
    if only_the_log:
        eventually(lambda: len(list(folder.glob("journal.db-*"))) == 2, "the files made anew")
    else:
        eventually(lambda: journal.epoch not in ("", old), "a new epoch")
    put(journal, "5")
    assert journal.recall("mode.north") == "lock_down"
    journal.close()
    again = make()
    again.open()
    assert again.recall("mode.north") == "lock_down"
    records = again.page(0, 100)
    marks = [mark_of(record) for record in records if record.name != "loss"]
    told = [(data_of(record)["epoch"], data_of(record)["from"], data_of(record)["to"]) for record in records if record.name == "loss"]
    if only_the_log:
        assert (marks, told, again.epoch) == (["1", "2", "3", "4", "5"], [], old)
    elif act is set_back:
        assert (marks, told) == (["1", "2", "5"], [(old, "3", "4")])
    else:
        assert (marks, told) == (["5"], [(old, "1", "4")])
    assert again.verify().ok


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("act", [delete, set_back, garble])
def test_numbers_that_a_start_left_out_are_not_told_as_lost(make: Make, tmp_path: Path, act: Callable[[Path], None], running: bool) -> None:
    """The database goes, or an older one comes, after two starts without a stop: what had a number is lost, each hole is told as a hole."""
    folder, clock = tmp_path / "journal", HandClock()
    journal = make(folder, clock)
    journal.open()
    put(journal, "1", "2")
    journal.close()
    shutil.copytree(folder, tmp_path / "copy")
    for turn in range(3):
        journal = make(folder, clock)
        journal.open()
        put(journal, "3", "4")
        if turn < 2:
            stop_short(folder, tmp_path / str(turn))
            journal.close()
            shutil.rmtree(folder)
            shutil.copytree(tmp_path / str(turn), folder)
            clock.advance(60)
    old, head = journal.epoch, journal.head()
    (a, b), (c, d) = [(int(said["from"]), int(said["to"])) for said in map(data_of, journal.page(0, 100)) if "cause" in said]
    if running:
        eventually(lambda: bool(journal._writer._store and journal._writer._store._files), "a first look")
        act(folder)
        eventually(lambda: journal.epoch not in ("", old), "a new epoch")
    else:
        journal.close()
        act(folder)
        journal = make(folder, clock)
        journal.open()
    put(journal, "5")
    told = [(int(said["from"]), int(said["to"]), said["cause"]) for said in map(data_of, journal.page(0, 100)) if said.get("epoch") == old]
    first, cause = (3, "rolled_back") if act is set_back else (1, "corrupt")
    assert told == [(first, a - 1, cause), (a, b, "left_out"), (b + 1, c - 1, cause), (c, d, "left_out"), (d + 1, head, cause)]


@pytest.mark.parametrize("act", [delete, set_back, garble])
def test_numbers_given_after_the_last_mark_are_named_too(make: Make, tmp_path: Path, act: Callable[[Path], None]) -> None:
    """A power cut takes the database, or its newest part, and the mark is seconds old: what came after the mark is lost as well."""
    folder, left = tmp_path / "journal", tmp_path / "left"
    for turn, marks in enumerate((("1", "2"), ("3", "4"), ("5", "6"))):
        journal = make(folder, alive_s=3600.0)
        journal.open()
        put(journal, *marks)
        if turn == 2:
            shutil.copytree(folder, left)
        journal.close()
        if turn == 0:
            shutil.copytree(folder, tmp_path / "copy")
    old = journal.epoch
    act(left)
    again = make(left)
    again.open()
    put(again, "7")
    told = [(int(said["from"]), int(said["to"]), said["cause"]) for said in map(data_of, again.page(0, 100)) if said.get("epoch") == old]
    assert told == [(3, 4, "rolled_back") if act is set_back else (1, 4, "corrupt"), (5, 4 + AFTER_MARK, "left_out")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the thread is ended on purpose
async def test_a_writer_that_ends_is_an_essential_units_failure(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ended the thread: the unit fails, and starts it anew; what was appended meanwhile is written."""
    journal = make()
    journal.open()
    put(journal, "1")

    def end(_writer: Writer) -> bool:
        raise SystemExit

    monkeypatch.setattr(Writer, "_turn", end)
    receipt = journal.append(opened("2"))
    with pytest.raises(WriterStopped):
        await journal.keep_writing()
    assert "writer_stopped" in journal.health().why
    monkeypatch.undo()
    journal._writer.start()
    assert receipt.wait_blocking(WAIT_S)
    assert [mark_of(record) for record in journal.page(0, 10)] == ["1", "2"]
