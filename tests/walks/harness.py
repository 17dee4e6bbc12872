"""A site in a folder, its gateway in this process or in one of its own, and the centre at the other end of a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.clock import Clock, SystemClock
from edge.control.client import ask
from edge.daemon import Daemon
from edge.errors import NoDaemon
from edge.journal import last_certain_time, last_leap, last_trusted_time, last_written_time
from edge.settings.load import read_settings
from edge.uplink.arrivals import Arrival
from edge.uplink.broker import Message, Options
from edge.uplink.client import Client
from edge.uplink.receive import Receiver
from edge.uplink.settings import BrokerSettings
from tests.clock import HandClock
from tests.walks.hardware import CONTACT, INPUTS, LOCK, PATIENCE_S, READER_IN, READER_OUT, RELAY, Gatehouse

ROOT = Path(__file__).parents[2]
EVENING = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
"""A Monday, 19:00 in Shanghai."""
FACILITY = 205
HEADINGS = (
    "tenant_id",
    "name",
    "kind",
    "house_code",
    "room",
    "valid_from",
    "valid_until",
    "groups",
    "cards",
    "pin",
    "duress_pin",
    "permit_no",
    "phone",
)

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the roster; `card` is the number printed after the facility code."""

    tenant_id: str
    card: int
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> int:
        """The card as its reader sends it."""
        return FACILITY << 16 | self.card

    def row(self) -> dict[str, str]:
        """As the manager types it."""
        usual = {"tenant_id": self.tenant_id, "name": "住户" + self.tenant_id, "kind": "resident", "cards": f"fc:{FACILITY},{self.card}"}
        return {**dict.fromkeys(HEADINGS, ""), **usual, "house_code": "310114AT0001", "room": "301", **self.more}


WANG, LI = Person("A1001", 42220), Person("A1002", 42221)


def save_roster(folder: Path, people: Iterable[Person]) -> None:
    """Save the sheet as Excel does: written beside it, then renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / "~roster.tmp"
    with beside.open("w", encoding="utf-8-sig", newline="") as sheet:
        writer = csv.DictWriter(sheet, HEADINGS)
        writer.writeheader()
        writer.writerows(person.row() for person in people)
    beside.replace(folder / "roster.csv")


@dataclass(frozen=True, slots=True)
class Site:
    """The folder of one site: settings, roster, state."""

    folder: Path

    @property
    def config(self) -> Path:
        """site.yaml."""
        return self.folder / "site.yaml"

    @property
    def roster(self) -> Path:
        """The manager's folder."""
        return self.folder / "roster"

    @property
    def journal(self) -> Path:
        """The folder of the journal."""
        return self.folder / "state" / "journal"

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.folder / "run" / "control.sock"

    def write(self, port: int, controllers: Mapping[str, object], doors: Mapping[str, object], **more: object) -> Site:
        """Write site.yaml (JSON is YAML); `port` is the broker's. There is no vision unit here, so with cameras a child is accepted."""
        if "cameras" in more:
            more["recognition"] = {"accept_spawned": True, **dict(more.get("recognition", {}))}  # type: ignore[call-overload]
        given = {
            "site": {"name": "anting_01", "label": "安亭一号公寓", "timezone": "Asia/Shanghai"},
            "gateway": {"name": "gw1"},
            "state_dir": str(self.folder / "state"),
            "run_dir": str(self.folder / "run"),
            "controllers": controllers,
            "doors": doors,
            "access_rules": [{"groups": ["residents"], "access_points": ["north_in", "north_out"]}],
            "roster": {"folder": str(self.roster), "settle_s": 0.1, "check_every_s": 1},
            "journal": {"ballast_mb": 0},
            "uplink": {"broker": f"mqtt://127.0.0.1:{port}", "disclose": "reference", "reconnect_max_s": 1},
        }
        self.config.write_text(json.dumps(given | more, ensure_ascii=False), encoding="utf-8")
        return self


