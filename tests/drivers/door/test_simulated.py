"""The controller in memory: every hook says what a device would."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.door.simulated import Controller, Options
from drivers.errors import LineLost, Refused
from drivers.orders import Indicate, Level, Outcome, Secure, Signal
from drivers.readings import (
    Back,
    CardMisread,
    CardRead,
    Contact,
    DoorPosition,
    InputChanged,
    Lost,
    Misread,
    Passed,
    PinEntered,
    Power,
    Reading,
    RequestToExit,
    Tamper,
)
from tests.drivers.harness import Heard, release, running

SMALL = Options(doors=1, readers=1, inputs=2)
STANDING: list[Reading] = [
    Back(),
    DoorPosition(1, Contact.CLOSED),
    InputChanged(1, Contact.CLOSED),
    InputChanged(2, Contact.CLOSED),
]


def device() -> Controller:
    """One door, one reader, two inputs, the second of them the fire line."""
    return Controller(SMALL, {1: Level.DEENERGISED})


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda sim: sim.present_card(1, 26, 7), [CardRead(1, 26, 7)]),
        (lambda sim: sim.misread(1, Misread.SWAPPED), [CardMisread(1, Misread.SWAPPED)]),
        (lambda sim: sim.type_pin(1, "246810"), [PinEntered(1, "246810")]),
        (lambda sim: sim.open_leaf(1), [DoorPosition(1, Contact.OPEN)]),
        (lambda sim: sim.close_leaf(1), []),
        (lambda sim: sim.press_exit(1), [RequestToExit(1, True), RequestToExit(1, False)]),
        (lambda sim: sim.pass_through(1, inward=True), [Passed(1, True)]),
        (lambda sim: sim.set_input(1, Contact.CUT), [InputChanged(1, Contact.CUT)]),
        (lambda sim: sim.fire(), [InputChanged(2, Contact.OPEN)]),
        (lambda sim: sim.fire(active=False), []),
        (lambda sim: sim.tamper(0), [Tamper(0, True)]),
        (lambda sim: sim.power(ok=False), [Power(False)]),
    ],
)
async def test_hooks(act: Callable[[Controller], None], said: list[Reading]) -> None:
    """Each hook says its reading at once, and nothing where nothing changed."""
    sim, heard = device(), Heard()
    async with running(sim, heard):
        await heard.until(lambda reading: reading == STANDING[-1])
        act(sim)
    assert heard.readings == [*STANDING, *said]


async def test_what_changed_during_an_outage_is_said_after_it() -> None:
    """A leaf opened while the line was down is heard after Back and not before; a card shown then is gone."""
    sim, heard = device(), Heard()
    async with running(sim, heard):
        await heard.until(lambda reading: reading == STANDING[-1])
        sim.lose_line("pulled")
        sim.open_leaf(1)
        sim.present_card(1, 26, 7)
        sim.lose_line()
        sim.restore_line()
        sim.restore_line()
    assert heard.readings == [*STANDING, Lost("pulled"), Back(), DoorPosition(1, Contact.OPEN), *STANDING[2:]]


async def test_orders_are_recorded_and_confirmed() -> None:
    """What was carried out is kept in order; what was refused or met a lost line is not."""
    sim, heard = device(), Heard()
    seen = []
    sim.on_order = seen.append
    async with running(sim, heard):
        await heard.back()
        order = release(1, 30.0)
        assert await sim.send(order) is Outcome.CONFIRMED
        assert sim.released(1)
        assert await sim.send(Indicate(1, Signal.OK)) is Outcome.CONFIRMED
        assert await sim.send(Secure(1)) is Outcome.CONFIRMED
        with pytest.raises(Refused):
            await sim.send(Indicate(2, Signal.OK))
        sim.lose_line()
        with pytest.raises(LineLost):
            await sim.send(Indicate(1, Signal.OK))
    assert [done.order for done in sim.orders] == [order, Indicate(1, Signal.OK), Secure(1)]
    assert list(sim.orders) == seen
    assert not sim.released(1)


def test_a_fire_line_that_closes_on_alarm_stands_open() -> None:
    """The calm state is the other one than the alarm's."""
    sim = Controller(Options(inputs=2, fire_active=Contact.CLOSED), {})
    assert sim.inputs == {1: Contact.CLOSED, 2: Contact.OPEN}
    sim.fire()
    assert sim.inputs[2] is Contact.CLOSED
    with pytest.raises(Refused):
        Controller(Options(inputs=0), {}).fire()
