"""An OSDP reader that carries its door's lock loses its power in the middle of a fire."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from drivers.errors import LineLost
from drivers.line import open_pty_pair
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import INPUTS, Gatehouse
from tests.walks.harness import LI, WANG, Centre, Site, gateway, save_roster, until

with contextlib.suppress(ModuleNotFoundError):  # without the `devices` extra the peer mark skips all of this
    from drivers.door.osdp import Options, Simulator

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.peer("libosdp")]

FIRE = 2  # the input that burns while it carries no current
READERS = (
    {"address": 1, "key": "000102030405060708090a0b0c0d0e0f"},
    {"address": 2, "key": "f0e0d0c0b0a090807060504030201000", "output": None},
)


async def test_a_door_held_open_by_fire_is_open_again_when_its_reader_is(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """The relay falls off with its power and the strike locks; the first order after its return is to hold it released."""
    bus = Simulator(Options(port="/dev/null", readers=READERS))
    pair = open_pty_pair(tmp_path / "bus")
    site = Site(tmp_path)
    save_roster(site.roster, (WANG, LI))
    controllers = {"bus": {"driver": "osdp", "port": str(tmp_path / "bus"), "readers": READERS}, INPUTS: house.controllers()[INPUTS]}
    north = {"lock": {"controller": "bus", "door": 1, "type": "fail_secure", "wiring": "no"}, "free_exit": True}
    points = {
        f"north_{way}": {"door": "north", "direction": way, "reader": {"controller": "bus", "reader": reader}}
        for reader, way in ((1, "in"), (2, "out"))
    }
    site.write(
        broker.port,
        controllers,
        {"north": north},
        access_points=points,
        fire={"controller": INPUTS, "input": FIRE, "active": "open", "quiet_s": 1},
    )
    house.inputs.inputs[FIRE] = True

    async def live() -> None:
        with contextlib.suppress(LineLost):
            await bus.run(pair.line)

    serving = asyncio.create_task(live())
    async with gateway(site) as daemon:
        await until(lambda: daemon.gates.view()[0].state == "secured")
        house.inputs.inputs[FIRE] = False
        await until(lambda: bus.coils[1])
        assert daemon.gates.view()[0].state == "locked_open"

        bus.dead = {1}
        bus._switch(1, energised=False)
        await centre.hears("gateway.device_lost", device="bus_reader1", doors=["north"])
        assert daemon.gates.view()[0].lock == "unknown"
        assert daemon.gates.lost() == ("bus_reader1",)
        before = len(bus.history)
        bus.dead = set()
        await centre.hears("gateway.device_back", device="bus_reader1")
        await until(lambda: bus.coils[1])
        assert [switched.energised for switched in list(bus.history)[before:]] == [True]
        await until(lambda: daemon.gates.view()[0].state == "locked_open")

        house.inputs.inputs[FIRE] = True
        await until(lambda: not bus.coils[1])
        bus.present(1, WANG.value)
        await centre.hears("passage.entry")
    assert bus.coils[1] is False
    await pair.line.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert centre.names().count("site.fire") == 2
    assert "gateway.device_lost" in centre.names()
