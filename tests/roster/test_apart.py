"""The reading process: the same result as in place, and nothing of it reaches the daemon when it dies."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.roster import apart, child
from edge.roster.folder import Known, read_folder
from edge.roster.settings import RosterSettings
from tests.roster.conftest import SHANGHAI
from tests.roster.people import write

EXAMPLES = Path(__file__).parents[2] / "config"
KNOWN = Known(frozenset({"residents"}), frozenset({"north_in", "north_out"}))


def test_gives_what_reading_in_place_gives(folder: Path, settings: RosterSettings) -> None:
    """All drafts, remarks, digests and files come through whole."""
    for name in ("roster", "houses", "visitors"):
        (folder / f"{name}.csv").write_bytes((EXAMPLES / f"{name}.example.csv").read_bytes())
    assert apart.read(folder, settings, SHANGHAI, KNOWN) == read_folder(folder, settings, SHANGHAI, KNOWN)


def test_faults_come_through_whole(folder: Path, settings: RosterSettings) -> None:
    """Places, what was read, values and counts, so that both languages can be said here."""
    write(folder, *("1,甲,0013477100,12345" for _ in range(600)))
    one, other = apart.read(folder, settings, SHANGHAI), read_folder(folder, settings, SHANGHAI)
    assert one.faults == other.faults
    assert (one.people, one.more_faults, one.remarks) == (other.people, other.more_faults, other.remarks)


def test_more_rows_than_fit_a_line(folder: Path, settings: RosterSettings) -> None:
    """Long rosters come in parts."""
    write(folder, *(str(number) for number in range(1, 1002)))
    assert len(apart.read(folder, settings, SHANGHAI).tenants) == 1001


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "print('[\"t\", [[')",
        "print('[]')",
        "print('5')",
        "print('[' * 100_000)",
        "print('[\"t\", [[1]]]')",
        "print('[\"end\", 7]')",
        "raise SystemExit(0)",
    ],
)
def test_a_reader_that_dies_is_one_fault(folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Killed by its bounds, cut off in mid-line, or saying nothing at all."""
    _instead(monkeypatch, script)
    assert [fault.code for fault in apart.read(folder, settings, SHANGHAI).faults] == ["reader_failed"]


def test_a_reader_that_never_ends_fills_no_memory(folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says in all is bounded."""
    monkeypatch.setattr(apart, "LONGEST_ANSWER", 1 << 20)
    line = '["t", []]'
    _instead(monkeypatch, f"while True: print('{line}')")
    breaths: list[float] = []  # one after each line, and none of them waited for
    assert [fault.code for fault in apart.read(folder, settings, SHANGHAI, breathe=breaths.append).faults] == ["reader_failed"]
    assert 0 < len(breaths) <= (1 << 20) // len(f"{line}\n")


@pytest.mark.parametrize(("said", "codes"), [(1000, 1000), (1001, 1)])
def test_a_reader_that_talks_without_end_is_cut_off(
    folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch, said: int, codes: int
) -> None:
    """A sound one notes 500 faults and 500 remarks; what says more is not listened to any longer."""
    _instead(
        monkeypatch,
        f"""
for _ in range({said}): print('["f", [["empty", ["", null, null, "", ""], null, [], true]]]')
print('["end", [[0, 0, 0], "", "", [], []]]')
while {said} > 1000: print('["f", [["empty", ["", null, null, "", ""], null, [], true]]]')
""",
    )
    faults = apart.read(folder, settings, SHANGHAI).faults
    assert (len(faults), faults[0].code) == (codes, "empty" if codes > 1 else "reader_failed")


def test_a_reader_that_hangs_is_ended(folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """After read_timeout_s, for good."""
    _instead(monkeypatch, "import time; time.sleep(600)")
    begun = time.monotonic()
    sheets = apart.read(folder, settings.model_copy(update={"read_timeout_s": 1.0}), SHANGHAI)
    assert [fault.code for fault in sheets.faults] == ["reader_failed"]
    assert time.monotonic() - begun < 300  # it did not wait for the reader's end


def _instead(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    real = subprocess.Popen

    def other(_: list[str], **more: object) -> object:
        return real([sys.executable, "-c", script], **more)  # type: ignore[call-overload] - passed on as they come

    monkeypatch.setattr(apart.subprocess, "Popen", other)


@pytest.mark.parametrize("act", ["os.kill(os.getppid(), 0)", "os.listdir('.')", "socket.socket()", "os.fork()", "open(sys.argv[0])"])
def test_the_parser_can_reach_nothing(folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    """Once a sheet is parsed, no process, folder, socket or file can be reached: each is a PermissionError, and the reader goes on."""
    script = f"""
import os, socket, sys
from edge.roster import child
def parse(*_):
    try:
        {act}
    except PermissionError:
        return child.Sheets()
    os._exit(1)
child.read_sheets = parse
child.main()
"""
    _instead(monkeypatch, script)
    assert not apart.read(folder, settings, SHANGHAI).faults


def test_memory_is_bounded_by_the_kernel(folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that asks for more than its share dies alone; within it, it does not."""
    asks = "from edge.roster import child; child.read_sheets = lambda *_: [bytearray({}), child.Sheets()][1]; child.main()"
    _instead(monkeypatch, asks.format(2 * child.MORE_MB << 20))
    assert [fault.code for fault in apart.read(folder, settings, SHANGHAI).faults] == ["reader_failed"]
    monkeypatch.undo()
    _instead(monkeypatch, asks.format(1 << 20))
    assert not apart.read(folder, settings, SHANGHAI).faults


def test_shared_memory_is_refused(folder: Path, settings: RosterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLIMIT_DATA does not count it: a parser that was taken over gets none, and memory of its own as before."""
    script = """
import mmap, os
from edge.roster import child
def parse(*_):
    mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        mmap.mmap(-1, 1 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    except PermissionError:
        return child.Sheets()
    os._exit(1)
child.read_sheets = parse
child.main()
"""
    _instead(monkeypatch, script)
    assert not apart.read(folder, settings, SHANGHAI).faults
