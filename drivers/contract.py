"""What every door controller is: one object that owns one line to one device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
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


@dataclass(frozen=True, slots=True)
class BoardCard:
    """A card that a controller may pass by itself, at any hour: its doors, and dates, inclusive; None means unbounded."""

    bits: int
    value: int = field(repr=False)
    doors: frozenset[int]
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class CardSync:
    """What a synchronisation did, in cards.

    `left_out`: those that the device cannot hold (another length than its readers'). `over`: those that it has no room for.
    """

    put: int
    deleted: int
    unchanged: int
    left_out: int
    over: int = 0

    @property
    def stored(self) -> int:
        """How many of the cards the table holds now."""
        return self.put + self.unchanged


class KeepsCards(Protocol):
    """A controller with a card table of its own, by which it opens its doors while nobody else does."""

    async def sync_cards(self, cards: Sequence[BoardCard]) -> CardSync:
        """Make the table hold exactly these cards, writing only what differs, those that go first.

        May take minutes; orders and readings go in between, and it is called once at a time. Raises DriverError; half a synchronisation
        is harmless and is finished by the next.
        """
        ...
