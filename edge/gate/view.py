"""What a gate shows of itself: frozen snapshots for health, the control socket and the guard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

DoorState = Literal["secured", "released", "open", "held", "forced", "locked_open", "unknown"]
ContactState = Literal["closed", "open", "cut", "short", "unknown", "none"]
LockState = Literal["secured", "released", "held_released", "unknown"]


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm that began and has not ended; `what` is its event's name, such as `door.forced`.

    `key` tells it from others of its door and name, such as `chatter.contact`.
    """

    alarm_id: str
    what: str
    door: str | None
    since: datetime
    key: str = ""


@dataclass(frozen=True, slots=True)
class DoorView:
    """One door now. `line` is up only while every controller behind the door is; what hangs on a line that is down is unknown."""

    door: str
    label: str
    kind: str
    state: DoorState
    contact: ContactState
    lock: LockState
    mode: str
    line: Literal["up", "unknown"]
    alarms: tuple[AlarmView, ...]
    dropped: int = 0
    """Readings dropped because more arrived than a gate can take (0 on any real gate)."""
    waiting: str | None = None
    """The mode that a guard set during a fire; it takes effect when the fire ends."""


class Result(StrEnum):
    """What became of a guard's command."""

    COMMANDED = "commanded"
    CONFIRMED = "confirmed"
    FAILED = "failed"  # ordered, and the lock could not be driven
    ACCEPTED = "accepted"  # a mode was set
    UNCHANGED = "unchanged"  # the door was in that mode already
    UNKNOWN_PLACE = "unknown_place"  # no such access point or door
    BUSY = "busy"  # the gate did not answer in time


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a guard's command; `passage_id` joins an unlock with its events.

    `recorded`: False for a mode that is in force and was not on disk when the answer was due: a restart may forget it.
    `waits`: a mode that takes effect when the fire ends.
    """

    result: Result
    passage_id: str | None = None
    recorded: bool = True
    waits: bool = False
