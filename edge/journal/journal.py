"""The journal: what happened, in order, on disk before it is told.

An append gets its number when it is committed, not before: numbers have no gap unless events had to go from memory under a dead
disk, and then a hole of exactly as many numbers is followed by the `gateway.loss` that names it. Events and outbox are the same rows:
what a consumer has yet to get is what lies behind the number that it acknowledged.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from edge.access.events import Event, GatewayLoss
from edge.clock import Clock, Leap
from edge.journal.acks import Ack
from edge.journal.chain import ChainReport, ChainWalk
from edge.journal.desk import Desk, LossCause
from edge.journal.faults import Fault, Unreadable, WriterStopped
from edge.journal.health import JournalHealth, judge
from edge.journal.mark import read_mark
from edge.journal.opened import Opened
from edge.journal.read import Reader
from edge.journal.receipt import Receipt
from edge.journal.record import Record, draft
from edge.journal.ring import NO_FACTS
from edge.journal.settings import JournalSettings
from edge.journal.writer import Writer

OPEN_S = 5.0
"""Longest that `open` waits for the disk; the daemon then starts without it, and the journal goes on trying."""

CLOSE_S = 3.0
"""Longest that `close` waits for the last commit: the daemon has five seconds to stop in all."""

WRITER_EVERY_S = 1.0
"""How soon the end of the writer's thread is noticed."""

