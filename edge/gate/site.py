"""All gates of the site: runs the controllers, routes readings to gates and orders back, and tells what concerns more than one door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from drivers.contract import DoorController
from edge.access.terms import Book
from edge.clock import Clock
from edge.gate.recorder import Memory, Recorder
from edge.gate.view import AlarmView, Answer, DoorView
from edge.gate.wiring import Wiring


class GateUnit(NamedTuple):
    """What the supervisor runs: `gate.<door>` and `controller.<name>`. Only gates are essential: a device may be away for ever."""

    name: str
    run: Callable[[], Awaitable[None]]
    essential: bool


class SiteGates:
    """Made once by the composition root, after the journal is open (modes, open alarms and the fire state are read in the constructor)."""

    def __init__(
        self,
        *,
        wiring: Wiring,
        controllers: Mapping[str, DoorController],
        book: Callable[[], Book],
        recorder: Recorder,
        memory: Memory,
        clock: Clock,
        new_id: Callable[[], str],
        pin_hash: Callable[[str], bytes],
    ) -> None:
        raise NotImplementedError

    def units(self) -> tuple[GateUnit, ...]:
        """Every gate first, then every controller."""
        raise NotImplementedError

    def view(self) -> tuple[DoorView, ...]:
        """One snapshot a door, in the order of site.yaml."""
        raise NotImplementedError

    def alarms(self) -> tuple[AlarmView, ...]:
        """Every alarm open at a door or at the site."""
        raise NotImplementedError

    async def first_ready(self) -> None:
        """Wait until the first lock has been driven to where it belongs, or every controller is known to be away."""
        raise NotImplementedError

    async def unlock(self, access_point: str, reason_code: str) -> Answer:
        """A guard opens for one passage; lock-down does not stop a guard at the desk."""
        raise NotImplementedError

    async def lock_down(self, door: str | None = None) -> Answer:
        """No entry by anybody at this door, or at all doors; exits go on."""
        raise NotImplementedError

    async def lock_open(self, door: str | None = None) -> Answer:
        """Keep this door, or all doors, released."""
        raise NotImplementedError

    async def release(self, door: str | None = None) -> Answer:
        """End lock-down and locked open."""
        raise NotImplementedError
