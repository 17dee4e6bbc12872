"""The town's broker is away for an hour of a busy evening."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path

import pytest

from edge.uplink.uplink import Uplink
from tests.clock import HandClock
from tests.uplink.conftest import Mosquitto
from tests.walks.harness import EVENING, Centre, Person, gateway, simulated_site, until
from tests.walks.test_rush import device, released_times

pytestmark = pytest.mark.peer("mosquitto")

PEOPLE = [Person(f"A3{number:03d}", 44_000 + number) for number in range(150)]
EVERY_S = 3600 / len(PEOPLE)


async def test_an_hour_of_events_arrives_and_what_happens_now_comes_first(
    tmp_path: Path, broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of the hour is missing, the door never noticed, the log said it once, and a card of now is told before the hour is."""
    caplog.set_level(logging.INFO)
    clock = HandClock(EVENING)
    door = {"contact": {"controller": "sim", "door": 1}, "free_exit": True, "release_s": 5}
    uplink = {"broker": f"mqtt://127.0.0.1:{broker.port}", "disclose": "reference"}
    site = simulated_site(tmp_path, broker.port, PEOPLE, door, uplink=uplink)
    centre = Centre(broker.port, tmp_path / "centre.db", capacity=20)  # a modest town: twenty events a second
    async with centre.receiving(), gateway(site, clock) as daemon:
        assert isinstance(daemon.uplink, Uplink)
        sim, view = device(daemon), daemon.uplink.view
        await until(lambda: daemon.gates.view()[0].contact == "closed")
        await centre.hears("roster.applied")

        # 19:00. The broker dies, and for an hour people come home.
        broker.kill()
        await until(lambda: not view().connected)
        heard = len(centre.arrivals)
        for number, person in enumerate(PEOPLE, 1):
            sim.present_card(1, 26, person.value)
            await until(partial(released_times, sim, number))
            await clock.pass_time(1)
            sim.open_leaf(1)
            await clock.pass_time(2)
            sim.close_leaf(1)
            await clock.pass_time(EVERY_S - 3)
        assert len(centre.arrivals) == heard
        assert view().complaints == ("uplink.away",)
        assert "uplink.away" in daemon.health().degraded
        await until(lambda: daemon.journal.head() - heard >= 5 * len(PEOPLE))
        hour = daemon.journal.head() - heard

        # 20:00. It is back, and so are town and gateway. The clock stands still here, so that the allowance of the first second is used up.
        broker.start()
        await until(lambda: centre.connected)
        while not view().connected:
            clock.advance(1)
            await asyncio.sleep(0.05)
        await until(lambda: len(centre.arrivals) > heard)

        # Somebody comes now: told at once, while most of the hour is still waiting.
        await clock.settle()
        sim.present_card(1, 26, PEOPLE[0].value)
        await until(partial(released_times, sim, len(PEOPLE) + 1))
        await until(lambda: any(arrival.live and arrival.type == "anyu.access.granted.v1" for arrival in centre.arrivals[heard:]))
        now = next(
            n for n, arrival in enumerate(centre.arrivals) if n >= heard and arrival.live and arrival.type == "anyu.access.granted.v1"
        )
        assert len(centre.arrivals) - heard < hour / 2

        # And then the hour.
        async with asyncio.timeout(60):
            while len(centre.arrivals) < daemon.journal.head():
                clock.advance(0.5)
                await asyncio.sleep(0.02)
        assert centre.arrivals[now].seq > max(arrival.seq for arrival in centre.arrivals if not arrival.live)
        await centre.has_all(daemon.journal.head())
        assert len(centre.events("passage.entry")) == len(PEOPLE)
        assert view().complaints == ()
        told = [event["data"] for event in centre.events("gateway.degraded")]
        assert [data["phase"] for data in told if data["what"] == "uplink.away"] == ["begin"]  # its end is told once it lasts
    said = [record.getMessage() for record in caplog.records if f":{broker.port}" in record.getMessage()]
    assert len(said) == 2, said  # once by the gateway, once by the town's receiver
