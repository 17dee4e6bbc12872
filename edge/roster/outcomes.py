"""What came of a try to apply a roster, and how the roster stands now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from edge.access.events import Command, RosterApplied, RosterRefused
from edge.access.terms import Book
from edge.clock import Moment
from edge.roster.diff import Diff
from edge.roster.faults import Fault

Why = Literal["faults", "too_many_removed", "unreadable"]
State = Literal["good", "stale", "held", "none"]


@dataclass(frozen=True, slots=True)
class Applied:
    """A roster came into force.

    `kept` is False where the disk refused it: it is in force until the next start, and tried again with the next change.
    """

    book: Book
    diff: Diff
    remarks: tuple[Fault, ...] = ()
    kept: bool = True
    rolled_back: bool = False
    command: Command | None = None

    @property
    def added(self) -> int:
        """How many tenants are new."""
        return len(self.diff.added)

    @property
    def changed(self) -> int:
        """How many tenants' rows say something else."""
        return len(self.diff.changed)

    @property
    def removed(self) -> int:
        """How many tenants are gone."""
        return len(self.diff.removed)

    def event(self, now: Moment) -> RosterApplied:
        """The fact to write down."""
        return RosterApplied(
            at=now.at,
            clock=now.trust,
            roster_version=self.book.version,
            tenants=len(self.book.tenants),
            added=self.added,
            changed=self.changed,
            removed=self.removed,
        ).after(self.command)


@dataclass(frozen=True, slots=True)
class Refused:
    """A roster was not applied; what was in force still is; `in_force` is None where nothing was.

    `meanwhile`: newcomers who take nothing from anybody came into force all the same, while the rest waits for an answer. `remarks` are
    of sheets that ask.
    """

    why: Why
    faults: tuple[Fault, ...] = field(default=(), repr=False)
    more: int = 0
    diff: Diff | None = None
    in_force: str | None = None
    command: Command | None = None
    meanwhile: Applied | None = field(default=None, repr=False)
    remarks: tuple[Fault, ...] = ()

    @property
    def count(self) -> int:
        """How many faults there are."""
        return len(self.faults) + self.more

    def event(self, now: Moment) -> RosterRefused:
        """The fact to write down."""
        return RosterRefused(at=now.at, clock=now.trust, faults=self.count, reason=self.why, roster_version=self.in_force).after(
            self.command
        )


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The folder says what is in force already (or what a rollback put aside); `remarks` is None where it was not read anew."""

    version: str
    remarks: tuple[Fault, ...] | None = None


Outcome = Applied | Refused | Unchanged


@dataclass(frozen=True, slots=True)
class RosterView:
    """The roster as health and the manager see it.

    `state` is good (the folder is in force), stale (the last good one is, because of `why`), held (a rollback is), or none (there has never
    been one). `since` is when the folder was first refused. `folder` tells a folder that may not be read from sheets with faults.
    """

    state: State
    version: str
    loaded_at: datetime
    tenants: int
    visits: int
    houses: int
    why: Why | None = None
    faults: int = 0
    remarks: int = 0
    since: datetime | None = None
    kept: bool = True
    sealed: bool = True
    folder: Literal["read", "missing", "closed"] = "read"

    def age_s(self, now: datetime) -> int:
        """How long this roster has been in force."""
        return max(0, int((now - self.loaded_at).total_seconds()))
