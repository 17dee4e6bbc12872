"""Every way in which a disk fails, under the real daemon: doors go on, it is said, and what is lost is named.

DISKS=5 pytest tests/walks/test_disks.py      every row, each fault for so many rounds
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.control.client import ask
from edge.errors import NoDaemon
from tests.journal.conftest import SmallDisk
from tests.uplink.conftest import Mosquitto
from tests.walks.disk import FSYNC, READ, WRITE, failing, mounted
from tests.walks.hardware import FIRE, INPUTS, Gatehouse
from tests.walks.harness import WANG, Centre, Data, Machine, Person, Site, leaf_site, until

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.peer("strace")]

LASTS = int(os.environ.get("DISKS", "2"))
EVERY = "DISKS" in os.environ
"""Every row; else those that stand for the rest, so that all of them take a minute and a half."""
PEOPLE = [Person(f"A5{number:03d}", 46_000 + number) for number in range(150)]


@dataclass
class Gate:
    """One evening at a leaf whose state lies on a disk of its own."""

    site: Site
    machine: Machine
    house: Gatehouse
    disk: SmallDisk
    swipes: int = 0

    async def swipe(self, *, inward: bool = False) -> None:
        """Somebody new shows a card; the lock is told to release, whatever the disk does."""
        told = self.house.told().count(True)
        self.house.swipe(PEOPLE[self.swipes % len(PEOPLE)].value, inward=inward)
        self.swipes += 1
        await until(lambda: self.house.told().count(True) > told)
        await self.house.until_coil(energised=False)

    async def status(self) -> Data:
        """What the daemon says of itself, as soon as it answers."""
        while True:
            with contextlib.suppress(NoDaemon):
                health: Any = await asyncio.to_thread(ask, self.site.socket, "status")
                return dict(health)
            await asyncio.sleep(0.05)

    async def says(self, *words: str) -> None:
        """Wait until these words of the journal, and no other, are what is wrong with it; somebody swipes meanwhile."""
        async with asyncio.timeout(60):
            while {word for word in (await self.status())["degraded"] if word.startswith("journal.")} != set(words):
                await self.swipe()

    @property
    def pid(self) -> int:
        """The process of the daemon."""
        assert self.machine._process is not None
        return self.machine._process.pid


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto, house: Gatehouse) -> Iterator[Gate]:
    """The gate, not running."""
    site = leaf_site(
        tmp_path, broker.port, house, *PEOPLE, WANG, door={"release_s": 0.2}, fire={"controller": INPUTS, "input": FIRE, "active": "open"}
    )
    with mounted(tmp_path / "state") as disk:
        yield Gate(site, Machine(site), house, disk)


def accounted(centre: Centre, gate: Gate) -> None:
    """Every pulse of the lock has its grant at the centre, each once; nothing is missing, nothing lost."""
    granted = Counter(event["data"]["passage_id"] for event in centre.events("access.granted"))
    assert len(granted) == gate.swipes == gate.house.told().count(True)
    assert set(granted.values()) == {1}
    assert (centre.summary().missing, centre.summary().lost, centre.summary().conflicts) == (0, 0, 0)


@contextmanager
def filled(gate: Gate) -> Iterator[None]:
    """No byte is free."""
    gate.disk.fill()
    try:
        yield
    finally:
        gate.disk.clear()


def kernel(calls: str, how: str) -> Callable[[Gate], AbstractContextManager[None]]:
    """These calls on the journal's files end as `how` says."""
    return lambda gate: failing(gate.pid, gate.site.journal, calls, how)


FAULTS: dict[str, tuple[Callable[[Gate], AbstractContextManager[None]], tuple[str, ...]]] = {
    "full": (filled, ("journal.disk_full",)),
    "every write fails": (kernel(WRITE, "error=EIO"), ("journal.io_error",)),
    "every write says read-only": (kernel(WRITE, "error=EROFS"), ("journal.io_error",)),
    "every fsync fails": (kernel(FSYNC, "error=EIO"), ("journal.io_error",)),
    "every third of both fails": (kernel(f"{WRITE},{FSYNC}", "error=EIO:when=1+3"), ()),
    "every read fails": (kernel(READ, "error=EIO"), ()),
    "fsync takes 100 ms": (kernel(FSYNC, "delay_enter=100000"), ("journal.slow",)),
    "fsync hangs": (kernel(FSYNC, "delay_enter=60000000"), ("journal.stuck",)),
}
"""What breaks, and what is said of it where it lasts."""


