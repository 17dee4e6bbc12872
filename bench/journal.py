"""The journal: commits a second by durability and group size, the wait at a door, reading back, and a start on a long backlog.

    python -m bench.journal [--folder DIR] [--rows N] [--json]

Beside it, on the same disk in the same run: persist-queue's SQLiteAckQueue, one put and one get + ack at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from edge.access.events import AccessGranted
from edge.access.reasons import Reason
from edge.access.terms import Direction, Method, PersonKind
from edge.clock import PlainClock, Trust
from edge.journal import Journal, JournalSettings
from edge.journal.chores import FOLD_IDLE_PAGES
from edge.journal.founding import found
from edge.journal.record import Draft, draft
from edge.journal.store import Store

SPAN_S = 3.0
"""Seconds that the wait at a door is measured for."""

ROUNDS = 5
TURN_S = 0.5
"""Turns of each contender, and seconds of each."""

GROUPS = (1, 10, 100)

Figures = dict[str, float]


def event() -> AccessGranted:
    """A grant as a gate writes it: some 300 bytes of data, 600 on disk with its frame."""
    return AccessGranted(
        at=datetime.now(UTC),
        clock=Trust.SYNCED,
        door="north",
        access_point="north_in",
        direction=Direction.IN,
        passage_id="01JNORTH0000000000000000",
        person_ref="8c1f0a52b1d94c0e9a6fd3f2a7b80c11",
        person_kind=PersonKind.RESIDENT,
        method=(Method.CARD,),
        reason=next(iter(Reason)),
        roster_version="3f6c2a91d0e4",
        roster_age_s=86_400,
    )


def interleaved(contenders: dict[str, Callable[[], int]]) -> Figures:
    """How many a second each does: median over rounds in which each has its turn, since a shared disk is not the same for long."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, once in contenders.items():
            once()
            done, begun = 0, time.perf_counter()
            while (spent := time.perf_counter() - begun) < TURN_S:
                done += once()
            rates[name].append(done / spent)
    return {name: statistics.median(found) for name, found in rates.items()}


def committer(store: Store, group: int) -> Callable[[], int]:
    """A commit of so many events: numbered, chained, inserted, committed; the log is folded as often as the writer does."""
    pages = 0

    def once() -> int:
        nonlocal pages
        with store.transaction():
            store.add(draft(event()) for _ in range(group))
        pages += 3 + group // 6
        if pages > FOLD_IDLE_PAGES:
            store.checkpoint()
            pages = 0
        return group

    return once


def commit_rates(folder: Path) -> Figures:
    """FULL against NORMAL, 1, 10 and 100 at a time, and against the library that a store of one's own must beat."""
    from persistqueue import SQLiteAckQueue

    now, contenders, stores = PlainClock().now(), {}, []
    levels: tuple[Literal["FULL", "NORMAL"], ...] = ("FULL", "NORMAL")
    for synchronous in levels:
        for group in GROUPS:
            store = Store(folder / f"{synchronous}_{group}.db", synchronous)
            found(store, None, now, lambda: "bench")
            stores.append(store)
            contenders[f"{synchronous.lower()}_{group}_per_s"] = committer(store, group)
    body = draft(event()).data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        queue = SQLiteAckQueue(str(folder / "persistqueue"), multithreading=True)

        def put() -> int:
            queue.put(body)
            return 1

        def take() -> int:
            if queue.size == 0:
                put()
            queue.ack(queue.get(block=False))
            return 1

        figures = interleaved(contenders | {"persist_queue_put_per_s": put, "persist_queue_get_ack_per_s": take})
        queue.close()
    for store in stores:
        store.close()
    return figures


def door_wait(folder: Path) -> Figures:
    """Append to committed through the writer's thread, one event at a time: what a door waits for, at most 25 ms."""
    journal = Journal(folder / "door", JournalSettings(ballast_mb=0), PlainClock())
    journal.open()
    waits: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < SPAN_S:
        asked = time.perf_counter()
        journal.append(event()).wait_blocking(30)
        waits.append((time.perf_counter() - asked) * 1000)
    journal.close()
    return {"wait_p50_ms": statistics.median(waits), "wait_p99_ms": statistics.quantiles(waits, n=100)[98], "wait_max_ms": max(waits)}


