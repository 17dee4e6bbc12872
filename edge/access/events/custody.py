"""What was looked at of people's data, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from edge.access.events.base import Event
from edge.access.reasons import ViewReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyViewed(Event):
    """Somebody took out the roster, or listened to card numbers as they are read."""

    CLASS: ClassVar[str] = "custody"
    NAME: ClassVar[str] = "viewed"

    subject: Literal["roster", "readings"]
    reason: ViewReason
