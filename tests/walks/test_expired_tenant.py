"""Somebody whose contract ended comes back; somebody whose contract ends tonight comes home."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import WANG, Centre, Person, gateway, leaf_site

pytestmark = pytest.mark.peer("mosquitto")

ENDED = Person("A0907", 42190, {"valid_until": "2026-03-01"})
LAST_DAY = Person("A0908", 42191, {"valid_until": "2026-03-02"})
NEXT_WEEK = Person("A0909", 42192, {"valid_from": "2026-03-09"})


async def test_an_ended_contract_does_not_open_and_its_last_day_does(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """Monday 2 March, 19:00: until 1 March is over, until 2 March is not, from 9 March is not yet; and nobody is ever kept inside."""
    site = leaf_site(tmp_path, broker.port, house, WANG, ENDED, LAST_DAY, NEXT_WEEK, door={"release_s": 1})
    async with gateway(site):
        # The contract ended yesterday. The lock does not move, and the event says why and of whom, without a name.
        house.swipe(ENDED.value)
        denied = await centre.hears("access.denied", reason="expired")
        assert denied["person_kind"] == "resident"
        assert denied["person_ref"]

        # The new tenant is a week early.
        house.swipe(NEXT_WEEK.value)
        early = await centre.hears("access.denied", reason="not_yet_valid")
        assert early["person_ref"] != denied["person_ref"]
        assert house.told() == [False]

        # The last day is a day like any other.
        house.swipe(LAST_DAY.value)
        await centre.hears("access.granted", reason="granted")
        await house.until_told(3)

        # Whoever is inside gets out, contract or not.
        house.swipe(ENDED.value, inward=False)
        out = await centre.hears("access.granted", reason="exit_always")
        assert out["person_ref"] == denied["person_ref"]
        assert (await house.until_told(5))[-2:] == [True, False]
    assert len(centre.events("access.denied")) == 2
