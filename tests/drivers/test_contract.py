"""What every driver promises, over every row of the table and each medium it speaks on.

A new row joins by adding a rig in tests/drivers/rigs.py. What drivers with locks promise besides is in test_contract_locks.py.
"""

from __future__ import annotations

import asyncio
from dataclasses import astuple

import pytest
from pydantic import BaseModel, ValidationError

import drivers
from drivers.errors import LineLost, Refused
from drivers.orders import HoldReleased, Indicate, Order, Secure, Signal
from drivers.readings import (
    Back,
    CardMisread,
    CardRead,
    CodeRead,
    DoorPosition,
    InputChanged,
    Lost,
    Passed,
    PinEntered,
    RequestToExit,
)
from tests.drivers.harness import Heard, release, running, stop
from tests.drivers.rigs import KEEPING, RIGS, Rig, with_peers

KIND_OF = {name: name.split("-")[0] for name in RIGS}
every = pytest.mark.parametrize("rig", with_peers(RIGS), indirect=True)


def test_every_row_has_a_rig() -> None:
    """No driver is in the table without being held to this contract."""
    assert set(KIND_OF.values()) == set(drivers.KINDS)


@pytest.mark.parametrize("kind", with_peers(drivers.KINDS))
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


@pytest.mark.parametrize("rig", with_peers(KEEPING), indirect=True)
async def test_what_was_shown_in_an_outage_is_not_told_as_now(rig: Rig) -> None:
    """A card that a device kept while nobody listened has no bearer any more: it is not read when the line is back, one shown then is."""
    await rig.plug()
    heard = Heard()
    async with running(rig.controller(), heard):
        after = await heard.back()
        await rig.unplug()
        after = await heard.lost(after)
        kept = [await rig.say_away() for _ in range(3)]
        assert None not in kept
        await rig.plug()
        after = await heard.back(after)
        said = await rig.say()
        if said is not None:
            await heard.until(lambda reading: reading == said, after=after)
        assert not [reading for reading in heard.readings if reading in kept]
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


NUMBERS = {
    "readers": (CardRead, CardMisread, CodeRead, PinEntered),
    "inputs": (InputChanged,),
    "contacts": (DoorPosition,),
    "buttons": (RequestToExit,),
    "passes": (Passed,),
}
"""The readings that speak of each thing that a driver declares; a reading's first field is the number."""


@every
async def test_it_tells_only_of_what_it_declares(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What site.yaml may refer to is what is heard: a reading of a number that is not declared could be wired to nothing."""
    await rig.plug()
    heard = Heard()
    made: list[BaseModel] = []
    make = drivers.make
    monkeypatch.setattr(drivers, "make", lambda kind, options, *given, **more: made.append(options) or make(kind, options, *given, **more))
    controller = rig.controller()
    async with running(controller, heard):
        after = await heard.back()
        said = await rig.say()
        if said is not None:
            await heard.until(lambda reading: reading == said, after=after)
    has = drivers.has(made[0] if made else controller._options)  # the simulated one is its own device, and made by its rig
    for field, kinds in NUMBERS.items():
        told = {next(iter(astuple(reading))) for reading in heard.readings if isinstance(reading, kinds)}
        assert told <= {*getattr(has, field)}
    assert said is None or isinstance(said, tuple(kind for kinds in NUMBERS.values() for kind in kinds))
    await rig.unplug()
