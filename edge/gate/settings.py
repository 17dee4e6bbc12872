"""The gates' part of site.yaml as frozen types. Faults inside one piece are found here, faults between pieces in edge/settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, field_validator, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

import drivers
from edge.access.lock import LockType, Wiring
from edge.access.schedule import DAYS, parse_dates, parse_days, parse_span
from edge.access.terms import Direction

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
Number = Annotated[int, Field(ge=1, le=255)]
"""A reader, output, input or door as the device itself counts them."""


_P = TypeVar("_P", bound="Piece")


class Piece(BaseModel):
    """Every piece of settings: frozen, and no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ControllerSettings(Piece):
    """One device on one line: `driver` names a row of drivers.KINDS, every other key is one of that driver's options."""

    driver: str
    options: SerializeAsAny[BaseModel]

    @model_validator(mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        """Take the driver's own options out of the flat mapping; their faults keep their place."""
        if not isinstance(given, Mapping) or isinstance(given.get("options"), BaseModel):
            return given
        kind = given.get("driver")
        if not isinstance(kind, str) or kind not in drivers.KINDS:
            return {"driver": kind, "options": Piece()} if "driver" in given else {"options": Piece()}
        rest = {key: value for key, value in given.items() if key != "driver"}
        return {"driver": kind, "options": drivers.options(kind).model_validate(rest)}

    @field_validator("driver")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in drivers.KINDS:
            raise PydanticKnownError("literal_error", {"expected": " or ".join(repr(k) for k in sorted(drivers.KINDS))})
        return kind


class LockSettings(Piece):
    """The lock: a relay output, or a door that the device itself knows as a door."""

    controller: Name
    output: Number | None = None
    door: Number | None = None
    type: LockType
    wiring: Wiring
    accept_latching: bool = False

    @property
    def number(self) -> int:
        """What orders call `door`."""
        return self.output or self.door or 0

    @model_validator(mode="after")
    def _one(self) -> Self:
        return _exactly_one(self, "output", "door")


class ContactSettings(Piece):
    """The door contact (DPS): an input, closed while the leaf is closed unless `inverted`, or a door the device knows."""

    controller: Name
    input: Number | None = None
    door: Number | None = None
    inverted: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        return _exactly_one(self, "input", "door")


class ButtonSettings(Piece):
    """The exit button (REX): an input that is `active` while pressed, or a door the device knows."""

    controller: Name
    input: Number | None = None
    door: Number | None = None
    active: Literal["closed", "open"] = "closed"

    @model_validator(mode="after")
    def _one(self) -> Self:
        return _exactly_one(self, "input", "door")


class PassSettings(Piece):
    """The pass contacts of a turnstile or barrier: two inputs, one a direction, or a door whose device says which way."""

    controller: Name
    inward: Number | None = None
    outward: Number | None = None
    door: Number | None = None
    active: Literal["closed", "open"] = "closed"
    swapped: bool = False

    @model_validator(mode="after")
    def _some(self) -> Self:
        if (self.door is None) == (self.inward is None and self.outward is None):
            raise PydanticCustomError(
                "exactly_one_pass", "give either inward and outward, or door", {"expected": ["inward", "outward", "door"]}
            )
        return self


class FireSettings(Piece):
    """The fire panel's line. `active: open` means that a broken wire counts as fire.

    A fire is over once the line has been quiet for `quiet_s`: longer than a wire that burns, or a relay that bounces, takes a breath.
    """

    controller: Name
    input: Number
    active: Literal["closed", "open"] = "open"
    quiet_s: float = Field(30, ge=1, le=600)


class GuardButtonSettings(Piece):
    """The button on the guard's desk: an input that is `active` while pressed opens this access point for one passage."""

    controller: Name
    input: Number
    active: Literal["closed", "open"] = "closed"
    access_point: Name


class ReaderSettings(Piece):
    """A reader by its number on its controller."""

    controller: Name
    reader: Number = 1


class DoorSettings(Piece):
    """One door: its lock, what it can sense, and how long things last (seconds)."""

    label: str = ""
    kind: Literal["leaf", "turnstile", "barrier"] = "leaf"
    lock: LockSettings
    release_s: float = Field(5, gt=0, le=60)
    extended_release_s: float = Field(15, gt=0, le=60)
    held_after_s: float = Field(30, ge=1, le=3600)
    relock_on_open: bool = True
    contact: ContactSettings | None = None
    passes: PassSettings | None = None
    exit_button: ButtonSettings | None = None
    free_exit: bool = False
    open_schedule: Name | None = None
    """The lock stays released during this schedule (rush hours)."""


class AccessPointSettings(Piece):
    """One direction of one door."""

    door: Name
    direction: Direction
    label: str = ""
    reader: ReaderSettings | None = None


def _span(text: str) -> str:
    try:
        parse_span(text)
    except ValueError:
        raise PydanticCustomError("time_span", "expected a span of the day such as 06:00-23:00", {"expected": ["06:00-23:00"]}) from None
    return text


def _days(text: str) -> str:
    try:
        parse_days(text)
    except ValueError:
        raise PydanticCustomError("weekdays", "expected weekdays such as mon-fri or sat,sun", {"expected": [*DAYS]}) from None
    return text


def _dates(given: object) -> str:
    """YAML reads an unquoted 2026-10-01 as a date."""
    text = given.isoformat() if isinstance(given, date) else str(given)
    try:
        parse_dates(text)
    except ValueError:
        raise PydanticCustomError(
            "dates", "expected a date such as 2026-10-01 or 2026-10-01..2026-10-07", {"expected": ["2026-10-01", "2026-10-01..2026-10-07"]}
        ) from None
    return text


Span = Annotated[str, AfterValidator(_span)]
WeekDays = Annotated[str, AfterValidator(_days)]
Dates = Annotated[str, BeforeValidator(_dates)]


class ScheduleSettings(Piece):
    """When a rule is in force: spans by weekday; a holiday has spans of its own, or the name of the weekday it is worked as (调休)."""

    weekly: dict[WeekDays, list[Span]]
    holidays: dict[Dates, list[Span] | Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(default_factory=dict)


class RuleSettings(Piece):
    """Who may pass where, when. A person without groups belongs to the group of their kind: residents, staff or guards."""

    groups: list[Name] = Field(min_length=1)
    access_points: list[Name] = Field(min_length=1)
    schedule: Name = "always"


class PinSettings(Piece):
    """After `max_wrong` wrong PINs within ten minutes at one entry, its PINs rest for `rest_s`; cards go on, exits are never limited.

    QR codes, which are text that anybody can make, rest in the same way and apart from PINs. A card is judged always.
    """

    max_wrong: int = Field(5, ge=3, le=20)
    rest_s: float = Field(60, ge=10, le=600)


class GateSettings(Piece):
    """All of it; site.yaml holds these keys at its top level."""

    controllers: dict[Name, ControllerSettings] = Field(default_factory=dict)
    doors: dict[Name, DoorSettings] = Field(default_factory=dict)
    access_points: dict[Name, AccessPointSettings] = Field(default_factory=dict)
    schedules: dict[Name, ScheduleSettings] = Field(default_factory=dict)
    access_rules: list[RuleSettings] = Field(default_factory=list)
    fire: FireSettings | None = None
    guard_button: GuardButtonSettings | None = None
    pins: PinSettings = PinSettings()


def _exactly_one(piece: _P, first: str, second: str) -> _P:
    if (getattr(piece, first) is None) == (getattr(piece, second) is None):
        raise PydanticCustomError("exactly_one", f"give exactly one of {first} and {second}", {"expected": [first, second]})
    return piece
