"""Events: what is written down and told. One frozen type each; uplink/messages.py prints their JSON Schemas.

An event on disk holds `person_ref` and no registry field, no card number, no PIN, no face. None means "does not apply" and is left out
of the body. `CLASS.NAME` is the CloudEvents type between `anyu.` and `.v1`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import ClassVar, Literal

from edge.access.reasons import GuardReason, Reason
from edge.access.terms import Direction, Method, PersonKind
from edge.clock import Trust

Phase = Literal["begin", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event carries. `at` becomes CloudEvents `time`; the rest is `data`."""

    CLASS: ClassVar[str]
    NAME: ClassVar[str]

    at: datetime
    clock: Trust
    time_source: Literal["gateway", "controller"] = "gateway"
    simulated: bool | None = None


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
    """The decision: not here, or not now, with the reason."""

    CLASS: ClassVar[str] = "access"
    NAME: ClassVar[str] = "denied"


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
class OfStranger(AtDoor):
    """Common to faces that are nobody's: the camera, in how many frames, how good the best was (0..1), and the local crop's name."""

    camera: str
    count: int
    quality: float
    liveness: float | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUnknown(OfStranger):
    """Somebody whom the roster does not know, once per visit. The crop stays on the gateway, encrypted, for some days."""

    CLASS: ClassVar[str] = "person"
    NAME: ClassVar[str] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUncertain(OfStranger):
    """A face that may be a tenant's and could not be told for certain."""

    CLASS: ClassVar[str] = "person"
    NAME: ClassVar[str] = "uncertain"


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
class DoorAlarm(AtDoor):
    """Common to alarms at a door: one alarm_id from begin to end."""

    alarm_id: str
    phase: Phase


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
    """The door's own wiring reports a fault (a cut or shorted contact, a lock that does not answer)."""

    CLASS: ClassVar[str] = "door"
    NAME: ClassVar[str] = "fault"

    what: Literal["contact_cut", "contact_short", "lock_no_answer", "lock_refused"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStarted(Event):
    """The daemon is up. `blind_from`..`blind_to` is the time nobody was recording."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "started"

    cause: Literal["first", "restart", "crash", "power_cut"]
    clean: bool
    boot_id: str
    version: str
    blind_from: datetime | None = None
    blind_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStopping(Event):
    """An orderly stop."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost(Event):
    """A controller, reader or camera stopped answering. Said once."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "device_lost"

    device: str
    doors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBack(Event):
    """It answers again. Said once."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "device_back"

    device: str
    doors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLoss(Event):
    """A controller wrote over `count` of its own records before they could be fetched: what happened at its doors then is unknown."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "device_loss"

    device: str
    count: int
    doors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayClock(Event):
    """The clock's trust changed, or it was stepped."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "clock"

    stepped_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLoss(Event):
    """Sequence numbers that can never be filled otherwise, and why. `epoch` is the one the lost numbers belong to."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "loss"

    epoch: str
    from_: str
    to: str
    cause: Literal["disk_full", "disk_failed", "corrupt", "rolled_back", "pruned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDegraded(Event):
    """Something is not as it should be, or is so again."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "degraded"

    alarm_id: str
    phase: Phase
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigApplied(Event):
    """The settings in force, by the hash of site.yaml."""

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "config_applied"

    config_version: str


EVENTS: tuple[type[Event], ...] = (
    PassageEntry, PassageExit, PassageUncredentialed,
    AccessGranted, AccessDenied, AccessNotTaken, AccessDuress, RepeatedRefusals,
    PersonUnknown, PersonUncertain,
    DoorReleased, DoorOpened, DoorClosed, DoorForced, DoorHeld, DoorLockdown, DoorLockedOpen, DoorFault, DoorTamper, DoorPower,
    GuardOpened,
    GuardRejected, SiteFire, RosterApplied, RosterRefused,
    GatewayStarted, GatewayStopping, DeviceLost, DeviceBack, DeviceLoss, GatewayClock, GatewayLoss, GatewayDegraded, ConfigApplied,
)  # fmt: skip
"""Every event there is; a new one is a class above and a name here."""


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
        out[f.name.rstrip("_")] = value
    return out
