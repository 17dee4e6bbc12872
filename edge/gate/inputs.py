"""What reaches a gate's inbox, in words of access control. PIN digits never appear in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drivers.readings import Contact, LoggedKind
from edge.access.reasons import GuardReason
from edge.access.request import CardShown, CardUnreadable, CodeShown, FaceShown
from edge.access.rules import Mode
from edge.access.terms import Card, Direction


@dataclass(frozen=True, slots=True)
class Presented:
    """A card, a QR code, something that could not be read as one, or a face that enough frames agree on.

    `played`: by an installer at a real lock. It uses no visit, counts as no attempt, and is kept apart from the person's own grant.
    """

    access_point: str
    credential: CardShown | CodeShown | CardUnreadable | FaceShown
    played: bool = False


@dataclass(frozen=True, slots=True)
class PinTyped:
    """A PIN; the gate hashes it before anything else sees it. `played` as in Presented."""

    access_point: str
    digits: str = field(repr=False)
    played: bool = False


@dataclass(frozen=True, slots=True)
class ExitPressed:
    """The exit button. `played` as in Presented."""

    played: bool = False


@dataclass(frozen=True, slots=True)
class ContactSaid:
    """The door contact; OPEN means that the leaf is open, whatever the wiring."""

    state: Contact


@dataclass(frozen=True, slots=True)
class PassSeen:
    """A pass contact saw one person."""

    direction: Direction


@dataclass(frozen=True, slots=True)
class DeskPressed:
    """The button on the guard's desk, for this access point."""

    access_point: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A general input that means something when it becomes active. A board tells the states of its inputs after Back: that is no edge."""

    controller: str
    number: int
    active: bool
    means: ExitPressed | PassSeen | DeskPressed


@dataclass(frozen=True, slots=True)
class CoverSaid:
    """A tamper switch of a controller or one of its readers; `source` names the switch."""

    source: str
    active: bool


@dataclass(frozen=True, slots=True)
class SupplySaid:
    """A controller's report on its supply."""

    source: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a controller decided or saw by itself at this door, from its own memory; `late`: while nobody asked, else just now.

    `at` is the controller's time (aware), None where it has none. `seen` says that its own contact of this door is the door's contact.
    """

    what: LoggedKind
    index: int
    late: bool
    at: datetime | None
    seen: bool
    access_point: str | None = None
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class LineSaid:
    """The line to a controller of this door is up, or down."""

    controller: str
    up: bool


@dataclass(frozen=True, slots=True)
class LockSaid:
    """The part of the lock's controller that drives the lock (a reader with a relay of its own) fell silent, or is back."""

    up: bool


@dataclass(frozen=True, slots=True)
class FireSaid:
    """The fire input, known for certain now; or a `drill`, which is only played and says nothing of the wire."""

    active: bool
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was remembered of before the start can be read only now; `fire` is what that says of the fire input."""

    fire: bool


@dataclass(frozen=True, slots=True)
class SetMode:
    """A guard sets the mode: lock_down, locked_open, or normal. `token` finds the one who waits for the answer."""

    mode: Literal[Mode.NORMAL, Mode.LOCK_DOWN, Mode.LOCKED_OPEN]
    token: int


@dataclass(frozen=True, slots=True)
class Unlock:
    """A guard opens for one passage."""

    access_point: str
    reason: GuardReason
    token: int


Failure = Literal["lost", "stale", "no_answer", "refused"]


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of an order to the lock; `failure` says why it could not be carried out."""

    drive: Drive
    result: Literal["commanded", "confirmed", "failed"]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Drive:
    """An order to the lock. A release has its passage and seconds, and is worthless after `not_after` (monotonic).

    `counted`: it uses up an entry of a visit, which a kill must not give back. `again`: it only prolongs a release of which all was told.
    """

    what: Literal["release", "secure", "hold"]
    passage_id: str = ""
    seconds: float = 0.0
    not_after: float = 0.0
    counted: bool = False
    again: bool = False


Input = (
    Presented
    | PinTyped
    | ExitPressed
    | DeskPressed
    | ContactSaid
    | PassSeen
    | Edge
    | CoverSaid
    | SupplySaid
    | Recorded
    | LineSaid
    | LockSaid
    | FireSaid
    | Recalled
    | SetMode
    | Unlock
    | Driven
)
