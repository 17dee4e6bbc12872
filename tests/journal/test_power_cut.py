"""The power goes at any point: un-synced writes lost, torn, out of order or garbled, and nothing that was acknowledged is missing."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from edge.journal import Journal
from tests.journal.conftest import Make
from tests.journal.recording import Disk, record
from tests.journal.samples import data_of, mark_of, numbers_of

EVENTS = 60
"""Appends that are recorded; some 150 points of time at which the power may go."""

WAYS = ("nothing", "all", "prefix", "some", "garbled")


def check(journal: Journal, told: dict[int, str]) -> None:
    """All that was told is there, or was acknowledged and pruned; in its place, in the same epoch, and nothing is in doubt."""
    start = journal.open()
    assert start.cause != "first"
    assert journal.health().why == ()
    records = journal.page(0, 10_000)
    found = {record.seq: mark_of(record) for record in records if record.name != "loss"}
    oldest = journal.oldest()
    assert {seq: found.get(seq) for seq in told if seq >= oldest} == {seq: mark for seq, mark in told.items() if seq >= oldest}
    assert numbers_of(records) == [(oldest, journal.head())]
    assert all(data_of(record)["cause"] == "left_out" for record in records if record.name == "loss")
    assert oldest - 1 <= journal.acked()["centre"] <= max(told)
    assert journal.verify().ok


@pytest.mark.peer("strace")
def test_every_moment_of_a_recorded_run(make: Make, tmp_path: Path) -> None:
    """Every state that the disk may have been in, at every write and every sync after the first acknowledgement."""
    calls = record(tmp_path / "journal", tmp_path / "trace", EVENTS)
    chance = random.Random(int(os.environ.get("KILLS", "20")))
    disk, told, epoch = Disk(), {}, ""
    cuts = pruned = 0
    for call in calls:
        if call.name == "told":
            epoch, seq, mark = call.data.decode().split()
            told[int(seq)] = told[int(seq) + 1] = mark
            continue
        disk.do(call)
        if not told:
            continue
        for how in WAYS if call.name == "sync" else (chance.choice(WAYS[2:]),):
            image = tmp_path / "image"
            disk.image(image, how, chance)
            journal = make(image, boot_id="after the power cut")
            check(journal, told)
            assert journal.epoch == epoch
            journal.close()
            shutil.rmtree(image)
            cuts += 1
            pruned = max(pruned, journal.oldest() - 1)
    assert len(told) == 2 * EVENTS
    assert cuts > 2 * EVENTS
    assert pruned > 0
    assert {call.file for call in calls} >= {"journal.db", "journal.db-wal", "alive"}
