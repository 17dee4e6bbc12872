"""All gates of a site over simulated controllers, in simulated time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import drivers
from drivers.contract import Emit
from drivers.door.simulated import Controller
from drivers.orders import Order, Outcome, Release, Secure
from drivers.readings import Contact
from drivers.timing import Timing
from edge.access.events import body
from edge.access.reasons import GuardReason
from edge.gate.settings import GateSettings
from edge.gate.site import SiteGates
from edge.gate.view import Result
from edge.gate.wiring import wire
from tests.clock import HandClock
from tests.gate.house import NOBODY, SECOND, SHANGHAI, TENANT, Notebook, Notes, book, settings


def two_doors() -> GateSettings:
    """North on controller `sim`, south on controller `io`; the fire line is on `io`."""
    given = settings().model_dump()
    given["controllers"] = {"sim": {"driver": "simulated"}, "io": {"driver": "simulated"}}
    given["doors"]["south"] = {
        "kind": "turnstile",
        "lock": {"controller": "io", "door": 1, "type": "fail_safe", "wiring": "nc"},
        "passes": {"controller": "io", "door": 1},
        "exit_button": {"controller": "io", "input": 1, "active": "open"},
    }
    given["access_points"]["south_in"] = {"door": "south", "direction": "in", "reader": {"controller": "io", "reader": 1}}
    given["access_rules"][0]["access_points"].append("south_in")
    given["fire"] = {"controller": "io", "input": 8, "active": "open"}
    return GateSettings.model_validate(given)


class House:
    """A site with its controllers, clock and notebook."""

    def __init__(self, given: GateSettings | None = None, notes: Notes | None = None, **other: Any) -> None:
        self.clock = HandClock()
        self.notebook = Notebook()
        self.notes = notes or Notes()
        wiring = wire(given or two_doors(), SHANGHAI)
        timing = Timing(lambda: self.clock.mono, self.clock.sleep)
        self.controllers = {
            name: drivers.make(plan.kind, plan.options, plan.secured, timing=timing) for name, plan in wiring.controllers.items()
        } | other
        ids = (f"id{n}" for n in itertools.count(1))
        self.site = SiteGates(
            wiring=wiring,
            controllers=self.controllers,
            book=book,
            recorder=self.notebook,
            memory=self.notes,
            clock=self.clock,
            new_id=lambda: next(ids),
            pin_hash=lambda digits: digits.encode(),
        )

    def __getitem__(self, name: str) -> Controller:
        """A simulated controller."""
        found = self.controllers[name]
        assert isinstance(found, Controller)
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[House]:
        """Run every unit."""
        tasks = [asyncio.create_task(unit.run()) for unit in self.site.units()]  # type: ignore[arg-type]  # coroutines, all of them
        await self.clock.settle()
        try:
            yield self
        finally:
            for order in (0, 1):
                stopped = [task for task, unit in zip(tasks, self.site.units(), strict=True) if unit.stop_order == order]
                for task in stopped:
                    task.cancel()
                await asyncio.gather(*stopped, return_exceptions=True)

    def new(self) -> list[str]:
        """What was written down since the last look."""
        names = self.notebook.names()
        self.notebook.events.clear()
        return names

    def last(self) -> dict[str, object]:
        """The last event's body."""
        return body(self.notebook.events[-1])

    def state(self, door: str) -> tuple[str, str]:
        """State and line of a door."""
        view = next(view for view in self.site.view() if view.door == door)
        return view.state, view.line


async def test_a_swipe_from_reader_to_relay_and_back() -> None:
    """Card in, coil on, leaf open, coil off, leaf closed."""
    async with House().running() as house:
        await asyncio.wait_for(house.site.first_ready(), 20)
        assert house.new() == []
        assert house.state("north") == ("secured", "up")
        house["sim"].present_card(1, 26, TENANT)
        await house.clock.settle()
        assert house["sim"].released(1)
        assert house.state("north")[0] == "released"
        await house.clock.pass_time(1)
        house["sim"].open_leaf(1)
        await house.clock.settle()
        assert not house["sim"].released(1)
        await house.clock.pass_time(2)
        house["sim"].close_leaf(1)
        await house.clock.pass_time(60)
        assert house.new() == ["access.granted", "door.released", "door.opened", "passage.entry", "door.closed"]


