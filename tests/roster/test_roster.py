"""The roster in force: whole or not at all, the last good one through everything, back and forth."""

from __future__ import annotations

import asyncio
import gc
import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from edge import durable
from edge.access.terms import Card
from edge.roster.drafts import Sheets
from edge.roster.faults import RosterFaults
from edge.roster.folder import read_folder
from edge.roster.outcomes import Applied, Refused, Unchanged
from edge.roster.settings import RosterSettings
from tests.clock import HandClock
from tests.roster.people import ids, make_roster, refs, write

TEN = tuple(str(number) for number in range(1, 11))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The daemon's state folder."""
    return tmp_path / "state"


async def test_applies_what_is_new_and_says_so_once(folder: Path, settings: RosterSettings, state: Path) -> None:
    """A new roster is applied with its counts; the same again is nothing; a mere reordering is nothing new to tell."""
    told: list[Applied | Refused] = []
    roster = make_roster(settings, state, told)
    assert (roster.view().state, roster.book.version) == ("none", "")
    write(folder, *TEN)
    first = await roster.reload()
    assert isinstance(first, Applied)
    assert (first.added, first.changed, first.removed, len(first.book.tenants)) == (10, 0, 0, 10)
    assert roster.book is first.book
    write(folder, *reversed(TEN))
    assert isinstance(await roster.reload(), Unchanged)
    assert isinstance(await roster.reload(), Unchanged)
    assert told == [first]
    assert roster.view().state == "good"


async def test_a_broken_folder_leaves_the_last_good_one(folder: Path, settings: RosterSettings, state: Path) -> None:
    """In force, told once, its age growing; also after a restart; mended, the new one counts and everybody keeps their ref."""
    told: list[Applied | Refused] = []
    clock = HandClock()
    roster = make_roster(settings, state, told, clock=clock)
    write(folder, *TEN)
    await roster.reload()
    good = roster.book
    clock.advance(3600)
    write(folder, *TEN, "11,甲,11,12345")
    refused = await roster.reload()
    assert isinstance(refused, Refused)
    assert (refused.why, refused.count, refused.in_force) == ("faults", 1, good.version)
    await roster.reload()
    assert [type(outcome).__name__ for outcome in told] == ["Applied", "Refused"]
    assert roster.book is good
    view = roster.view()
    assert (view.state, view.why, view.faults, view.tenants, view.age_s(clock.now().at)) == ("stale", "faults", 1, 10, 3600)

    again = make_roster(settings, state, clock=clock)
    assert again.book == good
    assert isinstance(await again.reload(), Refused)
    write(folder, *TEN, "11")
    assert isinstance(await again.reload(), Applied)
    assert refs(again.book).items() >= refs(good).items()
    assert again.view().state == "good"


async def test_a_start_from_disk_reads_no_sheet(folder: Path, settings: RosterSettings, state: Path) -> None:
    """The last good roster is in force before the folder is looked at, and an unchanged folder is not read again."""
    roster = make_roster(settings, state)
    write(folder, *TEN)
    await roster.reload()

    def nobody(*_: object) -> Sheets:
        raise AssertionError("the folder was read")

    again = make_roster(settings, state, read=nobody)
    assert again.book == roster.book
    assert isinstance(await again.reload(), Unchanged)


async def test_changed_settings_read_the_folder_anew(folder: Path, settings: RosterSettings, state: Path) -> None:
    """The same bytes under another card format are other cards."""
    roster = make_roster(settings, state)
    write(folder, *TEN)
    await roster.reload()
    other = make_roster(settings.model_copy(update={"card_format": "w34"}), state)
    assert isinstance(await other.reload(), Refused)  # everybody's old card would open no more: it asks
    assert isinstance(await other.reload(yes=True), Applied)
    assert Card(34, 1) in other.book.cards


async def test_too_many_removed_needs_a_yes(folder: Path, settings: RosterSettings, state: Path) -> None:
    """A filtered or emptied sheet is refused until somebody says that it is meant, also over a restart."""
    told: list[Applied | Refused] = []
    roster = make_roster(settings, state, told)
    write(folder, *TEN)
    await roster.reload()
    write(folder, *TEN[:7])
    refused = await roster.reload()
    assert isinstance(refused, Refused)
    assert refused.why == "too_many_removed"
    assert refused.diff is not None
    assert refused.diff.removed == ("10", "8", "9")
    assert len(ids(roster.book)) == 10
    again = make_roster(settings, state, told)
    assert isinstance(await again.reload(), Refused)
    assert isinstance(await again.reload(asked=True), Refused)
    applied = await again.reload(yes=True)
    assert isinstance(applied, Applied)
    assert (applied.removed, len(again.book.tenants)) == (3, 7)


async def test_a_lost_card_column_needs_a_yes(folder: Path, settings: RosterSettings, state: Path) -> None:
    """Nobody is removed, but everybody would stand outside."""
    roster = make_roster(settings, state)
    write(folder, *TEN)
    await roster.reload()
    write(folder, *TEN, heading="编号,姓名,备注,密码")
    refused = await roster.reload()
    assert isinstance(refused, Refused)
    assert refused.why == "too_many_removed"
    assert refused.diff is not None
    assert len(refused.diff.stripped) == 10


async def test_a_new_tenancy_has_a_new_ref(folder: Path, settings: RosterSettings, state: Path) -> None:
    """Left and come back is somebody else in the events, across a restart too."""
    roster = make_roster(settings, state)
    write(folder, *TEN)
    await roster.reload()
    before = refs(roster.book)
    write(folder, *TEN[1:])
    await roster.reload()
    again = make_roster(settings, state)
    write(folder, *TEN)
    await again.reload()
    after = refs(again.book)
    assert after["1"] != before["1"]
    assert all(after[number] == before[number] for number in TEN[1:])


