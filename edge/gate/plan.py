"""What the settings say of each device, access point and door, ready for those who run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from drivers.orders import Level
from drivers.readings import Contact
from edge.access.crossing import Senses
from edge.access.schedule import Schedule
from edge.access.terms import Direction


@dataclass(frozen=True, slots=True)
class ControllerPlan:
    """What drivers.make is given for one device, and the doors behind it."""

    name: str
    kind: str
    options: BaseModel
    secured: Mapping[int, Level]
    doors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputUse:
    """What an input of an I/O board means. `active` is the contact's state when it says so."""

    what: str  # contact | exit | in | out | fire | desk
    door: str
    active: Contact
    access_point: str = ""  # whose the guard's button is


@dataclass(frozen=True, slots=True)
class PointPlan:
    """One access point at its door; `reader` is (controller, number)."""

    name: str
    direction: Direction
    reader: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class DoorPlan:
    """One door: where its lock is, which lines it hangs on, and its times."""

    name: str
    label: str
    kind: str
    lock: tuple[str, int]
    senses: Senses
    release_s: float
    extended_release_s: float
    points: Mapping[str, PointPlan]
    contact_line: str | None = None
    passes_line: str | None = None
    lines: frozenset[str] = frozenset()
    open_schedule: Schedule | None = None

    @property
    def way_out(self) -> str | None:
        """The access point that the exit button stands for."""
        return next((point.name for point in self.points.values() if point.direction is Direction.OUT), None)
