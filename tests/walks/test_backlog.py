"""The gateway starts with 50,000 events that the town has not got yet."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from edge.clock import PlainClock
from edge.journal.founding import found
from edge.journal.mark import Mark, MarkFile
from edge.journal.record import draft
from edge.journal.store import Store
from tests.uplink.conftest import Mosquitto, granted
from tests.walks.hardware import PATIENCE_S, Gatehouse
from tests.walks.harness import WANG, Centre, Machine, leaf_site, until

pytestmark = pytest.mark.peer("mosquitto")

WAITING = 50_000
GROUP = 10_000  # rows a transaction: the journal's own store, filled as fast as it goes


def fill(folder: Path) -> None:
    """A journal with so many events that nobody has acknowledged, left by a stop in order."""
    folder.mkdir(parents=True)
    with closing(Store(folder / "journal.db", "OFF")) as store:
        found(store, None, PlainClock().now(), lambda: "long")
        for start in range(0, WAITING, GROUP):
            with store.transaction():
                store.add(draft(granted(number)) for number in range(start, start + GROUP))
    MarkFile(folder).write(Mark("long", WAITING, PlainClock().now().at, "boot", clean=True))


async def test_a_live_event_passes_the_backlog_and_nothing_is_missing(tmp_path: Path, broker: Mosquitto, house: Gatehouse) -> None:
    """The door works at once, a card shown meanwhile is told before the backlog is through, and in the end everything is there once."""
    site = leaf_site(tmp_path, broker.port, house)
    fill(site.journal)
    async with Machine(site).running() as machine:
        assert await house.until_told(1) == [False]
        await machine.in_force()
        # The town's receiver is switched on, beside other work: it takes ten seconds for all of it.
        centre = Centre(broker.port, tmp_path / "centre.db", capacity=5_000)
        async with centre.receiving():
            await drained(house, centre)
    old = {arrival.seq: arrival.event["data"]["passage_id"] for arrival in centre.arrivals if arrival.seq <= WAITING}
    assert old == {number + 1: f"p{number:06d}" for number in range(WAITING)}


async def drained(house: Gatehouse, centre: Centre) -> None:
    """A tenant comes while the backlog is on its way; then all of it arrives."""
    await until(lambda: len(centre.arrivals) > 0)
    house.swipe(WANG.value)
    await house.until_coil(energised=True)
    await until(lambda: any(arrival.live and arrival.type == "anyu.door.released.v1" for arrival in centre.arrivals))
    assert centre.summary().received < WAITING, "the backlog was through before the live event"
    await centre.has_all(WAITING + 4, 3 * PATIENCE_S)
