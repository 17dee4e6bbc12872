"""What is said and heard on MQTT, as types. The JSON Schemas, docs/events.md and docs/asyncapi.yaml are printed from here.

The hot path (edge/uplink/wire.py) writes the same bytes without these models; a test holds the two together.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import MISSING, Field, fields
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, WithJsonSchema, create_model
from pydantic import Field as Described
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from edge.access.events import EVENTS, Event, rfc3339
from edge.clock import Trust
from edge.gate.view import AlarmView, ContactState, DoorState, DoorView, LockState
from edge.uplink.signature import MOST_WHOLE

CONTRACT_VERSION = "v1"
SEQ_MAX = 2**63 - 1
"""Sequence numbers are u64 on the wire; both databases keep them as signed 64-bit integers, which 10^10 years of a gate do not fill."""

Instant = Annotated[datetime, PlainSerializer(rfc3339, when_used="json"), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 UTC with milliseconds."""
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Epoch = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Message(BaseModel):
    """A message: frozen, and open to additions of later versions."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class CloudEvent(Message):
    """One event: CloudEvents 1.0, structured JSON. `evtb` carries an array of the same."""

    specversion: Literal["1.0"]
    id: str = Described(description="<gateway>-<epoch>-<seq>; never reused, never changed.")
    source: str = Described(description="/anyu/<site>/<gateway>")
    type: str = Described(description="anyu.<class>.<name>.v1")
    time: Instant = Described(description="RFC 3339 UTC with milliseconds.")
    sequence: Digits = Described(description="The gateway's own count within an epoch, from 1, without gaps.")
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, Any]


class State(Message):
    """Whether the gateway is connected. Birth and will of one connection carry the same `conn_seq`: an old will never masks a new birth."""

    online: bool
    boot_id: str
    conn_seq: int = Described(ge=1, description="Counts connections, over restarts too.")
    stopping: bool | SkipJsonSchema[None] = Described(None, description="true: an orderly stop.")


class DoorHealth(Message):
    """One door now. What hangs on a line that is down is unknown."""

    name: str
    kind: str = Described(description="leaf, turnstile or barrier")
    state: DoorState
    contact: ContactState
    lock: LockState
    mode: str = Described(description="normal, or what holds the door otherwise")
    line: Literal["up", "unknown"]
    waiting: str | SkipJsonSchema[None] = Described(None, description="The mode that takes effect when the fire ends.")

    @classmethod
    def of(cls, view: DoorView) -> DoorHealth:
        """Say what a gate shows of itself."""
        v = view
        return cls(name=v.door, kind=v.kind, state=v.state, contact=v.contact, lock=v.lock, mode=v.mode, line=v.line, waiting=v.waiting)


class AlarmHealth(Message):
    """An alarm that has begun and not ended."""

    alarm_id: str
    type: str = Described(description="anyu.<class>.<name>.v1 of its begin")
    since: Instant
    door: str | SkipJsonSchema[None] = None
    detail: str | SkipJsonSchema[None] = Described(None, description="Of a door.fault: what, and behind a dot of whom.")

    @classmethod
    def of(cls, view: AlarmView) -> AlarmHealth:
        """Say what a gate shows of an open alarm."""
        detail = view.key if view.what == "door.fault" else None
        return cls(alarm_id=view.alarm_id, type=f"anyu.{view.what}.v1", since=view.since, door=view.door, detail=detail)


class RosterHealth(Message):
    """Which roster is in force, and how old it is."""

    version: str
    age_s: int = Described(ge=0)
    tenants: int = Described(ge=0)


class RecognitionHealth(Message):
    """Which engine recognises; `none` where nothing does."""

    engine: str = "none"
    state: Literal["ok", "degraded", "off"] = "off"
    runtime: str = ""
    enrolled: int = Described(0, ge=0, description="Faces in force.")
    allows: dict[str, str] = Described({}, description="Access point -> what a face may do there: face_alone, card_and_face or guard.")
    basis: dict[str, str] = Described({}, description="Access point -> what its threshold rests on: roster, tail or floor.")


class ClockHealth(Message):
    """How far the wall clock may be believed."""

    trust: Trust
    last_trusted: Instant | SkipJsonSchema[None] = None


class DiskHealth(Message):
    """The journal's disk. While it takes no events, none is published."""

    state: Literal["ok", "degraded"] = "ok"
    why: tuple[str, ...] = Described((), description="Machine words, the gravest first; empty when all is well.")
    free_bytes: int = Described(ge=0, description="What the journal may still write.")
    days_left: Annotated[int, Described(ge=0)] | SkipJsonSchema[None] = Described(
        None, description="Days to a full disk at the journal's growth; only while a consumer has lacked events for a day."
    )
    waiting: int = Described(0, ge=0, description="Events that wait in memory because the disk does not take them.")
    lost: int = Described(0, ge=0, description="Events that had to go from memory and are not yet written down as lost.")


