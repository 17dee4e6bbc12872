"""What every driver with locks promises about releasing and securing them, over each row of the table and medium."""

from __future__ import annotations

import pytest

import drivers
from drivers.contract import DoorController
from drivers.errors import LineLost, Stale
from drivers.orders import HoldReleased, Secure
from drivers.table import Locks
from tests.drivers.harness import Heard, eventually, release, running
from tests.drivers.rigs import RIGS, SECURED, Rig, with_peers

LOCKING = [name for name in RIGS if drivers.KINDS[name.split("-")[0]].locks is not Locks.NONE]
PULSE_S = 0.05
LONG_S = 30.0  # nobody waits for its end

locking = pytest.mark.parametrize("rig", with_peers(LOCKING), indirect=True)


@locking
async def test_release_ends_by_itself(rig: Rig) -> None:
    """A release moves the lock of that door alone and is over after its seconds, for a fail-secure lock and for a magnet."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard):
        await heard.back()
        await secure_all(driver, rig)
        before = rig.releases()
        for count, door in enumerate(SECURED, start=1):
            await driver.send(release(door, PULSE_S))
            await eventually(lambda count=count: rig.releases() == before + count)
            await eventually(lambda door=door: not rig.released(door))
    await rig.unplug()


@locking
async def test_hold_until_secure(rig: Rig) -> None:
    """A held lock stays released through the end of a release, and Secure ends both."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard):
        await heard.back()
        await secure_all(driver, rig)
        await driver.send(HoldReleased(1))
        await driver.send(release(1, PULSE_S))
        await eventually(lambda: rig.released(1))
        before = rig.releases()
        await driver.send(release(2, PULSE_S))
        await eventually(lambda: rig.releases() == before + 1)
        await eventually(lambda: not rig.released(2))
        assert rig.released(1)
        await driver.send(Secure(1))
        await eventually(lambda: not rig.released(1))
    await rig.unplug()


@locking
async def test_secure_ends_a_release(rig: Rig) -> None:
    """Secure comes before the end of a running release."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard):
        await heard.back()
        await secure_all(driver, rig)
        await driver.send(release(1, LONG_S))
        await eventually(lambda: rig.released(1))
        await driver.send(Secure(1))
        await eventually(lambda: not rig.released(1))
    await rig.unplug()


@locking
async def test_stop_ends_releases_and_keeps_what_is_held(rig: Rig) -> None:
    """Stopping in the middle of a release secures that lock at once; a held one stays as it is."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard):
        await heard.back()
        await secure_all(driver, rig)
        await driver.send(release(1, LONG_S))
        await driver.send(HoldReleased(2))
        await eventually(lambda: rig.released(1) and rig.released(2))
    await eventually(lambda: not rig.released(1))
    assert rig.released(2)
    await rig.unplug()


@locking
async def test_stale_release_is_dropped(rig: Rig) -> None:
    """A release past its not_after is Stale and never reaches the device."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard):
        await heard.back()
        await secure_all(driver, rig)
        before = rig.releases()
        with pytest.raises(Stale):
            await driver.send(release(1, late_by=0.001))
        await only_one_more(driver, rig, before)
    await rig.unplug()


@locking
async def test_orders_of_an_outage_are_never_carried_out(rig: Rig) -> None:
    """What was ordered while the line was down is LineLost at once and does not happen after Back."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard):
        after = await heard.back()
        await secure_all(driver, rig)
        before = rig.releases()
        await rig.unplug()
        after = await heard.lost(after)
        for order in (release(1), HoldReleased(1), Secure(2), release(2)):
            with pytest.raises(LineLost):
                await driver.send(order)
        await rig.plug()
        await heard.back(after)
        await secure_all(driver, rig)
        await only_one_more(driver, rig, before)
    await rig.unplug()


@locking
async def test_release_cut_by_an_outage(rig: Rig) -> None:
    """A release that was running when the line went sends nothing on its own after Back: the gate says what is to be."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard):
        after = await heard.back()
        await secure_all(driver, rig)
        await driver.send(release(1, LONG_S))
        await eventually(lambda: rig.released(1))
        before = rig.releases()
        await rig.unplug()
        after = await heard.lost(after)
        await rig.plug()
        await heard.back(after)
        await secure_all(driver, rig)
        await only_one_more(driver, rig, before)
    await rig.unplug()


async def secure_all(driver: DoorController, rig: Rig) -> None:
    """What the gate does on Back."""
    for door in SECURED:
        await driver.send(Secure(door))
    await eventually(lambda: not any(rig.released(door) for door in SECURED))


async def only_one_more(driver: DoorController, rig: Rig, before: int) -> None:
    """Send one release behind everything else: had the device been sent another, it would have carried that out first."""
    await driver.send(release(1, PULSE_S))
    await eventually(lambda: rig.releases() > before)
    await eventually(lambda: not rig.released(1))
    assert rig.releases() == before + 1
