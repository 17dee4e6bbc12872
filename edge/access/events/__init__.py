"""Events: what is written down and told. One frozen type each; uplink/messages.py prints their JSON Schemas.

An event on disk holds `person_ref` and no registry field, no card number, no PIN, no face. None means "does not apply" and is left out
of the body. `CLASS.NAME` is the CloudEvents type between `anyu.` and `.v1`.
"""

from __future__ import annotations

from edge.access.events.base import AtDoor, By, Command, DoorAlarm, Event, OfPerson, OfStranger, Phase, body, rfc3339
from edge.access.events.custody import CustodyConsented, CustodyForgotten, CustodyViewed
from edge.access.events.doors import (
    DoorClosed,
    DoorFault,
    DoorForced,
    DoorHeld,
    DoorLockdown,
    DoorLockedOpen,
    DoorOpened,
    DoorPower,
    DoorReleased,
    DoorTamper,
)
from edge.access.events.gateway import (
    ConfigApplied,
    DeviceBack,
    DeviceLoss,
    DeviceLost,
    GatewayClock,
    GatewayDegraded,
    GatewayLoss,
    GatewayStarted,
    GatewayStopping,
)
from edge.access.events.house import GuardOpened, GuardRejected, RosterApplied, RosterRefused, SiteFire
from edge.access.events.passing import (
    AccessDenied,
    AccessDuress,
    AccessGranted,
    AccessNotTaken,
    PassageEntry,
    PassageExit,
    PassageUncredentialed,
    PersonUncertain,
    PersonUnknown,
    RepeatedRefusals,
)

EVENTS: tuple[type[Event], ...] = (
    PassageEntry, PassageExit, PassageUncredentialed,
    AccessGranted, AccessDenied, AccessNotTaken, AccessDuress, RepeatedRefusals,
    PersonUnknown, PersonUncertain,
    DoorReleased, DoorOpened, DoorClosed, DoorForced, DoorHeld, DoorLockdown, DoorLockedOpen, DoorFault, DoorTamper, DoorPower,
    GuardOpened,
    GuardRejected, SiteFire, RosterApplied, RosterRefused, CustodyViewed, CustodyConsented, CustodyForgotten,
    GatewayStarted, GatewayStopping, DeviceLost, DeviceBack, DeviceLoss, GatewayClock, GatewayLoss, GatewayDegraded, ConfigApplied,
)  # fmt: skip
"""Every event there is; a new one is a class in one of these files and a name here."""

__all__ = [
    "EVENTS",
    "AccessDenied",
    "AccessDuress",
    "AccessGranted",
    "AccessNotTaken",
    "AtDoor",
    "By",
    "Command",
    "ConfigApplied",
    "CustodyConsented",
    "CustodyForgotten",
    "CustodyViewed",
    "DeviceBack",
    "DeviceLoss",
    "DeviceLost",
    "DoorAlarm",
    "DoorClosed",
    "DoorFault",
    "DoorForced",
    "DoorHeld",
    "DoorLockdown",
    "DoorLockedOpen",
    "DoorOpened",
    "DoorPower",
    "DoorReleased",
    "DoorTamper",
    "Event",
    "GatewayClock",
    "GatewayDegraded",
    "GatewayLoss",
    "GatewayStarted",
    "GatewayStopping",
    "GuardOpened",
    "GuardRejected",
    "OfPerson",
    "OfStranger",
    "PassageEntry",
    "PassageExit",
    "PassageUncredentialed",
    "PersonUncertain",
    "PersonUnknown",
    "Phase",
    "RepeatedRefusals",
    "RosterApplied",
    "RosterRefused",
    "SiteFire",
    "body",
    "rfc3339",
]
