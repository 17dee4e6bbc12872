"""What is said and heard on MQTT, as types. The JSON Schemas, docs/events.md and docs/asyncapi.yaml are printed from here.

The hot path (edge/uplink/wire.py) writes the same bytes without these models; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, StringConstraints, create_model
from pydantic import Field as Described
from pydantic.json_schema import SkipJsonSchema

from edge.access.events import EVENTS, Event
from edge.clock import Trust

CONTRACT_VERSION = "v1"
SEQ_MAX = 2**63 - 1
"""Sequence numbers are u64 on the wire; both databases keep them as signed 64-bit integers, which 10^10 years of a gate do not fill."""

Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Epoch = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Message(BaseModel):
    """A message: frozen, and open to additions of later versions."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class CloudEvent(Message):
    """One event: CloudEvents 1.0, structured JSON. `evtb` carries an array of the same."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Described(description="<gateway>-<epoch>-<seq>; never reused, never changed.")
    source: str = Described(description="/anyu/<site>/<gateway>")
    type: str = Described(description="anyu.<class>.<name>.v1")
    time: datetime = Described(description="RFC 3339 UTC with milliseconds.")
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
    """One door as the gateway knows it now. `unknown` whenever its line is down."""

    name: str
    mode: str = Described("normal", description="normal, lockdown or locked_open")
    leaf: Literal["open", "closed", "unknown"] = "unknown"
    lock: Literal["secured", "released", "unknown"] = "unknown"
    line: Literal["up", "down"] = "up"


class AlarmHealth(Message):
    """An alarm that has begun and not ended."""

    alarm_id: str
    type: str = Described(description="anyu.<class>.<name>.v1 of its begin")
    since: datetime
    door: str | SkipJsonSchema[None] = None


class RosterHealth(Message):
    """Which roster is in force, and how old it is."""

    version: str
    age_s: int = Described(ge=0)
    tenants: int = Described(ge=0)


class RecognitionHealth(Message):
    """Which engine recognises; `none` where nothing does."""

    engine: str = "none"
    state: Literal["ok", "degraded", "off"] = "off"


class ClockHealth(Message):
    """How far the wall clock may be believed."""

    trust: Trust
    last_trusted: datetime | SkipJsonSchema[None] = None


class DiskHealth(Message):
    """The journal's disk. `ring` counts events that wait in memory because the disk does not take them."""

    state: Literal["ok", "degraded"] = "ok"
    why: str | SkipJsonSchema[None] = None
    free_bytes: int | SkipJsonSchema[None] = None
    ring: int = 0


class HealthBody(Message):
    """What the daemon knows of itself; the uplink adds what the journal and the centre say, and publishes the whole as `Health`."""

    doors: tuple[DoorHealth, ...] = ()
    alarms: tuple[AlarmHealth, ...] = Described((), description="Open ones only: a restarted centre sees them.")
    roster: RosterHealth | SkipJsonSchema[None] = None
    recognition: RecognitionHealth = RecognitionHealth()
    clock: ClockHealth
    disk: DiskHealth = DiskHealth()
    degraded: tuple[str, ...] = Described((), description="What is not as it should be, as words; empty when all is well.")


class Health(HealthBody):
    """How the gateway is; retained, on change and every 60 s."""

    at: datetime = Described(description="When this was written (RFC 3339 UTC).")
    epoch: Epoch
    seq_head: int = Described(ge=0, description="The newest committed sequence number; 0 = none yet.")
    seq_oldest: int = Described(ge=0, description="The oldest one still held.")
    acked: dict[str, int] = Described(description="Per consumer: everything up to here is committed there.")
    chain_head: str = Described(description="Hash of the newest event: proves the tail.")
    alg: str = Described(description="The chain's hash.")


class InfoBody(Message):
    """What the gateway is; retained, on connect and on change."""

    version: str
    contract: str = CONTRACT_VERSION
    label: str = ""
    drivers: dict[str, str] = Described({}, description="Controller -> driver kind")
    access_points: dict[str, str] = Described({}, description="Access point -> <door>/<direction>")
    packages: dict[str, str] = Described({}, description="Package -> version")
    config_version: str = ""


class Ack(Message):
    """A consumer's word: everything of `epoch` up to `seq` is committed. Never retained."""

    epoch: Epoch
    seq: int = Described(ge=0, le=SEQ_MAX)
    credit: int | SkipJsonSchema[None] = Described(None, ge=0, le=10**6, description="Backlog events a second it can take; 0 = none now.")


def event_type(event: type[Event]) -> str:
    """The CloudEvents type of an event."""
    return f"anyu.{event.CLASS}.{event.NAME}.v1"


@cache
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


def _part(f: Field[Any], hint: Any) -> tuple[Any, Any]:
    if f.default is MISSING:
        return hint, ...
    if f.default is None:
        # A body leaves None out and never says null.
        return _without_none(hint) | SkipJsonSchema[None], None
    return hint, f.default


def _without_none(hint: Any) -> Any:
    parts = [part for part in hint.__args__ if part is not type(None)]
    whole = parts[0]
    for part in parts[1:]:
        whole |= part
    return whole


def by_type() -> dict[str, type[Event]]:
    """Every event by its CloudEvents type."""
    return {event_type(event): event for event in EVENTS}
