"""The roster in force: the one owner of the Book. Applies the folder whole or not at all, goes back, and says how it stands."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from edge import durable
from edge.access.events import Command
from edge.access.terms import Book, Tenant
from edge.clock import Clock, Trust
from edge.custody.seal import Seal, lies_sealed
from edge.custody.vault import Unreadable
from edge.roster import apart
from edge.roster.book import EMPTY, assemble, numbers, with_newcomers
from edge.roster.diff import Diff, Question, compare
from edge.roster.drafts import Sheets
from edge.roster.faults import Fault, Notes, Place, RosterFaults
from edge.roster.folder import Known, confirmations, read_files
from edge.roster.identities import Identities, random_ref
from edge.roster.kept import Kept
from edge.roster.load import Reader
from edge.roster.outcomes import Applied, Outcome, Refused, RosterView, State, Unchanged, Why
from edge.roster.pins import PinHash, pin_hash
from edge.roster.report_file import write_report
from edge.roster.settings import RosterSettings

log = logging.getLogger(__name__)

WITHOUT_KEY = "without_key"
TRIES = 3
"""Reads of a folder that changes while it is read, before that is a fault."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    refused: Refused
    source: str
    since: datetime

    @property
    def folder(self) -> Literal["read", "missing", "closed"]:
        """Whether it is the folder that could not be read."""
        codes = {fault.code for fault in self.refused.faults}
        return "closed" if "folder_closed" in codes else "missing" if "no_folder" in codes else "read"


