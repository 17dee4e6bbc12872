"""Events to write down, and a way to tell them apart again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from edge.access.events import DoorForced, DoorOpened, Event
from edge.clock import Trust
from edge.journal import Record
from tests.clock import START

WAIT_S = 30.0
"""Generous: another test may have the disk."""


def opened(mark: str = "north", at: datetime = START) -> Event:
    """An ordinary event; `mark` comes back from `mark_of`."""
    return DoorOpened(at=at, clock=Trust.SYNCED, door=mark)


def forced(mark: str = "north") -> Event:
    """An alarm."""
    return DoorForced(at=START, clock=Trust.SYNCED, door=mark, alarm_id="a1", phase="begin")


def mark_of(record: Record) -> str:
    """The mark of a sample."""
    return str(json.loads(record.data)["door"])


def data_of(record: Record) -> dict[str, str]:
    """The body of any event."""
    return dict(json.loads(record.data))


def numbers_of(records: Iterable[Record]) -> list[tuple[int, int]]:
    """The numbers that these records account for, their own and those that losses of this epoch name: unbroken runs, none twice."""
    found: list[tuple[int, int]] = []
    for record in records:
        found.append((record.seq, record.seq))
        if record.name == "loss" and data_of(record)["epoch"] == record.epoch:
            found.append((int(data_of(record)["from"]), int(data_of(record)["to"])))
    runs: list[tuple[int, int]] = []
    for first, last in sorted(found):
        assert not runs or first > runs[-1][1], f"number {first} twice"
        runs = [*runs[:-1], (runs[-1][0], last)] if runs and first == runs[-1][1] + 1 else [*runs, (first, last)]
    return runs


def eventually(true: Callable[[], bool], what: str) -> None:
    """Wait until something is true; there is no event to wait for when a disk changes its mind."""
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.01)
