"""A simulated ONVIF camera under the suite that every driver is held to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import drivers
from drivers.contract import DoorController
from drivers.orders import Level
from drivers.readings import Contact, InputChanged, Reading
from tests.drivers.harness import BRISK

ACCOUNT: Mapping[str, Any] = {"username": "gate", "password": "p@ss:w/rd"}


SORTS: Mapping[str, Mapping[str, Any]] = {
    "timed": {"skew_s": -7200},
    "latching": {},
    "digest": {"auth": "digest"},
    "old": {"soap11": True, "content_type": "text/html", "lists_services": False},
    "by_reference": {"parameters": True, "absolute_only": True},
    "hasty": {"waits": False, "grants_s": 10.0},
    "without_events": {"events": False},
}
"""What real cameras are like: drivers.onvif.simulator.Behaviour."""


class OnvifRig:
    """A camera of one of SORTS; the relays of a `latching` one do not time themselves."""

    def __init__(self, sort: str, secured: Mapping[int, Level]) -> None:
        from drivers.onvif.simulator import Behaviour, SimulatedRelay

        self._secured = secured
        self._options: dict[str, Any] = {"host": "127.0.0.1", "serial": "SIM-0001", "outputs": 2, "inputs": 2, **ACCOUNT}
        modes = ("Bistable",) if sort == "latching" else ("Bistable", "Monostable")
        if sort == "latching":
            self._options["accept_latching"] = True
        self._camera = drivers.simulator("onvif")(
            drivers.options("onvif")(**self._options),
            behaviour=Behaviour(**SORTS[sort]),
            relays=[SimulatedRelay("r1", modes=modes), SimulatedRelay("r2", modes=modes, idle_closed=sort != "latching")],
        )
        self._number = itertools.count(1)

    def controller(self) -> DoorController:
        """See Rig. Plug it in first: the camera has no port before."""
        options = drivers.options("onvif")(port=self._camera.port, **self._options)
        return drivers.make("onvif", options, self._secured, timing=BRISK)

    async def plug(self) -> None:
        """See Rig."""
        await self._camera.start(self._camera.port)

    async def unplug(self) -> None:
        """See Rig."""
        await self._camera.stop()

    async def say(self) -> Reading | None:
        """The second input turns over."""
        closed = next(self._number) % 2 == 1
        self._camera.set_input(2, closed=closed)
        return InputChanged(2, Contact.CLOSED if closed else Contact.OPEN) if self._camera.behaviour.events else None

    async def say_away(self) -> Reading | None:
        """It keeps nothing."""
        return None

    async def noise(self, data: bytes) -> None:
        """There is no wire on which bytes lie around; garbled answers are in test_garbled.py."""

    def released(self, door: int) -> bool:
        """See Rig."""
        return bool(self._camera.coils[door] is (self._secured[door] is Level.DEENERGISED))

    def releases(self) -> int:
        """See Rig."""
        return sum(moved.closed is (self._secured[moved.output] is Level.DEENERGISED) for moved in self._camera.history)
