"""The time that drivers live by, handed in so that tests can turn the hands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Monotonic seconds and a way to wait them. An order's `not_after` is on the same clock as `now`."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


MACHINE = Timing()
"""The machine's own monotonic clock."""
