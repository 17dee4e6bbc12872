"""The manager saves a broken sheet while the gate runs, and mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import Gatehouse
from tests.walks.harness import LI, WANG, Centre, Ear, Machine, Person, leaf_site, save_roster, until

pytestmark = pytest.mark.peer("mosquitto")

NEW = Person("A1003", 42222)
TWICE = Person("A1004", WANG.card)  # the same card for two tenants


async def test_the_last_good_roster_stays_in_force(tmp_path: Path, broker: Mosquitto, house: Gatehouse, centre: Centre) -> None:
    """A sheet with a fault is refused whole and said so in health; old cards open, nothing new counts until it is mended."""
    site = leaf_site(tmp_path, broker.port, house, door={"release_s": 1})
    async with Machine(site).running() as machine, Ear().listening(broker.port) as ear:
        good = await centre.hears("roster.applied", tenants=2)
        await machine.in_force()

        # The new tenant is entered, and one card is typed twice.
        save_roster(site.roster, [WANG, LI, NEW, TWICE])
        refused = await centre.hears("roster.refused")
        assert (refused["reason"], refused["roster_version"]) == ("faults", good["roster_version"])
        assert refused["faults"] >= 1
        house.swipe(WANG.value)
        granted = await centre.hears("access.granted")
        assert granted["roster_version"] == good["roster_version"]
        house.swipe(NEW.value)
        await centre.hears("access.denied", reason="unknown_credential")
        await centre.hears("gateway.degraded", what="roster.stale", phase="begin")
        await until(lambda: "roster.stale" in ear.last("health")["degraded"])

        # Half a sheet: a program died while it saved.
        whole = (site.roster / "roster.csv").read_bytes()
        (site.roster / "roster.csv").write_bytes(whole[: len(whole) // 2].replace(b"A1002", b"A1001"))
        await centre.hears("roster.refused", 2)

        # The gateway is even restarted meanwhile: what was in force still is.
        assert await machine.stop() == 0
        machine.start()
        await centre.hears("gateway.started", cause="restart")
        await machine.in_force()
        house.swipe(LI.value)
        assert (await centre.hears("access.granted", 2))["roster_version"] == good["roster_version"]

        # The manager mends it.
        save_roster(site.roster, [WANG, LI, NEW])
        mended = await centre.hears("roster.applied", tenants=3)
        assert (mended["added"], mended["removed"]) == (1, 0)
        await centre.hears("gateway.degraded", what="roster.stale", phase="end")
        house.swipe(NEW.value)
        assert (await centre.hears("access.granted", 3))["roster_version"] == mended["roster_version"]
        await until(lambda: "roster.stale" not in ear.last("health")["degraded"] and ear.last("health")["roster"]["tenants"] == 3)
