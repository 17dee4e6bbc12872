"""What a UT0311 does by itself: its card table, its clock, its ring of events, its doors. No socket; that is simulator.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drivers.door.uhppote.options import Options
from drivers.door.uhppote.wire import OVERWRITTEN, Slot, Stored

PC_SILENCE_S = 30.0  # then the board judges alone again
RING = 200_000  # events a real board keeps
RELEASE_S = 3  # as delivered
NORMALLY_OPEN, NORMALLY_CLOSED, CONTROLLED = 1, 2, 3
OPENED_CARD, CLOSED_CARD, BUTTON_CARD, REMOTE_CARD = 8, 9, 1, 3_922_570_474  # what the card field holds when there is no card


@dataclass(slots=True)
class Door:
    """One door: how it is controlled, and how it stands. `unlocked_until` is monotonic."""

    mode: int = CONTROLLED
    seconds: int = RELEASE_S
    unlocked_until: float = 0.0
    is_open: bool = False
    pressed: bool = False


class Device:
    """One board without its network. `opened` holds the door and monotonic time of each release, `on_event` is told of each record.

    `ends_releases`: whether another mode ends a running release. Which of the two a real board does is not known; drive both.
    """

    ends_releases = True
    most_cards = 20_000  # what it is sold with; some hold fewer

    def __init__(self, options: Options, *, now: Callable[[], float] = time.monotonic, ring: int = RING) -> None:
        self.serial = options.serial
        self._now = now
        self._ring = ring
        self._wall0 = (datetime(2026, 1, 1, 8, 0, 0), now())  # noqa: DTZ001  # a board has no zone
        self.doors = {door: Door() for door in range(1, options.doors + 1)}
        self.cards: list[Slot | None] = []
        self.events: list[Stored] = []
        self.newest = 0
        self.records_doors = False
        self.pc_control = False
        self.pc_spoke_at = now()
        self.fire = False
        self.opened: list[tuple[int, float]] = []
        self.on_event: Callable[[], None] = lambda: None

    # --- at the gate -----------------------------------------------------------------------------------------------------------------

    def swipe(self, number: int, door: int, direction: int = 1) -> bool:
        """A card at a reader (direction 1 in, 2 out); True if the board itself released the door."""
        slot = next((slot for slot in self.cards if slot is not None and slot.number == number), None)
        reason = self._judge(slot, door)
        if reason == 1:
            self._release(door)
        self._record(2 if reason == 1 else 1, reason, door, number, granted=reason == 1, direction=direction)
        return reason == 1

    def open_leaf(self, door: int) -> None:
        """The leaf opens; without a release the door was forced."""
        state = self.doors[door]
        forced = not self.released(door)
        state.is_open = True
        self._record_door(2, 23, door, OPENED_CARD)
        if forced:
            self._record_door(3, 38, door, 4)

    def close_leaf(self, door: int) -> None:
        """The leaf falls shut."""
        self.doors[door].is_open = False
        self._record_door(2, 24, door, CLOSED_CARD)

    def held_too_long(self, door: int) -> None:
        """The board's own patience with an open leaf is over."""
        self._record_door(3, 37, door, 5)

    def press(self, door: int, *, pressed: bool = True) -> None:
        """The exit button goes down or up; the board releases by itself."""
        self.doors[door].pressed = pressed
        if pressed:
            self._release(door)
            self._record_door(2, 20, door, BUTTON_CARD)

    def restart(self) -> None:
        """Power went and came: what a board keeps in flash stays, a release and PC control do not."""
        self.pc_control = False
        self.doors = {door: Door(state.mode, state.seconds) for door, state in self.doors.items()}
        self._record(3, 28, 1, 0, granted=False)

    def forget_events(self) -> None:
        """Its memory of events is cleared, and counting starts at 1."""
        self.events.clear()
        self.newest = 0

    def released(self, door: int) -> bool:
        """Whether the lock is released now."""
        state = self.doors[door]
        return state.mode == NORMALLY_OPEN or (state.mode == CONTROLLED and self._now() < state.unlocked_until)

    def open_remotely(self, door: int) -> bool:
        """A release by network; False where the door is not controlled."""
        if door not in self.doors or self.doors[door].mode != CONTROLLED:
            return False
        self._release(door)
        self._record(2, 44, door, REMOTE_CARD, granted=True)
        return True

    def control(self, door: int, mode: int, seconds: int) -> None:
        """Set a door's mode."""
        state = self.doors[door]
        if mode != state.mode and self.ends_releases:
            state.unlocked_until = 0.0
        state.mode, state.seconds = mode, seconds

    # --- its clock and memory --------------------------------------------------------------------------------------------------------

    def wall(self) -> datetime:
        """The board's clock."""
        start, since = self._wall0
        return start + timedelta(seconds=int(self._now() - since))

    def set_wall(self, at: datetime) -> None:
        """Set the board's clock."""
        self._wall0 = (at, self._now())

    def event(self, index: int) -> Stored | None:
        """What is stored at an index: 0 the oldest, 0xffffffff the newest, OVERWRITTEN before the oldest, None beyond the newest."""
        if not self.events:
            return None
        oldest = self.events[0].index
        if index in (0, 0xFFFFFFFF):
            return self.events[0 if index == 0 else -1]
        if index < oldest:
            return replace(self.events[0], index=index, kind=OVERWRITTEN, number=0, reason=0)
        return self.events[index - oldest] if index <= self.newest else None

    def put(self, slot: Slot) -> bool:
        """Store a card, in place of the same number, in a hole, or at the end. False where the table is full."""
        for place, held in enumerate(self.cards):
            if held is not None and held.number == slot.number:
                self.cards[place] = slot
                return True
        if None in self.cards:
            self.cards[self.cards.index(None)] = slot
        elif len(self.cards) < self.most_cards:
            self.cards.append(slot)
        else:
            return False
        return True

    def delete(self, number: int) -> bool:
        """Delete a card, leaving a hole."""
        for place, held in enumerate(self.cards):
            if held is not None and held.number == number:
                self.cards[place] = None
                return True
        return False

    # --- inside ----------------------------------------------------------------------------------------------------------------------

    def _judge(self, slot: Slot | None, door: int) -> int:
        if slot is None:
            return 18
        if self.pc_control and self._now() - self.pc_spoke_at < PC_SILENCE_S:
            return 5
        if door not in slot.doors or not slot.valid_from <= self.wall().date() <= slot.valid_until:
            return 6
        return 11 if self.doors[door].mode == NORMALLY_CLOSED else 1

    def _release(self, door: int) -> None:
        self.doors[door].unlocked_until = self._now() + self.doors[door].seconds
        self.opened.append((door, self._now()))

    def _record_door(self, kind: int, reason: int, door: int, number: int) -> None:
        if self.records_doors:
            self._record(kind, reason, door, number, granted=kind == 2)

    def _record(self, kind: int, reason: int, door: int, number: int, *, granted: bool, direction: int = 1) -> None:
        self.newest += 1
        self.events.append(Stored(self.newest, kind, granted, door, direction, number, self.wall(), reason))
        del self.events[: -self._ring]
        self.on_event()
