"""The two ways to the devices: through the running daemon, whose ports are never touched, or by running their drivers here."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import drivers
from drivers.contract import DoorController
from drivers.errors import DriverError
from drivers.orders import Release
from drivers.readings import Back, Lost, Reading
from edge.access.reasons import GuardReason, ViewReason
from edge.control import client
from edge.control.examine import Lines, plain
from edge.errors import CommandRefused, NoDaemon
from edge.gate.wiring import Wiring, wire
from edge.settings import Settings

_T = TypeVar("_T")
SETTLE_S = 8.0  # OSDP's readers take 5 s to be given up; everything else has answered or not by then
ORDER_S = 3.0  # an unlock older than this never acts
WAITING = 256  # readings nobody has looked at yet

Examined = Mapping[str, Any]
"""A controller: controller, driver, up, answers, why, findings (code, mark, values, reader).

A daemon adds its cameras: controller (the camera's name), camera, up."""
Heard = Mapping[str, Any]
"""One reading, as edge.control.examine.plain writes it."""


@dataclass(frozen=True, slots=True)
class Pulsed:
    """What came of a pulse: whether the device took the order, and its own word or the reason."""

    ok: bool
    said: str


class Bench(Protocol):
    """Where the doctor looks."""

    daemon: bool

    def examine(self) -> list[Examined]:
        """Every controller."""
        ...

    def readings(self, seconds: float) -> Iterator[Heard]:
        """What the devices say from now on, for so long; stop asking whenever enough was heard."""
        ...

    def pulse(self, door: str) -> Pulsed:
        """Release this door once. It moves."""
        ...

    def close(self) -> None:
        """Leave everything as it was."""
        ...


def bench(settings: Settings, socket: Path, door: str | None) -> Bench:
    """The daemon's, if it answers; else the devices themselves, those of one door or all."""
    try:
        client.ask(socket, "ping")
    except NoDaemon:
        return OwnBench(settings, door)
    return DaemonBench(settings, socket)


class DaemonBench:
    """Everything goes over the control socket. Raises NoDaemon when the daemon goes away, CommandRefused where it says no."""

    daemon = True

    def __init__(self, settings: Settings, socket: Path) -> None:
        self._settings = settings
        self._socket = socket

    def examine(self) -> list[Examined]:
        """See Bench."""
        answer: Any = client.ask(self._socket, "examine")
        return list(answer)

    def readings(self, seconds: float) -> Iterator[Heard]:
        """See Bench."""
        items: Any = client.follow(self._socket, "readings", seconds=seconds, reason=ViewReason.SERVICE.value)
        yield from items

    def pulse(self, door: str) -> Pulsed:
        """See Bench. It is a guard's unlock, reason `service`, and stands in the journal as such."""
        point = next((name for name, given in self._settings.access_points.items() if given.door == door), None)
        if point is None:
            return Pulsed(ok=False, said="no access point")
        try:
            answer: Any = client.ask(self._socket, "unlock", access_point=point, reason=GuardReason.SERVICE.value)
        except CommandRefused as refused:
            return Pulsed(ok=False, said=refused.code)
        return Pulsed(ok=True, said=str(answer["result"]))

    def close(self) -> None:
        """See Bench."""


class OwnBench:
    """The drivers run here, on a thread with a loop of its own. A port that another program holds is left to it, and told."""

    daemon = False

    def __init__(self, settings: Settings, door: str | None = None) -> None:
        wiring = wire(settings, settings.site.tz)
        names = wiring.doors[door].lines if door else set(wiring.controllers)
        self._wiring: Wiring = wiring
        self._seconds = {name: given.release_s for name, given in settings.doors.items()}
        self._kinds = {name: plan.kind for name, plan in wiring.controllers.items() if name in names}
        self._controllers: dict[str, DoorController] = {}
        self._failed: dict[str, str] = {}
        for name in self._kinds:
            plan = wiring.controllers[name]
            # A board of the UHPPOTE kind tells one listener. Looking must not take that from whoever has it.
            quiet = {"take_listener": False} if "take_listener" in type(plan.options).model_fields else {}
            try:
                self._controllers[name] = drivers.make(plan.kind, plan.options.model_copy(update=quiet), plan.secured)
            except (DriverError, ImportError) as error:
                self._failed[name] = str(error)
        self._lines = Lines(self._controllers)
        self._settled = threading.Event()
        self._followers: list[queue.Queue[Heard]] = []
        self._spoken: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._running: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._live, name="doctor", daemon=True)
        self._thread.start()
        self._settled.wait(SETTLE_S)

    def examine(self) -> list[Examined]:
        """See Bench."""
        looked: list[Examined] = []
        if self._controllers:
            looked += self._ask(self._lines.look(self._controllers, self._kinds))
        blank = {"up": False, "findings": []}
        return [*looked, *({"controller": name, "driver": self._kinds[name], "why": why, **blank} for name, why in self._failed.items())]

    def readings(self, seconds: float) -> Iterator[Heard]:
        """See Bench."""
        mine: queue.Queue[Heard] = queue.Queue(WAITING)
        self._followers.append(mine)
        ends = time.monotonic() + seconds
        try:
            while (left := ends - time.monotonic()) > 0:
                try:
                    yield mine.get(timeout=left)
                except queue.Empty:
                    return
        finally:
            self._followers.remove(mine)

    def pulse(self, door: str) -> Pulsed:
        """See Bench."""
        controller, number = self._wiring.doors[door].lock
        driver = self._controllers.get(controller)
        if driver is None:
            return Pulsed(ok=False, said=self._failed.get(controller, ""))
        try:
            outcome = self._ask(driver.send(Release(number, self._seconds[door], time.monotonic() + ORDER_S)))
        except DriverError as error:
            return Pulsed(ok=False, said=str(error))
        return Pulsed(ok=True, said=outcome.value)

    def close(self) -> None:
        """See Bench. Running releases end, ports are given back."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._leave)
        self._thread.join(SETTLE_S)

    def _leave(self) -> None:
        for task in self._running:
            task.cancel()

    def _ask(self, what: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(SETTLE_S)

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._running = [self._loop.create_task(driver.run(partial(self._heard, name))) for name, driver in self._controllers.items()]
        if not self._running:
            self._settled.set()
        try:
            self._loop.run_until_complete(self._until_cancelled())
        finally:
            self._loop.close()

    async def _until_cancelled(self) -> None:
        """A driver that fails by a bug is not the end of the others."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _heard(self, name: str, reading: Reading) -> None:
        self._lines.heard(name, reading)
        if isinstance(reading, Back | Lost):
            self._spoken.add(name)
            if self._spoken >= self._controllers.keys():
                self._settled.set()
        for follower in tuple(self._followers):
            try:
                follower.put_nowait(plain(name, reading))
            except queue.Full:
                continue
