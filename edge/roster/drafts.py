"""What the sheets say, before anybody has a person_ref: the result of reading, and the form in which it leaves the reading process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from edge.access.terms import Card, House, Tenant, Visit
from edge.roster.faults import Fault, Place, RosterFaults


@dataclass(frozen=True, slots=True)
class TenantDraft:
    """A tenant with an empty `ref`, and the credentials of the row. PINs are digits or empty."""

    tenant: Tenant
    cards: tuple[Card, ...] = field(default=(), repr=False)
    pin: str = field(default="", repr=False)
    duress_pin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class VisitDraft:
    """A visit with an empty `ref`, whose `host_ref` still holds the host's tenant_id."""

    visit: Visit
    card: Card | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Leaving:
    """An unread column that says who has left: its heading (or letter), and by tenant_id the day of leaving, or True without a day."""

    heading: str
    people: tuple[tuple[str, date | bool], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sheets:
    """A roster folder as read. To be applied only if `faults` is empty.

    `people` counts the rows of the roster; with faults `tenants` may be empty all the same. `content` is a digest of everything said,
    whatever the order of rows and the kind of file; `source` one of the files' bytes and of the settings that they were read with. Both
    are hex and stay on this machine: with the rest of a row known, a digest gives away its PIN. `codes` are those entered under 确认.
    `headings` are, by the sheet's name, the columns it has and what it calls them; `leaving` is what unread columns of the roster say.
    """

    people: int = 0
    tenants: tuple[TenantDraft, ...] = field(default=(), repr=False)
    houses: tuple[House, ...] = field(default=(), repr=False)
    visits: tuple[VisitDraft, ...] = field(default=(), repr=False)
    faults: tuple[Fault, ...] = ()
    remarks: tuple[Fault, ...] = ()
    more_faults: int = 0
    more_remarks: int = 0
    content: str = field(default="", repr=False)
    source: str = field(default="", repr=False)
    files: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    headings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    leaving: tuple[Leaving, ...] = ()

    def noted(self) -> tuple[Fault, ...]:
        """What is worth a look, first of all that nobody's tenancy ends."""
        if not self.tenants or any(draft.tenant.valid_until for draft in self.tenants):
            return self.remarks
        return (Fault("nobody_ends", Place("roster"), values=(("people", len(self.tenants)),), grave=False), *self.remarks)

    def sound(self) -> Sheets:
        """These sheets, if nothing forbids applying them.

        Raises:
            RosterFaults: something does.
        """
        if self.faults:
            raise RosterFaults(self.faults, self.more_faults)
        return self