@pytest.mark.parametrize("fault", FAULTS if EVERY else ["full", "every write fails", "fsync takes 100 ms", "fsync hangs"])
async def test_a_disk_that_fails_under_the_running_daemon(gate: Gate, centre: Centre, fault: str) -> None:
    """Cards open meanwhile; it is said; with the disk well again everything is at the centre, once."""
    trouble, words = FAULTS[fault]
    async with gate.machine.running():
        await gate.machine.in_force()
        await gate.swipe()
        with trouble(gate):
            for _ in range(LASTS * 2):
                await gate.swipe()
            if words:
                slow = {"journal.slow"} & set((await gate.status())["degraded"])
                await says_at_least(gate, *words, *slow)
        await gate.swipe()
        await until(lambda: len(centre.events("access.granted")) == gate.swipes, 60)
        await until(lambda: centre.summary().missing == 0)
    accounted(centre, gate)


async def says_at_least(gate: Gate, *words: str) -> None:
    """Wait until these words are said; somebody swipes meanwhile."""
    async with asyncio.timeout(60):
        while not set(words) <= set((await gate.status())["degraded"]):
            await gate.swipe()


@contextmanager
def read_only(gate: Gate) -> Iterator[None]:
    """Mounted read-only before the daemon starts."""
    gate.disk.remount("ro")
    gate.machine.start()
    try:
        yield
    finally:
        gate.disk.remount("rw")


@contextmanager
def full(gate: Gate) -> Iterator[None]:
    """Full before the daemon starts."""
    with filled(gate):
        gate.machine.start()
        yield


def from_the_start(calls: str, how: str) -> Callable[[Gate], AbstractContextManager[None]]:
    """The kernel's answers from the first call on."""

    @contextmanager
    def started(gate: Gate) -> Iterator[None]:
        gate.machine.start()
        with failing(gate.pid, gate.site.journal, calls, how):
            yield

    return started


STARTS: dict[str, Callable[[Gate], AbstractContextManager[None]]] = {
    "read-only": read_only,
    "full": full,
    "every write fails": from_the_start(f"{WRITE},{FSYNC}", "error=EIO"),
    "fsync hangs": from_the_start(FSYNC, "delay_enter=60000000"),
}


@pytest.mark.parametrize("start", STARTS if EVERY else ["read-only", "every write fails"])
async def test_a_lock_down_over_a_start_on_a_bad_disk(gate: Gate, centre: Centre, start: str) -> None:
    """Killed under lock-down, started on a disk that takes nothing: no entry opens, exits do; nor after its cure or a stop."""
    async with gate.machine.running():
        await gate.machine.in_force()
        await gate.machine.say("lock-down")
        gate.machine.kill()
        with STARTS[start](gate):
            for _ in range(LASTS):
                await gate.machine.in_force()
                assert (await gate.status())["doors"][0]["mode"] == "lock_down"
                pulses = gate.house.told().count(True)
                gate.house.swipe(WANG.value)
                await gate.swipe()
                assert gate.house.told().count(True) == pulses + 1
        await until(lambda: len(centre.events("access.granted")) == gate.swipes, 60)
        assert await gate.machine.stop() == 0
        gate.machine.start()
        assert (await gate.machine.in_force())["doors"][0]["mode"] == "lock_down"
        await gate.machine.say("release")
        await centre.hears("door.lockdown", phase="end")
    accounted(centre, gate)


@pytest.mark.parametrize("start", ["well", "read-only", "every read fails"] if EVERY else ["read-only"])
async def test_a_fire_whose_line_is_burnt_over_a_start(gate: Gate, start: str) -> None:
    """It burns, the board of the line falls silent, the daemon dies and starts: the lock is never secured, whatever the disk gives."""
    starts = {**STARTS, "every read fails": from_the_start(f"{READ},{WRITE},{FSYNC}", "error=EIO")}
    async with gate.machine.running():
        await gate.machine.in_force()
        gate.house.fire(burning=True)
        await gate.house.until_coil(energised=True)
        told = len(gate.house.told())
        await gate.house.unplug(INPUTS)
        gate.machine.kill()
        if start == "well":
            gate.machine.start()
            await asyncio.sleep(2 + LASTS)
        else:
            with starts[start](gate):
                await asyncio.sleep(4 + LASTS)
        await gate.status()
        assert False not in gate.house.told()[told:]


