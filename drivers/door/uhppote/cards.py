"""The board's own card table: what keeps the gate open to its tenants while this program is dead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from drivers.contract import BoardCard
from drivers.door.uhppote.meaning import Notation, number_of
from drivers.door.uhppote.wire import Slot

# The board stores four-digit years without a zone and refuses a card without dates.
FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2099, 12, 31)


@dataclass(frozen=True, slots=True)
class Plan:
    """What must change in the board's table."""

    put: tuple[Slot, ...]
    delete: tuple[int, ...] = field(repr=False)
    unchanged: int
    left_out: int


def plan(wanted: Iterable[BoardCard], present: Mapping[int, Slot], notation: Notation) -> Plan:
    """Compare. Cards that shall no longer pass are deleted first, so that a full board and a cut in the middle err on the closed side."""
    numbered = [(number_of(card.bits, card.value, notation), card) for card in wanted]
    slots = {
        number: Slot(number, max(card.valid_from or FIRST_DAY, FIRST_DAY), min(card.valid_until or LAST_DAY, LAST_DAY), card.doors)
        for number, card in numbered
        if number is not None
    }
    put = tuple(slot for number, slot in slots.items() if present.get(number) != slot)
    delete = tuple(number for number in present if number not in slots)
    return Plan(put, delete, len(slots) - len(put), sum(number is None for number, _ in numbered))
