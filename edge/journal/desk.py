"""Between the callers and the one writer: what waits to be written, and what was last committed. One lock, never held over disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.journal.acks import Ack, Acks
from edge.journal.ballast import Load
from edge.journal.faults import Fault, loss_cause
from edge.journal.mark import Holes
from edge.journal.receipt import Receipt
from edge.journal.record import NO_CHAIN, Draft
from edge.journal.ring import NO_FACTS, Entry, Ring, precious
from edge.journal.settings import JournalSettings
from edge.journal.store import Era

MOST_DAMAGED = 10_000
"""Damaged records reported one by one in a run: more than any disk that still works, and a bound for the set that remembers them."""

_STOOD = "journal.stood"

LossCause = Literal["disk_full", "disk_failed", "corrupt", "rolled_back", "pruned", "left_out"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What readers may see: the current era, its last committed number and the chain there. No era = nothing could be opened yet."""

    era: Era | None = None
    head: int = 0
    chain: bytes = NO_CHAIN

    @property
    def epoch(self) -> str:
        """The current epoch's name, empty before the first opening."""
        return self.era.epoch if self.era else ""


@dataclass(frozen=True, slots=True)
class Condition:
    """How the disk is, as the writer last found it."""

    fault: Fault | None = None
    ballast: Load = Load.WHOLE
    aside: tuple[str, ...] = ()
    disk_free: int = 0
    growth: float | None = None
    """Bytes a day by which the journal grows while nothing may be deleted; None while something may, or nothing is known yet."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the writer commits in one transaction. `lost` events went from memory and get a hole and a record of loss."""

    entries: list[Entry]
    lost: int
    lost_cause: Literal["disk_full", "disk_failed"]
    loose: dict[str, str]
    acks: dict[str, int] | None

    @property
    def facts(self) -> dict[str, str]:
        """Every fact to write down: those that came alone, and those of the entries, later ones over earlier."""
        return self.loose | self.own

    @property
    def own(self) -> dict[str, str]:
        """The facts of the entries."""
        return {key: value for entry in self.entries for key, value in entry.facts.items()}


@dataclass(frozen=True, slots=True)
class Renewal:
    """A new epoch is wanted. `ahead` is the highest number of the current one that somebody is proven to have; 0 = nobody."""

    cause: LossCause
    ahead: int


