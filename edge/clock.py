"""Time, and how far it may be believed. Everything that needs the time is handed a Clock; tests turn the hands."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol


class Trust(StrEnum):
    """How far the wall clock may be believed (the `clock` of every event)."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of the clock: wall time in UTC, its trust, the monotonic seconds beside it, and the last wall time that was trusted."""

    at: datetime
    mono: float
    trust: Trust = Trust.SYNCED
    last_trusted: datetime | None = None


class Clock(Protocol):
    """The only source of time in the daemon."""

    def now(self) -> Moment:
        """Read wall and monotonic time together, once per decision."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on the monotonic clock."""
        ...


class PlainClock:
    """The machine's clock, believed as it is: for tools and the demo. The daemon uses edge.clock.SystemClock."""

    def now(self) -> Moment:
        """Read the machine's clock; it is its own last trusted time."""
        at = datetime.now(UTC)
        return Moment(at, time.monotonic(), Trust.SYNCED, at)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
