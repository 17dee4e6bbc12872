"""Two boards of one relay each as one device of two doors, so that the contract of every driver can be held to them too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from drivers.contract import DoorController, Emit
from drivers.errors import Refused
from drivers.orders import Indicate, Order, Outcome
from drivers.readings import Back, Lost, Reading

if TYPE_CHECKING:
    from tests.drivers.rigs import WireRig


class PairRig:
    """A rig of two rigs: the first is door 1, the second door 2. They are plugged and unplugged together."""

    def __init__(self, make: Callable[[int], WireRig]) -> None:
        """`make` gives the rig whose one relay is that door."""
        self._rigs = {door: make(door) for door in (1, 2)}

    def controller(self) -> DoorController:
        """See Rig."""
        return _Pair({door: rig.controller() for door, rig in self._rigs.items()})

    async def plug(self) -> None:
        """See Rig."""
        for rig in self._rigs.values():
            await rig.plug()

    async def unplug(self) -> None:
        """See Rig."""
        for rig in self._rigs.values():
            await rig.unplug()

    async def say(self) -> Reading | None:
        """See Rig."""
        said = [await rig.say() for rig in self._rigs.values()]
        return said[0]

    async def say_away(self) -> Reading | None:
        """See Rig."""
        return None

    async def noise(self, data: bytes) -> None:
        """See Rig."""
        await self._rigs[1].noise(data)

    def released(self, door: int) -> bool:
        """See Rig."""
        return self._rigs[door].released(1)

    def releases(self) -> int:
        """See Rig."""
        return sum(rig.releases() for rig in self._rigs.values())


class _Pair:
    """Both drivers as one: Back when both are, Lost when the first is."""

    def __init__(self, drivers: Mapping[int, DoorController]) -> None:
        self._drivers = drivers
        self._up: set[int] = set()
        self._said: bool | None = None

    async def run(self, emit: Emit) -> None:
        self._up.clear()
        self._said = None
        async with asyncio.TaskGroup() as both:
            for door, driver in self._drivers.items():
                both.create_task(driver.run(partial(self._tell, door, emit)))

    async def send(self, order: Order) -> Outcome:
        if isinstance(order, Indicate) or order.door not in self._drivers:
            raise Refused("neither board can do that")
        return await self._drivers[order.door].send(replace(order, door=1))

    def _tell(self, door: int, emit: Emit, reading: Reading) -> None:
        if not isinstance(reading, Back | Lost):
            emit(reading)
            return
        (self._up.add if isinstance(reading, Back) else self._up.discard)(door)
        up = len(self._up) == len(self._drivers)
        if up is not self._said and (up or isinstance(reading, Lost)):
            self._said = up
            emit(reading)
