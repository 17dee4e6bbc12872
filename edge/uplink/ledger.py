"""The centre's books: takes messages, keeps what is new, and says what may be acknowledged. One thread; no network."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.uplink.arrivals import Arrival, Malformed, Report, take_apart
from edge.uplink.broker import Message
from edge.uplink.receive_store import LEFT_OUT, Key, Row, Run, Store

MOST_RUNS = 50_000
"""Runs of numbers that are followed: a town has 121 gateways, and each begins a new one once in years."""


OLDER_AT_ONCE = 8
"""Older runs asked for with one health message: a gateway answers one after the other."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a receiver has seen since it was started, and what it lacks now.

    `received`: events kept, new to it. `duplicates`: came again and were dropped. `gaps`: stretches of numbers that are not here;
    `missing`: how many numbers those are, the tail that `health` tells of included. `lost`: numbers that gateways said can never come
    and that did not, but for those that they left out. `malformed`: messages that were none of ours. `conflicts`: events that came under
    a number with another body than the event that is kept: that gateway gave numbers twice, and these are lost.
    """

    received: int = 0
    duplicates: int = 0
    gaps: int = 0
    missing: int = 0
    lost: int = 0
    malformed: int = 0
    gateways: int = 0
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """What may be acknowledged to one gateway now: everything of the run up to `seq` is on disk."""

    key: Key
    seq: int


@dataclass(slots=True)
class _Group:
    rows: list[Row]
    gone: list[tuple[Key, int, int, str]]
    touched: dict[Key, None]
    fresh: list[Arrival]
    duplicates: int = 0
    conflicts: int = 0


class Ledger:
    """Commits groups of messages. Raises sqlite3.Error from `take`; the group is then as good as never received."""

    def __init__(self, path: Path) -> None:
        """Open the database. Raises sqlite3.Error."""
        self._path = path
        self._store = Store(path)
        self._received = self._duplicates = self._malformed = self._conflicts = 0
        self._gateways: set[tuple[str, str]] = {(key.site, key.gateway) for key in self._store.runs}
        self._older: dict[tuple[str, str], list[Key]] = {}
        for key in self._store.runs:
            self._older.setdefault((key.site, key.gateway), []).append(key)
        self.complaint = ""
        """Why the last malformed message was refused."""
        self.degraded: dict[tuple[str, str], tuple[str, ...]] = {}
        """What each gateway says is wrong with it, as its last health message has it: site, gateway -> words."""
        self.conflict = ""
        """The last event that came under a number of another."""

    def take(self, messages: Iterable[Message]) -> tuple[list[Word], list[Arrival]]:
        """Commit what is new in these messages: (what to acknowledge, the new events in order of arrival)."""
        group = _Group([], [], {}, [])
        try:
            for message in messages:
                try:
                    self._sort_in(take_apart(message), group)
                except Malformed as fault:
                    self._malformed += 1
                    self.complaint = f"{message.topic[:120]}: {fault}"
            if group.rows or group.gone:
                self._store.commit(group.rows, group.gone, list(group.touched))
        except sqlite3.Error:
            # What is on disk counts: forget what was only believed to be there.
            self._store.close()
            self._store = Store(self._path)
            raise
        self._received += len(group.rows)
        self._duplicates += group.duplicates
        self._conflicts += group.conflicts
        return [Word(key, self._store.runs[key].covered.contiguous) for key in group.touched], group.fresh

    @property
    def centre_id(self) -> str:
        """The random name of the database."""
        return self._store.centre_id

    @property
    def said_at(self) -> int:
        """`at` of the last acknowledgement known to be said, in milliseconds since 1970."""
        return self._store.said_at

    def note_said(self, at: int) -> None:
        """Write down the `at` of the last acknowledgement. Raises sqlite3.Error."""
        self._store.note_said(at)

    @property
    def gateways(self) -> int:
        """How many gateways have ever been heard."""
        return len(self._gateways)

    def summary(self) -> Summary:
        """Count up."""
        gaps = missing = lost = 0
        for run in self._store.runs.values():
            holes = run.covered.gaps(max(run.head, run.covered.last))
            gaps += len(holes)
            missing += sum(last - first + 1 for first, last in holes)
            came = sum(seq not in run.left_out for seq in run.late)
            lost += run.gone.count() - run.left_out.count() - came
        return Summary(self._received, self._duplicates, gaps, missing, lost, self._malformed, self.gateways, self._conflicts)

    def gaps(self) -> dict[Key, list[tuple[int, int]]]:
        """What is not here, by run, as (first, last)."""
        found = {key: run.covered.gaps(max(run.head, run.covered.last)) for key, run in self._store.runs.items()}
        return {key: holes for key, holes in found.items() if holes}

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _sort_in(self, came: list[Arrival] | Report, group: _Group) -> None:
        if isinstance(came, Report):
            self._note(came, group)
            return
        for arrival in came:
            run = self._admit(arrival.key)
            group.touched[arrival.key] = None
            if arrival.seq in run.covered:
                if arrival.seq not in run.gone or arrival.seq in run.late:
                    group.duplicates += 1
                    kept = self._store.body(arrival.key, arrival.seq)
                    if kept is not None and json.loads(kept) != arrival.event:
                        group.conflicts += 1
                        self.conflict = f"{arrival.key.gateway} #{arrival.seq}: another event has this number"
                    continue
                run.late.add(arrival.seq)
            elif not run.covered.add(arrival.seq, arrival.seq):
                continue  # too many islands: it will come again
            group.rows.append(Row(arrival.key, arrival.seq, arrival.type, str(arrival.event["time"]), arrival.text))
            group.fresh.append(arrival)
            loss = arrival.loss
            if loss is not None:
                self._give_up(*loss, group)

    def _note(self, report: Report, group: _Group) -> None:
        """Health proves the tail, asks for our word anew, and tells what was pruned before we first came."""
        if not report.key.epoch:
            return
        self._ask_older(report.key, group)
        run = self._admit(report.key)
        self.degraded[report.key.site, report.key.gateway] = report.degraded
        group.touched[report.key] = None
        run.head = max(run.head, report.head)
        if report.oldest > run.covered.contiguous + 1:
            for first, last in run.covered.gaps(report.oldest - 1):
                self._give_up(report.key, first, last, "pruned", group)

    def _ask_older(self, now: Key, group: _Group) -> None:
        """Acknowledge older runs of a gateway too: that asks for what it still holds of them.

        Once in each of its epochs, and then as long as something is known to be missing.
        """
        asked = 0
        for key in self._older.get((now.site, now.gateway), ()):
            run = self._store.runs[key]
            if key.epoch == now.epoch or (run.asked_in == now.epoch and not run.covered.gaps(max(run.head, run.covered.last))):
                continue
            run.asked_in = now.epoch
            group.touched[key] = None
            asked += 1
            if asked == OLDER_AT_ONCE:
                return

    def _give_up(self, key: Key, first: int, last: int, cause: str, group: _Group) -> None:
        run = self._admit(key)
        group.touched[key] = None
        for start, end in run.covered.gaps(last):
            # Up to `given` each number was an event's: a later one came, or `health` told of it. A gateway that was set back does not know.
            given = 0
            if cause == LEFT_OUT:
                given = end if end < last else run.head if run.head <= last else 0
            for low, high, why in ((max(start, first), min(end, given), "rolled_back"), (max(start, first, given + 1), end, cause)):
                if low <= high:
                    run.gone.add(low, high)
                    if why == LEFT_OUT:
                        run.left_out.add(low, high)
                    group.gone.append((key, low, high, why))
        run.covered.add(first, last)

    def _admit(self, key: Key) -> Run:
        if key not in self._store.runs and len(self._store.runs) >= MOST_RUNS:
            raise Malformed("more runs of numbers than any town has")
        self._gateways.add((key.site, key.gateway))
        if key not in self._store.runs:
            self._older.setdefault((key.site, key.gateway), []).append(key)
        return self._store.run(key)
