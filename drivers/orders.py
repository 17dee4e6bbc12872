"""Orders: everything hardware can be told, downward, in one union.

A driver translates released/secured into its own coil level: its options carry the level that secures each output, worked out by
edge/access from lock type and wiring. No order is ever kept for a line that is down.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Signal(StrEnum):
    """What a person at the reader is told, at once, by LED, buzzer or sound."""

    OK = "ok"
    REFUSED = "refused"
    USE_CARD = "use_card"
    WAIT = "wait"


class Outcome(StrEnum):
    """What the driver knows after sending an order: the device answered, or it was only told."""

    COMMANDED = "commanded"
    CONFIRMED = "confirmed"


class Level(StrEnum):
    """A relay coil's level. Which one secures a lock follows from the lock's type and wiring."""

    ENERGISED = "energised"
    DEENERGISED = "deenergised"


@dataclass(frozen=True, slots=True)
class Release:
    """Let one passage through, then secure again after `seconds` (0 < seconds <= 60), timed by the device where it can be.

    `not_after` is on time.monotonic(): an order that could not go out by then is dropped with Stale (an unlock older than 3 s never acts).
    """

    door: int
    seconds: float
    not_after: float


@dataclass(frozen=True, slots=True)
class Secure:
    """Drive the lock to its secured level now and end any running release."""

    door: int


@dataclass(frozen=True, slots=True)
class HoldReleased:
    """Keep the lock released until Secure (fire, locked open, hold open)."""

    door: int


@dataclass(frozen=True, slots=True)
class Indicate:
    """Tell the person at this reader the answer."""

    reader: int
    signal: Signal


Order = Release | Secure | HoldReleased | Indicate
