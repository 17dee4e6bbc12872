"""The power goes in the middle of an evening, and comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import LOCK, RELAY, Gatehouse
from tests.walks.harness import WANG, Centre, Machine, leaf_site

pytestmark = pytest.mark.peer("mosquitto")

LOCKS = {
    "a strike": ({"type": "fail_secure", "wiring": "no"}, False),
    "a magnet lock": ({"type": "fail_safe", "wiring": "no"}, True),
    "a magnet lock behind a resting contact": ({"type": "fail_safe", "wiring": "nc"}, False),
    "a strike behind a resting contact": ({"type": "fail_secure", "wiring": "nc"}, True),
}


def at(text: str) -> datetime:
    """A time of an event."""
    return datetime.fromisoformat(text)


def door(lock: dict[str, str]) -> dict[str, object]:
    """The door's settings with this lock."""
    return {"lock": {"controller": RELAY, "output": LOCK, "accept_latching": True, **lock}, "release_s": 60}


@pytest.mark.parametrize("lock", LOCKS)
async def test_the_door_is_secured_again_and_the_blind_time_told(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, lock: str
) -> None:
    """Cut while the lock stood released: the next boot drives it to what secures this lock, and tells since when nobody saw."""
    how, secured = LOCKS[lock]
    site = leaf_site(tmp_path, broker.port, house, door=door(how))
    machine = Machine(site, boot_id="11111111-1111-4111-8111-111111111111")
    async with machine.running():
        await machine.in_force()
        assert house.told() == [secured]
        house.swipe(WANG.value)
        await house.until_coil(energised=not secured)
        released = await centre.hears("door.released")

        # The power goes for everything at the gate: the board forgets its coils.
        machine.kill()
        cut = datetime.now(UTC)
        house.relay.power_cycle()
        told = len(house.told())

        # It comes back: another boot of the machine.
        machine.boot_id = "22222222-2222-4222-8222-222222222222"
        machine.start()
        started = await centre.hears("gateway.started", cause="power_cut")
        assert (await house.until_told(told + 1))[told:] == [secured]
        assert house.relay.coils[LOCK] is secured
        assert started["clean"] is False
        assert started["boot_id"] == machine.boot_id
        last = at(next(event["time"] for event in centre.events("door.released") if event["data"] == released))
        assert last <= at(started["blind_from"]) <= cut <= at(started["blind_to"])

        # Nobody has to do anything for the next tenant.
        await machine.in_force()
        house.swipe(WANG.value, inward=False)
        await house.until_coil(energised=not secured)
    assert [event["data"]["cause"] for event in centre.events("gateway.loss")] == ["left_out"]


async def test_a_daemon_that_died_in_a_pulse_secures_the_door_at_its_restart(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """The board keeps its coil when only the daemon dies: the same boot again, told as a crash, and the lock is secured at once."""
    site = leaf_site(tmp_path, broker.port, house, door=door({"type": "fail_secure", "wiring": "no"}))
    machine = Machine(site)
    async with machine.running():
        await machine.in_force()
        house.swipe(WANG.value)
        await house.until_coil(energised=True)
        machine.kill()
        assert house.relay.coils[LOCK] is True
        machine.start()
        await house.until_coil(energised=False)
        started = await centre.hears("gateway.started", cause="crash")
        assert started["clean"] is False


async def test_a_mode_of_before_the_cut_holds_after_it(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """Lock-down survives the power cut: at the next boot no card enters, and the alarm goes on under its old id."""
    site = leaf_site(tmp_path, broker.port, house, door=door({"type": "fail_secure", "wiring": "no"}))
    machine = Machine(site, boot_id="11111111-1111-4111-8111-111111111111")
    async with machine.running():
        await machine.in_force()
        await machine.say("lock-down")
        begun = await centre.hears("door.lockdown", phase="begin")
        machine.kill()
        machine.boot_id = "22222222-2222-4222-8222-222222222222"
        machine.start()
        await centre.hears("gateway.started", cause="power_cut")
        await machine.in_force()
        house.swipe(WANG.value)
        await centre.hears("access.denied", reason="locked_down")
        assert True not in house.told(), "the relay's own wire heard an order to release the lock"
        await machine.say("release")
        ended = await centre.hears("door.lockdown", phase="end")
        assert ended["alarm_id"] == begun["alarm_id"]