async def test_each_reader_opens_its_own_door() -> None:
    """A card at south moves nothing at north."""
    async with House().running() as house:
        house["io"].present_card(1, 26, TENANT)
        await house.clock.settle()
        assert house["io"].released(1)
        assert not house["sim"].released(1)
        house["io"].pass_through(1, inward=True)
        await house.clock.settle()
        assert house.new() == ["access.granted", "door.released", "passage.entry"]


async def test_states_after_back_are_no_presses() -> None:
    """A board that tells its inputs at start releases nothing; the button pressed later does."""
    async with House().running() as house:
        await house.clock.pass_time(3)
        assert house.new() == []
        house["io"].set_input(1, Contact.OPEN)
        await house.clock.settle()
        assert house.new() == ["access.granted", "door.released"]
        house["io"].set_input(1, Contact.CLOSED)
        await house.clock.settle()
        assert house.new() == []


async def test_a_lost_device_is_told_once_and_concerns_its_own_doors() -> None:
    """Lost and back, once each; the other door goes on; nothing ordered meanwhile is carried out later."""
    async with House().running() as house:
        house["sim"].lose_line()
        await house.clock.settle()
        assert house.new() == ["gateway.device_lost"]
        assert house.state("north") == ("unknown", "unknown")
        assert house.site.lost() == ("sim",)
        house["io"].present_card(1, 26, TENANT)
        answer = asyncio.ensure_future(house.site.unlock("north_in", GuardReason.OTHER))
        await house.clock.settle()
        assert (await answer).result is Result.FAILED
        house.new()
        await house.clock.pass_time(30)
        house["sim"].restore_line()
        await house.clock.pass_time(5)
        names = house.new()
        assert names.count("gateway.device_back") == 1
        assert "door.released" not in names
        assert not any(isinstance(carried.order, Release) for carried in house["sim"].orders)
        assert house.state("north") == ("secured", "up")


async def test_fire_releases_every_door_and_is_never_fought() -> None:
    """One site.fire, every door held, cards secure nothing, and a restart in the fire holds again before it secures anything."""
    notes = Notes()
    async with House(notes=notes).running() as house:
        await house.clock.pass_time(1)
        house["io"].fire()
        await house.clock.settle()
        names = house.new()
        assert names.count("site.fire") == 1
        assert names.count("door.locked_open") == 2
        house["sim"].present_card(1, 26, TENANT)
        await house.clock.pass_time(60)
        assert house["sim"].released(1)
        assert house["io"].released(1)
        fire = next(alarm for alarm in house.site.alarms() if alarm.what == "site.fire")
    assert house["sim"].released(1)

    again = House(notes=notes)
    again["io"].fire()
    async with again.running():
        await again.clock.pass_time(5)
        assert again["sim"].released(1)
        assert again["io"].released(1)
        assert again.new() == []
        again["io"].fire(active=False)
        await again.clock.pass_time(29)
        assert again["sim"].released(1)
        await again.clock.pass_time(2)
        ended = next(event for event in again.notebook.events if event.NAME == "fire")
        assert (body(ended)["phase"], body(ended)["alarm_id"]) == ("end", fire.alarm_id)
        assert not again["sim"].released(1)
        assert again.site.alarms() == ()


async def test_a_cut_fire_line_is_a_fault_and_no_fire() -> None:
    """A supervised line that is cut begins a degraded alarm and opens nothing."""
    async with House().running() as house:
        house["io"].set_input(8, Contact.CUT)
        await house.clock.settle()
        assert house.new() == ["gateway.degraded"]
        assert not house["io"].released(1)
        house["io"].set_input(8, Contact.CLOSED)
        await house.clock.pass_time(31)
        assert house.new() == ["gateway.degraded"]


