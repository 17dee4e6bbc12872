"""What events have in common, and how their body is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from edge.access.reasons import Reason
from edge.access.terms import Direction, Method, PersonKind
from edge.clock import Trust

Phase = Literal["begin", "end"]
Origin = Literal["socket", "mqtt", "console", "button"]


@dataclass(frozen=True, slots=True)
class By:
    """Who gave a command: `kind` is a role, `root` or `service`, and `name` an account of this machine; or `button` and its setting."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Command:
    """What the events that follow from a command say of it."""

    command_id: str
    actor: By
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event carries. `at` becomes CloudEvents `time`; the rest is `data`."""

    CLASS: ClassVar[str]
    NAME: ClassVar[str]

    at: datetime
    clock: Trust
    time_source: Literal["gateway", "controller"] = "gateway"
    simulated: bool | None = None
    command_id: str | None = None
    actor: By | None = None
    origin: Origin | None = None

    def after(self, command: Command | None) -> Self:
        """The same event, following from this command."""
        if command is None:
            return self
        return replace(self, command_id=command.command_id, actor=command.actor, origin=command.origin)

    @property
    def live(self) -> bool:
        """Whether it happened just now and was not played. Only such an event may prove or end anything real."""
        return not self.simulated and self.time_source == "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDoor(Event):
    """Common to everything that happens at one door."""

    door: str
    access_point: str | None = None
    direction: Direction | None = None
    passage_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPerson(AtDoor):
    """Common to everything said of one person at a door, with the roster it was judged against."""

    person_ref: str | None = None
    person_kind: PersonKind | None = None
    method: tuple[Method, ...] = ()
    reason: Reason | None = None
    roster_version: str | None = None
    roster_age_s: int | None = None

    @property
    def live(self) -> bool:
        """As for every event; a controller's own decision whose time nobody knows may be of yesterday."""
        undated = self.reason in {Reason.CONTROLLER, Reason.CONTROLLER_REFUSED} and self.clock is Trust.UNTRUSTED
        return not self.simulated and self.time_source == "gateway" and not undated


@dataclass(frozen=True, slots=True, kw_only=True)
class OfStranger(AtDoor):
    """Common to faces that are nobody's: the camera, in how many frames, how good the best was (0..1), and the local crop's name."""

    camera: str
    count: int
    quality: float
    liveness: float | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorAlarm(AtDoor):
    """Common to alarms at a door: one alarm_id from begin to end."""

    alarm_id: str
    phase: Phase


def rfc3339(at: datetime) -> str:
    """Write an aware datetime as RFC 3339 UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def body(event: Event) -> dict[str, object]:
    """The `data` of an event as plain JSON values: no `at`, nothing that is None or empty; `from_` becomes `from`."""
    out: dict[str, object] = {}
    for f in fields(event):
        value = getattr(event, f.name)
        if f.name == "at" or value is None or value == ():
            continue
        if isinstance(value, datetime):
            value = rfc3339(value)
        elif isinstance(value, tuple):
            value = [str(v) for v in value]
        elif isinstance(value, str):
            value = str(value)
        elif isinstance(value, By):
            value = asdict(value)
        out[f.name.rstrip("_")] = value
    return out