MARK_S = 0.3
"""Longest that `close` waits for the mark of what it could not write."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def last_trusted_time(folder: Path) -> datetime | None:
    """The last wall time that was trusted, as the previous run left it: for the clock that the journal itself is given."""
    mark = read_mark(folder)
    return mark.last_trusted if mark else None


def last_certain_time(folder: Path) -> datetime | None:
    """The last time that had certainly come (Moment.certain), as the previous run left it."""
    mark = read_mark(folder)
    return mark.certain if mark else None


def last_leap(folder: Path) -> Leap | None:
    """The time far from the trusted one that the previous run knew of (Moment.leap)."""
    mark = read_mark(folder)
    return mark.leap if mark else None


def last_written_time(folder: Path) -> datetime | None:
    """The last wall time that the previous run wrote down: a clock before it is wrong."""
    mark = read_mark(folder)
    return mark.alive_at if mark else None


class Journal:
    """One folder: `journal.db` with its log, `alive` (sign of life), `ballast`, and databases set aside as damaged.

    Every method may be called from any thread. Only `open`, `close`, `page`, `record` and `verify` touch the disk.
    """

    def __init__(
        self,
        folder: Path,
        settings: JournalSettings,
        clock: Clock,
        *,
        consumers: Iterable[str] = ("centre",),
        boot_id: str | None = None,
        new_epoch: Callable[[], str] = lambda: token_hex(8),
    ) -> None:
        """`consumers` are those whose acknowledgements allow pruning. `boot_id` is the kernel's unless a test gives another."""
        self._path = folder / "journal.db"
        self._clock = clock
        self._desk = Desk(settings, consumers)
        self._reader = Reader(self._path)
        boot_id = boot_id if boot_id is not None else BOOT_ID.read_text("ascii").strip()
        self._writer = Writer(folder, settings, clock, self._desk, self._reader, boot_id, new_epoch)

    def open(self) -> Opened:
        """Start the writer. A disk that cannot be used is no error: `health` says so and events wait. Raises JournalInUse."""
        self._writer.start()
        return self._writer.opened(OPEN_S)

    async def keep_writing(self) -> None:
        """Run as long as the writer does; started anew where it has ended. Raises WriterStopped."""
        self._writer.start()
        while self._writer.is_alive():  # noqa: ASYNC110 - a thread that ends wakes nobody
            await asyncio.sleep(WRITER_EVERY_S)
        raise WriterStopped

    def append(self, *events: Event, facts: Mapping[str, str] = NO_FACTS) -> Receipt:
        """Queue events, to be committed together; never waits for the disk and never raises for it.

        `facts` are remembered in the same commit, so that no kill can part them from the events; until then `recall` gives the old ones.
        Without any event the receipt tells when what was remembered before is on disk.
        """
        return self._desk.append(tuple(draft(event) for event in events), facts)

    def close(self) -> int:
        """Write what waits, fold the log, mark the stop as clean; after 3 s it returns whatever the disk does.

        Gives the number of events that were not written and go with the process. The mark has it too, where the disk takes that.
        """
        self._desk.wake(stop=True)
        self._writer.join(CLOSE_S)
        left = self._desk.waiting() + self._desk.lost()
        if left and self._writer.is_alive():
            # The disk does not come back to the writer; a few bytes in place may still get as far as the kernel.
            last = threading.Thread(target=self._writer.mark_unwritten, name="last mark", daemon=True)
            last.start()
            last.join(MARK_S)
        return left

    @property
    def epoch(self) -> str:
        """The name of the current run of numbers; empty until a database could be opened."""
        return self._desk.shown.epoch

    def head(self) -> int:
        """The last committed number, 0 = none."""
        return self._desk.shown.head

    def oldest(self) -> int:
        """The first number of the epoch that is not pruned; one more than the head where none is left."""
        era = self._desk.shown.era
        return era.base_seq + 1 if era else 1

    def page(self, after: int, limit: int, upto: int | None = None, *, epoch: str | None = None) -> list[Record]:
        """Committed records of an epoch with after < seq <= upto, in order; empty also while the disk cannot be read.

        `epoch` is the current one unless it is named. A record that is not what was written is left out, and reported as lost if it is
        still to be sent.
        """
        era = self._desk.shown.era
        if era is None:
            return []
        try:
            if epoch is not None:
                era = next((each for each in self._reader.eras() if each.epoch == epoch), None)
                if era is None:
                    return []
            page = self._reader.page(era, after, limit, upto)
        except Unreadable as error:
            if error.fault is Fault.CORRUPT:
                self._desk.wake(suspect=(after, limit, upto))
            return []
        for seq in self._desk.first_met(era.epoch, page.damaged):
            self._report(era.epoch, seq, seq, "corrupt")
        return page.sound

    def latest(self, limit: int) -> list[Record]:
        """The newest records of any epoch, in order, for a person to look at."""
        try:
            return self._reader.latest(limit)
        except Unreadable:
            return []

    def older(self, epoch: str) -> tuple[int, int] | None:
        """Of an epoch that is over: (the last number that is not held any more, the last number of all); None where it is not known."""
        try:
            era = next((each for each in self._reader.eras() if each.epoch == epoch), None)
            if era is None or epoch == self.epoch:
                return None
            return era.base_seq, max(era.base_seq, self._reader.last(era))
        except Unreadable:
            return None

    def report_pruned(self, epoch: str, first: int, last: int) -> None:
        """Tell that these numbers of an epoch are not held any more."""
        self._report(epoch, first, last, "pruned")

    def record(self, seq: int) -> Record | None:
        """One committed record of the current epoch."""
        return next(iter(self.page(seq - 1, 1, seq)), None)

    def acknowledge(self, consumer: str, epoch: str, seq: int, *, proven: bool = False, restored: bool = False) -> Ack:
        """Take note of how far a consumer has committed; written down with the next commit. See `Ack` for what to do next.

        `proven`: it is certain who says so; only then is a number beyond the head reported as lost here. `restored`: the consumer's
        database is another one than before, so that its number is taken whatever it is.
        """
        answer, pruned = self._desk.acknowledge(consumer, epoch, seq, proven=proven, restored=restored)
        if answer is Ack.WENT_BACK and seq < pruned:
            self._report(epoch, seq + 1, pruned, "pruned")
        return answer

    def acked(self) -> Mapping[str, int]:
        """Consumer -> acknowledged number of the current epoch, 0 = never."""
        return self._desk.acked()

    def on_commit(self, wake: Callable[[int], None]) -> None:
        """Have the new head told after every commit, by the writer's thread: `wake` must neither block nor raise."""
        self._writer.subscribe(wake)

    def remember(self, key: str, value: str, *, in_time: bool = False) -> None:
        """Keep a small fact; it is on disk no later than any event appended after it.

        `in_time`: it may wait for a commit to ride on as long as an acknowledgement (`JournalSettings.ack_delay_s`).
        """
        self._desk.remember(key, value, in_time=in_time)

    def recall(self, key: str) -> str | None:
        """A fact as last remembered, by this run or an earlier one."""
        return self._desk.recall(key)

    def former(self, key: str) -> str | None:
        """A fact as an earlier run left it, where that could be read only after the start, whatever this run remembers; else None."""
        return self._desk.former(key)

    @property
    def facts_known(self) -> bool:
        """Whether `recall` knows what earlier runs remembered. Not so while the disk cannot be read, nor where it was lost."""
        return self._desk.facts_known

    def new_epoch(self, cause: LossCause) -> None:
        """Begin a new epoch soon. Everything held gets new numbers in it; what a centre has for certain and we have not is reported."""
        self._desk.renew(cause)

    def tidy(self) -> None:
        """Prune soon what may be pruned, instead of within the hour."""
        self._desk.wake(tidy=True)

    def verify(self) -> ChainReport:
        """Walk the hash chain of everything on disk, beside the writer. Raises OSError or sqlite3.Error where there is no such file."""
        shown = self._desk.shown
        return ChainWalk(self._path, (shown.epoch, shown.head)).run()

    def health(self) -> JournalHealth:
        """How the journal is, from memory alone."""
        return judge(self._desk, writing=self._writer.is_alive())

    def _report(self, epoch: str, first: int, last: int, cause: LossCause) -> None:
        now = self._clock.now()
        self.append(GatewayLoss(at=now.at, clock=now.trust, epoch=epoch, from_=str(first), to=str(last), cause=cause))
