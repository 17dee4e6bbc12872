"""A tenant comes home and goes out again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from edge.control.client import ask
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import WANG, Centre, Machine, leaf_site

pytestmark = pytest.mark.peer("mosquitto")


async def test_a_swipe_becomes_a_pulse_a_record_and_an_event(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """In by card and out by card through a real door: decision, lock, leaf and passage are joined by one id each, and told to the town."""
    site = leaf_site(tmp_path, broker.port, house)
    async with Machine(site).running() as machine:
        # 19:00. The gateway starts and secures the door before anybody comes.
        await centre.hears("gateway.started", cause="first")
        await centre.hears("roster.applied", tenants=2)
        await machine.in_force()
        assert house.told() == [False]

        # She holds her card to the reader outside; the lock clicks, she pushes the door, goes in, and it falls shut behind her.
        house.swipe(WANG.value)
        await house.until_coil(energised=True)
        house.leaf(opened=True)
        entry = await centre.hears("passage.entry")
        house.leaf(opened=False)
        await centre.hears("door.closed")

        # The lock was secured as soon as the leaf had opened, and everything speaks of one passage of one person.
        assert await house.until_told(3) == [False, True, False]
        story = centre.events("access.granted", "door.released", "door.opened", "passage.entry")
        assert [event["type"] for event in story] == [
            "anyu.access.granted.v1",
            "anyu.door.released.v1",
            "anyu.door.opened.v1",
            "anyu.passage.entry.v1",
        ]
        assert {event["data"]["passage_id"] for event in story} == {entry["passage_id"]}
        assert (entry["confirmed"], entry["evidence"], entry["method"], entry["direction"]) == (True, "contact", ["card"], "in")
        assert (entry["person_kind"], entry["access_point"], entry["reason"]) == ("resident", "north_in", "granted")
        assert centre.events("door.released")[0]["data"]["result"] == "commanded"  # this board says nothing: nothing is claimed of it

        # Later she goes out again, by the reader inside.
        house.swipe(WANG.value, inward=False)
        await house.until_coil(energised=True)
        house.leaf(opened=True)
        exit_ = await centre.hears("passage.exit")
        house.leaf(opened=False)
        await centre.hears("door.closed", 2)
        assert exit_["person_ref"] == entry["person_ref"]
        assert exit_["passage_id"] != entry["passage_id"]

        # The guard can ask why she was let in, and the gateway stops with its door secured and its last word told.
        granted = centre.events("access.granted")[0]
        said = json.loads(await machine.say("why", "--json", str(granted["id"])))
        assert said == granted
        waits: Any = await asyncio.to_thread(ask, site.socket, "waits")
        assert waits["north"]["count"] == 2
        assert await machine.stop() == 0
        await centre.hears("gateway.stopping")
        assert house.told()[-1] is False
    await centre.has_all(len(centre.events()))
