"""Which coil level secures a lock: it follows from the lock's type and from how the relay is wired, never from the word "off"."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class LockType(StrEnum):
    """What the lock itself does without power."""

    FAIL_SAFE = "fail_safe"  # power locks it (magnet lock): without power it is released
    FAIL_SECURE = "fail_secure"  # power releases it (strike, or a turnstile's open input): without power it is secured


class Wiring(StrEnum):
    """The relay contact that the lock's supply runs through."""

    NO = "no"  # normally open: current flows while the coil is energised
    NC = "nc"  # normally closed: current flows while the coil is at rest


def secured_level(lock: LockType, wiring: Wiring) -> Literal["energised", "deenergised"]:
    """Return the coil level at which the door is locked.

    The lock needs power to be secured if it is fail-safe, and must have none if it is fail-secure; a NO contact gives power with the coil
    energised, an NC contact with the coil at rest.
    """
    powered_when_secured = lock is LockType.FAIL_SAFE
    powered_by_coil = wiring is Wiring.NO
    return "energised" if powered_when_secured == powered_by_coil else "deenergised"
