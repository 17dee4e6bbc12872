"""What every driver promises, over every row of the table and each medium it speaks on.

A new row joins by adding a rig in tests/drivers/rigs.py.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

import drivers
from drivers.contract import DoorController
from drivers.errors import LineLost, Refused, Stale
from drivers.orders import HoldReleased, Indicate, Order, Secure, Signal
from drivers.readings import Back, Lost
from drivers.table import Locks
from tests.drivers.harness import Heard, eventually, release, running, stop
from tests.drivers.rigs import RIGS, SECURED, Rig

KIND_OF = {name: name.split("-")[0] for name in RIGS}
LOCKING = [name for name in RIGS if drivers.KINDS[KIND_OF[name]].locks is not Locks.NONE]
PULSE_S = 0.05
LONG_S = 30.0  # nobody waits for its end


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """One rig, not plugged in yet."""
    return RIGS[request.param](tmp_path)


every = pytest.mark.parametrize("rig", RIGS, indirect=True)
locking = pytest.mark.parametrize("rig", LOCKING, indirect=True)


def test_every_row_has_a_rig() -> None:
    """No driver is in the table without being held to this contract."""
    assert set(KIND_OF.values()) == set(drivers.KINDS)


@pytest.mark.parametrize("kind", drivers.KINDS)
def test_rows_are_complete(kind: str) -> None:
    """Options are frozen and refuse unknown fields; every row says why it has its grade and what it senses."""
    model = drivers.options(kind)
    assert issubclass(model, BaseModel)
    assert model.model_config.get("frozen")
    with pytest.raises(ValidationError, match="extra_forbidden"):
        model.model_validate({"no_such_field": 1})
    assert drivers.simulator(kind)
    assert drivers.KINDS[kind].why
    assert drivers.KINDS[kind].senses


@every
async def test_back_then_readings(rig: Rig) -> None:
    """Connecting says Back before anything else, moves no lock, and then what the device says arrives."""
    await rig.plug()
    heard = Heard()
    async with running(rig.controller(), heard):
        after = await heard.back()
        assert isinstance(heard.readings[0], Back)
        for _ in range(3):
            said = await rig.say()
            if said is not None:
                after = await heard.until(lambda reading, said=said: reading == said, after=after)
        assert rig.releases() == 0
    await rig.unplug()


@every
async def test_lost_once_and_back_once(rig: Rig) -> None:
    """Each outage is one Lost and one Back, and the device is heard again without a restart."""
    await rig.plug()
    heard = Heard()
    async with running(rig.controller(), heard):
        after = await heard.back()
        for _ in range(3):
            await rig.unplug()
            after = await heard.lost(after)
            await rig.plug()
            after = await heard.back(after)
            said = await rig.say()
            if said is not None:
                after = await heard.until(lambda reading, said=said: reading == said, after=after)
        assert heard.news() == [Back, *([Lost, Back] * 3)]
    await rig.unplug()


@every
async def test_missing_from_the_start(rig: Rig) -> None:
    """A device that is not there when the daemon starts is Lost once, however often it is dialled, and Back when it comes."""
    await rig.plug()
    await rig.unplug()
    heard = Heard()
    async with running(rig.controller(), heard):
        await heard.lost()
        await asyncio.sleep(0.05)  # several dials at 10 ms
        await rig.plug()
        await heard.back()
        assert heard.news() == [Lost, Back]
    await rig.unplug()


@every
async def test_cancel_while_waiting_and_run_again(rig: Rig) -> None:
    """Cancelling ends the driver whether it waits for the device or for its words, and it can be run again afterwards."""
    await rig.plug()
    await rig.unplug()
    driver = rig.controller()
    heard = Heard()
    async with running(driver, heard):
        await heard.lost()
    await rig.plug()
    for _ in range(2):
        heard = Heard()
        async with running(driver, heard):
            await heard.back()
    with pytest.raises((LineLost, Refused)):
        await driver.send(release())
    await rig.unplug()


@every
async def test_cancelled_twice(rig: Rig) -> None:
    """A second cancellation while the first is being obeyed leaves nothing open: the next run gets the port."""
    await rig.plug()
    driver = rig.controller()
    heard = Heard()
    async with running(driver, heard) as task:
        await heard.back()
        task.cancel()
        await asyncio.sleep(0)
        await stop(task)
    async with running(driver, again := Heard()):
        await again.back()
    await rig.unplug()


@every
async def test_refused_orders(rig: Rig) -> None:
    """An order that the device can never do is Refused, with the line up or down, and moves nothing."""
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    never: list[Order] = [
        release(99),
        Secure(99),
        HoldReleased(99),
        Secure(0),
        release(1, 0.0),
        release(1, -1.0),
        release(1, 1000.0),
        Indicate(99, Signal.OK),
    ]
    async with running(driver, heard):
        after = await heard.back()
        for order in never:
            with pytest.raises(Refused):
                await driver.send(order)
        await rig.unplug()
        await heard.lost(after)
        for order in never:
            with pytest.raises(Refused):
                await driver.send(order)
    assert rig.releases() == 0


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
        await driver.send(release(2, PULSE_S))
        await eventually(lambda: rig.released(1) and rig.released(2))
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