def backlog(folder: Path, rows: int) -> Figures:
    """Open on a backlog of so many rows, write a live event beside it, page all of it, walk its chain."""
    path = folder / "backlog"
    path.mkdir()
    with closing(Store(path / "journal.db", "OFF")) as store:
        found(store, None, PlainClock().now(), lambda: "bench")
        written: Draft = draft(event())
        for start in range(0, rows, 10_000):
            with store.transaction():
                store.add(written for _ in range(min(10_000, rows - start)))
        store.checkpoint(truncate=True)
    journal = Journal(path, JournalSettings(ballast_mb=0), PlainClock())
    begun = time.perf_counter()
    journal.open()
    ready = time.perf_counter() - begun
    assert journal.append(event()).wait_blocking(30)
    live = time.perf_counter() - begun
    begun, after = time.perf_counter(), 0
    while page := journal.page(after, 1000):
        after = page[-1].seq
    paged = time.perf_counter() - begun
    begun = time.perf_counter()
    assert journal.verify().ok
    verified = time.perf_counter() - begun
    head = journal.head()
    journal.close()
    size = (path / "journal.db").stat().st_size
    return {
        "backlog": rows,
        "ready_s": ready,
        "live_on_disk_s": live,
        "page_per_s": head / paged,
        "verify_per_s": head / verified,
        "bytes_per_event": size / head,
    }


def table(figures: Figures) -> None:
    """Print it for a person."""
    rates = Table("events a second", "1 a commit", "10", "100", "100 over 1", title="What a commit costs")
    for name in ("full", "normal"):
        row = [figures[f"{name}_{group}_per_s"] for group in GROUPS]
        rates.add_row(f"synchronous={name.upper()}", *(f"{one:,.0f}" for one in row), f"{row[-1] / row[0]:.1f} x")
    rates.add_row(
        "NORMAL over FULL", *(f"{figures[f'normal_{group}_per_s'] / figures[f'full_{group}_per_s']:.1f} x" for group in GROUPS), ""
    )
    put, take = figures["persist_queue_put_per_s"], figures["persist_queue_get_ack_per_s"]
    rates.add_row("persist-queue, put", f"{put:,.0f}", "", "", f"FULL is {figures['full_1_per_s'] / put:.1f} x")
    rates.add_row("persist-queue, get + ack", f"{take:,.0f}", "", "", f"paging is {figures['page_per_s'] / take:,.0f} x")
    console = Console(width=120)
    console.print(rates)
    other = Table("", "", title=f"At the door, and with {figures['backlog']:,.0f} events waiting")
    other.add_row(
        "append to committed, p50 / p99 / max",
        f"{figures['wait_p50_ms']:.2f} / {figures['wait_p99_ms']:.2f} / {figures['wait_max_ms']:.2f} ms",
    )
    other.add_row("open / live event on disk", f"{figures['ready_s']:.3f} / {figures['live_on_disk_s']:.3f} s")
    other.add_row("paging, each record checked against its chain", f"{figures['page_per_s']:,.0f} /s")
    other.add_row("walking the chain", f"{figures['verify_per_s']:,.0f} /s")
    other.add_row("on disk", f"{figures['bytes_per_event']:,.0f} bytes an event")
    console.print(other)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where to write: a folder on the disk in question")
    options.add_argument("--rows", type=int, default=1_000_000, help="events waiting at the start")
    options.add_argument("--json", action="store_true", help="end with one JSON object")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        figures = commit_rates(folder) | door_wait(folder)
        os.sync()
        figures |= backlog(folder, asked.rows)
    table(figures)
    if asked.json:
        print(json.dumps({"bench": "journal", "figures": {name: round(value, 4) for name, value in figures.items()}}))


if __name__ == "__main__":
    main()
