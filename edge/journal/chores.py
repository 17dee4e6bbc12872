"""What the writer does beside writing: the sign of life, the ballast, pruning, folding the log. All of it between two commits."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from edge.access.events import rfc3339
from edge.clock import Clock, Trust
from edge.journal.aside import lying_aside
from edge.journal.ballast import Ballast
from edge.journal.desk import Desk, Shown
from edge.journal.faults import disk_free
from edge.journal.mark import Mark, MarkFile, stamp
from edge.journal.settings import JournalSettings
from edge.journal.store import Store

PRUNE_EVERY_S = 3600.0
"""Retention is counted in days; an hour more does not matter."""

PRUNE_AT_ONCE = 1000
"""Records deleted in one transaction: some 20 ms, so that a door's event never waits long behind it."""

LAST = "9999"
"""Sorts after the time of every record."""

BALLAST_EVERY_S = 60.0
"""How soon after room was made the ballast is taken on board again."""

FOLD_IDLE_PAGES = 1000
FOLD_PAGES = 8000
"""Pages (4 KB) in the log after which it is folded when nothing waits, and after which it is folded in any case."""


class Chores:
    """Owned by the writer's thread. Methods raise OSError or sqlite3.Error, which the writer takes for a fault of the disk.

    Intervals are counted in real time, whatever clock the journal was given: they are about disks, not about events.
    """

    def __init__(self, folder: Path, settings: JournalSettings, clock: Clock, desk: Desk, boot_id: str) -> None:
        self._folder = folder
        self._database = folder / "journal.db"
        self._settings = settings
        self._clock = clock
        self._desk = desk
        self._boot_id = boot_id
        self._ballast = Ballast(folder, settings.ballast_mb)
        self._mark: MarkFile | None = None
        self._alive_at = clock.now().at
        self._mark_at = self._ballast_at = self._prune_at = 0.0
        self._pages = 0

    def do(self, store: Store) -> bool:
        """Do what is due; True when there is more to do at once."""
        now = time.monotonic()
        if now >= self._mark_at:
            self.write_mark(clean=False)
            self._look()
            self._mark_at = now + self._settings.alive_s
        if now >= self._ballast_at:
            self.load_ballast()
        idle = not self._desk.waiting()
        if self._pages >= FOLD_PAGES or (idle and self._pages >= FOLD_IDLE_PAGES):
            store.checkpoint()
            self._pages = 0
        if idle and (self._desk.tidy or now >= self._prune_at):
            self._desk.tidy = False  # before: who asks meanwhile is served by the next round
            if self._prune(store):
                self._desk.tidy = True
            self._prune_at = now + PRUNE_EVERY_S
        return self._desk.tidy

    def wrote(self, events: int) -> None:
        """Count a commit: about three pages for itself and one for every six events."""
        self._pages += 3 + events // 6

    def mark_soon(self) -> None:
        """Write the mark at the next chance: the epoch is new."""
        self._mark_at = 0.0

    def write_mark(self, *, clean: bool) -> None:
        """Write the sign of life of a journal that takes what it is given."""
        self._alive_at = self._clock.now().at
        self._write_mark(clean=clean, unwritten=0)

    def mark_unwritten(self, *, at_once: bool = False) -> None:
        """While the disk takes no events, write down now and then how many are in memory only: in place, so that it works when full."""
        now = time.monotonic()
        if at_once or now >= self._mark_at:
            self._mark_at = now + self._settings.alive_s
            self._write_mark(clean=False, unwritten=self._desk.waiting() + self._desk.lost())

    def _write_mark(self, *, clean: bool, unwritten: int) -> None:
        now, shown = self._clock.now(), self._desk.shown
        if not shown.epoch:
            # Nothing could be opened yet: what the last run wrote down says more than we could.
            return
        self._mark = self._mark or MarkFile(self._folder)
        self._mark.write(
            Mark(
                epoch=shown.epoch,
                head=shown.head,
                alive_at=self._alive_at,
                boot_id=self._boot_id,
                acked=self._desk.acked(),
                clean=clean,
                last_trusted=now.last_trusted,
                certain=now.certain,
                leap=now.leap,
                unwritten=unwritten,
                file=stamp(self._database),
                holes=self._desk.holes,
            )
        )

    def load_ballast(self) -> None:
        """Take the ballast on board if there is room."""
        self._ballast.restore()
        self._ballast_at = time.monotonic() + BALLAST_EVERY_S
        self._look()

    def give_ballast(self) -> bool:
        """Give up the ballast but for its reserve; False if that was done before."""
        given = self._ballast.give()
        self._look()
        return given

    def give_all_ballast(self) -> None:
        """Give up the reserve too."""
        self._ballast.give_all()

    def _look(self) -> None:
        self._desk.condition = replace(
            self._desk.condition, ballast=self._ballast.load, aside=lying_aside(self._folder), disk_free=disk_free(self._folder)
        )

    def _prune(self, store: Store) -> bool:
        """Prune once what is certainly old enough; whether there is more."""
        self._desk.condition = replace(self._desk.condition, growth=store.growth(self._desk.deletable() + 1))
        now = self._clock.now()
        if now.certain is None:
            return False
        cutoff = rfc3339(now.certain - timedelta(days=self._settings.retention_days))
        # More time may have passed than is certain: a record is not known to be ahead of an untrusted clock, and stops the pruning.
        ahead = LAST if now.trust is Trust.UNTRUSTED else rfc3339(now.at)
        with store.transaction():
            pruned = store.prune(self._desk.prunable(now.certain), cutoff, ahead, PRUNE_AT_ONCE)
        if pruned:
            self._desk.committed(Shown(store.era, store.tip.seq, store.tip.chain))
            self.wrote(pruned)
        return pruned == PRUNE_AT_ONCE
