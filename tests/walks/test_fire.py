"""It burns, and in the middle of it the gateway dies."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.control.client import ask
from edge.errors import CommandRefused
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import FIRE, INPUTS, Gatehouse
from tests.walks.harness import LI, WANG, Centre, Ear, Machine, leaf_site, until

pytestmark = pytest.mark.peer("mosquitto")

LINE = {"controller": INPUTS, "input": FIRE, "active": "open", "quiet_s": 2}


async def test_fire_opens_and_nothing_secures_until_it_is_over(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """The door stands released as long as the fire input says so, over a lock-down, a kill and a restart; then it is secured."""
    site = leaf_site(tmp_path, broker.port, house, fire=LINE)
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


async def test_a_chattering_line_never_secures_the_door(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """The panel's wire burns: open, closed, open ... One fire is told, the lock's coil never falls, over a kill too; then it is quiet."""
    site = leaf_site(tmp_path, broker.port, house, fire=LINE)
    machine = Machine(site)
    async with machine.running():
        await machine.in_force()
        await house.until_coil(energised=False)
        for turn in range(30):
            house.fire(burning=True)
            await asyncio.sleep(0.15)
            if turn == 10:
                await house.until_coil(energised=True)
                machine.kill()
                machine.start()
            if turn == 20:
                await machine.in_force()
            house.fire(burning=False)
            await asyncio.sleep(0.15)
        assert house.told() == [False, *([True] * (len(house.told()) - 1))]
        await centre.hears("site.fire", phase="end")
        await house.until_coil(energised=False)
        await centre.hears("door.locked_open", phase="end")
    assert [event["data"]["phase"] for event in centre.events("site.fire")] == ["begin", "end"]
    assert [event["data"]["phase"] for event in centre.events("door.locked_open")] == ["begin", "end"]


async def test_nothing_played_ends_a_real_fire(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """Everything that can be played is, live and not, while the panel says fire: the lock stays released and the fire open."""
    site = leaf_site(
        tmp_path,
        broker.port,
        house,
        fire=LINE,
        guard_button={"controller": INPUTS, "input": 4, "access_point": "north_in"},
    )
    machine = Machine(site)
    async with machine.running():
        await machine.in_force()
        await house.until_coil(energised=False)
        house.fire(burning=True)
        begun = await centre.hears("site.fire", phase="begin")
        await centre.hears("door.locked_open", why="fire", phase="begin")
        await house.until_coil(energised=True)
        told = len(house.told())

        states = {"fire": ("on", "off"), "contact": ("open", "closed"), "tamper": ("on", "off"), "power": ("failed", "ok")}
        plays = [(what, state) for what, both in states.items() for state in both]
        refused = []
        for live in ("", "yes"):
            for what, state in [*plays, ("pass", "in"), ("desk", ""), ("rex", ""), ("card", "")]:
                words = {"door": "north", "access_point": "north_in", "controller": INPUTS, "number": f"fc:205,{WANG.card}"}
                try:
                    await asyncio.to_thread(ask, site.socket, "simulate", what=what, state=state, live=live, **words)
                except CommandRefused as why:
                    refused.append((what, state, why.code))
        live_only_by_the_wire = {(what, state, "not_live") for what, state in plays if (what, state) != ("fire", "on")}
        assert {one for one in refused if one[2] == "not_live"} == live_only_by_the_wire | {("pass", "in", "not_live")}

        # A real card tells that all of it has been judged.
        house.swipe(LI.value, inward=False)
        await centre.hears("access.granted", direction="out", person_kind="resident")
        assert set(house.told()[told:]) <= {True}
        status = await machine.in_force()
        assert [door["mode"] for door in status["doors"]] == ["fire"]
        assert begun["alarm_id"] in {alarm["alarm_id"] for alarm in status["alarms"]}
        assert [one["data"].get("phase") for one in centre.events("site.fire") if not one["data"].get("simulated")] == ["begin"]
        for event in centre.events():
            assert not (event["data"].get("simulated") and "person_ref" in event["data"])

        house.fire(burning=False)
        ended = await centre.hears("site.fire", phase="end", alarm_id=begun["alarm_id"])
        assert "simulated" not in ended
        await house.until_coil(energised=False)
