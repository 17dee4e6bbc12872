"""The night shift's card in the evening."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import EVENING, Centre, Person, WallClock, gateway, leaf_site

pytestmark = pytest.mark.peer("mosquitto")

DAY = Person("A1101", 42301, {"groups": "day_shift"})
NIGHT = Person("A1102", 42302, {"groups": "night_shift"})
RULES = {
    "schedules": {"by_day": {"weekly": {"mon-fri": ["06:00-22:00"]}}, "by_night": {"weekly": {"mon-sun": ["20:00-24:00", "00:00-08:00"]}}},
    "access_rules": [
        {"groups": ["day_shift"], "access_points": ["north_in", "north_out"], "schedule": "by_day"},
        {"groups": ["night_shift"], "access_points": ["north_in", "north_out"], "schedule": "by_night"},
    ],
}


async def test_a_card_opens_in_its_hours_and_every_card_opens_outward(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """19:00 is day, 23:00 is night: each shift is refused in the other's hours with the reason, and may leave at any time."""
    site = leaf_site(tmp_path, broker.port, house, DAY, NIGHT, door={"release_s": 1}, **RULES)
    wall = WallClock()
    async with gateway(site, wall.believed(site)):
        # 19:00. The night shift is an hour early.
        house.swipe(NIGHT.value)
        await centre.hears("access.denied", reason="wrong_time")
        assert house.told() == [False]
        house.swipe(DAY.value)
        await centre.hears("access.granted", reason="granted")
        await house.until_told(3)

        # 23:00, the same evening by the same gateway.
        wall.set(EVENING + timedelta(hours=4))
        house.swipe(NIGHT.value, inward=False)
        await centre.hears("access.granted", 2, reason="granted")
        await house.until_told(5)
        house.swipe(DAY.value, inward=False)
        await centre.hears("access.granted", reason="exit_always")
        await house.until_told(7)
    assert [event["data"]["reason"] for event in centre.events("access.denied")] == ["wrong_time"]
