"""Eighty people come home within ten minutes, when the factory bus has stopped at the gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.door import simulated
from drivers.orders import Release
from edge.daemon import Daemon
from tests.clock import HandClock
from tests.uplink.conftest import Mosquitto
from tests.walks.harness import EVENING, Centre, Person, gateway, simulated_site, time_passes, until

pytestmark = pytest.mark.peer("mosquitto")

PEOPLE = [Person(f"A2{number:03d}", 43_000 + number) for number in range(80)]
EVERY_S = 600 / len(PEOPLE)


def device(daemon: Daemon) -> simulated.Controller:
    """The controller in memory."""
    found = daemon.controllers["sim"]
    assert isinstance(found, simulated.Controller)
    return found


def released_times(sim: simulated.Controller, count: int) -> bool:
    """Whether the lock was released so often."""
    return sum(isinstance(carried.order, Release) for carried in sim.orders) == count


def who_passed(daemon: Daemon) -> dict[str, str]:
    """Whose each grant is, from the gateway's own journal: of a simulated event the centre is not told."""
    granted = [json.loads(one.data) for one in daemon.journal.latest(10_000) if (one.cls, one.name) == ("access", "granted")]
    return {one["passage_id"]: one["person_ref"] for one in granted}


def one_passage_each(centre: Centre, who: dict[str, str]) -> None:
    """Eighty grants to eighty people, and for each of them one passage in and nothing else."""
    granted = [event["data"] for event in centre.events("access.granted")]
    entries = [event["data"] for event in centre.events("passage.entry")]
    assert len(granted) == len(entries) == len(PEOPLE)
    assert len(set(who.values())) == len(PEOPLE)
    assert sorted(one["passage_id"] for one in granted) == sorted(one["passage_id"] for one in entries) == sorted(who)
    assert not centre.events("access.not_taken", "access.denied", "passage.uncredentialed", "passage.exit")


async def test_a_turnstile_counts_each_of_them_once(tmp_path: Path, broker: Mosquitto, centre: Centre) -> None:
    """They show their cards faster than the arm turns, four at a time and each card read twice: the arm lets them through one by one."""
    clock = HandClock(EVENING)
    door = {"kind": "turnstile", "passes": {"controller": "sim", "door": 1}, "free_exit": True, "release_s": 5}
    async with gateway(simulated_site(tmp_path, broker.port, PEOPLE, door), clock) as daemon:
        sim = device(daemon)
        for first in range(0, len(PEOPLE), 4):
            four = PEOPLE[first : first + 4]
            for number, person in enumerate(four, first + 1):
                sim.present_card(1, 26, person.value)
                await centre.hears("access.granted", number)
                await time_passes(daemon, clock, 0.5)
                sim.present_card(1, 26, person.value)  # still held to the reader: the same grant
                await time_passes(daemon, clock, 0.5)
            for number in range(first + 1, first + 5):
                sim.pass_through(1, inward=True)
                await centre.hears("passage.entry", number, evidence="turnstile", confirmed=True)
                await time_passes(daemon, clock, 1.0)
            await time_passes(daemon, clock, 4 * EVERY_S - 8)
        who = who_passed(daemon)
    one_passage_each(centre, who)
    order = [event["data"]["passage_id"] for event in centre.events("access.granted")]
    assert [event["data"]["passage_id"] for event in centre.events("passage.entry")] == order


async def test_a_door_wedged_open_still_counts_each_of_them_once(tmp_path: Path, broker: Mosquitto, centre: Centre) -> None:
    """The first one wedges the leaf: those who show a card pass by an open door, unconfirmed, and as long as they come it is no alarm."""
    clock = HandClock(EVENING)
    door = {"contact": {"controller": "sim", "door": 1}, "free_exit": True, "release_s": 5, "held_after_s": 30}
    async with gateway(simulated_site(tmp_path, broker.port, PEOPLE, door), clock) as daemon:
        sim = device(daemon)
        await until(lambda: daemon.gates.view()[0].contact == "closed")
        for number, person in enumerate(PEOPLE, 1):
            sim.present_card(1, 26, person.value)
            if number == 1:
                await until(lambda: released_times(sim, 1))
                sim.open_leaf(1)
            await centre.hears("passage.entry", number)
            await time_passes(daemon, clock, 0.5)
            sim.present_card(1, 26, person.value)  # the reader repeats it
            await time_passes(daemon, clock, EVERY_S - 0.5)
        assert not centre.events("door.held")

        # The rush is over and the wedge is still there.
        await time_passes(daemon, clock, 30)
        await centre.hears("door.held", phase="begin")
        sim.close_leaf(1)
        await centre.hears("door.held", phase="end")
        who = who_passed(daemon)
    one_passage_each(centre, who)
    evidence = [(event["data"]["evidence"], event["data"]["confirmed"]) for event in centre.events("passage.entry")]
    assert evidence == [("contact", True), *[("already_open", False)] * (len(PEOPLE) - 1)]
