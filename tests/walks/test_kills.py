"""An evening on which everything is killed again and again: the gateway, the broker, the town's receiver."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from edge.clock import PlainClock
from edge.journal import Journal, JournalSettings
from edge.uplink.wire import Encoder
from tests.uplink.conftest import Mosquitto
from tests.walks.hardware import PATIENCE_S, Gatehouse
from tests.walks.harness import ROOT, Data, Machine, Person, Site, leaf_site, until

pytestmark = pytest.mark.peer("mosquitto")

KILLS = int(os.environ.get("KILLS", "30"))
"""Set KILLS=300 in the environment for half an hour, 1000 for a night."""

PEOPLE = [Person(f"A4{number:03d}", 45_000 + number) for number in range(150)]
SWIPE_EVERY_S = 0.06  # each makes three events, each person comes back after nine seconds: a converter repeats nobody for two

Place = tuple[str, int]
"""Epoch and number."""


class Town:
    """The receiver's process and its database."""

    def __init__(self, port: int, path: Path) -> None:
        self._command = [sys.executable, "-m", "tests.walks.town", str(port), str(path)]
        self._path = path
        self._log = path.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Switch it on."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        """Let the power fail."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE_S)

    def events(self) -> dict[Place, Data]:
        """Everything on its disk; a number that is there twice is caught here."""
        with closing(sqlite3.connect(self._path)) as db:
            rows = db.execute("SELECT epoch, seq, body FROM event JOIN run ON run.id = event.run").fetchall()
        found = {(epoch, seq): json.loads(body) for epoch, seq, body in rows}
        assert len(found) == len(rows)
        return found

    def head(self) -> int:
        """The newest number on its disk; 0 while there is none."""
        if not self._path.exists():
            return 0
        with closing(sqlite3.connect(self._path)) as db, contextlib.suppress(sqlite3.OperationalError):  # not founded yet
            return int(db.execute("SELECT max(seq) FROM event").fetchone()[0] or 0)
        return 0

    async def goes_on(self) -> None:
        """Wait until it has something newer than now."""
        before = self.head()
        await until(lambda: self.head() > before, 2 * PATIENCE_S)


class Witness:
    """Follows the gateway's own events as a guard's screen does, over every restart: what it was shown had been committed."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.saw: dict[Place, Data] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Witness]:
        """Watches while the block runs."""
        task = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(OSError, ValueError):
                await self._follow()
            await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            writer.write(json.dumps({"verb": "events", "args": {"last": 200, "follow": True}}).encode() + b"\n")
            while line := await reader.readline():
                event = json.loads(line)["item"]
                place = event["id"].split("-")[1], int(event["sequence"])
                assert self.saw.setdefault(place, event) == event, "an event changed"
        finally:
            writer.close()


async def people_come(house: Gatehouse) -> None:
    """Somebody swipes at one of the readers sixteen times a second, whether the gateway is there or not."""
    turn = 0
    while True:
        house.swipe(PEOPLE[turn % len(PEOPLE)].value, inward=turn % 2 == 0)
        turn += 1
        await asyncio.sleep(SWIPE_EVERY_S)


def gaps(events: dict[Place, Data]) -> set[int]:
    """Where numbers are missing that no record of loss names, or are there and named all the same."""
    losses = [event["data"] for event in events.values() if event["type"] == "anyu.gateway.loss.v1"]
    spans = sorted([*((seq, seq) for _, seq in events), *((int(loss["from"]), int(loss["to"])) for loss in losses)])
    ends = [0, *(last for _, last in spans)]
    return {first for (first, _), end in zip(spans, ends, strict=False) if first != end + 1}


def journal_of(site: Site) -> dict[Place, Data]:
    """What lies in the gateway's journal after the last kill, as the town would be told; the chain must hold."""
    journal = Journal(site.journal, JournalSettings(ballast_mb=0), PlainClock())
    journal.open()
    try:
        assert journal.verify().ok
        encoder = Encoder("anting_01", "gw1", disclose_person=True)
        found: dict[Place, Data] = {}
        after = 0
        while page := journal.page(after, 1_000):
            found |= {(record.epoch, record.seq): json.loads(encoder.event(record)) for record in page}
            after = page[-1].seq
        assert after == journal.head()
        del found[journal.epoch, after]  # of the numbers left out by this very opening after the kill
        return found
    finally:
        journal.close()


async def test_nothing_told_is_lost_and_nothing_is_told_twice(tmp_path: Path, broker: Mosquitto, house: Gatehouse) -> None:
    """Gateway, mosquitto and receiver get kill -9 while events flow: the town has exactly the journal, by epoch, number and content."""
    site = leaf_site(tmp_path, broker.port, house, *PEOPLE, door={"release_s": 0.5})
    machine, town = Machine(site), Town(broker.port, tmp_path / "town.db")
    chance = random.Random(KILLS)
    victims = [("gateway", "broker", "receiver")[number % 3] for number in range(KILLS)]
    chance.shuffle(victims)
    kill: dict[str, Callable[[], None]] = {"gateway": machine.kill, "broker": broker.kill, "receiver": town.kill}
    start: dict[str, Callable[[], Awaitable[None]]] = {
        "gateway": lambda: asyncio.to_thread(machine.start),
        "broker": lambda: asyncio.to_thread(broker.start),
        "receiver": lambda: asyncio.to_thread(town.start),
    }
    town.start()
    try:
        async with machine.running(), Witness(site.socket).watching() as witness:
            await machine.in_force()
            coming = asyncio.create_task(people_come(house))
            for victim in victims:
                # Events must be flowing all the way again; then at any moment of the next half second.
                await town.goes_on()
                await asyncio.sleep(chance.random() * 0.5)
                kill[victim]()
                await asyncio.sleep(chance.random() * 0.2)
                await start[victim]()
            await town.goes_on()
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await coming

            # Nobody comes any more. The last grants run out, and what is on its way arrives.
            await machine.in_force()
            await until(lambda: bool(witness.saw) and town.head() == max(seq for _, seq in witness.saw), 2 * PATIENCE_S)
            await asyncio.sleep(2)
            await until(lambda: town.head() == max(seq for _, seq in witness.saw), 2 * PATIENCE_S)
            await until(lambda: not gaps(town.events()), 2 * PATIENCE_S)
            machine.kill()
    finally:
        town.kill()

    journal, received = journal_of(site), town.events()
    assert received == journal
    assert {epoch for epoch, _ in journal} == {next(iter(journal))[0]}, "a kill made a new epoch"
    holes = [event["data"] for event in received.values() if event["type"] == "anyu.gateway.loss.v1"]
    assert [hole["cause"] for hole in holes] == ["left_out"] * victims.count("gateway"), "one hole a kill, and nothing lost"
    assert not gaps(received), "a gap in the numbers that nobody names"
    assert witness.saw.items() <= received.items(), "what the gateway had shown as committed is not at the town"
    names = Counter(event["type"] for event in received.values())
    assert names["anyu.gateway.started.v1"] == 1 + victims.count("gateway")
    granted = Counter(event["data"]["passage_id"] for event in received.values() if event["type"] == "anyu.access.granted.v1")
    assert len(granted) > KILLS
    assert set(granted.values()) == {1}, "one grant under two numbers"
