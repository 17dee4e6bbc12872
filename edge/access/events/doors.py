"""Doors: actuation, contact and alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from edge.access.events.base import AtDoor, DoorAlarm
from edge.access.terms import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorReleased(AtDoor):
    """The actuation: the lock was told to release. `confirmed` only where the device reads back."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "released"

    result: Literal["commanded", "confirmed", "failed"]
    method: tuple[Method, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorOpened(AtDoor):
    """The contact says open."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorClosed(AtDoor):
    """The contact says closed."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorForced(DoorAlarm):
    """The contact opened without grant, REX or release."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "forced"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorHeld(DoorAlarm):
    """The leaf stayed open longer than the door allows."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLockdown(DoorAlarm):
    """No entry by anybody; exits still release."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "lockdown"

    by: Method | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLockedOpen(DoorAlarm):
    """The lock stays released: fire, or a rule or guard that holds it open."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "locked_open"

    why: Literal["fire", "guard", "schedule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorFault(DoorAlarm):
    """The door's own wiring reports a fault (a cut or shorted contact, a lock that does not answer), or says too much to be told.

    `chatter`: `input` (contact, exit, desk, pass.in, tamper.… ) speaks more than once a second. `unknown_cards`: so many unknown cards are
    shown at `access_point` that they are counted only. `count`, at the end: how many were not told one by one.
    """

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "fault"

    what: Literal["contact_cut", "contact_short", "lock_no_answer", "lock_refused", "chatter", "unknown_cards"]
    input: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorTamper(DoorAlarm):
    """A cover or wall switch at this door."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "tamper"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPower(DoorAlarm):
    """A controller of this door reports its supply failing."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "power"