class Roster:
    """Who lives here, now. `book` may be read from any thread; the rest belongs to the loop, where `told` hears each outcome once."""

    def __init__(
        self,
        settings: RosterSettings,
        *,
        state_dir: Path,
        zone: ZoneInfo,
        clock: Clock,
        known: Known | None = None,
        told: Callable[[Applied | Refused], None] = lambda _: None,
        read: Reader = apart.read,
        new_ref: Callable[[], str] = random_ref,
        master: bytes | None = None,
    ) -> None:
        """`master` seals what is kept.

        Without it, or with one that opens nothing that lies here, doors go on with what is kept for them, for nobody with a card may stand
        outside for want of it. What was never sealed stays so, and what is sealed is left alone; beside it the folder `without_key` keeps,
        in the clear, what counts until the key is back.
        """
        self._settings = settings
        self._zone = zone
        self._clock = clock
        self._known = known or Known()
        self._told = told
        self._read = read
        folder = state_dir / "roster"
        self.pin_hash: PinHash = pin_hash(folder / "pin.key")
        self._seal = Seal(master, "roster") if master is not None else None
        sealed = _sealed(folder)
        if self._seal is not None and sealed and not any(_opens(self._seal, path) for path in sealed):
            log.warning("the master key opens none of the kept rosters: it is another one")
            self._seal = None
        self._main, self._spare = folder, folder / WITHOUT_KEY
        self._folder = self._spare if self._seal is None and sealed else folder
        self._identities = Identities(self._folder / "identities.json", new_ref, self._seal)
        self._kept = Kept(self._folder, self.pin_hash, seal=self._seal, certain=lambda: clock.now().certain)
        self._sealed = self._seal is not None
        self._deadly = Deadly(folder / "reader_failed")
        self._lock = asyncio.Lock()
        self._book = EMPTY
        self._source = ""
        self._held = ""
        self._on_disk = True
        self._remarks: tuple[Fault, ...] = ()
        self._trouble: _Trouble | None = None
        self._reports = True

    def start(self) -> Book:
        """Put the last good roster in force, from this machine's disk alone. Blocks (see bench/roster); called before the loop."""
        found = Kept(self._folder, self.pin_hash, breathe=lambda _: None, seal=self._seal).load()
        if self._seal is not None:
            self._sealed = self._made_sealed()
        if found is not None:
            self._book, force = found
            self._source, self._held = force.source, force.held
            if not self._kept.has_doors:  # from a version before
                self._keep(partial(self._kept.keep_doors, self._book))
        elif (doors := Kept(self._main, self.pin_hash, breathe=lambda _: None).doors()) is not None:
            log.warning("the roster in force cannot be read; doors go on with what is kept for them")
            self._book = doors
        if self._book.version:
            self._settle(self._book)
            gc.freeze()
        return self._book

    def _made_sealed(self) -> bool:
        """Seal what a version before left in the clear, and delete what was kept while there was no key."""
        try:
            self._kept.seal_all()
            for path in self._spare.iterdir() if self._spare.is_dir() else ():
                path.unlink()
        except OSError as fault:
            log.warning("kept rosters lie in the clear (%s)", fault.strerror)
            return False
        return True

    @property
    def book(self) -> Book:
        """The roster in force."""
        return self._book

    def view(self) -> RosterView:
        """How the roster stands, for health."""
        book, trouble = self._book, self._trouble
        return RosterView(
            state=self._state(),
            version=book.version,
            loaded_at=book.loaded_at,
            tenants=len(book.tenants),
            visits=len(book.visits),
            houses=len(book.houses),
            why=trouble.refused.why if trouble else None,
            faults=trouble.refused.count if trouble else 0,
            remarks=len(self._remarks),
            since=trouble.since if trouble else None,
            kept=self._on_disk and self._identities.kept,
            sealed=self._sealed,
            folder=trouble.folder if trouble else "read",
        )

    def _state(self) -> State:
        if not self._book.version:
            return "none"
        if self._trouble is not None:
            return "stale"
        return "held" if self._held else "good"

    async def reload(self, *, yes: bool = False, asked: bool = False, command: Command | None = None) -> Outcome:
        """Apply the folder if it says something new.

        `asked`: a person said so, which ends a rollback's hold and tells the outcome again. `yes`: even if more than a fifth would be
        removed or may pass less or more than before, or a sheet is gone; the code of the change answers the first two. A folder that cannot
        be read is tried once more after a while: it may be half-saved. `command`: for the record.
        """
        async with self._lock:
            outcome, source = await asyncio.to_thread(self._try, yes=yes, asked=asked or yes)
            if isinstance(outcome, Refused) and outcome.why == "unreadable" and not asked and not yes:
                await self._clock.sleep(2 * self._settings.settle_s)
                outcome, source = await asyncio.to_thread(self._try, yes=False, asked=False)
            if isinstance(outcome, Refused) and outcome.meanwhile is not None:
                self._take(outcome.meanwhile, "", asked=False, command=command)
            if self._take(outcome, source, asked=asked or yes, command=command):
                await asyncio.to_thread(self._report, outcome)
        return outcome

    async def compare(self) -> Diff:
        """What the folder would change in the roster in force. Nothing is applied or written.

        Raises:
            RosterFaults: the folder cannot be applied at all.
        """
        async with self._lock:
            return await asyncio.to_thread(self._compare)

    async def roll_back(self, command: Command | None = None, *, yes: bool = False) -> Applied | Refused | None:
        """Put the roster before this one in force, and hold it until the folder changes or somebody applies it. None: there is none.

        It asks as a sheet does, unless `yes`.
        """
        async with self._lock:
            outcome, source = await asyncio.to_thread(self._go_back, yes=yes)
            if isinstance(outcome, Applied):
                self._book, self._source, self._held, self._trouble = outcome.book, "", source, None
            if outcome is not None:
                self._told(replace(outcome, command=command))
            if isinstance(outcome, Applied):
                await asyncio.to_thread(self._report, outcome)
        return outcome

    async def tidy(self) -> None:
        """Let kept rosters go that are too old."""
        async with self._lock:
            await asyncio.to_thread(self._keep, self._kept.tidy)

    async def rows_of(self, tenant_id: str) -> list[Tenant]:
        """What earlier rosters say of a tenant."""
        async with self._lock:
            return await asyncio.to_thread(self._kept.rows_of, tenant_id)

    async def forget(self, tenant_id: str) -> tuple[int, int]:
        """Take a person out of every kept roster but that in force: how many were rewritten, and how many could not be.

        Those that another key has sealed cannot be: who is in them, nobody can tell.
        """
        lives_here = any(tenant.tenant_id == tenant_id for tenant in self._book.tenants.values())
        async with self._lock:
            done, failed = await asyncio.to_thread(partial(self._kept.forget, tenant_id, lives_here=lives_here))
        return done, failed + (sum(path.suffix == ".roster" for path in _sealed(self._main)) if self._folder != self._main else 0)

    def _take(self, outcome: Outcome, source: str, *, asked: bool, command: Command | None) -> bool:
        """Put an outcome in force and tell it; whether there was anything to tell."""
        if isinstance(outcome, Refused):
            before, now = self._trouble, (source, outcome.why, outcome.faults, outcome.remarks)
            # the faults too: files of wrong names have no digest, and each name has other advice
            again = before is not None and (before.source, before.refused.why, before.refused.faults, before.refused.remarks) == now
            since = self._trouble.since if self._trouble else self._clock.now().at
            self._trouble = _Trouble(outcome, source, since)
            if asked or not again:
                log.warning("roster not applied (%s, %d faults); the last good one stays in force", outcome.why, outcome.count)
                self._told(replace(outcome, command=command))
            return asked or not again
        back, self._trouble = self._trouble is not None, None
        if outcome.remarks is not None:
            back = back or outcome.remarks != self._remarks
            self._remarks = outcome.remarks
        if isinstance(outcome, Applied):
            self._book, self._source, self._held = outcome.book, source, ""
            self._on_disk = outcome.kept
            log.info("roster applied: %d tenants, %d added, %d changed, %d removed", len(outcome.book.tenants), *_counts(outcome))
            self._told(replace(outcome, command=command))
        elif source != self._held:
            self._source = source
        return isinstance(outcome, Applied) or back  # the sheet says again what is in force: the report of its faults is over

    def _try(self, *, yes: bool, asked: bool) -> tuple[Outcome, str]:
        """In a thread: read, check, keep. The second value is the digest of the files that it was about."""
        notes = Notes()
        source = read_files(self._settings.folder, notes).source(self._settings, self._zone)
        # after a sheet with faults the one in force is read once more, for the remarks in its report
        known = (*((self._source,) if self._trouble is None else ()), *(() if asked else (self._held,)))
        if not notes.faults and source in known and source:
            return Unchanged(self._book.version), source
        if not asked and self._book.version and self._deadly.is_it(source):
            return Refused("unreadable", (apart.failed(self._settings.folder),), in_force=self._book.version or None), source
        with calm():
            try:
                sheets = self._sheets(source)
            except RosterFaults as faults:
                self._deadly.remember(source if any(fault.code == "reader_failed" for fault in faults.faults) else "")
                why: Why = "unreadable" if faults.unreadable else "faults"
                return Refused(why, faults.faults, faults.more, in_force=self._book.version or None), source
            self._deadly.remember("")
            source = sheets.source
            book = assemble(sheets, self._identities.peek(*numbers(sheets)), self.pin_hash, self._clock.now().at)
            if book.version == self._book.version and not self._held:
                self._keep(partial(self._kept.seen, source))
                leaving = tuple(_leaving(asked) for asked in self._diff(book, book, sheets).questions)
                return Unchanged(book.version, (*leaving, *sheets.noted())), source
            if not yes and (gone := self._gone(sheets)):
                return Refused("unreadable", gone, in_force=self._book.version or None), source
            diff = self._diff(self._book, book, sheets)
            answers = confirmations(self._settings.folder)
            entered = {*sheets.codes, *answers}
            if diff.needs_yes and not yes and diff.code not in entered:
                if entered:
                    log.warning("a code was entered in the roster folder that does not answer this question")
                wrong = (Fault("wrong_code", Place("roster"), grave=False),) if entered else ()
                return replace(self._without_an_answer(book, diff, sheets), remarks=(*wrong, *sheets.noted())), source
            kept = self._keep(partial(self._kept.save, book, source, self._settings.keep_good))
            self._settle(book)
            for path in answers.values():  # they have answered, or are too late to
                with contextlib.suppress(OSError):
                    path.unlink()
        return Applied(book, diff, sheets.noted(), kept), source

    def _without_an_answer(self, book: Book, diff: Diff, sheets: Sheets) -> Refused:
        """Only newcomers come into force. The question is then about what is left."""
        version = self.pin_hash.version(f"newcomers {self._book.version} {book.version}")
        grown = with_newcomers(self._book, book, version)
        if grown is None:
            return Refused("too_many_removed", diff=diff, in_force=self._book.version or None)
        kept = self._keep(partial(self._kept.save, grown, "", self._settings.keep_good))
        self._settle(grown)
        meanwhile = Applied(grown, self._diff(self._book, grown), kept=kept)
        return Refused("too_many_removed", diff=self._diff(grown, book, sheets), in_force=version, meanwhile=meanwhile)

    def _diff(self, old: Book, book: Book, sheets: Sheets | None = None) -> Diff:
        """What this book changes, from today on as far as today is certain; with the code that confirms it where it is asked for."""
        now = self._clock.now()
        certain = min(now.certain, now.over) if now.leapt and now.certain and now.over else now.certain
        today = None if now.trust is Trust.UNTRUSTED else now.at.astimezone(self._zone).date()
        if not self._source and not old.pins:
            old = replace(old, pins=book.pins, duress=book.duress)  # kept under a PIN key that is gone: nobody gains what they had
        diff = compare(old, book, certain.astimezone(self._zone).date() if certain else date.min, today, self._known.groups, sheets)
        # when it came into force is part of it: a code that has answered answers nothing again
        digest = self.pin_hash.version(f"confirm {old.version} {old.loaded_at.isoformat()} {book.version}")
        return replace(diff, code=f"{int(digest, 16) % 10_000:04d}") if diff.needs_yes else diff

    def _report(self, outcome: Outcome) -> None:
        if isinstance(outcome, Unchanged):
            outcome = Applied(self._book, Diff(before=len(self._book.tenants), after=len(self._book.tenants)), outcome.remarks or ())
        at = self._clock.now().at.astimezone(self._zone)
        try:
            write_report(self._settings.folder, outcome, f"{at:%Y-%m-%d %H:%M:%S}")
        except OSError as fault:
            if self._reports:
                log.warning("no report can be written into the roster folder (%s)", fault.strerror)
            self._reports = False
        else:
            self._reports = True

    def _gone(self, sheets: Sheets) -> tuple[Fault, ...]:
        """The sheets that were in force and are not in the folder: a program that deletes, then writes, or somebody's slip."""
        certain = self._clock.now().certain
        visits = sum(1 for visit in self._book.visits.values() if certain is None or visit.ends >= certain)
        there = {name.lower().rpartition(".")[0] for name in sheets.files}
        counts = (("visitors", visits), ("houses", len(self._book.houses)))
        return tuple(Fault("sheet_gone", Place(name), values=(("count", count),)) for name, count in counts if count and name not in there)

    def _sheets(self, source: str) -> Sheets:
        for _ in range(TRIES):
            sheets = self._read(self._settings.folder, self._settings, self._zone, self._known)
            if sheets.source in (source, ""):
                return sheets.sound()
            source = sheets.source
            if read_files(self._settings.folder, Notes()).source(self._settings, self._zone) == source:
                return sheets.sound()
        raise RosterFaults([Fault("changed_meanwhile", Place())])

    def _compare(self) -> Diff:
        with calm():
            sheets = self._read(self._settings.folder, self._settings, self._zone, self._known).sound()
            if gone := self._gone(sheets):
                raise RosterFaults(gone)
            book = assemble(sheets, self._identities.peek(*numbers(sheets)), self.pin_hash, self._clock.now().at)
            return self._diff(self._book, book, sheets)

    def _go_back(self, *, yes: bool) -> tuple[Applied | Refused | None, str]:
        source = read_files(self._settings.folder, Notes()).source(self._settings, self._zone)
        for number in self._kept.in_force().back:
            found = self._kept.read(number)
            if found is None:
                continue
            with calm():
                book = replace(found[0], loaded_at=self._clock.now().at)
                diff = replace(self._diff(self._book, book), code="")  # nothing in the folder answers for what was kept
                if diff.needs_yes and not yes:
                    return Refused("too_many_removed", diff=diff, in_force=self._book.version or None), source
                kept = self._keep(partial(self._kept.roll_back, number, source))
                self._settle(book)
                nameless = sum(1 for tenant in book.tenants.values() if not tenant.name)  # a sheet cannot say that: see Kept.forget
                remarks = (Fault("forgotten_rows", Place("roster"), values=(("people", nameless),), grave=False),) * bool(nameless)
                return Applied(book, diff, remarks, kept, rolled_back=True), source
        return None, source

    def _settle(self, book: Book) -> None:
        self._identities.settle(
            {tenant.tenant_id: ref for ref, tenant in book.tenants.items()}, {visit.visit_id: ref for ref, visit in book.visits.items()}
        )

    def _keep(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except OSError as fault:
            log.warning("the roster in force cannot be kept on disk (%s)", fault.strerror)
            return False
        return True


class Deadly:
    """The sheets that a reader died of, by their digest, over restarts: they are not read again until they change or somebody asks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._source = durable.read(path).decode("ascii")
        except (OSError, UnicodeDecodeError):
            self._source = ""

    def is_it(self, source: str) -> bool:
        """Whether a reader died of these."""
        return bool(source) and source == self._source

    def remember(self, source: str) -> None:
        """A reader died of these; of none ("") that is known."""
        if source != self._source:
            self._source = source
            with contextlib.suppress(OSError):  # then they are read once more after a restart
                durable.write(self._path, [source.encode("ascii")])


def _leaving(asked: Question) -> Fault:
    """What a sheet that changes nothing says of who has left."""
    values = (("column", asked.heading), ("people", asked.people), ("of", asked.of))
    return Fault(f"ask_{asked.kind}", Place("roster"), values=values, grave=False)


def _sealed(folder: Path) -> list[Path]:
    """The sealed files here, those that are read first first."""
    found: list[Path] = []
    try:
        kept = sorted(folder.glob("*.roster"), reverse=True)
    except OSError:
        return found  # a folder that is closed to us: doors go on without it
    for path in (folder / "identities.json", *kept):
        with contextlib.suppress(OSError):
            if lies_sealed(path):
                found.append(path)
    return found


def _opens(seal: Seal, path: Path) -> bool:
    try:
        seal.open(path.name, durable.read(path))
    except (OSError, Unreadable):
        return False
    return True


@contextmanager
def calm() -> Iterator[None]:
    """Build a large book without the collector walking over it (40 ms at a time, all doors waiting), and leave it out of later walks.

    A book has no cycles: reference counts free it. Freezing does not walk; what cycles there are just then are a few kB a reload.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


def _counts(applied: Applied) -> tuple[int, int, int]:
    return applied.added, applied.changed, applied.removed
