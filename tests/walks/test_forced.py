"""Somebody breaks the door open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import Centre, Ear, gateway, leaf_site, until

pytestmark = pytest.mark.peer("mosquitto")


async def test_a_forced_door_is_an_alarm_until_it_is_shut(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """The leaf opens with nobody granted: forced begins, stands open in health for a centre that comes later, and ends with the leaf."""
    site = leaf_site(tmp_path, broker.port, house)
    async with gateway(site) as daemon, Ear().listening(broker.port) as ear:
        await until(lambda: daemon.gates.view()[0].contact == "closed")
        house.leaf(opened=True)
        begun = await centre.hears("door.forced", phase="begin")
        opened = await centre.hears("door.opened")
        assert "passage_id" not in opened
        await until(lambda: [alarm["type"] for alarm in ear.last("health").get("alarms", [])] == ["anyu.door.forced.v1"])
        alarm = ear.last("health")["alarms"][0]
        assert (alarm["alarm_id"], alarm["door"]) == (begun["alarm_id"], "north")
        assert ear.last("health")["doors"][0]["state"] == "forced"

        house.leaf(opened=False)
        ended = await centre.hears("door.forced", phase="end")
        assert ended["alarm_id"] == begun["alarm_id"]
        await until(lambda: ear.last("health")["alarms"] == [])
        assert house.told() == [False]  # nothing released it
    assert "passage.entry" not in centre.names()
    assert len(centre.events("door.forced")) == 2
