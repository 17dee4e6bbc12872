"""The card tables of controllers that judge by themselves: who passes which of their doors while nobody asks the roster.

Such a controller opens at once for a card in its table, whether we live or not, and knows no schedule, visit or mode. So the table holds
the cards of those tenants alone who may use every entry of the door at any hour, with the dates of their contract. Everybody else is
refused by the table and then judged here, as long as we live. A door under lock-down leaves the table.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from drivers.contract import BoardCard, KeepsCards
from drivers.errors import DriverError
from drivers.readings import Back, Lost, Reading
from edge.access.events import DoorLockdown, Event
from edge.access.rules import Mode, Rules, groups_of
from edge.access.schedule import DAY_MINUTES, Schedule, Spans
from edge.access.terms import Book, Direction, Tenant
from edge.clock import Clock
from edge.gate.view import DoorView
from edge.gate.wiring import Wiring

log = logging.getLogger(__name__)

MOST = 20_000  # cards in one table: three minutes of writing, and more people than use one gate
RETRY_S = 30.0  # a board that answers and refuses is asked again, without filling its line
TRUSTED_S = 600.0  # a table that was read and written so lately is not read again because the line flapped


class CardTables:
    """Keeps every table as the roster has it. `heard` is given each reading, `noticed` each event, `roster_changed` is called after one."""

    def __init__(
        self,
        *,
        wiring: Wiring,
        keepers: Mapping[str, KeepsCards],
        book: Callable[[], Book],
        view: Callable[[], tuple[DoorView, ...]],
        clock: Clock,
    ) -> None:
        self._wiring, self._keepers, self._book, self._view, self._clock = wiring, keepers, book, view, clock
        self._wake = {name: asyncio.Event() for name in keepers}
        self._up: set[str] = set()
        self._held: dict[str, tuple[tuple[BoardCard, ...], float]] = {}
        self._full: set[str] = set()

    def words(self) -> tuple[str, ...]:
        """The tables that do not hold everybody they should, as words for `degraded`."""
        return tuple(f"card_table.full.{name}" for name in sorted(self._full))

    async def run(self) -> None:
        """One task a table, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for name, keeper in self._keepers.items():
                tasks.create_task(self._keep(name, keeper), name=f"cards of {name}")
            await asyncio.Event().wait()

    def heard(self, controller: str, reading: Reading) -> None:
        """A controller that is back may have forgotten, or been written to by somebody else."""
        if controller in self._wake and isinstance(reading, Back | Lost):
            (self._up.add if isinstance(reading, Back) else self._up.discard)(controller)
            self._wake[controller].set()

    def noticed(self, event: Event) -> None:
        """A door that is locked down, or no longer, changes its tables."""
        if isinstance(event, DoorLockdown):
            self.roster_changed()

    def roster_changed(self) -> None:
        """Somebody came, went or changed."""
        for wake in self._wake.values():
            wake.set()

    async def _keep(self, name: str, keeper: KeepsCards) -> None:
        while True:
            await self._wake[name].wait()
            self._wake[name].clear()
            book = self._book()
            if name not in self._up or not book.version:
                continue  # without a roster nothing is known that were better than what the table holds
            closed = frozenset(view.door for view in self._view() if view.mode == Mode.LOCK_DOWN)
            wanted = await asyncio.to_thread(partial(table, name, self._wiring, book, closed))
            cards = wanted[:MOST]
            held, at = self._held.get(name, ((), float("-inf")))
            if held == cards and self._clock.now().mono - at < TRUSTED_S:
                continue
            try:
                done = await keeper.sync_cards(cards)
            except DriverError as error:
                self._held.pop(name, None)
                log.info("%s: its card table is not as the roster yet: %s", name, error)
                await self._clock.sleep(RETRY_S)
                self._wake[name].set()
                continue
            self._held[name] = cards, self._clock.now().mono
            over = done.over + len(wanted) - len(cards)
            if over and name not in self._full:
                log.warning("%s: its card table is full: %d of %d cards; the others are judged here only", name, done.stored, len(wanted))
            (self._full.add if over else self._full.discard)(name)
            if done.put or done.deleted or done.left_out:
                told = "%s: its card table: %d written, %d deleted, %d as they were, %d of another kind than its readers take"
                log.info(told, name, done.put, done.deleted, done.unchanged, done.left_out)


def table(controller: str, wiring: Wiring, book: Book, closed: frozenset[str]) -> tuple[BoardCard, ...]:
    """The cards that this controller may pass by itself, in a fixed order. `closed` are the doors that pass nobody by themselves now."""
    doors: dict[int, list[frozenset[str]]] = {}
    for (name, number), door in wiring.locks.items():
        entries = [point.name for at, point in wiring.readers.items() if at[0] == name and _leads_in(point.direction, point.door, door)]
        if name == controller and entries and door not in closed:
            doors[number] = [_groups(entry, wiring.rules) for entry in entries]
    found: list[BoardCard] = []
    for card, ref in book.cards.items():
        tenant = book.tenants.get(ref)
        if tenant is not None and (open_to := _doors(tenant, doors)):
            found.append(BoardCard(card.bits, card.value, open_to, tenant.valid_from, tenant.valid_until))
    found.sort(key=lambda each: (each.bits, each.value))
    return tuple(found)


def _leads_in(direction: Direction, its_door: str, door: str) -> bool:
    return direction is Direction.IN and its_door == door


def _groups(entry: str, rules: Rules) -> frozenset[str]:
    """Who may use this entry at any hour."""
    return frozenset(group for rule in rules.at[entry] if at_any_hour(rule.schedule) for group in rule.groups)


def _doors(tenant: Tenant, doors: Mapping[int, list[frozenset[str]]]) -> frozenset[int]:
    groups = groups_of(tenant)
    return frozenset(number for number, entries in doors.items() if all(not groups.isdisjoint(entry) for entry in entries))


def at_any_hour(schedule: Schedule) -> bool:
    """Whether a schedule has no hour and no holiday without it."""
    return all(_whole(spans) for spans in (*schedule.weekly, *schedule.holidays.values()))


def _whole(spans: Spans) -> bool:
    reached = 0
    for start, end in sorted(spans):
        if start > reached:
            return False
        reached = max(reached, end)
    return reached >= DAY_MINUTES
