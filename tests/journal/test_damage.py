"""A database that was damaged: set aside where it cannot be read, and only the damaged records lost where it can."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, data_of, eventually, mark_of, opened


def garble(path: Path, start: int, length: int, seed: int = 1) -> None:
    """Overwrite some bytes with others."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(random.Random(seed).randbytes(length))


@pytest.fixture
def closed(make: Make, tmp_path: Path) -> tuple[Path, str]:
    """A closed journal of 2,000 events, 1,500 of them acknowledged: its folder and epoch."""
    journal = make()
    journal.open()
    assert journal.append(*(opened(str(n)) for n in range(2000))).wait_blocking(WAIT_S)
    journal.acknowledge("centre", journal.epoch, 1500)
    journal.remember("mode", "locked")
    epoch = journal.epoch
    journal.close()
    return tmp_path / "journal", epoch


@pytest.mark.parametrize("length", [100, 1, 4096])
def test_a_damaged_header(closed: tuple[Path, str], make: Make, length: int) -> None:
    """Set aside by the time; a new database, a new epoch, and what was not acknowledged is told as lost."""
    folder, old = closed
    garble(folder / "journal.db", 0, length)
    journal = make(folder)
    assert journal.open().cause == "restart"
    health = journal.health()
    assert (health.state, health.why, len(health.aside)) == ("degraded", ("facts_unknown", "set_aside"), 1)
    assert journal.epoch not in ("", old)
    said = data_of(journal.page(0, 1)[0])
    assert (said["epoch"], said["from"], said["to"], said["cause"]) == (old, "1501", "2000", "corrupt")
    assert journal.append(opened()).wait_blocking(WAIT_S)
    assert journal.verify().ok
    (folder / health.aside[0]).unlink()
    eventually(lambda: journal.health().why == ("facts_unknown",), "a person took it away; what was remembered is gone all the same")


@pytest.mark.parametrize("part", [b"fact", b"event", b"value TEXT", b"chain BLOB", b"TABLE ack"])
def test_a_damaged_schema_whose_fault_cannot_even_be_told(closed: tuple[Path, str], make: Make, part: bytes) -> None:
    """The flipped bit makes a byte that is no text, and SQLite quotes it in its error: set aside like any other damage."""
    folder, old = closed
    raw = bytearray((folder / "journal.db").read_bytes())
    at = raw.index(part, raw.index(b"CREATE TABLE " + part) if b" " not in part else 0)
    raw[at] ^= 0x80
    (folder / "journal.db").write_bytes(raw)
    journal = make(folder)
    journal.open()
    journal.verify()
    assert journal.append(opened()).wait_blocking(WAIT_S)
    assert "writer_stopped" not in journal.health().why
    assert journal.epoch != old or journal.head() > 2000


def test_an_empty_file(closed: tuple[Path, str], make: Make) -> None:
    """Truncated to nothing is as gone as damaged."""
    folder, old = closed
    (folder / "journal.db").write_bytes(b"")
    journal = make(folder)
    journal.open()
    assert data_of(journal.page(0, 1)[0])["epoch"] == old


def test_damage_met_by_a_reader(closed: tuple[Path, str], make: Make) -> None:
    """The writer sees only the tail; a page that cannot be read is noticed when it is to be sent."""
    folder, old = closed
    size = (folder / "journal.db").stat().st_size
    for page in range(10, size // 4096 - 10):
        garble(folder / "journal.db", page * 4096, 12)
    journal = make(folder)
    journal.open()
    journal.remember("mode", "locked")
    if journal.epoch == old:
        assert journal.page(0, 2000) == []
        eventually(lambda: journal.epoch not in ("", old), "the database set aside")
    eventually(lambda: journal.head() >= 1, "the record of loss")
    said = data_of(journal.page(0, 1)[0])
    assert (said["epoch"], said["from"], said["to"]) == (old, "1501", "2000")
    assert journal.recall("mode") == "locked"
    assert journal.append(opened()).wait_blocking(WAIT_S)


@pytest.mark.parametrize("seed", range(12))
def test_damage_anywhere(closed: tuple[Path, str], make: Make, seed: int) -> None:
    """Random pages garbled: every call answers, new events are written, and the walk over the chain tells the truth."""
    folder, _ = closed
    chance = random.Random(seed)
    size = (folder / "journal.db").stat().st_size
    for _ in range(3):
        garble(folder / "journal.db", chance.randrange(size - 64), chance.choice((1, 16, 64)), seed)
    journal = make(folder)
    journal.open()
    assert journal.append(opened("after")).wait_blocking(WAIT_S)
    for after in range(0, 2100, 100):
        for record in journal.page(after, 100):
            assert record.name != "opened" or mark_of(record) in {"after", str(record.seq - 1)}
    assert journal.append(opened("later")).wait_blocking(WAIT_S)
    report = journal.verify()
    assert report.ok or report.first_break is not None
    assert mark_of(journal.latest(1)[0]) == "later"


def test_one_damaged_record_is_left_out_and_reported(closed: tuple[Path, str], make: Make) -> None:
    """A flipped bit in one event costs this event alone, and only if it was still to be sent."""
    folder, epoch = closed
    raw = bytearray((folder / "journal.db").read_bytes())
    for door in ("1200", "1700"):
        raw[raw.index(b'"door":"%s"' % door.encode()) + 2] ^= 1
    (folder / "journal.db").write_bytes(raw)
    journal = make(folder)
    journal.open()
    for _ in range(2):
        assert [record.seq for record in journal.page(1000, 1000, 2000)] == [n for n in range(1001, 2001) if n not in (1201, 1701)]
    eventually(lambda: journal.head() > 2000, "the report")
    assert journal.append(opened()).wait_blocking(WAIT_S)
    said = [data_of(record) for record in journal.page(2000, 10) if record.name == "loss"]
    said = [one for one in said if one["cause"] != "left_out"]  # the file is another than the one that was closed
    assert [(one["epoch"], one["from"], one["to"], one["cause"]) for one in said] == [(epoch, "1701", "1701", "corrupt")]
    found = journal.verify().first_break
    assert found is not None
    assert (found.seq, found.what) == (1201, "changed")
