"""kill -9 at any moment: what was acknowledged is there, once, in its place."""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
import time
from pathlib import Path

from edge.journal import Journal, Record
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, data_of, mark_of, numbers_of

KILLS = int(os.environ.get("KILLS", "20"))
"""Set KILLS=1000 in the environment for a night."""


def one_life(folder: Path, chance: random.Random) -> list[str]:
    """Start an appender, kill it a little after its first line, and give the lines it wrote."""
    process = subprocess.Popen([sys.executable, "-m", "tests.journal.appender", str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], WAIT_S)[0], "it never began"
        time.sleep(chance.random() * 0.15)
    finally:
        process.kill()
        process.wait(WAIT_S)
    whole, _, torn = process.stdout.read().decode().rpartition("\n")
    process.stdout.close()
    assert not torn
    return whole.split("\n")


def everything(journal: Journal) -> list[Record]:
    """All that is on disk."""
    found: list[Record] = []
    while page := journal.page(found[-1].seq if found else 0, 5000):
        found += page
    return found


def test_nothing_acknowledged_is_lost_by_kills(make: Make, tmp_path: Path) -> None:
    """Killed again and again on the same folder: every acknowledged append is there, once, under its number, and every gap is named."""
    folder, chance = tmp_path / "journal", random.Random(KILLS)
    told: dict[int, str] = {}
    epochs: set[str] = set()
    for life in range(KILLS):
        for line in one_life(folder, chance):
            epoch, seq, mark = line.split(" ")
            epochs.add(epoch)
            assert int(seq) not in told, "a number was given twice"
            told[int(seq)] = told[int(seq) + 1] = mark
        if life % 10 == 9 or life == KILLS - 1:
            journal = make(folder)
            start = journal.open()
            assert (start.cause, start.clean) == ("crash", False)
            records = everything(journal)
            found = {record.seq: mark_of(record) for record in records if record.name != "loss"}
            assert {seq: found.get(seq) for seq in told} == told
            assert numbers_of(records) == [(1, journal.head())]
            holes = [data_of(record)["cause"] for record in records if record.name == "loss"]
            assert holes == ["left_out"] * (len(holes))
            assert len(holes) >= life + 1
            assert all(list(found.values()).count(mark) == 2 for mark in random.Random(life).sample(sorted(told.values()), 20))
            assert journal.verify().ok
            assert epochs == {journal.epoch}
            journal.close()
