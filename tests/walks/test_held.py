"""A door is wedged open, and later shut."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import LI, WANG, Centre, gateway, leaf_site

pytestmark = pytest.mark.peer("mosquitto")


async def test_a_wedged_door_is_held_until_it_is_shut(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """Granted, opened, left standing: held begins and ends once; whoever passes meanwhile passes an open door, unconfirmed."""
    site = leaf_site(tmp_path, broker.port, house, door={"held_after_s": 2})
    async with gateway(site):
        house.swipe(WANG.value)
        await house.until_coil(energised=True)
        house.leaf(opened=True)
        await centre.hears("passage.entry", confirmed=True)
        begun = await centre.hears("door.held", phase="begin")

        # Another tenant finds it open. Her card counts all the same.
        house.swipe(LI.value)
        through = await centre.hears("passage.entry", evidence="already_open")
        assert through["confirmed"] is False

        house.leaf(opened=False)
        ended = await centre.hears("door.held", phase="end")
        assert ended["alarm_id"] == begun["alarm_id"]
        await centre.hears("door.closed")
    assert "door.forced" not in centre.names()
    assert [event["data"]["phase"] for event in centre.events("door.held")] == ["begin", "end"]
