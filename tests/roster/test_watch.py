"""Hot reload on a real folder: saves as Excel and editors do them, half-written files, folders that come and go."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.clock import PlainClock
from edge.roster.outcomes import Applied, Refused
from edge.roster.roster import Roster
from edge.roster.settings import RosterSettings
from edge.roster.watch import RosterWatch
from tests.roster.conftest import save_xlsx
from tests.roster.people import ids, make_roster, write

PATIENCE_S = 30
ROWS = [["编号", "姓名", "卡号[dec]"], *([str(number), "某", str(number)] for number in range(1, 11))]


class Heard:
    """Outcomes as they are told, to be waited for."""

    def __init__(self) -> None:
        self.all: list[Applied | Refused] = []
        self._more = asyncio.Event()

    def tell(self, outcome: Applied | Refused) -> None:
        """For Roster(told=…)."""
        self.all.append(outcome)
        self._more.set()

    async def until(self, wanted: Callable[[list[Applied | Refused]], bool]) -> None:
        """Wait until what was told satisfies this."""
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(self.all):
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def watched(settings: RosterSettings, tmp_path: Path) -> AsyncIterator[tuple[Roster, Heard]]:
    """A roster that follows its folder, and what it tells."""
    heard = Heard()
    roster = make_roster(settings, tmp_path / "state", clock=PlainClock())
    roster._told = heard.tell
    unit = asyncio.create_task(RosterWatch(roster, settings, PlainClock()).run())
    yield roster, heard
    unit.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(unit, return_exceptions=True)


def applied(count: int) -> Callable[[list[Applied | Refused]], bool]:
    """Until the last outcome is a roster of so many."""
    return lambda told: bool(told) and isinstance(told[-1], Applied) and len(told[-1].book.tenants) == count


def refused(told: list[Applied | Refused]) -> bool:
    """Until the last outcome is a refusal."""
    return bool(told) and isinstance(told[-1], Refused)


async def test_follows_saves_as_excel_does_them(folder: Path, watched: tuple[Roster, Heard]) -> None:
    """A lock file, a temporary beside, the old one renamed away, the new one renamed in: applied once, with nothing refused between."""
    roster, heard = watched
    await heard.until(refused)
    save_xlsx(folder / "roster.xlsx", ROWS)
    await heard.until(applied(10))
    (folder / "~$roster.xlsx").write_bytes(b"owner")
    save_xlsx(folder / "A1B2C3D4.tmp.xlsx", [*ROWS, ["11", "某", "11"]])
    (folder / "roster.xlsx").rename(folder / "DEADBEEF.tmp")
    (folder / "A1B2C3D4.tmp.xlsx").rename(folder / "roster.xlsx")
    (folder / "DEADBEEF.tmp").unlink()
    (folder / "~$roster.xlsx").unlink()
    await heard.until(applied(11))
    assert [type(outcome).__name__ for outcome in heard.all] == ["Refused", "Applied", "Applied"]
    assert len(roster.book.tenants) == 11


async def test_a_file_called_by_the_code_answers(folder: Path, watched: tuple[Roster, Heard]) -> None:
    """The manager makes the file that the report names, and what was asked comes into force; the file goes."""
    _, heard = watched
    await heard.until(refused)
    save_xlsx(folder / "roster.xlsx", ROWS)
    await heard.until(applied(10))
    save_xlsx(folder / "roster.xlsx", ROWS[:4])
    await heard.until(refused)
    asks = heard.all[-1]
    assert isinstance(asks, Refused)
    assert asks.diff is not None
    answer = folder / f"确认-{asks.diff.code}.txt"
    answer.touch()
    await heard.until(applied(3))
    assert not answer.exists()


async def test_a_sheet_saved_as_an_old_kind_is_noticed(folder: Path, watched: tuple[Roster, Heard]) -> None:
    """The report says how to save it, instead of nothing."""
    _, heard = watched
    await heard.until(refused)
    (folder / "roster.xls").write_bytes(b"")
    await heard.until(lambda told: isinstance(told[-1], Refused) and [fault.code for fault in told[-1].faults] == ["old_excel"])


async def test_a_slow_save_is_waited_for(folder: Path, watched: tuple[Roster, Heard]) -> None:
    """A file that grows piece by piece is read when it lies still: no half roster is ever in force."""
    _, heard = watched
    await heard.until(refused)
    lines = [",".join(row) for row in ROWS]
    with (folder / "roster.csv").open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
            file.flush()
            await asyncio.sleep(0.01)
    await heard.until(applied(10))
    assert {len(outcome.book.tenants) for outcome in heard.all if isinstance(outcome, Applied)} == {10}


async def test_a_broken_save_changes_nothing_until_it_is_mended(folder: Path, watched: tuple[Roster, Heard]) -> None:
    """Refused with its faults, then applied."""
    roster, heard = watched
    write(folder, *(str(number) for number in range(1, 11)))
    await heard.until(applied(10))
    write(folder, "1", "1")
    await heard.until(refused)
    assert len(ids(roster.book)) == 10
    write(folder, *(str(number) for number in range(1, 12)))
    await heard.until(applied(11))


async def test_a_folder_swapped_for_another_is_followed(folder: Path, watched: tuple[Roster, Heard]) -> None:
    """Deployed by renaming folders, or away for a while: the new one counts, and is watched."""
    roster, heard = watched
    write(folder, *(str(number) for number in range(1, 11)))
    await heard.until(applied(10))
    shutil.rmtree(folder)
    await heard.until(refused)
    assert len(roster.book.tenants) == 10
    other = folder.with_name("other")
    other.mkdir()
    write(other, *(str(number) for number in range(1, 12)))
    other.rename(folder)
    await heard.until(applied(11))
    write(folder, *(str(number) for number in range(1, 13)))
    await heard.until(applied(12))


async def test_without_hot_reload_only_asking_applies(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """With hot_reload off the first roster is read, later ones wait for `roster apply`."""
    heard = Heard()
    cold = settings.model_copy(update={"hot_reload": False})
    write(folder, *(str(number) for number in range(1, 11)))
    roster = make_roster(cold, tmp_path / "state", clock=PlainClock())
    roster._told = heard.tell
    unit = asyncio.create_task(RosterWatch(roster, cold, PlainClock()).run())
    await heard.until(applied(10))
    write(folder, *(str(number) for number in range(1, 12)))
    await asyncio.sleep(1)  # long enough for a watch, if there were one: 20 times settle_s
    assert len(heard.all) == 1
    await roster.reload(asked=True)
    await heard.until(applied(11))
    unit.cancel()
    await asyncio.gather(unit, return_exceptions=True)