async def test_goes_back_and_holds(folder: Path, settings: RosterSettings, state: Path) -> None:
    """A rollback brings the old roster and its refs, holds against the folder, over a restart too, until that changes or is applied."""
    told: list[Applied | Refused] = []
    clock = HandClock()
    roster = make_roster(settings, state, told, clock=clock)
    write(folder, *TEN)
    await roster.reload()
    before = roster.book
    write(folder, *TEN[1:], "11")
    await roster.reload()
    clock.advance(60)
    back = await roster.roll_back()
    assert isinstance(back, Applied)
    assert back.rolled_back
    assert told[-1] == back
    assert refs(roster.book) == refs(before)
    assert roster.book.loaded_at == before.loaded_at + timedelta(seconds=60)
    assert isinstance(await roster.reload(), Unchanged)
    assert roster.view().state == "held"

    again = make_roster(settings, state, clock=clock)
    assert refs(again.book) == refs(before)
    assert isinstance(await again.reload(), Unchanged)
    assert again.view().state == "held"
    assert isinstance(await again.reload(asked=True), Applied)
    assert again.view().state == "good"
    assert "11" in refs(again.book)
    for _ in range(3):
        last = await again.roll_back()
    assert last is None


async def test_a_dead_disk_keeps_nobody_out(folder: Path, settings: RosterSettings, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be kept is in force all the same, and said in the view."""
    monkeypatch.setattr(durable, "write", _refuse)
    roster = make_roster(settings, state)
    write(folder, *TEN)
    applied = await roster.reload()
    assert isinstance(applied, Applied)
    assert not applied.kept
    assert not roster.view().kept
    assert len(roster.book.cards) == 10


def _refuse(*_: object) -> None:
    raise OSError(30, "Read-only file system")


async def test_compare_changes_nothing(folder: Path, settings: RosterSettings, state: Path) -> None:
    """`roster diff` shows what would come and leaves everything as it is; faults are raised."""
    roster = make_roster(settings, state)
    write(folder, *TEN)
    await roster.reload()
    files = {path: path.read_bytes() for path in (state / "roster").iterdir()}
    write(folder, *TEN, "11")
    assert (await roster.compare()).added == ("11",)
    assert {path: path.read_bytes() for path in (state / "roster").iterdir()} == files
    assert len(roster.book.tenants) == 10
    write(folder, "1", "1")
    with pytest.raises(RosterFaults):
        await roster.compare()


async def test_a_half_saved_file_is_tried_again(folder: Path, settings: RosterSettings, state: Path) -> None:
    """A workbook cut off in mid-save is not told of if it is whole a moment later."""
    told: list[Applied | Refused] = []
    sleeping = asyncio.Event()

    class Clock(HandClock):
        async def sleep(self, seconds: float) -> None:
            asyncio.get_running_loop().call_soon(sleeping.set)
            await super().sleep(seconds)

    clock = Clock()
    roster = make_roster(settings, state, told, clock=clock)
    seen = 0

    def read(*args: object) -> Sheets:
        nonlocal seen
        seen += 1
        sheets = read_folder(*args)  # type: ignore[arg-type] - passed on as they come
        if seen == 1:
            write(folder, *TEN)
            (folder / "roster.xlsx").unlink()
        return sheets

    roster._read = read
    (folder / "roster.xlsx").write_bytes(b"PK\x03\x04half")
    trying = asyncio.create_task(roster.reload())
    await asyncio.wait_for(sleeping.wait(), 30)
    clock.advance(10)
    assert isinstance(await trying, Applied)
    assert len(told) == 1


async def test_each_fault_of_a_folder_without_a_sheet_is_told(folder: Path, settings: RosterSettings, state: Path) -> None:
    """Without a sheet there is no digest, and yet the advice is that for what lies there now."""
    told: list[Applied | Refused] = []
    roster = make_roster(settings, state, told)
    write(folder, *TEN)
    (folder / "Roster.XLSX").write_bytes(b"PK")
    await roster.reload()
    await roster.reload()
    (folder / "roster.csv").unlink()
    (folder / "Roster.XLSX").rename(folder / "roster.xls")
    await roster.reload()
    await roster.reload()
    assert [[fault.code for fault in outcome.faults] for outcome in told if isinstance(outcome, Refused)] == [["two_files"], ["old_excel"]]


async def test_a_folder_that_never_rests_is_a_fault(folder: Path, settings: RosterSettings, state: Path) -> None:
    """Sheets that change while they are read are not mixed."""
    dates = itertools.count(1)

    def read(*args: object) -> Sheets:
        write(folder, str(next(dates)))
        sheets = read_folder(*args)  # type: ignore[arg-type] - passed on as they come
        write(folder, str(next(dates)))
        return sheets

    write(folder, *TEN)
    refused = await make_roster(settings, state, read=read).reload(asked=True)
    assert isinstance(refused, Refused)
    assert [fault.code for fault in refused.faults] == ["changed_meanwhile"]


async def test_building_leaves_the_collector_as_it_was(folder: Path, settings: RosterSettings, state: Path) -> None:
    """The collector pauses while a book is built and goes on afterwards; the book is not walked again."""
    assert gc.isenabled()
    roster = make_roster(settings, state)
    write(folder, *TEN)
    await roster.reload()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
