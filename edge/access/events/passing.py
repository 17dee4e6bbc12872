"""Passages, decisions and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from edge.access.events.base import AtDoor, OfPerson, OfStranger


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageEntry(OfPerson):
    """One person came in. `confirmed` says whether a contact or turnstile saw it; `evidence` names what did, or why not."""

    CLASS: ClassVar[str] = "passage"
    NAME: ClassVar[str] = "entry"

    confirmed: bool
    evidence: Literal["contact", "turnstile", "already_open", "no_contact", "camera"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageExit(OfPerson):
    """One person went out."""

    CLASS: ClassVar[str] = "passage"
    NAME: ClassVar[str] = "exit"

    confirmed: bool
    evidence: Literal["contact", "turnstile", "already_open", "no_contact", "camera"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageUncredentialed(AtDoor):
    """Somebody passed without a grant of their own (behind another, or against the arm)."""

    CLASS: ClassVar[str] = "passage"
    NAME: ClassVar[str] = "uncredentialed"

    after_passage_id: str | None = None
    count: int = 1
    sensed_by: Literal["turnstile", "camera"] = "turnstile"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGranted(OfPerson):
    """The decision: this person may pass here, now."""

    CLASS: ClassVar[str] = "access"
    NAME: ClassVar[str] = "granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDenied(OfPerson):
    """The decision: not here, or not now, with the reason. `count`: so many refusals of strangers, of the last ten seconds, told as one."""

    CLASS: ClassVar[str] = "access"
    NAME: ClassVar[str] = "denied"

    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessNotTaken(OfPerson):
    """A grant that nobody used before the lock was secured again."""

    CLASS: ClassVar[str] = "access"
    NAME: ClassVar[str] = "not_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDuress(OfPerson):
    """A duress PIN was used; the door behaves as for the ordinary one."""

    CLASS: ClassVar[str] = "access"
    NAME: ClassVar[str] = "duress"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRefusals(AtDoor):
    """Many refusals at one access point in a short time."""

    CLASS: ClassVar[str] = "access"
    NAME: ClassVar[str] = "repeated_refusals"

    count: int
    within_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUnknown(OfStranger):
    """Somebody whom the roster does not know, once per visit. A crop is kept only where the site says so."""

    CLASS: ClassVar[str] = "person"
    NAME: ClassVar[str] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUncertain(OfStranger):
    """A face that may be a tenant's and could not be told for certain."""

    CLASS: ClassVar[str] = "person"
    NAME: ClassVar[str] = "uncertain"
