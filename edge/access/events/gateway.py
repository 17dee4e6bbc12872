"""The gateway itself and its devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from edge.access.events.base import Event, Phase


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
    """Sequence numbers that can never be filled otherwise, and why. `epoch` is the one the lost numbers belong to.

    `left_out`: numbers that nobody is known to have had. After a start without a stop before it the disk may have forgotten events that
    the centre has; new events do not take their numbers. `too_large`: larger than the broker takes. These are kept, and sent all the same
    should its limit rise.
    """

    CLASS: ClassVar[str] = "gateway"
    NAME: ClassVar[str] = "loss"

    epoch: str
    from_: str
    to: str
    cause: Literal["disk_full", "disk_failed", "corrupt", "rolled_back", "pruned", "left_out", "too_large"]


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
