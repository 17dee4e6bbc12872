"""The doors of one board: orders into questions, and what must be remembered for that."""

from __future__ import annotations

import math
from collections.abc import Callable

from uhppoted import encode

from drivers.door.uhppote.board import CONTROLLED, NORMALLY_CLOSED, NORMALLY_OPEN, Board
from drivers.errors import NoAnswer, Stale
from drivers.orders import HoldReleased, Release, Secure


class Doors:
    """What each door is set to on the board, which are held, and until when a release runs. `opening` hears of each release beforehand."""

    def __init__(self, serial: int, doors: int, now: Callable[[], float], opening: Callable[[int], None]) -> None:
        self._serial = serial
        self._doors = range(1, doors + 1)
        self._now = now
        self._opening = opening
        self._seconds: dict[int, int] = {}
        self._held: set[int] = set()
        self._ends: dict[int, float] = {}

    async def learn(self, board: Board) -> None:
        """Ask what the doors are set to. Releases of before an outage are forgotten; what was held stays held."""
        self._ends.clear()
        self._seconds = {door: (await board.door(door))[1] for door in self._doors}

    async def carry_out(self, board: Board, order: Release | Secure | HoldReleased) -> None:
        """One order. Raises as Board does, and Stale."""
        match order:
            case Release():
                await self._release(board, order)
            case Secure(door):
                # "Normally closed" ends a running release at once; under it no card would pass, so that control is given back.
                await board.set_door(door, NORMALLY_CLOSED, self._seconds[door])
                await board.set_door(door, CONTROLLED, self._seconds[door])
                self._held.discard(door)
                self._ends.pop(door, None)
            case HoldReleased(door):
                await board.set_door(door, NORMALLY_OPEN, self._seconds[door])
                self._held.add(door)
                self._ends.pop(door, None)

    def last_words(self) -> list[bytes]:
        """What ends the releases that run now, for a driver that stops and cannot wait for answers. Held doors stay held."""
        running = [door for door, ends in self._ends.items() if ends > self._now()]
        self._ends.clear()
        return [
            bytes(encode.set_door_control_request(self._serial, door, mode, self._seconds[door]))
            for door in running
            for mode in (NORMALLY_CLOSED, CONTROLLED)
        ]

    async def _release(self, board: Board, order: Release) -> None:
        """The board times whole seconds, rounded up, and the longer of this release and one that runs already."""
        door = order.door
        for last_try in (False, True):  # a datagram may be lost, and releasing twice within three seconds is releasing once
            self._in_time(order)
            if door in self._held:
                return
            ends = max(self._now() + order.seconds, self._ends.get(door, 0.0))
            whole = math.ceil(ends - self._now())
            try:
                if self._seconds[door] != whole:
                    await board.set_door(door, CONTROLLED, whole)
                    self._seconds[door] = whole
                    self._in_time(order)
                self._opening(door)
                self._ends[door] = self._now() + whole
                await board.open_door(door)
            except NoAnswer:
                if last_try:
                    raise
            else:
                return

    def _in_time(self, order: Release) -> None:
        if self._now() > order.not_after:
            raise Stale("the release came too late")
