"""A real broker on a free loopback port, a real journal on disk, and the two ends of the way between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import __version__
from edge.access.events import AccessGranted, Event
from edge.access.reasons import Reason
from edge.access.terms import Direction, Method, PersonKind
from edge.clock import PlainClock, Trust
from edge.journal import Journal, JournalSettings
from edge.uplink.broker import Message
from edge.uplink.limits import STALL_S
from edge.uplink.messages import ClockHealth, DoorHealth, HealthBody, InfoBody
from edge.uplink.receive import Receiver
from edge.uplink.settings import BrokerSettings, UplinkSettings
from edge.uplink.uplink import Uplink

PATIENCE_S = 30.0
"""How long a wait may take on a slow shared machine before the test is called failed."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Mosquitto:
    """A mosquitto that can be killed and started again on the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    lines: tuple[str, ...] = ()
    listener: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        config = self.folder / "mosquitto.conf"
        own = (f"listener {self.port} 127.0.0.1", *self.listener, "allow_anonymous true", "persistence false", *self.lines)
        if os.geteuid() == 0:
            own = (*own, "user root")  # else it becomes a user who may not read this folder
        config.write_text("\n".join(own) + "\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                return
            assert self.process.poll() is None, (self.folder / "mosquitto.log").read_text()
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker without a memory of its own."""
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def broker_factory(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Make brokers with lines of configuration of their own; killed at the end."""
    made: list[Mosquitto] = []

    def make(*lines: str, listener: tuple[str, ...] = ()) -> Mosquitto:
        folder = tmp_path / f"broker{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, lines=lines, listener=listener))
        return made[-1]

    yield make
    for broker in made:
        broker.kill()


def granted(number: int = 0) -> Event:
    """An ordinary event with everything a passage carries."""
    return AccessGranted(
        at=datetime.now(UTC),
        clock=Trust.SYNCED,
        door="north",
        access_point="north_in",
        direction=Direction.IN,
        passage_id=f"p{number:06d}",
        person_ref="7f3a9c1e55d2",
        person_kind=PersonKind.RESIDENT,
        method=(Method.CARD,),
        reason=Reason.GRANTED,
        roster_version="0f1e2d3c",
        roster_age_s=3600,
    )


def put(journal: Journal, count: int, start: int = 0) -> None:
    """Append and wait until it is on disk."""
    receipt = None
    for first in range(0, count, 500):
        receipt = journal.append(*(granted(start + n) for n in range(first, min(first + 500, count))))
    assert receipt is not None
    assert receipt.wait_blocking(PATIENCE_S)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal on disk."""
    folder = tmp_path / "journal"
    folder.mkdir()
    made = Journal(folder, JournalSettings(ballast_mb=0), PlainClock())
    made.open()
    yield made
    made.close()


class Brisk(random.Random):
    """Draws the waits between two connections twenty times shorter: at most 50 ms, where settings allow no less than 1 s."""

    def uniform(self, a: float, b: float) -> float:
        """See random.Random."""
        return super().uniform(a, b / 20)


def settings(port: int, **more: object) -> UplinkSettings:
    """Settings for a broker on this machine that is tried again within a second."""
    return UplinkSettings.model_validate({"broker": f"mqtt://127.0.0.1:{port}", "reconnect_max_s": 1, **more})


def uplink_of(journal: Journal, using: UplinkSettings, doors: int = 0, gateway: str = "gw1", stall_s: float = STALL_S) -> Uplink:
    """The way from a journal to a broker, with a daemon behind it that is well. `stall_s`: shorter where many stalls are waited for."""
    door = DoorHealth(name="", kind="leaf", state="secured", contact="closed", lock="secured", mode="normal", line="up")
    views = tuple(door.model_copy(update={"name": f"door_{number:02d}"}) for number in range(doors))
    return Uplink(
        using,
        site="anting_01",
        gateway=gateway,
        boot_id="boot1",
        journal=journal,
        health=lambda: HealthBody(doors=views, clock=ClockHealth(trust=Trust.SYNCED)),
        info=lambda: InfoBody(version=__version__),
        clock=PlainClock(),
        rng=Brisk(),
        stall_s=stall_s,
    )


def receiver_of(port: int, path: Path, **more: object) -> Receiver:
    """A receiver at a broker on this machine."""
    return Receiver(BrokerSettings(broker=f"mqtt://127.0.0.1:{port}", reconnect_max_s=1), path, rng=Brisk(), **more)  # type: ignore[arg-type]


@asynccontextmanager
async def running(*runs: Callable[[], Awaitable[None]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Units that run while the block does; what one of them dies of is raised here."""

    async def call(run: Callable[[], Awaitable[None]]) -> None:
        await run()

    tasks = [asyncio.create_task(call(run)) for run in runs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome


SOON_S = 0.5
"""A stall where what comes after it is tested, and not how long it is; a busy machine that takes longer sends something twice."""


class Heard:
    """What a client hears, for the test to await."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Message] = asyncio.Queue()

    def __call__(self, message: Message) -> None:
        """From the network's thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, message)

    async def next(self) -> Message:
        """The next message."""
        return await asyncio.wait_for(self._queue.get(), PATIENCE_S)


async def until(true: Callable[[], bool], *, patience_s: float = PATIENCE_S) -> None:
    """Wait until something holds; it is looked at fifty times a second."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)


def on_ci(few: int, many: int) -> int:
    """A small number here, a larger one where CI has time."""
    return many if os.environ.get("CI") else few
