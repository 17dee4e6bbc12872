"""A stranger tries a card, and tries again; then a tenant comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import RAW, Gatehouse
from tests.walks.harness import FACILITY, WANG, Centre, Person, gateway, leaf_site

pytestmark = pytest.mark.peer("mosquitto")

STRANGERS = [Person("", card).value for card in range(65_000, 65_005)]


async def test_a_stranger_stays_outside_and_is_told_of_without_a_number(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """Five cards nobody knows: five refusals, one call for a person, no movement of the lock, no card number anywhere."""
    site = leaf_site(tmp_path, broker.port, house)
    async with gateway(site):
        for number, value in enumerate(STRANGERS, 1):
            house.swipe(value)
            denied = await centre.hears("access.denied", number, reason="unknown_credential")
            assert denied["person_kind"] == "unknown"
            assert "person_ref" not in denied
        called = await centre.hears("access.repeated_refusals")
        assert (called["count"], called["access_point"]) == (5, "north_in")
        assert house.told() == [False]

        # A tenant behind the stranger waits for nothing.
        house.swipe(WANG.value)
        await house.until_coil(energised=True)
        await centre.hears("access.granted")
    told = "".join(arrival.text for arrival in centre.arrivals)
    assert not any(number in told for value in STRANGERS for number in (str(value), f"{value:X}", str(value - (FACILITY << 16))))


async def test_a_damaged_card_is_a_misread_and_opens_nothing(tmp_path: Path, broker: Mosquitto, centre: Centre) -> None:
    """A card whose last bit is wrong gives no number: refused as misread, nobody is named, nothing moves."""
    async with Gatehouse(tmp_path, entry=RAW).plugged_in() as house:
        site = leaf_site(tmp_path, broker.port, house)
        async with gateway(site):
            house.scratch(bytes.fromhex("02F623AF"))
            denied = await centre.hears("access.denied", reason="misread")
            assert denied["person_kind"] == "unknown"
            assert house.told() == [False]
