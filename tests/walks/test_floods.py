"""Somebody guesses cards at the entry as fast as its wire carries them, and wires of the inputs chatter; tenants come and go meanwhile."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge.gate.budget import STRANGERS
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import WANG, Centre, Data, Machine, Person, leaf_site

pytestmark = pytest.mark.peer("mosquitto")

GUESSES = int(os.environ.get("GUESSES", "4000"))
"""How many; a hundred thousand take two minutes and show no more."""
TENANTS = tuple(Person(f"A30{number}", 44_000 + number) for number in range(10, 15))


async def guess(house: Gatehouse, first: int, count: int) -> None:
    """Cards of another facility, one after the other, in bursts that a pty takes whole."""
    for number in range(first, first + count):
        house.swipe(90 << 16 | number % 65_536)
        if number % 20 == 0:
            await asyncio.sleep(0.01)


async def test_guessed_cards_fill_no_disk_and_hold_up_nobody(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """Thousands of unknown cards: a fault is told, and their number every ten seconds; a tenant's card opens in the midst of them."""
    site = leaf_site(tmp_path, broker.port, house, *TENANTS, door={"release_s": 1})
    machine = Machine(site)
    *during, after = TENANTS
    async with machine.running():
        await machine.in_force()
        for turn, tenant in enumerate(during):
            guessing = asyncio.create_task(guess(house, turn * GUESSES, GUESSES // len(during)))
            await asyncio.sleep(0.1)
            house.swipe(tenant.value)
            await centre.hears("access.granted", turn + 1, access_point="north_in")
            await guessing
        fault = await centre.hears("door.fault", what="unknown_cards", phase="begin")
        assert fault["access_point"] == "north_in"
        assert (await counted(centre))["reason"] == "unknown_credential"
        house.swipe(after.value)
        await centre.hears("access.granted", len(TENANTS))
        status = await machine.in_force()
    assert fault["alarm_id"] in {alarm["alarm_id"] for alarm in status["alarms"]}
    alone = [event for event in centre.events("access.denied") if "count" not in event["data"]]
    assert len(alone) == STRANGERS
    assert len(centre.events()) < 10 * len(TENANTS) + 2 * STRANGERS


async def counted(centre: Centre) -> Data:
    """The first event that holds the number of many."""
    found: list[Data] = []
    while not found:
        found = [event["data"] for event in centre.events("access.denied") if "count" in event["data"]]
        await asyncio.sleep(0.05)
    return found[0]


async def test_chattering_wires_fill_no_disk_and_hold_up_nobody(
    tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre
) -> None:
    """Contact and exit button chatter until each is a fault: the door can be left all the time, and a tenant's card opens."""
    site = leaf_site(tmp_path, broker.port, house, door={"release_s": 1})
    machine = Machine(site)
    async with machine.running():
        await machine.in_force()
        house.leaf(opened=False)
        chattering = asyncio.create_task(chatter(house))
        for what in ("contact", "exit"):
            await centre.hears("door.fault", what="chatter", phase="begin", input=what)
        before = len(centre.events())
        told = len(house.told())
        await house.until_told(told + 2)  # prolonged, and prolonged again
        house.swipe(WANG.value)
        granted = await centre.hears("access.granted", reason="granted")
        await centre.hears("passage.entry", passage_id=granted["passage_id"])
        assert len(centre.events()) - before < 10
        chattering.cancel()
    assert len(centre.events()) < 600


async def chatter(house: Gatehouse) -> None:
    """As quickly as the board is asked."""
    while True:
        for state in (True, False):
            house.leaf(opened=state)
            house.button(pressed=state)
            await asyncio.sleep(0.11)
