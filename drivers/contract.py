"""What every door controller is: one object that owns one line to one device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from drivers.orders import Order, Outcome
from drivers.readings import Reading

Emit = Callable[[Reading], None]


class DoorController(Protocol):
    """One device on one line.

    Life: `run` connects, emits Back, then readings as they come, reconnects by itself for ever (Lost once and Back once per outage), and
    returns only by cancellation, having closed the line and cancelled its timers. It may be run again afterwards. `emit` never blocks.
    """

    async def run(self, emit: Emit) -> None:
        """Own the line until cancelled."""
        ...

    async def send(self, order: Order) -> Outcome:
        """Carry out one order now.

        Raises LineLost while the line is down (nothing is kept for later), Stale past the order's `not_after`, NoAnswer when a device that
        should answer does not, Refused for an order this device cannot do (an unknown door, an Indicate without LED).
        """
        ...
