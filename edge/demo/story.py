"""The evening: who comes, who goes, who is refused, and what the door does. It fits itself into the time it is given."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from edge.demo.house import NEIGHBOUR, STRANGER, TENANTS, Person
from edge.demo.rig import Rig

HELD_S = 5.5  # the demo's door may stand open for 4 s
PAUSE_S = 0.6


@dataclass(slots=True)
class Tally:
    """What was done at the gate; the events must agree."""

    swipes: int = 0
    opened: int = 0
    surprises: list[str] = field(default_factory=list)
    scenes: Counter[str] = field(default_factory=Counter)


class Story:
    """Plays scenes until the time is over: the special ones once each, then tenants coming and going."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._inside: set[str] = set()
        self.tally = Tally()

    async def play(self, seconds: float) -> Tally:
        """Play for about `seconds`; a scene begun is played to its end."""
        until = time.monotonic() + seconds
        special: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("stranger", self._stranger),
            ("neighbour", self._neighbour),
            ("exit button", self._exit_button),
            ("forced", self._forced),
            ("held open", self._held_open),
            ("not taken", self._not_taken),
        ]
        turn = 0
        while time.monotonic() < until:
            await self._come_or_go(TENANTS[turn % len(TENANTS)])
            turn += 1
            if turn % 2 == 0 and special and time.monotonic() < until:
                name, scene = special.pop(0)
                self.tally.scenes[name] += 1
                await scene()
            await asyncio.sleep(PAUSE_S)
        return self.tally

    async def _swipe(self, person: Person, *, inward: bool, expected: bool) -> bool:
        self.tally.swipes += 1
        opened = await self._rig.swipe(person, inward=inward, patience_s=3.0 if expected else 1.0)
        self.tally.opened += opened
        if opened is not expected:
            self.tally.surprises.append("a valid card did not open" if expected else "a refused card opened")
        return opened

    async def _come_or_go(self, person: Person) -> None:
        inward = person.tenant_id not in self._inside
        self.tally.scenes["in" if inward else "out"] += 1
        if await self._swipe(person, inward=inward, expected=True):
            (self._inside.add if inward else self._inside.discard)(person.tenant_id)
            await self._rig.walk_through()

    async def _stranger(self) -> None:
        await self._swipe(STRANGER, inward=True, expected=False)

    async def _neighbour(self) -> None:
        await self._swipe(NEIGHBOUR, inward=True, expected=False)

    async def _exit_button(self) -> None:
        if await self._rig.press_exit():
            await self._rig.walk_through()

    async def _forced(self) -> None:
        await asyncio.sleep(3.5)  # the last grant is over
        await self._rig.walk_through(1.5)

    async def _held_open(self) -> None:
        if await self._swipe(TENANTS[0], inward=TENANTS[0].tenant_id not in self._inside, expected=True):
            await self._rig.walk_through(HELD_S)

    async def _not_taken(self) -> None:
        await self._swipe(TENANTS[1], inward=True, expected=True)
        await asyncio.sleep(3.5)
