"""The doors of one board: orders into questions, what must be remembered for that, and whether the relays do as they were told."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable

from uhppoted import encode

from drivers.door.uhppote.board import CONTROLLED, NORMALLY_CLOSED, NORMALLY_OPEN, Board
from drivers.errors import LineLost, NoAnswer, Refused, Stale
from drivers.orders import HoldReleased, Release, Secure

log = logging.getLogger(__name__)

SHORTEST_S = 1  # a board times whole seconds
LATE_S = 2.0  # a board times in whole seconds of its own clock, and a status is polled every 0.8 s


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
        self._shut_until: dict[int, float] = {}  # doors left "normally closed" until a release that cannot be ended is over
        self._odd: set[int] = set()  # doors whose relay was not as expected at the last poll
        self._told: set[int] = set()  # doors told as somebody else's; nothing is expected of them before their next order
        self._used_at: dict[int, float] = {}  # when the board told of a card, a button or an opening last

    async def learn(self, board: Board) -> None:
        """Ask what the doors are set to. Releases of before an outage are forgotten; what was held stays held."""
        self._ends.clear()
        self._shut_until.clear()
        self._odd.clear()
        self._seconds = {door: (await board.door(door))[1] for door in self._doors}

    def begin(self, relays: int) -> None:
        """The relays of the status from which on events count: what is on may be so for somebody whom the board has just let in."""
        self._used_at = {door: self._now() if _on(relays, door) else -math.inf for door in self._doors}

    async def carry_out(self, board: Board, order: Release | Secure | HoldReleased) -> None:
        """One order. Raises as Board does, and Stale."""
        self._told.discard(order.door)
        match order:
            case Release():
                await self._release(board, order)
            case Secure(door):
                await self._secure(board, door)
            case HoldReleased(door):
                await board.set_door(door, NORMALLY_OPEN, self._seconds[door])
                self._held.add(door)
                self._ends.pop(door, None)
                self._shut_until.pop(door, None)

    async def look(self, board: Board, relays: int, used: set[int]) -> None:
        """Compare a status's relays (bit 0: door 1) with what was ordered, and give shut doors back when their time has come.

        `used`: the doors at which the board has just told of a card or a button, so that its relay may be on for a release. Raises LineLost
        where a relay was not as ordered twice running: somebody else drives the board, and it must be set anew.
        """
        now = self._now()
        self._used_at.update(dict.fromkeys(used, now))
        for door, until in list(self._shut_until.items()):
            if now >= until:
                await board.set_door(door, CONTROLLED, self._seconds[door])
                del self._shut_until[door]
        judged = set(self._doors) - self._told
        odd = {door for door in judged if _on(relays, door) != self._expected(door, on=_on(relays, door))}
        again, self._odd = odd & self._odd, odd
        if again:
            self._told |= again
            raise LineLost(f"door {min(again)} is not as it was set: somebody else drives this board")

    def _expected(self, door: int, *, on: bool) -> bool:
        """Whether the relay should be on; while a release may be beginning or ending, as it is."""
        if door in self._held:
            return True
        ends = max(self._ends.get(door, -math.inf), self._used_at[door] + self._seconds[door], self._shut_until.get(door, -math.inf))
        return on and self._now() <= ends + LATE_S

    async def _secure(self, board: Board, door: int) -> None:
        """Shut the door now, whatever runs, and let cards pass again as soon as that can be.

        A moment of "normally closed" ends a running release on some boards and not on others. Where the relay is still on afterwards, the
        door stays "normally closed" (the board then asks us about each card) until the release would have ended by itself.
        """
        seconds = self._seconds[door]
        ends = max(self._ends.get(door, -math.inf), self._used_at[door] + seconds)
        await board.set_door(door, NORMALLY_CLOSED, seconds)
        await board.set_door(door, CONTROLLED, seconds)
        self._held.discard(door)
        self._ends.pop(door, None)
        self._shut_until.pop(door, None)
        if _on((await board.status()).relays, door):
            await board.set_door(door, NORMALLY_CLOSED, seconds)
            self._shut_until[door] = max(ends, self._now()) + 1
            if _on((await board.status()).relays, door):
                raise Refused(f"door {door} stays released")

    async def finish(self, board: Board, sleep: Callable[[float], Awaitable[None]]) -> None:
        """The driver stops while the board is there: end what runs, and give shut doors back. Held doors stay held.

        Where a moment of "normally closed" ends nothing, the release is begun anew for the shortest time, the door being kept shut.
        """
        for door in self._running():
            await board.set_door(door, NORMALLY_CLOSED, self._seconds[door])
            await board.set_door(door, CONTROLLED, self._seconds[door])
        relays = (await board.status()).relays
        long = sorted({door for door in self._running() if _on(relays, door)} | set(self._shut_until))
        for door in self._running():
            del self._ends[door]
        for door in long:
            self._shut_until[door] = self._now() + SHORTEST_S
            await board.set_door(door, CONTROLLED, SHORTEST_S)
            self._opening(door)
            await board.open_door(door)
            await board.set_door(door, NORMALLY_CLOSED, SHORTEST_S)
        if long:
            await sleep(SHORTEST_S)
        for door in long:
            await board.set_door(door, CONTROLLED, self._seconds[door])
            del self._shut_until[door]

    def last_words(self) -> list[bytes]:
        """The same for a driver that cannot wait for answers, as far as that goes: nothing here opens a door, as it may be heard late."""
        running = self._running()
        words = [(door, mode) for door in running for mode in (NORMALLY_CLOSED, CONTROLLED)]
        words += [(door, CONTROLLED) for door in self._shut_until if door not in running]
        self._ends.clear()
        self._shut_until.clear()
        return [bytes(encode.set_door_control_request(self._serial, door, mode, self._seconds[door])) for door, mode in words]

    def _running(self) -> list[int]:
        return [door for door, ends in self._ends.items() if ends > self._now()]

    async def _release(self, board: Board, order: Release) -> None:
        """The board times whole seconds, rounded up, and the longer of this release and one that runs already.

        Tried twice: a datagram may be lost, releasing twice within three seconds is releasing once, and a door that somebody else has shut
        is taken back for whoever stands there with a valid card.
        """
        door, shut = order.door, False
        for last_try in (False, True):
            self._in_time(order)
            if door in self._held:
                return
            ends = max(self._now() + order.seconds, self._ends.get(door, 0.0))
            whole = math.ceil(ends - self._now())
            try:
                if shut or self._seconds[door] != whole or door in self._shut_until:
                    await board.set_door(door, CONTROLLED, whole)
                    self._seconds[door] = whole
                    self._shut_until.pop(door, None)
                    self._in_time(order)
                self._opening(door)
                self._ends[door] = self._now() + whole
                if await self._opens(board, door):
                    return
            except NoAnswer:
                if last_try:
                    raise
                continue
            shut = True
            log.warning("board %d: door %d stays shut: somebody else has set it so", self._serial, door)
        raise Refused(f"door {door} stays shut: somebody else has set it so")

    async def _opens(self, board: Board, door: int) -> bool:
        """Open a door; whether the board does it and its relay is on then. Raises NoAnswer, LineLost."""
        try:
            await board.open_door(door)
        except Refused:
            return False
        return _on((await board.status()).relays, door)

    def _in_time(self, order: Release) -> None:
        if self._now() > order.not_after:
            raise Stale("the release came too late")


def _on(relays: int, door: int) -> bool:
    return bool(relays & 1 << door - 1)
