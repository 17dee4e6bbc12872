"""The one thread that writes. It commits whatever waits in one transaction, without waiting for more, and outlives every disk fault."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge.clock import Clock
from edge.journal.aside import lying_aside, set_aside
from edge.journal.chores import Chores
from edge.journal.desk import Batch, Desk, Shown
from edge.journal.faults import Fault, JournalInUse, Unreadable, disk_free, fault_of
from edge.journal.founding import Known, found, loss, parse_at, renew
from edge.journal.mark import Mark, read_mark
from edge.journal.opened import Opened, judge_end
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
        self._lock: int | None = None
        self._mark: Mark | None = None
        self._opened: Opened | None = None
        self._refused: JournalInUse | None = None
        self._ready = threading.Event()
        self._pending: tuple[Batch, list[range], Tip] | None = None
        self._carrying = False
        self._more = False
        self._wakes: tuple[Callable[[int], None], ...] = ()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Start the thread."""
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

    def _run(self) -> None:
        well = True
        try:
            while well or not self._desk.stopping:
                well = self._turn()
                self._ready.set()
                if self._desk.stopping and not self._desk.waiting():
                    break
                if not (well and self._more):
                    self._desk.rest(self._settings.alive_s if well else self._settings.retry_s, for_work=well)
            self._end()
        except JournalInUse as error:
            self._refused = error
        finally:
            self._ready.set()
            if self._lock is not None:
                os.close(self._lock)

    def _turn(self) -> bool:
        """One batch and the chores that are due. False when the disk does not take it and a pause is called for."""
        self._desk.busy(now=True)
        try:
            store = self._store or self._open()
            if (span := self._desk.suspect) is not None:
                self._look_again(span)
                store = self._store or self._open()
            if (renewal := self._desk.renewal()) is not None:
                renew(store, renewal.cause, self._desk.deletable(), renewal.ahead, self._clock.now(), self._new_epoch())
                self._begin(store)
            batch = self._desk.take()
            if batch is not None or self._carrying:
                self._write(store, batch or Batch([], 0, "disk_failed", {}, None))
            self._more = self._chores.do(store) or self._carrying
            self._found_well()
        except (sqlite3.Error, OSError) as error:
            return self._fail(error)
        finally:
            self._desk.busy(now=False)
        return True

    def _write(self, store: Store, batch: Batch) -> None:
        with store.transaction():
            if batch.lost:
                hole = store.skip(batch.lost)
                store.add([loss(self._clock.now(), store.era.epoch, hole[0], hole[-1], batch.lost_cause)])
            numbers = [store.add(entry.drafts) for entry in batch.entries]
            if self._carrying:
                self._carry(store)
            store.set_facts(batch.facts)
            if batch.acks is not None:
                store.set_acks(batch.acks)
            self._pending = batch, numbers, store.tip
        self._settle(store)
        self._chores.wrote(sum(len(entry.drafts) for entry in batch.entries))

    def _carry(self, store: Store) -> None:
        waiting = store.carries()
        if waiting:
            store.carry(waiting[0], self._settings.group_events)
        self._carrying = bool(waiting)

    def _settle(self, store: Store) -> None:
        """The pending batch is on disk: tell everybody."""
        if self._pending is None:
            return
        (batch, numbers, _), self._pending = self._pending, None
        head = store.tip.seq
        news = head != self._desk.shown.head
        self._desk.committed(Shown(store.era, head, store.tip.chain))
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
        first = self._opened is None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        virgin = False
        if first:
            self._mark = read_mark(self._folder)
            self._chores.load_ballast()
            virgin = self._mark is None and not self._path.exists()
            self._opened = judge_end(self._mark, None, virgin=virgin, boot_id=self._boot_id, now=self._clock.now().at)
        store = Store(self._path)
        try:
            if first and not virgin:
                last = parse_at(store.last_at())
                self._opened = judge_end(self._mark, last, virgin=False, boot_id=self._boot_id, now=self._clock.now().at)
            found(store, self._known(), self._clock.now(), self._new_epoch)
            if self._desk.condition.fault is not None:
                with store.transaction():
                    store.set_facts({"written_again": str(self._clock.now().at)})
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

    def _begin(self, store: Store) -> None:
        self._desk.begin(Shown(store.era, store.tip.seq, store.tip.chain), store.acks(), store.facts())
        self._carrying = bool(store.carries())
        self._chores.mark_soon()
        self._tell(store.tip.seq)

    def _known(self) -> Known | None:
        """What this run, or else the mark of the last one, knows of the database."""
        shown = self._desk.shown
        if shown.epoch:
            return Known(shown.epoch, shown.head, self._desk.deletable())
        if self._mark is None or not self._mark.epoch:
            return None
        return Known(self._mark.epoch, self._mark.head, self._desk.deletable_of(self._mark.acked, self._mark.head))

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise JournalInUse(f"another process writes {self._path}") from None
        self._lock = lock

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
        log.error("journal.db is damaged: set aside; a new one with a new epoch begins, and what could not be sent is reported as lost")
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

    def _fail(self, error: sqlite3.Error | OSError) -> bool:
        """Close, name the fault, and do what can be done at once. True when it is worth trying again without a pause."""
        fault = fault_of(error, self._folder)
        self._close_store()
        self._opened = self._opened or judge_end(None, None, virgin=False, boot_id=self._boot_id, now=self._clock.now().at)
        before = self._desk.condition
        if fault is Fault.DISK_FULL and self._chores.give_ballast():
            log.error("the disk is full: the ballast is given up")
            return True
        if fault is Fault.CORRUPT and before.fault is None:
            self._desk.condition = replace(before, fault=fault)
            try:
                self._put_aside()
            except OSError:
                log.exception("the damaged journal cannot be set aside")
                return False
            return True
        if before.fault is not fault:
            log.error("the journal cannot write (%s: %s): events wait in memory, doors go on", fault, error)
        self._desk.condition = replace(before, fault=fault, disk_free=disk_free(self._folder))
        return False

    def _found_well(self) -> None:
        if (fault := self._desk.condition.fault) is not None:
            log.warning("the journal writes again (was %s)", fault)
            self._desk.condition = replace(self._desk.condition, fault=None)

    def _end(self) -> None:
        """The last words: whatever still waits, for which the rest of the ballast goes if it must; then the mark of a clean stop."""
        if self._desk.waiting() or self._desk.lost():
            self._chores.give_all_ballast()
            while self._turn() and self._desk.waiting():
                pass
        if self._store is None:
            return
        try:
            self._reader.close()
            self._store.checkpoint(truncate=True)
            self._close_store()
            self._chores.write_mark(clean=not (self._desk.waiting() or self._desk.lost()))
        except (sqlite3.Error, OSError):
            log.exception("the journal could not be closed cleanly")
