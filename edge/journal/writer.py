"""The one thread that writes. It commits whatever waits in one transaction, without waiting for more, and outlives every disk fault."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from edge.access.events import rfc3339
from edge.clock import Clock
from edge.journal.aside import LastSeen, lying_aside, peek, set_aside
from edge.journal.chores import Chores
from edge.journal.desk import Batch, Desk, Shown
from edge.journal.facts import read_facts
from edge.journal.faults import DAMAGE, Fault, JournalInUse, Unreadable, disk_free, fault_of
from edge.journal.founding import AFTER_MARK, Known, found, loss, parse_at, renew
from edge.journal.lock import FolderLock
from edge.journal.opened import Opened, Past
from edge.journal.read import Reader
from edge.journal.settings import JournalSettings
from edge.journal.store import Store, Tip

log = logging.getLogger(__name__)


class Writer:
    """Owns the database, the mark and the ballast. After any failure it closes, looks at what is on disk, and goes on from there."""

    def __init__(
        self,
        folder: Path,
        settings: JournalSettings,
        clock: Clock,
        desk: Desk,
        reader: Reader,
        boot_id: str,
        new_epoch: Callable[[], str],
    ) -> None:
        self._folder = folder
        self._path = folder / "journal.db"
        self._settings = settings
        self._clock = clock
        self._desk = desk
        self._reader = reader
        self._boot_id = boot_id
        self._new_epoch = new_epoch
        self._chores = Chores(folder, settings, clock, desk, boot_id)
        self._store: Store | None = None
        self._lock = FolderLock(folder)
        self._past: Past | None = None
        self._gone: LastSeen | None = None
        self._opened: Opened | None = None
        self._refused: JournalInUse | None = None
        self._ready = threading.Event()
        self._pending: tuple[Batch, list[range], Tip | None] | None = None
        self._carrying = False
        self._more = False
        self._files_at = 0.0
        self._wakes: tuple[Callable[[int], None], ...] = ()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Start the thread, or another one where it has ended."""
        if self._thread.ident is not None and not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        if not self._thread.is_alive():
            self._thread.start()

    def opened(self, timeout_s: float) -> Opened:
        """What the last run left, once the first attempt at the database is over. Raises JournalInUse."""
        self._ready.wait(timeout_s)
        if self._refused is not None:
            raise self._refused
        return self._opened or Opened("crash", clean=False, boot_id=self._boot_id)

    def subscribe(self, wake: Callable[[int], None]) -> None:
        """Have every new head told."""
        self._wakes = (*self._wakes, wake)

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def mark_unwritten(self) -> None:
        """Write down how many events are in memory only, from another thread: the writer's own hangs."""
        self._try_mark(at_once=True)

    def _run(self) -> None:
        self._past = Past.look(self._folder, self._path)
        facts = {} if self._past.virgin else read_facts(self._path)
        if facts is not None:
            self._desk.learn(facts)
        try:
            while not self._over():
                well = self._store is not None
                if well or not self._more:
                    self._ready.set()
                if not self._more:
                    self._desk.rest(self._settings.alive_s if well else self._settings.retry_s, for_work=well)
            self._end()
        except JournalInUse as error:
            self._refused = error
        finally:
            self._ready.set()
            self._close_store()
            self._lock.release()

    def _over(self) -> bool:
        """Do one turn; True when it was the last: asked to stop before it began, and nothing waits or the disk does not take it."""
        stopping = self._desk.stopping
        well = self._turn()
        return stopping and not (well and self._desk.waiting())

    def _turn(self) -> bool:
        """One batch and the chores that are due. False when the disk does not take it and a pause is called for."""
        self._desk.busy(now=True)
        try:
            store = self._store or self._open()
            if (span := self._desk.suspect) is not None:
                self._look_again(span)
                store = self._store or self._open()
            if (renewal := self._desk.renewal()) is not None:
                renew(store, renewal.cause, Known(store.era.epoch, renewal.ahead, 0), self._clock.now(), self._new_epoch())
                self._desk.holes = ()
                self._begin(store)
            batch = self._desk.take()
            if batch is not None or self._may_carry():
                self._write(store, batch or Batch([], 0, "disk_failed", {}, None))
            self._more = self._chores.do(store) or self._may_carry()
            self._look_at_files(store)
            self._found_well()
        except (sqlite3.Error, OSError, Unreadable, *DAMAGE) as error:
            return self._fail(error)
        finally:
            self._desk.busy(now=False)
        return True

    def _write(self, store: Store, batch: Batch) -> None:
        self._pending = batch, [], None
        with store.transaction():
            if batch.lost:
                hole = store.skip(batch.lost)
                store.add([loss(self._clock.now(), store.era.epoch, hole[0], hole[-1], batch.lost_cause)])
            numbers = [store.add(entry.drafts) for entry in batch.entries]
            if self._may_carry():
                self._carry(store)
            store.set_facts(batch.facts)
            if batch.acks is not None:
                store.set_acks(batch.acks)
            self._pending = batch, numbers, store.tip
        self._settle(store)
        self._chores.wrote(sum(len(entry.drafts) for entry in batch.entries))

    def _may_carry(self) -> bool:
        """Whether events wait to be carried over and the disk has more room than the ballast takes: the old must not keep out the new."""
        return self._carrying and self._desk.condition.disk_free >= self._settings.ballast_mb << 20

    def _carry(self, store: Store) -> None:
        """Give the next few events of an older epoch new numbers. A record of loss among them names its own epoch and stays true."""
        waiting, limit = store.carries(), self._settings.group_events
        self._carrying = bool(waiting)
        if not waiting:
            return
        some, now = waiting[0], self._clock.now()
        era = next(era for era in store.eras if era.number == some.era)
        try:
            page = self._reader.page(era, some.after, limit, some.upto)
        except Unreadable as error:
            if error.fault is not Fault.CORRUPT:
                raise
            upto = min(some.after + limit, some.upto)
            store.add([loss(now, era.epoch, some.after + 1, upto, "corrupt")])
        else:
            read = sorted([*page.damaged, *(record.seq for record in page.sound)])
            upto = read[-1] if len(read) == limit else some.upto
            store.add(record.draft for record in page.sound)
            store.add(loss(now, era.epoch, seq, seq, "corrupt") for seq in page.damaged)
        store.carried(some, upto)

    def _settle(self, store: Store) -> None:
        """The pending batch is on disk: tell everybody."""
        if self._pending is None:
            return
        (batch, numbers, _), self._pending = self._pending, None
        head = store.tip.seq
        news = head != self._desk.shown.head
        self._desk.committed(Shown(store.era, head, store.tip.chain), batch.own)
        for entry, seqs in zip(batch.entries, numbers, strict=True):
            entry.receipt.settle(seqs)
        if news:
            self._tell(head)

    def _tell(self, head: int) -> None:
        for wake in self._wakes:
            try:
                wake(head)
            except RuntimeError:
                # The event loop that asked to be woken is closed: nobody is left to wake there.
                self._wakes = tuple(other for other in self._wakes if other is not wake)

    def _open(self) -> Store:
        """Open what lies there, make its epoch fit to go on, and settle what was under way when it was last closed."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.take()
        self._chores.load_ballast()
        store = Store(self._path)
        try:
            if self._desk.shown.era is None:
                self._judge_past(parse_at(store.last_at()))
            first = self._desk.shown.era is None
            stopped = not first or self._past is None or self._past.stopped
            self._desk.holes = found(store, self._known(), self._clock.now(), self._new_epoch, stopped=stopped)
            if self._desk.condition.fault is not None:
                with store.transaction():
                    store.set_facts({"written_again": rfc3339(self._clock.now().at)})
        except BaseException:
            store.close()
            raise
        self._store = store
        if self._pending is not None:
            batch, _, aim = self._pending
            if store.tip == aim:
                self._settle(store)
            else:
                self._pending = None
                self._desk.put_back(batch)
        self._begin(store)
        return store

    def _judge_past(self, last_record: datetime | None) -> None:
        if self._past is not None:
            self._opened = self._past.judge(self._boot_id, self._clock.now().at, last_record)

    def _begin(self, store: Store) -> None:
        self._desk.begin(Shown(store.era, store.tip.seq, store.tip.chain), store.acks(), store.facts(), whole=not store.created)
        self._carrying = bool(store.carries())
        self._chores.mark_soon()
        self._tell(store.tip.seq)

    def _known(self) -> Known | None:
        """What this run, or else the mark of the last one, knows of the database."""
        shown, mark = self._desk.shown, self._past.mark if self._past else None
        if shown.epoch:
            return Known(shown.epoch, shown.head, self._desk.deletable(), holes=self._desk.holes)
        if mark is None:
            return Known(self._gone.epoch, self._gone.seq, 0, holes=self._desk.holes, after=AFTER_MARK) if self._gone else None
        head = max(mark.head, self._gone.seq) if self._gone and self._gone.epoch == mark.epoch else mark.head
        deletable, holes = self._desk.deletable_of(mark.acked, head), self._desk.holes or mark.holes
        return Known(mark.epoch, head, deletable, mark.unwritten, holes, after=0 if mark.clean else AFTER_MARK)

    def _look_at_files(self, store: Store) -> None:
        """With every sign of life: are the files behind us still those under their names? If not, go on with what lies there."""
        if (now := time.monotonic()) < self._files_at:
            return
        self._files_at = now + self._settings.alive_s
        self._lock.take()
        if not store.moved():
            return
        log.error("files of the journal were deleted or replaced under us: going on with what lies there")
        if not store.gone():
            store.checkpoint(truncate=True)  # only the log went: what it held is folded into the database
        self._close_store()
        self._more = True

    def _look_again(self, span: tuple[int, int, int | None]) -> None:
        """A reader met damage: if the same read fails again on a fresh connection, the file goes aside."""
        self._desk.suspect = None
        self._reader.close()
        era = self._desk.shown.era
        try:
            if era is not None:
                self._reader.page(era, *span)
        except Unreadable as error:
            if error.fault is Fault.CORRUPT:
                self._put_aside()

    def _put_aside(self) -> None:
        self._close_store()
        self._gone = peek(self._path)
        log.error("journal.db is damaged: set aside; a new one with a new epoch begins, and what could not be sent is reported as lost")
        with self._reader.closed():
            set_aside(self._path, self._clock.now().at)
        self._desk.condition = replace(self._desk.condition, aside=lying_aside(self._folder))

    def _close_store(self) -> None:
        self._reader.close()
        if self._store is not None:
            store, self._store = self._store, None
            try:
                store.close()
            except sqlite3.Error as error:
                log.debug("closing after a fault: %s", error)

    def _fail(self, error: Exception) -> bool:
        """Close, name the fault, and do what can be done at once: then there is more to do, and True is given."""
        fault, before = fault_of(error, self._folder), self._desk.condition.fault
        self._close_store()
        if self._opened is None:
            self._judge_past(None)
        self._more = fault is Fault.DISK_FULL and self._chores.give_ballast()
        if self._more:
            log.error("the disk is full: the ballast is given up")
            return True
        if fault is Fault.CORRUPT and before is not Fault.CORRUPT:
            try:
                self._put_aside()
                self._more = True
            except OSError as second:
                fault = fault_of(second, self._folder)
        if before is not fault and not self._more:
            log.error("the journal cannot write (%s: %s): events wait in memory, doors go on", fault, error)
        self._desk.condition = replace(self._desk.condition, fault=fault, disk_free=disk_free(self._folder))
        self._try_mark()
        return self._more

    def _try_mark(self, *, at_once: bool = False) -> None:
        try:
            self._chores.mark_unwritten(at_once=at_once)
        except OSError as error:
            log.debug("no mark while the disk is out: %s", error.strerror)

    def _found_well(self) -> None:
        if (fault := self._desk.condition.fault) is not None:
            log.warning("the journal writes again (was %s)", fault)
            self._desk.condition = replace(self._desk.condition, fault=None)

    def _end(self) -> None:
        """The last words: whatever still waits, for which the rest of the ballast goes if it must; then the mark of the stop."""
        if self._desk.waiting() or self._desk.lost():
            self._chores.give_all_ballast()
            while self._turn() and self._desk.waiting():
                pass
        if self._desk.waiting() or self._desk.lost() or self._store is None:
            self._try_mark(at_once=True)
        else:
            try:
                self._reader.close()
                self._store.checkpoint(truncate=True)
                self._chores.write_mark(clean=True)
            except (sqlite3.Error, OSError, *DAMAGE):
                log.exception("the journal could not be closed cleanly")
        self._close_store()
