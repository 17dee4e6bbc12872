"""The mode of one door: fire before what a guard set, what a guard set before the schedule. What a guard set survives a restart."""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal

from edge.access.rules import Mode
from edge.access.schedule import Schedule
from edge.clock import Moment, Trust
from edge.gate.recorder import Memory

Why = Literal["fire", "drill", "guard", "schedule"]
LOOK_S = 15.0  # schedules change on the minute; a quarter of one is soon enough for a door that is opened for the rush hour


class Modes:
    """What each source asks for, and what follows from it. `fire_known` is False until the fire input has spoken since the start.

    `fire` is what the wire said last; `drill`, a fire that is only played, opens as well and never changes it.
    """

    def __init__(self, door: str, schedule: Schedule | None, memory: Memory, *, fire: bool, fire_known: bool) -> None:
        self._note = f"mode.{door}"
        self._memory = memory
        self._schedule = schedule
        self._guard = _read(memory.recall(self._note))
        self._set = False
        self._scheduled = False
        self._look_at = float("-inf") if schedule else None
        self.fire = fire
        self.fire_known = fire_known
        self.drill = False

    @property
    def mode(self) -> Mode:
        """The mode now."""
        if self.fire or self.drill:
            return Mode.FIRE
        if self._guard is not Mode.NORMAL:
            return self._guard
        return Mode.LOCKED_OPEN if self._scheduled else Mode.NORMAL

    @property
    def why(self) -> Why:
        """Whose mode that is."""
        if self.fire or self.drill:
            return "fire" if self.fire else "drill"
        return "guard" if self._guard is not Mode.NORMAL else "schedule"

    @property
    def guard(self) -> Mode:
        """What the guard set last."""
        return self._guard

    @property
    def waiting(self) -> Mode | None:
        """What the guard set and a fire keeps from taking effect until it ends."""
        return self._guard if self.mode is Mode.FIRE and self._guard is not Mode.NORMAL else None

    def set(self, mode: Mode) -> None:
        """A guard sets the mode; NORMAL ends lock-down and locked open, and leaves the schedule to itself."""
        self._guard, self._set = mode, True
        self._memory.remember(self._note, mode.value)

    def recall(self) -> None:
        """What was remembered can be read only now: it is in force unless a guard has set a mode since the start."""
        if not self._set:
            self._guard = _read(self._memory.recall(self._note))

    def look_at(self) -> float | None:
        """When the schedule must be looked at next (monotonic)."""
        return self._look_at

    def look(self, now: Moment, tz: tzinfo) -> None:
        """Look at the schedule. A clock that is not believed opens no door for hours: cards go on as ever."""
        if self._schedule is None or self._look_at is None or now.mono < self._look_at:
            return
        self._look_at = now.mono + LOOK_S
        self._scheduled = now.trust is not Trust.UNTRUSTED and self._schedule.covers(now.at, tz)


def _read(note: str | None) -> Mode:
    """Whatever cannot be read is NORMAL: cards go on, and nothing stands open."""
    return Mode(note) if note in {Mode.LOCK_DOWN, Mode.LOCKED_OPEN} else Mode.NORMAL
