"""The relay board's cable is pulled, and put back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.control.client import ask
from edge.errors import CommandRefused
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import INPUTS, LOCK, RELAY, Gatehouse
from tests.walks.harness import LI, WANG, Centre, Ear, Machine, leaf_site, until

pytestmark = pytest.mark.peer("mosquitto")

TURNS = 3  # a line that comes and goes is dialled less and less often


async def test_an_unlock_of_before_is_never_carried_out_after(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """While the line is down the door is unknown and every order fails at once; on the line that comes back only the securing is heard."""
    site = leaf_site(tmp_path, broker.port, house, door={"release_s": 1})
    async with Machine(site).running() as machine, Ear().listening(broker.port) as ear:
        await machine.in_force()
        await until(lambda: ear.last("health").get("doors", [{}])[0].get("state") == "secured")

        # The cable is pulled. Nobody knows what the lock does now, and the gateway says so.
        await house.unplug(RELAY)
        await centre.hears("gateway.device_lost", device="relay", doors=["north"])
        await until(lambda: ear.last("health")["doors"][0]["lock"] == "unknown")
        assert ear.last("health")["doors"][0]["state"] == "unknown"
        assert "device.relay" in ear.last("health")["degraded"]

        # A tenant swipes and a guard unlocks: both are told at once that the door does not move.
        house.swipe(WANG.value)
        with pytest.raises(CommandRefused) as refused:
            await asyncio.to_thread(ask, site.socket, "unlock", access_point="north_in", reason="door_fault")
        assert refused.value.code == "failed"
        await centre.hears("door.released", 2, result="failed")

        # The cable is put back at once, well within the three seconds that an order lives.
        before = len(house.told())
        house.plug(RELAY)
        await centre.hears("gateway.device_back", device="relay")
        assert (await house.until_told(before + 1))[before:] == [False]
        await until(lambda: ear.last("health")["doors"][0]["state"] == "secured")
        await centre.hears("access.not_taken", 2)  # both grants have run out: from here on nothing of them can come
        assert house.told()[before:] == [False]

        # And the next tenant notices nothing.
        house.swipe(LI.value)
        await house.until_coil(energised=True)
        await centre.hears("door.released", result="commanded")
    told = [(event["type"], event["data"]["device"]) for event in centre.events("gateway.device_lost", "gateway.device_back")]
    assert [what for what, device in told if device == RELAY] == ["anyu.gateway.device_lost.v1", "anyu.gateway.device_back.v1"]
    assert "passage.entry" not in centre.names()


async def test_a_plug_pulled_in_the_moment_of_a_swipe_opens_nothing_later(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """Card and loss at the same moment, three times: the board that comes back hears securing first, and no release without a new card."""
    people = [WANG, LI]
    site = leaf_site(tmp_path, broker.port, house, *people, door={"release_s": 1})
    async with Machine(site).running() as machine:
        await machine.in_force()
        for turn in range(TURNS):
            house.swipe(people[turn % 2].value)
            await house.unplug(RELAY)
            house.relay.power_cycle()
            heard = len(house.told())
            await centre.hears("gateway.device_lost", turn + 1, device=RELAY)
            house.plug(RELAY)
            await centre.hears("gateway.device_back", turn + 1, device=RELAY)
            await house.until_told(heard + 1)
            await centre.hears("access.not_taken", turn + 1)
            assert house.told()[heard:] == [False]
            assert house.relay.coils[LOCK] is False
    results = [event["data"]["result"] for event in centre.events("door.released")]
    assert len(results) == TURNS
    assert set(results) <= {"commanded", "failed"}


async def test_an_unplugged_contact_makes_no_alarm_and_no_certainty(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """With the contact's board away a card still opens; the passage is not confirmed, and opening the leaf unseen is no force."""
    site = leaf_site(tmp_path, broker.port, house)
    async with Machine(site).running() as machine, Ear().listening(broker.port) as ear:
        await machine.in_force()
        await until(lambda: ear.last("health").get("doors", [{}])[0].get("contact") == "closed")
        await house.unplug(INPUTS)
        await centre.hears("gateway.device_lost", device="inputs")
        house.swipe(WANG.value)
        entry = await centre.hears("passage.entry")
        assert (entry["confirmed"], entry["evidence"]) == (False, "no_contact")

        # She has wedged the door open when the board comes back: that is seen, and is nobody's break-in.
        house.leaf(opened=True)
        house.plug(INPUTS)
        await centre.hears("gateway.device_back", device="inputs")
        await centre.hears("door.opened")
        house.leaf(opened=False)
        await centre.hears("door.closed")
    assert "door.forced" not in centre.names()