async def test_a_chattering_fire_line_secures_nothing() -> None:
    """Whatever it says between two words of fire: one fire, held from its first word until the line has been quiet for 30 s."""
    async with House().running() as house:
        await house.clock.pass_time(1)
        orders = {name: len(house[name].orders) for name in ("sim", "io")}
        for between in (Contact.CLOSED, Contact.CUT, Contact.SHORT):
            for seconds in (0.15, 2.0, 29.0):
                house["io"].fire()
                await house.clock.pass_time(seconds)
                house["io"].set_input(8, between)
                await house.clock.pass_time(seconds)
        house["io"].fire(active=False)
        await house.clock.pass_time(20)
        house["io"].lose_line()
        await house.clock.pass_time(60)  # silence is no quiet
        house["io"].restore_line()
        await house.clock.pass_time(20)
        carried = [each for name, before in orders.items() for each in list(house[name].orders)[before:]]
        assert not any(isinstance(each.order, Secure | Release) for each in carried)
        assert house.notebook.names().count("site.fire") == 1
        assert house.notebook.names().count("gateway.degraded") == 1  # the wire's fault, which ends with the fire
        await house.clock.pass_time(15)
        assert house.notebook.names().count("site.fire") == 2
        assert house.notebook.names().count("gateway.degraded") == 2
        assert not house["sim"].released(1)
        assert not house["io"].released(1)
        assert house.site.alarms() == ()


async def test_lock_down_of_the_whole_site() -> None:
    """All doors at once; each is released on its own or with the others."""
    async with House().running() as house:
        assert (await house.site.lock_down()).result is Result.ACCEPTED
        house["sim"].present_card(1, 26, TENANT)
        house["io"].present_card(1, 26, SECOND)
        await house.clock.settle()
        assert house.new() == ["door.lockdown", "door.lockdown", "access.denied", "access.denied"]
        assert (await house.site.lock_down("north")).result is Result.UNCHANGED
        assert (await house.site.release("north")).result is Result.ACCEPTED
        assert [view.mode for view in house.site.view()] == ["normal", "lock_down"]
        assert (await house.site.lock_open("nowhere")).result is Result.UNKNOWN_PLACE
        assert (await house.site.unlock("nowhere", GuardReason.OTHER)).result is Result.UNKNOWN_PLACE
        assert (await house.site.release()).result is Result.ACCEPTED


async def test_a_lock_down_that_one_door_does_not_answer_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate of south has stopped: who locks all doors hears it, whatever north says, and hears it again."""
    monkeypatch.setattr("edge.gate.site.ANSWER_S", 0.05)
    house = House()
    (north,) = (unit for unit in house.site.units() if unit.name == "gate.north")
    running = asyncio.ensure_future(north.run())
    assert (await house.site.lock_down("north")).result is Result.ACCEPTED
    assert (await house.site.lock_down()).result is Result.BUSY
    assert (await house.site.release()).result is Result.BUSY
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Dead:
    """A device that is not there: it never says anything."""

    async def run(self, emit: Emit) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def send(self, order: Order) -> Outcome:
        """Hang for ever."""
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_device_that_never_was_there_is_told() -> None:
    """After five seconds, once; the other door was ready at once."""
    async with House(sim=Dead()).running() as house:
        await asyncio.wait_for(house.site.first_ready(), 20)
        assert house.new() == []
        await house.clock.pass_time(60)
        assert house.new() == ["gateway.device_lost"]


class Broken:
    """A driver with a bug."""

    async def run(self, emit: Emit) -> None:
        """Fail."""
        raise RuntimeError("bug")

    async def send(self, order: Order) -> Outcome:
        """Fail."""
        raise RuntimeError("bug")


async def test_a_driver_with_a_bug_is_a_lost_device() -> None:
    """Its line is lost until the supervisor has started it again."""
    async with House(sim=Broken()).running() as house:
        await house.clock.settle()
        assert house.new() == ["gateway.device_lost"]


async def test_noise_opens_no_entry_and_stops_no_gate() -> None:
    """A thousand cards that nobody has, then a tenant's."""
    async with House().running() as house:
        for n in range(1000):
            house["sim"].present_card(1, 26, NOBODY + n)
            if n % 100 == 99:
                await house.clock.pass_time(1)
        assert not any(isinstance(carried.order, Release) for carried in house["sim"].orders)
        assert house.new().count("access.repeated_refusals") == 1
        house["sim"].present_card(1, 26, TENANT)
        await house.clock.settle()
        assert house["sim"].released(1)


async def test_stopping_leaves_every_lock_secured() -> None:
    """In the middle of a release."""
    house = House()
    async with house.running():
        house["sim"].present_card(1, 26, TENANT)
        await house.clock.settle()
        assert house["sim"].released(1)
    assert not house["sim"].released(1)
