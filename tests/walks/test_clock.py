"""The gateway's clock goes wrong: a year back, a day forward, never set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import EVENING, WANG, Centre, Ear, Person, WallClock, gateway, leaf_site, until

pytestmark = pytest.mark.peer("mosquitto")

MOVED_IN = Person("A1201", 42401, {"valid_from": "2026-02-20"})
LAST_DAY = Person("A1202", 42402, {"valid_until": "2026-03-02"})
ENDED = Person("A1203", 42403, {"valid_until": "2026-03-01"})
BY_DAY = Person("A1204", 42404, {"groups": "day_shift"})
EVERYBODY = (WANG, MOVED_IN, LAST_DAY, BY_DAY, ENDED)
VALID = (WANG, MOVED_IN, LAST_DAY, BY_DAY)
RULES = {
    "schedules": {"evening": {"weekly": {"mon": ["18:00-20:00"]}}},
    "access_rules": [
        {"groups": ["residents"], "access_points": ["north_in", "north_out"]},
        {"groups": ["day_shift"], "access_points": ["north_in"], "schedule": "evening"},
    ],
}
DAY, YEAR = timedelta(days=1), timedelta(days=365)


async def everybody_comes(house: Gatehouse, centre: Centre) -> None:
    """Whoever is valid enters; whose contract had ended before stays out. Nothing of that depends on the clock of the moment."""
    granted, denied = len(centre.events("access.granted")), len(centre.events("access.denied"))
    house.swipe(ENDED.value)
    assert (await centre.hears("access.denied", denied + 1))["reason"] == "expired"
    for number, person in enumerate(VALID, 1):
        house.swipe(person.value)
        await centre.hears("access.granted", granted + number)
    await centre.hears("access.not_taken", granted + len(VALID))  # nobody goes in: they only try
    assert len(centre.events("access.denied")) == denied + 1


async def in_order(centre: Centre) -> None:
    """The numbers have no gap, and are the order in which things happened, whatever the times say."""
    await centre.has_all(len(centre.events()))
    names = [name for name in centre.names() if name in {"access.granted", "door.released"}]
    assert names == ["access.granted", "door.released"] * (len(names) // 2)


@pytest.mark.parametrize("jump", [-YEAR, DAY], ids=["a year back", "a day forward"])
async def test_a_jump_is_told_and_refuses_nobody(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre, jump: timedelta
) -> None:
    """The wall clock is stepped while nobody disciplines it: told as `gateway.clock`, in events and in health, until it is set right."""
    site = leaf_site(tmp_path, broker.port, house, *EVERYBODY, door={"release_s": 1}, **RULES)
    wall = WallClock()
    async with gateway(site, wall.believed(site)), Ear().listening(broker.port) as ear:
        await everybody_comes(house, centre)
        assert {event["data"]["clock"] for event in centre.events("access.granted")} == {"synced"}

        # The time server is gone: the clock goes on by itself, and is still good.
        wall.synced = False
        assert (await centre.hears("gateway.clock"))["clock"] == "holdover"

        # Somebody sets it.
        wall.set(datetime.fromtimestamp(wall(), UTC) + jump)
        told = await centre.hears("gateway.clock", clock="untrusted")
        assert abs(told["stepped_s"] - jump.total_seconds()) < 5
        await until(lambda: ear.last("health")["clock"]["trust"] == "untrusted")
        assert datetime.fromisoformat(ear.last("health")["clock"]["last_trusted"]).date() == EVENING.date()
        before = len(centre.events())
        await everybody_comes(house, centre)
        later = centre.events()[before:]
        assert {event["data"]["clock"] for event in later} == {"untrusted"}
        assert all(datetime.fromisoformat(event["time"]).date() == (EVENING + jump).date() for event in later)
        await centre.hears("gateway.degraded", what="clock.untrusted", phase="begin")

        # The time server is back.
        wall.set(EVENING + timedelta(minutes=10))
        wall.synced = True
        await centre.hears("gateway.clock", clock="synced")
        await centre.hears("gateway.degraded", what="clock.untrusted", phase="end")
        await until(lambda: ear.last("health")["clock"]["trust"] == "synced")
    await in_order(centre)


async def test_a_clock_that_was_never_set_at_boot(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """After a power cut the machine believes it is 1970: contracts are judged by the last trusted time, until the time server answers."""
    site = leaf_site(tmp_path, broker.port, house, *EVERYBODY, door={"release_s": 1}, **RULES)
    async with gateway(site, WallClock().believed(site)):
        await everybody_comes(house, centre)

    # The battery of the clock chip is empty, and nobody answers on the network.
    wall = WallClock(datetime(1970, 1, 1, tzinfo=UTC), synced=False)
    async with gateway(site, wall.believed(site)), Ear().listening(broker.port) as ear:
        started = (await centre.hears("gateway.started", 2), centre.events("gateway.started")[1]["time"])
        assert started[0]["clock"] == "untrusted"
        assert started[1].startswith("1970-01-01")
        assert (started[0]["cause"], started[0]["clean"]) == ("restart", True)
        await everybody_comes(house, centre)
        await until(lambda: ear.last("health")["clock"]["trust"] == "untrusted")

        wall.set(EVENING + timedelta(hours=12))
        wall.synced = True
        await centre.hears("gateway.clock", clock="synced")
        house.swipe(LAST_DAY.value)
        denied = await centre.hears("access.denied", 3, reason="expired")
        assert denied["clock"] == "synced"  # it is Tuesday now, and known to be
    await in_order(centre)


async def test_a_gateway_that_never_knew_the_time(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """The very first start, without time: no calendar is believed, so that nobody with a card stands outside because of it."""
    site = leaf_site(tmp_path, broker.port, house, *EVERYBODY, door={"release_s": 1}, **RULES)
    wall = WallClock(datetime(1970, 1, 1, tzinfo=UTC), synced=False)
    async with gateway(site, wall.believed(site)):
        for number, person in enumerate(EVERYBODY, 1):
            house.swipe(person.value)
            await centre.hears("access.granted", number, clock="untrusted")
    await in_order(centre)
