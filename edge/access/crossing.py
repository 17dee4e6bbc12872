"""The words of the door machine: what it is told of grants, and what it says back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from edge.access.terms import Direction

Evidence = Literal["contact", "turnstile", "already_open", "no_contact"]


class Leaf(StrEnum):
    """The door contact, as far as it is known."""

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"


class Lock(StrEnum):
    """The lock as it was last told, unknown while its line is down."""

    SECURED = "secured"
    RELEASED = "released"
    HELD_RELEASED = "held_released"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Senses:
    """What one door can sense, and its times in seconds."""

    contact: bool = False
    passes: bool = False
    forced: bool = True
    """Whether an opening that nobody was granted means force: not where people leave by a handle that tells nobody."""
    held_after_s: float = 30.0
    relock_on_open: bool = True


@dataclass(frozen=True, slots=True)
class Grant:
    """One person may pass once. `who` tells one person at one access point from the next; it is compared and never shown."""

    passage_id: str
    direction: Direction
    seconds: float
    who: str = field(repr=False)
    button: bool = False
    """Asked for by the exit button, whose reading the contact may overtake."""


@dataclass(slots=True)
class Waiting:
    """A grant that has not ended: first asked at `since`, last at `asked`, over at `until`; `driven` once the lock is known to be told."""

    grant: Grant
    since: float
    asked: float
    until: float
    driven: bool = False


@dataclass(frozen=True, slots=True)
class DriveRelease:
    """Release the lock for this long."""

    passage_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DriveSecure:
    """Secure the lock now."""


@dataclass(frozen=True, slots=True)
class DriveHold:
    """Release the lock until DriveSecure."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The contact says open; `passage_id` is the grant that it answers."""

    passage_id: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The contact says closed."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """A grant ended in a passage."""

    grant: Grant
    evidence: Evidence

    @property
    def confirmed(self) -> bool:
        """Whether something saw the person, or at least the door, move."""
        return self.evidence in {"contact", "turnstile"}


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A grant ended unused."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class Uncredentialed:
    """Somebody passed without a grant; `after` is the passage they followed, if one went the same way just before."""

    direction: Direction
    after: str | None


@dataclass(frozen=True, slots=True)
class Forced:
    """The door was opened against its lock, or is closed again."""

    begins: bool


@dataclass(frozen=True, slots=True)
class Held:
    """The door stands open too long, or no longer."""

    begins: bool


Effect = DriveRelease | DriveSecure | DriveHold | Opened | Closed | Crossed | NotTaken | Uncredentialed | Forced | Held