class HealthBody(Message):
    """What the daemon knows of itself; the uplink adds what the journal and the centre say, and publishes the whole as `Health`."""

    doors: tuple[DoorHealth, ...] = ()
    alarms: tuple[AlarmHealth, ...] = Described((), description="Open ones only: a restarted centre sees them.")
    fire_ends_at: Instant | SkipJsonSchema[None] = Described(
        None, description="When a fire is over and doors are secured, if its line stays quiet as it is now."
    )
    roster: RosterHealth | SkipJsonSchema[None] = None
    recognition: RecognitionHealth = RecognitionHealth()
    clock: ClockHealth
    degraded: tuple[str, ...] = Described((), description="What is not as it should be, as words; empty when all is well.")


class Health(HealthBody):
    """How the gateway is; retained, on change and every 60 s."""

    at: Instant = Described(description="When this was written (RFC 3339 UTC).")
    epoch: str = Described(max_length=64, description="The journal's random name; empty while no database could be opened.")
    seq_head: int = Described(ge=0, description="The newest committed sequence number; 0 = none yet.")
    seq_oldest: int = Described(ge=0, description="The oldest one still held.")
    acked: dict[str, int] = Described(description="Per consumer: everything up to here is committed there.")
    chain_head: str = Described(description="Hash of the newest event: proves the tail.")
    alg: str = Described(description="The chain's hash.")
    disk: DiskHealth


class InfoBody(Message):
    """What the gateway is; retained, on connect and on change."""

    version: str
    contract: str = CONTRACT_VERSION
    label: str = ""
    drivers: dict[str, str] = Described({}, description="Controller -> driver kind")
    access_points: dict[str, str] = Described({}, description="Access point -> <door>/<direction>")
    packages: dict[str, str] = Described({}, description="Package -> version")
    config_version: str = ""


def _whole(value: object) -> object:
    """A number, or its digits as text as in CloudEvents' `sequence`; never true, 1.0 or other lookalikes."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("whole_number", "a whole number is wanted")
    return value


class Ack(Message):
    """A consumer's word: everything of `epoch` up to `seq` is committed. Never retained.

    Of an older epoch it is a question as well: what the gateway still holds of it after `seq` is sent again, and what it does not hold is
    told by `gateway.loss`. Where the site knows a key of the consumer, an acknowledgement counts only with a good `sig` and an `at` after
    that of the last one that counted.
    """

    epoch: Epoch = Described(description="As in the events' `id`.")
    seq: Annotated[
        int,
        BeforeValidator(_whole),
        PlainSerializer(lambda seq: seq if seq <= MOST_WHOLE else str(seq), when_used="json"),
        WithJsonSchema({"type": ["integer", "string"]}),
    ] = Described(ge=0, le=SEQ_MAX, description="0: nothing yet. Digits as text beyond 2^53.")
    # Bounds stand inside the union: outside, pydantic would hold null against them and raise TypeError.
    credit: Annotated[int, Described(ge=0, le=10**6)] | SkipJsonSchema[None] = Described(
        None, description="Backlog events a second it can take; 0 = none now, for ten minutes at most."
    )
    centre_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | SkipJsonSchema[None] = Described(
        None, description="Random name of the consumer's database; another one = it was restored: replay."
    )
    at: Annotated[str, StringConstraints(max_length=64)] | SkipJsonSchema[None] = Described(
        None, description="RFC 3339 UTC with milliseconds; rises with every acknowledgement of a consumer to a gateway."
    )
    sig: Annotated[str, StringConstraints(max_length=128)] | SkipJsonSchema[None] = Described(
        None,
        description="Base64 of the Ed25519 signature of one RFC 8785 (canonical JSON) object: every other member of this message as sent, "
        "and site, gateway and consumer of its topic.",
    )


def event_type(event: type[Event]) -> str:
    """The CloudEvents type of an event."""
    return f"anyu.{event.CLASS}.{event.NAME}.v1"


def data_model(event: type[Event]) -> type[BaseModel]:
    """The model of an event's `data`, made from the event's dataclass: no `at`, `from_` is `from`, what may be None may be absent."""
    hints = get_type_hints(event, include_extras=True)
    parts: dict[str, Any] = {f.name.rstrip("_"): _part(f, hints[f.name]) for f in fields(event) if f.name != "at"}
    # `from` is a keyword in Python but an ordinary field name to pydantic
    return create_model(
        f"{event.__name__}Data",
        __doc__=event.__doc__,
        __config__=ConfigDict(frozen=True, extra="forbid"),
        **parts,
    )


_NeverNull: TypeAlias = SkipJsonSchema[None]


def _part(f: Field[Any], hint: object) -> tuple[object, object]:
    if f.default is MISSING:
        return hint, ...
    if f.default is None:
        # A body leaves None out and never says null.
        parts: list[Any] = [part for part in get_args(hint) if part is not type(None)]
        return functools.reduce(operator.or_, [*parts, _NeverNull]), None
    return hint, f.default


def by_type() -> dict[str, type[Event]]:
    """Every event by its CloudEvents type."""
    return {event_type(event): event for event in EVENTS}
