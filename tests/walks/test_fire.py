"""It burns, and in the middle of it the gateway dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import FIRE, INPUTS, Gatehouse
from tests.walks.harness import WANG, Centre, Ear, Machine, leaf_site, until

pytestmark = pytest.mark.peer("mosquitto")


async def test_fire_opens_and_nothing_secures_until_it_is_over(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """The door stands released as long as the fire input says so, over a lock-down, a kill and a restart; then it is secured."""
    site = leaf_site(tmp_path, broker.port, house, fire={"controller": INPUTS, "input": FIRE, "active": "open"})
    machine = Machine(site)
    async with machine.running(), Ear().listening(broker.port) as ear:
        await machine.in_force()
        await house.until_coil(energised=False)

        house.fire(burning=True)
        begun = await centre.hears("site.fire", phase="begin")
        await centre.hears("door.locked_open", why="fire", phase="begin")
        await house.until_coil(energised=True)
        told = len(house.told())
        await until(lambda: ear.last("health")["doors"][0]["mode"] == "fire")

        # Somebody locks down in panic: it is written down for later and secures nothing now.
        await machine.say("lock-down")
        # People run out and in. Nothing ends the release.
        house.swipe(WANG.value, inward=False)
        await centre.hears("access.granted", direction="out")
        house.leaf(opened=True)
        await centre.hears("passage.exit", confirmed=True)
        house.leaf(opened=False)
        await centre.hears("door.closed")

        # The gateway dies, and starts while it still burns.
        machine.kill()
        machine.start()
        await centre.hears("gateway.started", cause="crash")
        await house.until_told(told + 1)
        await machine.in_force()
        assert set(house.told()[told:]) == {True}

        # The panel is reset. What the guard ordered meanwhile holds now.
        house.fire(burning=False)
        ended = await centre.hears("site.fire", phase="end")
        assert ended["alarm_id"] == begun["alarm_id"]
        await house.until_coil(energised=False)
        await centre.hears("door.lockdown", phase="begin")
        assert (house.told()[told:][-1], house.told().count(False)) == (False, 2)
    assert not centre.events("door.forced", "door.held")
