"""Leaving by the button, also while nobody may come in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.control.client import ask
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import WANG, Centre, Machine, leaf_site

pytestmark = pytest.mark.peer("mosquitto")


async def test_the_button_lets_out_and_lock_down_does_not_change_that(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """One press is one grant and one exit; under lock-down a tenant's card is refused at the entry and the button still opens."""
    site = leaf_site(tmp_path, broker.port, house)
    async with Machine(site).running() as machine:
        await machine.in_force()
        house.button(pressed=True)
        await house.until_coil(energised=True)
        house.leaf(opened=True)
        out = await centre.hears("passage.exit")
        house.button(pressed=False)
        house.leaf(opened=False)
        await centre.hears("door.closed")
        assert (out["method"], out["reason"], out["confirmed"]) == (["rex"], "rex", True)
        assert "person_ref" not in out

        # The guard locks down.
        assert "north" not in await machine.say("lock-down", "north")
        await centre.hears("door.lockdown", phase="begin")
        house.swipe(WANG.value)
        await centre.hears("access.denied", reason="locked_down")
        house.button(pressed=True)
        await house.until_coil(energised=True)
        await centre.hears("access.granted", 2, reason="rex")
        house.button(pressed=False)

        # And ends it.
        await asyncio.to_thread(ask, site.socket, "release", door="north")
        await centre.hears("door.lockdown", phase="end")
    assert len(centre.events("access.granted")) == 2
