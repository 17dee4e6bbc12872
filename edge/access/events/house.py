"""The guard's hand, the site and the roster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from edge.access.events.base import AtDoor, Event, Phase
from edge.access.reasons import GuardReason
from edge.access.terms import PersonKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardOpened(AtDoor):
    """A guard let somebody through, and why. The grant itself is `access.granted` with the same passage_id."""

    CLASS: ClassVar[str] = "guard"
    NAME: ClassVar[str] = "opened"

    reason_code: GuardReason
    subject_kind: PersonKind = PersonKind.UNKNOWN
    person_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRejected(AtDoor):
    """A guard saw that somebody else was taken for this tenant; `of_sequence` is the decision they speak of."""

    CLASS: ClassVar[str] = "guard"
    NAME: ClassVar[str] = "rejected"

    person_ref: str
    of_sequence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFire(Event):
    """The fire input: reported, obeyed, never fought."""

    CLASS: ClassVar[str] = "site"
    NAME: ClassVar[str] = "fire"

    alarm_id: str
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterApplied(Event):
    """A roster came into force. Counts only."""

    CLASS: ClassVar[str] = "roster"
    NAME: ClassVar[str] = "applied"

    roster_version: str
    tenants: int
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRefused(Event):
    """A roster was not applied; the last good one stays in force. Counts only."""

    CLASS: ClassVar[str] = "roster"
    NAME: ClassVar[str] = "refused"

    faults: int
    reason: Literal["faults", "too_many_removed", "unreadable"]
    roster_version: str | None = None