def simulated_site(folder: Path, port: int, people: Iterable[Person], door: Mapping[str, object], **more: object) -> Site:
    """One door on a controller in memory, for stories in simulated time: reader 1 leads in, reader 2 out."""
    site = Site(folder)
    save_roster(site.roster, people)
    lock = {"controller": "sim", "door": 1, "type": "fail_secure", "wiring": "no"}
    points = {
        "north_in": {"door": "north", "direction": "in", "reader": {"controller": "sim", "reader": 1}},
        "north_out": {"door": "north", "direction": "out", "reader": {"controller": "sim", "reader": 2}},
    }
    controllers = {"sim": {"driver": "simulated", "doors": 1, "readers": 2, "inputs": 0}}
    return site.write(port, controllers, {"north": {"lock": lock, **door}}, access_points=points, **more)


def leaf_site(folder: Path, port: int, house: Gatehouse, *people: Person, door: Mapping[str, object] | None = None, **more: object) -> Site:
    """One leaf with a strike, entered and left by card, with a contact and an exit button; all on real wires."""
    site = Site(folder)
    save_roster(site.roster, people or (WANG, LI))
    lock = {"controller": RELAY, "output": LOCK, "type": "fail_secure", "wiring": "no", "accept_latching": True}
    north = {
        "lock": lock,
        "release_s": 3,
        "contact": {"controller": INPUTS, "input": CONTACT},
        "exit_button": {"controller": INPUTS, "input": 2},
        **(door or {}),
    }
    points = {
        "north_in": {"door": "north", "direction": "in", "reader": {"controller": READER_IN}},
        "north_out": {"door": "north", "direction": "out", "reader": {"controller": READER_OUT}},
    }
    return site.write(port, house.controllers(), {"north": north}, access_points=points, **more)


class WallClock:
    """The clock chip of the machine: goes on by itself, can be set, and is disciplined by the network or not."""

    def __init__(self, at: datetime = EVENING, *, synced: bool = True) -> None:
        self.synced = synced
        self.asleep = 0.0
        self.set(at)

    def set(self, at: datetime) -> None:
        """Step it."""
        self._ahead = at.timestamp() - time.monotonic() - self.asleep

    def sleep(self, seconds: float) -> None:
        """The machine is suspended for so long: the chip and the kernel's boot clock go on, timers and doors do not notice."""
        self.asleep += seconds

    def __call__(self) -> float:
        """Seconds since 1970."""
        return time.monotonic() + self._ahead + self.asleep

    def believed(self, site: Site) -> SystemClock:
        """The daemon's own judgement of it, made as the daemon makes it."""
        return SystemClock(
            last_trusted=last_trusted_time(site.journal),
            not_before=last_written_time(site.journal),
            certain=last_certain_time(site.journal),
            leap=last_leap(site.journal),
            synced=lambda: self.synced,
            last_sync=lambda: None,
            wall=self,
            boot_time=lambda: time.monotonic() + self.asleep,
        )