def truncate(journal: Path, chance: random.Random) -> None:
    """Half of the database is gone."""
    os.truncate(journal / "journal.db", (journal / "journal.db").stat().st_size // 2)


def zero(journal: Path, chance: random.Random) -> None:
    """The database is as long as before, and empty."""
    size = (journal / "journal.db").stat().st_size
    (journal / "journal.db").write_bytes(bytes(size))


def empty(journal: Path, chance: random.Random) -> None:
    """No byte is left."""
    (journal / "journal.db").write_bytes(b"")


def garble(journal: Path, chance: random.Random) -> None:
    """Four hundred bytes somewhere are others."""
    with (journal / "journal.db").open("r+b") as file:
        file.seek(chance.randrange((journal / "journal.db").stat().st_size - 400))
        file.write(chance.randbytes(400))


def remove(journal: Path, chance: random.Random) -> None:
    """The database is gone, with its log."""
    for file in journal.glob("journal.db*"):
        file.unlink()


def forget_the_mark(journal: Path, chance: random.Random) -> None:
    """The sign of life is gone."""
    (journal / "alive").unlink()


@pytest.mark.parametrize("damage", [truncate, zero, empty, garble, remove, forget_the_mark] if EVERY else [garble, remove])
async def test_files_that_are_damaged_while_it_stands(gate: Gate, broker: Mosquitto, tmp_path: Path, damage: Any) -> None:
    """Nobody had the events yet. The daemon starts, cards open, and each event of before is at the centre, or named as lost."""
    async with gate.machine.running():
        await gate.machine.in_force()
        for _ in range(4):
            await gate.swipe()
        assert await gate.machine.stop() == 0
        damage(gate.site.journal, random.Random(LASTS))
        gate.machine.start()
        await gate.machine.in_force()
        await gate.swipe()
        async with Centre(broker.port, tmp_path / "centre.db").receiving() as centre:
            await until(lambda: bool(centre.events("access.granted")), 60)
            await until(lambda: centre.summary().missing == 0 and centre.summary().received > 3, 60)
            await asyncio.sleep(1)
            granted = len({event["data"]["passage_id"] for event in centre.events("access.granted")})
            assert granted == 5 or centre.summary().lost >= 5 - granted
            assert centre.summary().missing == centre.summary().conflicts == 0


@pytest.mark.parametrize("away", [False, True] if EVERY else [False])
async def test_a_folder_that_is_set_back(gate: Gate, broker: Mosquitto, centre: Centre, away: bool) -> None:
    """A copy of one swipe before comes back, with the broker there or away: what happens from then on is all at the centre."""
    async with gate.machine.running():
        await gate.machine.in_force()
        for _round in range(LASTS if EVERY else 1):
            await gate.swipe()
            await until(lambda: centre.summary().missing == 0 and len(centre.events("access.granted")) == gate.swipes, 60)
            gate.machine.kill()
            shutil.rmtree(gate.disk.path.parent / "copy", ignore_errors=True)
            shutil.copytree(gate.site.journal, gate.disk.path.parent / "copy")
            gate.machine.start()
            await gate.machine.in_force()
            for _ in range(1 + 5 * away):
                await gate.swipe()
            await until(lambda: len(centre.events("access.granted")) == gate.swipes, 60)
            gate.machine.kill()
            shutil.rmtree(gate.site.journal)
            shutil.copytree(gate.disk.path.parent / "copy", gate.site.journal)
            if away:
                broker.kill()
            gate.machine.start()
            await gate.machine.in_force()
            for _ in range(12 if away else 2):
                await gate.swipe()
            if away:
                broker.start()
            await until(lambda: len(centre.events("access.granted")) >= gate.swipes, 60)
        await until(lambda: centre.summary().missing == 0, 60)
    accounted(centre, gate)


async def test_a_stop_on_a_disk_that_takes_nothing(gate: Gate, centre: Centre) -> None:
    """It ends in time, with 1, and says how many events went; the next start goes on and knows of the end."""
    async with gate.machine.running():
        await gate.machine.in_force()
        await gate.swipe()
        await until(lambda: len(centre.events("access.granted")) == 1, 60)
        with failing(gate.pid, gate.site.journal, f"{WRITE},{FSYNC}", "error=EIO"):
            for _ in range(3):
                await gate.swipe()
            assert await gate.machine.stop() == 1
        assert b"events could not be written" in gate.machine.log.read_bytes()
        gate.machine.start()
        await gate.machine.in_force()
        await centre.hears("gateway.started", clean=False, cause="crash")
        await until(lambda: centre.summary().missing == 0, 60)


async def test_a_lock_down_that_was_answered_outlives_a_kill(gate: Gate) -> None:
    """The disk is behind: the answer comes with the record, and a kill right after it changes nothing."""
    async with gate.machine.running():
        await gate.machine.in_force()
        for turn in range(LASTS):
            verb, mode = ("lock_down", "lock_down") if turn % 2 == 0 else ("release", "normal")
            with failing(gate.pid, gate.site.journal, FSYNC, "delay_enter=200000"):
                answer: Any = await asyncio.to_thread(ask, gate.site.socket, verb)
                gate.machine.kill()
            assert answer == {"result": "accepted", "passage_id": None}
            gate.machine.start()
            assert (await gate.machine.in_force())["doors"][0]["mode"] == mode
