"""The largest packet that a broker takes, announced or not: everything arrives, what happens now does not wait, and what is cut is said."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.access.events import Event
from edge.journal import Journal
from edge.uplink.receive_store import Store
from tests.uplink.conftest import SOON_S, Mosquitto, granted, put, receiver_of, running, settings, until, uplink_of

pytestmark = pytest.mark.peer("mosquitto")

# sixteen doors: their `health` alone is larger than 2 KB
LIMITS = [
    ("message_size_limit 32000", "5", 2),
    ("message_size_limit 32000", "3.1.1", 2),
    ("message_size_limit 2000", "5", 16),
    ("message_size_limit 2000", "3.1.1", 16),
    ("max_packet_size 2000", "5", 16),
    ("max_packet_size 2000", "3.1.1", 16),
]
BROKERS = int(os.environ.get("BROKERS", "0"))
"""So many more, by chance."""
CHANCE = random.Random(BROKERS)
LIMITS += [
    (
        f"{CHANCE.choice(['message_size_limit', 'max_packet_size'])} {CHANCE.randint(1_000, 40_000)}",
        CHANCE.choice(["5", "3.1.1"]),
        CHANCE.randint(1, 16),
    )
    for _ in range(BROKERS)
]


def large(number: int, more: int) -> Event:
    """An event whose body is `more` bytes longer than usual."""
    return replace(granted(number), roster_version="f" * more)  # type: ignore[call-arg]


@pytest.mark.parametrize(("line", "protocol", "doors"), LIMITS)
async def test_everything_arrives(
    broker_factory: Callable[..., Mosquitto], journal: Journal, tmp_path: Path, line: str, protocol: str, doors: int
) -> None:
    """330 events wait and one happens meanwhile; `health` of sixteen doors is larger than 2 KB."""
    broker = broker_factory(line)
    broker.start()
    put(journal, 330)
    live: list[int] = []
    receiver = receiver_of(broker.port, tmp_path / "centre.db", on_event=lambda came: live.append(came.seq) if came.live else None)
    uplink = uplink_of(journal, settings(broker.port, protocol=protocol, backlog_per_s=2_000), doors, stall_s=SOON_S)
    async with running(uplink.run, receiver.run):
        await until(lambda: uplink.view().connected)
        put(journal, 1, start=330)
        await until(lambda: 331 in live)
        await until(lambda: journal.acked()["centre"] == journal.head() >= 331, patience_s=60.0)
        summary = receiver.summary()
        assert (summary.missing, summary.lost) == (0, 0)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("line", ["message_size_limit 1000", "max_packet_size 1000"])
async def test_one_event_too_large_holds_nobody_up_and_comes_when_the_limit_rises(
    broker_factory: Callable[..., Mosquitto], journal: Journal, tmp_path: Path, protocol: str, line: str
) -> None:
    """It is told as lost, so that the centre goes on; over a restart of the gateway it is told once; without the limit it arrives."""
    broker = broker_factory(line)
    broker.start()
    put(journal, 10)
    journal.append(large(10, 1_500), large(11, 1_500))
    put(journal, 10, start=12)
    receiver = receiver_of(broker.port, tmp_path / "centre.db")
    async with running(receiver.run):
        for _ in range(2):
            uplink = uplink_of(journal, settings(broker.port, protocol=protocol), stall_s=SOON_S)
            async with running(uplink.run):
                await until(lambda: journal.acked()["centre"] == 23)
                await until(lambda uplink=uplink: "uplink.too_large.event" in uplink.complaints())  # type: ignore[misc]
                assert (receiver.summary().missing, receiver.summary().lost) == (0, 2)
        loss = json.loads(journal.page(22, 1)[0].data)
        assert (loss["from"], loss["to"], loss["cause"]) == ("11", "12", "too_large")
        uplink = uplink_of(journal, settings(broker.port, protocol=protocol), stall_s=SOON_S)
        async with running(uplink.run):
            await until(lambda: "uplink.too_large.event" in uplink.complaints())
            broker.kill()
            broker.lines = ()
            broker.start()
            await until(lambda: receiver.summary().received == 23)
    store = Store(tmp_path / "centre.db")
    assert [seq for key in store.runs for seq, _ in store.events(key)] == list(range(1, 24))
    store.close()