class Desk:
    """Everything that callers and writer share."""

    def __init__(self, settings: JournalSettings, consumers: Iterable[str]) -> None:
        self._settings = settings
        self.bound = settings.ring_events
        self._woken = threading.Condition()
        self._ring = Ring(settings.ring_events)
        self._turn = 0
        self._lost = 0
        self._lost_cause: Literal["disk_full", "disk_failed"] = "disk_failed"
        self._acks = Acks(consumers)
        self._acks_since: float | None = None
        self._ahead = 0
        self._facts: dict[str, str] = {}
        self._new_facts: dict[str, str] = {}
        self._former: dict[str, str] = {}
        self.facts_known = False
        """Whether what earlier runs remembered could be read."""
        self._facts_wait = False  # a fact is to be written without waiting for something to ride on
        self._renewal: Renewal | None = None
        self._in_flight = self._lost_in_flight = 0
        self._busy_since: float | None = None
        self._damaged: set[tuple[str, int]] = set()
        self.suspect: tuple[int, int, int | None] | None = None
        """A reader met damage at this page (after, limit, upto): the writer looks for itself."""
        self.tidy = False
        """Somebody asked for pruning now."""
        self.stopping = False
        self.shown = Shown()
        self.condition = Condition()
        self.holes: Holes = ()

    def append(self, drafts: tuple[Draft, ...], facts: Mapping[str, str]) -> Receipt:
        """Queue events with the facts that belong to them; what has to go for them is counted, and its receipts are told."""
        receipt = Receipt()
        with self._woken:
            self._turn += 1
            gone = self._ring.put(Entry(self._turn, drafts, receipt, precious(drafts), facts))
            if gone:
                self._lost += sum(len(entry.drafts) for entry in gone)
                self._lost_cause = loss_cause(self.condition.fault)
            self._woken.notify_all()
        for entry in gone:
            entry.receipt.settle(None)
        return receipt

    def acknowledge(self, consumer: str, epoch: str, seq: int, *, proven: bool, restored: bool) -> tuple[Ack, int]:
        """Judge and remember an acknowledgement; also gives the last pruned number of the epoch."""
        with self._woken:
            shown = self.shown
            if shown.era is None or epoch != shown.epoch or self._renewal is not None:
                return Ack.OTHER_EPOCH, 0
            answer = self._acks.note(consumer, seq, shown.head, proven=proven, restored=restored)
            if answer is Ack.AHEAD:
                if proven:
                    self._ahead = max(self._ahead, seq)
            elif answer in (Ack.ADVANCED, Ack.WENT_BACK):
                self._acks_wait()
            return answer, shown.era.base_seq

    def remember(self, key: str, value: str, *, in_time: bool = False) -> None:
        """Queue a fact. It is on disk no later than any event appended after it; `in_time`: it may wait as long as an acknowledgement."""
        with self._woken:
            if self._facts.get(key) == value:
                return
            self._facts[key] = self._new_facts[key] = value
            if in_time:
                self._acks_wait()
            else:
                self._facts_wait = True
                self._woken.notify_all()

    def recall(self, key: str) -> str | None:
        """A fact as last remembered."""
        with self._woken:
            return self._facts.get(key)

    def former(self, key: str) -> str | None:
        """A fact as an earlier run left it, where that could be read only after the start, whatever this run remembers."""
        with self._woken:
            return self._former.get(key)

    def learn(self, facts: Mapping[str, str]) -> None:
        """Take what earlier runs remembered, before a database is opened."""
        with self._woken:
            self._facts = {**facts, **self._facts}
            self.facts_known = True

    def renew(self, cause: LossCause) -> None:
        """Ask for a new epoch; asking again before it came changes nothing."""
        with self._woken:
            if self._renewal is None:
                self._renewal = Renewal(cause, self._ahead)
                self._woken.notify_all()

    def wake(self, *, suspect: tuple[int, int, int | None] | None = None, tidy: bool = False, stop: bool = False) -> None:
        """Say something to the writer that is not an event."""
        with self._woken:
            self.suspect = suspect or self.suspect
            self.tidy |= tidy
            self.stopping |= stop
            self._woken.notify_all()

    def first_met(self, epoch: str, damaged: list[int]) -> list[int]:
        """Of damaged records, those that are still to be sent and were not reported before."""
        if not damaged:
            return []
        with self._woken:
            upto = self._acks.deletable(self.shown.head) if epoch == self.shown.epoch else 0
            new = [seq for seq in damaged if seq > upto and (epoch, seq) not in self._damaged]
            new = new[: MOST_DAMAGED - len(self._damaged)]
            self._damaged.update((epoch, seq) for seq in new)
            return new

    def acked(self) -> dict[str, int]:
        """Consumer -> acknowledged number of the current epoch."""
        with self._woken:
            return self._acks.acked()

    def deletable(self) -> int:
        """The last number that nobody has yet to get, as the consumers say."""
        with self._woken:
            return self._acks.deletable(self.shown.head)

    def prunable(self, now: datetime) -> int:
        """The last number that may be deleted once it is old enough; `now` is a time that has certainly come."""
        with self._woken:
            self._acks.stand(now)
            prunable = self._acks.firm(self.shown.head)
            memory = f"{self.shown.epoch} {self._acks.memory()}"
        self.remember(_STOOD, memory, in_time=True)
        return prunable

    def deletable_of(self, acked: Mapping[str, int], head: int) -> int:
        """The same for acknowledgements that were written down elsewhere."""
        return self._acks.least(acked, head)

    def waiting(self) -> int:
        """Events in memory only, those in a commit under way among them."""
        with self._woken:
            return len(self._ring) + self._in_flight

    def lost(self) -> int:
        """Events that went from memory and are not written down as lost yet."""
        with self._woken:
            return self._lost + self._lost_in_flight

    def busy_s(self) -> float:
        """Seconds that the disk has been at the same write."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    # The writer's side.

    def rest(self, seconds: float, *, for_work: bool) -> None:
        """Wait so long, or until something is to be written (if `for_work`) or the journal is to stop."""
        until = time.monotonic() + seconds
        with self._woken:
            while not self.stopping and (left := until - time.monotonic()) > 0:
                if for_work:
                    if self._ring or self._lost or self._facts_wait or self._renewal or self.suspect or self.tidy:
                        return
                    if (due := self._acks_due()) is not None:
                        if due <= 0:
                            return
                        left = min(left, due)
                self._woken.wait(left)

    def take(self) -> Batch | None:
        """What to write next, in the order of the appends; None when there is nothing."""
        with self._woken:
            entries = self._ring.take(self._settings.group_events)
            due = self._acks_due()
            if not (entries or self._lost or self._facts_wait or (due is not None and (due <= 0 or self.stopping))):
                return None
            batch = Batch(entries, self._lost, self._lost_cause, self._new_facts, self._acks.acked() if due is not None else None)
            self._new_facts, self._facts_wait, self._lost, self._acks_since = {}, False, 0, None
            self._lost_in_flight = batch.lost
            self._in_flight = sum(len(entry.drafts) for entry in entries)
            return batch

    def put_back(self, batch: Batch) -> None:
        """The batch was not written."""
        with self._woken:
            self._ring.put_back(batch.entries)
            self._lost += batch.lost
            self._new_facts = batch.loose | self._new_facts
            self._facts_wait = bool(self._new_facts)
            if batch.acks is not None and self._acks_since is None:
                self._acks_since = time.monotonic()
            self._in_flight = self._lost_in_flight = 0

    def committed(self, shown: Shown, facts: Mapping[str, str] = NO_FACTS) -> None:
        """A batch is on disk, and with it the facts of its entries."""
        with self._woken:
            self.shown = shown
            self._facts.update(facts)
            self._in_flight = self._lost_in_flight = 0

    def renewal(self) -> Renewal | None:
        """The new epoch that is wanted."""
        return self._renewal

    def begin(self, shown: Shown, acked: dict[str, int], facts: dict[str, str], *, whole: bool = True) -> None:
        """A database was opened, or a new epoch begun in it. What is remembered in memory is newer than what is on disk.

        `whole`: these are the facts of the earlier runs, and not those of a database that was only made now.
        """
        with self._woken:
            if shown.epoch != self.shown.epoch:
                self._acks.begin(acked)
                self._renewal, self._ahead, self._acks_since = None, 0, None
                epoch, _, memory = facts.get(_STOOD, "").partition(" ")
                if epoch == shown.epoch:
                    self._acks.recall(memory)
            unwritten = {key: value for key, value in self._facts.items() if facts.get(key) != value}
            if whole and not self.facts_known:
                self._former = dict(facts)
                self.facts_known = True
            self._facts = facts | self._facts
            self._new_facts, self._facts_wait = unwritten, bool(unwritten)
            self.shown = shown

    def busy(self, *, now: bool) -> None:
        """Around every write, so that a disk that never answers is noticed."""
        self._busy_since = time.monotonic() if now else None

    def _acks_wait(self) -> None:
        if self._acks_since is None:
            self._acks_since = time.monotonic()
            self._woken.notify_all()

    def _acks_due(self) -> float | None:
        if self._acks_since is None:
            return None
        return self._acks_since + self._settings.ack_delay_s - time.monotonic()
