"""The words of the driver table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How much a site may lean on a driver.

    bronze: speaks the device's documented format, proven against its own simulator only.
    silver: proven against a peer that others wrote, or against recorded bytes of real devices.
    gold:   silver, and the device confirms what it did and ends a release by itself.
    """

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


class Locks(StrEnum):
    """What becomes of a release when the daemon dies in the middle of it."""

    NONE = "none"  # drives no lock
    LATCHING = "latching"  # stays released until the daemon is back: the site must accept that in writing
    TIMED = "timed"  # the device ends it by itself


@dataclass(frozen=True, slots=True)
class Has:
    """What a device with its options has, each by the device's own numbers: all that site.yaml may refer to.

    An output or a door of `doors` can be a lock. Of a door in `contacts`, `buttons` and `passes` the device itself tells the leaf
    (DoorPosition), the exit button (RequestToExit) and who went through (Passed). `rests`: its relays are at rest when it secures, so that
    no lock can be secured by an energised coil.
    """

    readers: Collection[int] = ()
    outputs: Collection[int] = ()
    inputs: Collection[int] = ()
    doors: Collection[int] = ()
    contacts: Collection[int] = ()
    buttons: Collection[int] = ()
    passes: Collection[int] = ()
    rests: bool = False


def up_to(number: int) -> range:
    """The numbers of so many things: 1, 2 and so on."""
    return range(1, number + 1)


@dataclass(frozen=True, slots=True)
class Row:
    """One driver: where it lives, and what an installer should know before choosing it.

    `module` has `Options` (a frozen pydantic model with a property `has: Has`), `Controller(options, secured, *, timing=...)` (a
    DoorController) and `Simulator`.
    `takes` are further keywords of its Controller: `mark` (small facts kept over restarts: get, set) and `wall` (local time, or None).
    """

    module: str
    grade: Grade
    why: str  # the grade's reason
    senses: str  # what it can report
    locks: Locks
    takes: frozenset[str] = frozenset()
    keeps_cards: bool = False  # its Controller is a drivers.contract.KeepsCards too