@asynccontextmanager
async def gateway(site: Site, clock: Clock | None = None) -> AsyncIterator[Daemon]:
    """The daemon in this process, ready at its door and with its roster in force; stopped in an orderly way at the end."""
    daemon = Daemon(read_settings(site.config, {}), clock=clock or WallClock().believed(site), environ={})
    running = asyncio.create_task(daemon.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await daemon.ready.wait()
            while not daemon.roster.book.version:
                if isinstance(clock, HandClock):
                    clock.advance(0.1)
                await asyncio.sleep(0.02)
        await until(lambda: all(door.state != "unknown" and door.line == "up" for door in daemon.gates.view()))
        yield daemon
    finally:
        daemon.stop()
        ended = await running
        await asyncio.to_thread(daemon.close)
    assert ended.failed is None
    assert ended.abandoned == ()


async def time_passes(daemon: Daemon, clock: HandClock, seconds: float) -> None:
    """Let simulated time go by once the town has everything: the network lives in real time, which stands still beside ours."""
    await until(lambda: daemon.journal.acked()["centre"] == daemon.journal.head())
    await clock.pass_time(seconds)


class Machine:
    """The daemon as systemd runs it, in a process of its own that can be killed. `boot_id` stands for the kernel's."""

    def __init__(self, site: Site, boot_id: str = "", environ: Mapping[str, str] | None = None) -> None:
        self.site = site
        self.boot_id = boot_id
        self.log = site.folder / "daemon.log"
        self._environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Switch it on."""
        boot_id = ""
        if self.boot_id:
            boot_id = str(self.site.folder / "boot_id")
            Path(boot_id).write_text(self.boot_id + "\n", encoding="ascii")
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "tests.walks.machine", boot_id, "run", "--config", str(self.site.config)]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        """Cut it off, as kill -9 does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(PATIENCE_S)

    async def stop(self) -> int:
        """As systemd stops it; gives the exit code."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(process.wait, PATIENCE_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Machine]:
        """On while the block runs."""
        self.start()
        try:
            yield self
        finally:
            self.kill()

    async def in_force(self) -> Data:
        """Wait until the roster is in force, every line is up and the doors are known; what `status` says then."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(NoDaemon):
                    health: Any = await asyncio.to_thread(ask, self.site.socket, "status")
                    if health.get("roster") and all(door["state"] != "unknown" and door["line"] == "up" for door in health["doors"]):
                        return dict(health)
                await asyncio.sleep(0.05)

    async def say(self, *words: str) -> str:
        """What a command of this site prints; it must end well."""
        command = [sys.executable, "-m", "tests.walks.machine", "", *words, "--config", str(self.site.config)]
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=self._environ, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode() + done.stderr.decode()


class Centre:
    """The reference receiver with its database. `arrivals` are events in the order in which they were on its disk."""

    def __init__(self, port: int, path: Path, *, capacity: int = 20_000, **broker: object) -> None:
        at = BrokerSettings.model_validate({"broker": f"mqtt://127.0.0.1:{port}", "reconnect_max_s": 1, **broker})
        self._loop = asyncio.get_running_loop()
        self._receiver = Receiver(at, path, capacity=capacity, on_event=self._told)
        self._new = asyncio.Event()
        self.arrivals: list[Arrival] = []
        self.summary = self._receiver.summary

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[Centre]:
        """Receives while the block runs."""
        task = asyncio.create_task(self._receiver.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def connected(self) -> bool:
        """Whether the broker serves it now."""
        return self._receiver._client is not None

    def events(self, *names: str) -> list[Data]:
        """Every event of these names (`class.name`; all if none is given) in the gateway's order."""
        types = {f"anyu.{name}.v1" for name in names}
        found = [arrival for arrival in self.arrivals if not names or arrival.type in types]
        return [arrival.event for arrival in sorted(found, key=lambda arrival: arrival.seq)]

    def names(self) -> list[str]:
        """What happened, by name, in the gateway's order."""
        return [str(event["type"]).removeprefix("anyu.").removesuffix(".v1") for event in self.events()]

    async def hears(self, name: str, count: int = 1, **data: object) -> Data:
        """Wait for the `count`-th event of that name whose data says so; gives its data."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._new.clear()
                found = [e["data"] for e in self.events(name) if data.items() <= e["data"].items()]
                if len(found) >= count:
                    return dict(found[count - 1])
                await self._new.wait()

    async def has_all(self, upto: int, patience_s: float = PATIENCE_S) -> None:
        """Wait until every event up to that number is there; none may be there twice."""
        await until(lambda: len(self.arrivals) >= upto, patience_s)
        assert {arrival.seq for arrival in self.arrivals} >= set(range(1, upto + 1))
        assert len({arrival.seq for arrival in self.arrivals}) == len(self.arrivals), "told twice as new"
        assert self.summary().missing == 0

    def _told(self, arrival: Arrival) -> None:
        self._loop.call_soon_threadsafe(self._keep, arrival)

    def _keep(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        self._new.set()


class Ear:
    """Hears every message that passes the broker, as anybody with an account there could."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self._loop = asyncio.get_running_loop()

    @asynccontextmanager
    async def listening(self, port: int, **account: str) -> AsyncIterator[Ear]:
        """Listens while the block runs."""
        client = Client(Options("127.0.0.1", port, "ear", packet_maximum=1 << 20, **account), self._take)  # type: ignore[arg-type]
        try:
            await client.connect()
            await client.subscribe(["#"])
            yield self
        finally:
            await client.close()

    def last(self, topic: str) -> Data:
        """The newest message of a topic under the gateway's own; empty while there is none."""
        found = [message.payload for message in self.heard if message.topic == f"anyu/v1/anting_01/gw1/{topic}"]
        return dict(json.loads(found[-1])) if found else {}

    def _take(self, message: Message) -> None:
        self._loop.call_soon_threadsafe(self.heard.append, message)


async def until(true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(patience_s):
        while not true():  # noqa: ASYNC110 - processes and files have no event to wait for
            await asyncio.sleep(0.02)
