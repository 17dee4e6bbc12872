"""One bit flips somewhere in the journal's files: the writer lives, and nothing that was not sent is lost without a word."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from edge.journal import Journal, Record
from tests.journal.conftest import Make
from tests.journal.samples import WAIT_S, data_of, eventually, mark_of, opened

FLIPS = int(os.environ.get("FLIPS", "60"))
"""Set FLIPS=3000 in the environment for an evening."""

EVENTS, ACKED = 40, 25


@pytest.fixture
def folder(make: Make, tmp_path: Path) -> Path:
    """A folder with forty events, twenty-five of them acknowledged, a mode and an open alarm; the last ten in the log only."""
    journal = make()
    journal.open()
    journal.remember("mode.north", "lock_down")
    journal.remember("alarms.north", '{"lockdown": ["a1", "door.lockdown", "2026-03-02T08:00:00+00:00"]}')
    assert journal.append(*(opened(str(n)) for n in range(30))).wait_blocking(WAIT_S)
    journal.acknowledge("centre", journal.epoch, ACKED, proven=True)
    journal.close()
    journal = make()
    journal.open()
    assert journal.append(*(opened(str(n)) for n in range(30, EVENTS))).wait_blocking(WAIT_S)
    eventually((tmp_path / "journal" / "alive").exists, "the mark")
    shutil.copytree(tmp_path / "journal", tmp_path / "left")
    return tmp_path / "left"


def what_becomes(journal: Journal) -> tuple[set[str], list[tuple[str, int, int]]]:
    """Append, then read what is to be sent as the uplink does, until nothing new comes: the marks, and what is named as lost."""
    seen: dict[tuple[str, int], Record] = {}
    quiet = 0
    while quiet < 3:
        after = journal.acked()["centre"]
        found = {(record.epoch, record.seq): record for record in journal.page(after, 3000)}
        assert journal.append(opened("more")).wait_blocking(WAIT_S)
        quiet = 0 if found.keys() - seen.keys() - {max(found, default=("", 0))} else quiet + 1
        seen |= found
    losses = [data_of(record) for record in seen.values() if record.name == "loss"]
    marks = {mark_of(record) for record in seen.values() if record.name == "opened"}
    return marks, [(each["epoch"], int(each["from"]), int(each["to"])) for each in losses]


@pytest.mark.parametrize("seed", range(FLIPS))
def test_a_flipped_bit_anywhere(make: Make, folder: Path, seed: int) -> None:
    """Every event that is not acknowledged is there, or named as lost; new ones are written; the next start is as well."""
    chance = random.Random(seed)
    file = folder / chance.choice(["journal.db", "journal.db", "journal.db", "journal.db-wal", "alive"])
    raw = bytearray(file.read_bytes())
    at = chance.randrange(len(raw))
    raw[at] ^= 1 << chance.randrange(8)
    file.write_bytes(raw)
    for _ in range(2):
        journal = make(folder)
        journal.open()
        assert journal.append(opened("after")).wait_blocking(WAIT_S), f"bit at {at} of {file.name}"
        marks, losses = what_becomes(journal)
        named = {seq for _, first, last in losses for seq in range(first, min(last, 5000) + 1)}
        gone = {str(seq - 1) for seq in range(ACKED + 1, EVENTS + 1)} - marks - {str(seq - 1) for seq in named}
        assert not gone, f"bit at {at} of {file.name}"
        assert "writer_stopped" not in journal.health().why
        journal.verify()
        journal.close()
