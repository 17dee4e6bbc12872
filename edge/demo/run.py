"""Play an evening: start the broker, the receiver and the daemon, let people come and go, and count whether everything arrived."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.clock import PlainClock
from edge.control import client
from edge.demo import eyes
from edge.demo.house import House, write_roster, write_site
from edge.demo.rig import Rig
from edge.demo.story import Story, Tally
from edge.demo.words import say
from edge.errors import CommandRefused, NoDaemon
from edge.journal import Journal
from edge.journal.settings import JournalSettings
from edge.settings import Locale
from edge.uplink.arrivals import Arrival
from edge.uplink.lines import readable
from edge.uplink.receive_store import Key

START_S = 60.0  # a cold start on a small computer: Python, the broker, the first connection
TAIL_S = 20.0  # for the last acknowledgements
EASE_S = 1.5  # between the last scene and the end, so that the leaf has fallen shut and been told


@dataclass(frozen=True, slots=True)
class Choices:
    """What the demo is pointed at; what is left empty is simulated here."""

    seconds: float = 60.0
    broker: str = ""
    reader: str = ""
    relay: str = ""
    roster: Path | None = None
    camera: str = ""
    photos: Path | None = None
    faces: bool = True
    locale: Locale = "zh"

    @property
    def hands_on(self) -> bool:
        """With a real reader, relay or roster nobody is played: somebody stands there with a card."""
        return bool(self.reader or self.relay or self.roster or self.camera or self.photos)


@dataclass(slots=True)
class Evening:
    """The evening in numbers."""

    tally: Tally = field(default_factory=Tally)
    latencies: list[float] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    acknowledged: int = 0
    missing: int = 0
    faces: bool = False
    by_face: int = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing is missing, and the door did what it should."""
        return not (self.missing or self.troubles or self.tally.surprises) and self.sent > 0


async def play(choices: Choices, show: Callable[[str], None]) -> Evening:
    """Play it; `show` gets every line for the person who watches."""
    with tempfile.TemporaryDirectory(prefix="anyu-demo-") as made:
        folder = Path(made)
        roster = choices.roster or folder / "roster"
        camera, people = (
            await asyncio.to_thread(eyes.prepare, choices.camera, choices.photos, folder, roster) if choices.faces else ("", [])
        )
        if choices.roster is None:
            write_roster(roster, people)
        evening = Evening(faces=choices.faces)
        rig = Rig(folder)
        devices = asyncio.create_task(rig.run())
        try:
            async with _broker(choices) as broker:
                ports = replace(rig.ports, reader_in=choices.reader or rig.ports.reader_in, relay=choices.relay or rig.ports.relay)
                protocol = "5" if choices.broker else "3.1.1"
                house = House(ports, broker, protocol, roster, choices.locale, camera)
                site = write_site(folder, house)
                await _evening(choices, site, folder, broker, protocol, rig, evening, show)
        finally:
            devices.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await devices
            await rig.unplug()
        evening.latencies = rig.latencies
        _count(folder, evening)
        return evening


async def _evening(
    choices: Choices, site: Path, folder: Path, broker: str, protocol: str, rig: Rig, evening: Evening, show: Callable[[str], None]
) -> None:
    """The receiver first, so that it hears everything; at the end the daemon first, so that its last word is received."""
    receive = ("receive", "--broker", broker, "--protocol", protocol, "--store", str(folder / "received.db"), "--json")
    async with _command(*receive) as receiver:
        heard = asyncio.create_task(_hear(receiver, choices.locale, evening, show))
        async with _command("run", "--config", str(site)) as daemon:
            if choices.faces:
                show(say(choices.locale, "prints_open"))
            show(say(choices.locale, "hands_on" if choices.hands_on else "begins"))
            try:
                async with asyncio.timeout(START_S):
                    await _until(lambda: evening.events["roster.applied"] > 0 or daemon.returncode is not None)
            except TimeoutError:
                evening.troubles.append("start")
            if daemon.returncode is not None or evening.troubles:
                evening.troubles = ["start"]
                return
            telling = asyncio.create_task(_tell_faces(folder, choices.locale, show)) if choices.faces else None
            if choices.hands_on:
                await asyncio.sleep(choices.seconds)
            else:
                evening.tally = await Story(rig).play(choices.seconds)
            await asyncio.sleep(EASE_S)
            if telling is not None:
                telling.cancel()
            await _end(daemon)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAIL_S):
                await _until(lambda: evening.events["gateway.stopping"] > 0)
        await _end(receiver)
        summary = await heard
        evening.missing = int(summary.get("missing", 0))
        if not summary:
            evening.troubles.append("receiver")


async def _tell_faces(folder: Path, locale: Locale, show: Callable[[str], None]) -> None:
    """Say once which engine recognises, and what a face by itself may decide with this roster."""
    sock = folder / "run" / "control.sock"
    while True:
        await asyncio.sleep(0.5)
        with contextlib.suppress(NoDaemon, CommandRefused):
            health: Any = await asyncio.to_thread(client.ask, sock, "status")
            seen = health["recognition"]
            if seen.get("runtime") and seen.get("enrolled"):
                allows, basis = seen["allows"].get("south_in", ""), seen["basis"].get("south_in", "")
                words = {"engine": seen["engine"], "runtime": seen["runtime"], "enrolled": seen["enrolled"]}
                show(say(locale, "faces", **words, allows=say(locale, f"allows_{allows}"), basis=say(locale, f"basis_{basis}")))
                return


async def _hear(receiver: asyncio.subprocess.Process, locale: Locale, evening: Evening, show: Callable[[str], None]) -> dict[str, Any]:
    """Print every event as it comes back through the broker; returns the receiver's own summary."""
    assert receiver.stdout is not None  # asked for in _command
    summary: dict[str, Any] = {}
    async for line in receiver.stdout:
        said = json.loads(line)
        if "type" not in said:
            summary = said
            continue
        name = str(said["type"]).removeprefix("anyu.").removesuffix(".v1")
        evening.events[name] += 1
        evening.by_face += name == "passage.entry" and said["data"].get("method") == ["face"]
        if name == "access.denied":
            evening.denied[str(said["data"].get("reason", ""))] += 1
        _, _, site, gateway = str(said["source"]).split("/")
        epoch = str(said["id"]).split("-")[-2]
        show(readable(Arrival(Key(site, gateway, epoch), int(said["sequence"]), line.decode(), said, live=True), locale))
    return summary


def _count(folder: Path, evening: Evening) -> None:
    """Look into the gateway's own journal: what it wrote, and what the centre acknowledged."""
    journal = Journal(folder / "state" / "journal", JournalSettings(ballast_mb=0), PlainClock())
    journal.open()
    try:
        evening.sent = journal.head()
        evening.acknowledged = journal.acked().get("centre", 0)
    finally:
        journal.close()
    evening.missing = max(evening.missing, evening.sent - sum(evening.events.values()))


async def _until(told: Callable[[], bool]) -> None:
    while not told():  # noqa: ASYNC110 (what is waited for happens in other processes)
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _broker(choices: Choices) -> AsyncIterator[str]:
    """The broker's URL: the one given, or our own on a free port."""
    if choices.broker:
        yield choices.broker
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "edge.demo.broker", str(port)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
    assert process.stdout is not None  # asked for above
    try:
        async with asyncio.timeout(START_S):
            await process.stdout.readline()
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        await _end(process, signal.SIGKILL)


@contextlib.asynccontextmanager
async def _command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of our own verbs as the process a site would run; its log goes to the terminal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from edge.cli import app; app()", *arguments,
        stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, limit=1 << 20,
    )  # fmt: skip
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGTERM) -> None:
    """Ask it to end, and make sure."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def summary(evening: Evening, locale: Locale) -> list[str]:
    """The evening in a few lines."""
    ordered = sorted(evening.latencies)
    p99 = f"{1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]:.1f} ms" if ordered else "-"
    denied = ", ".join(f"{reason} {count}" for reason, count in sorted(evening.denied.items())) or "0"
    passages = evening.events["passage.entry"] + evening.events["passage.exit"]
    lines = [
        say(locale, "counts", swipes=evening.tally.swipes, granted=evening.events["access.granted"], passages=passages, denied=denied),
        say(locale, "delivery", sent=evening.sent, acknowledged=evening.acknowledged, missing=evening.missing),
        say(locale, "latency", p99=p99, n=len(ordered)),
    ]
    if evening.faces:
        lines.append(say(locale, "eyes", entries=evening.by_face, strangers=evening.events["person.unknown"]))
    lines += [say(locale, "surprise", what=surprise) for surprise in evening.tally.surprises]
    lines += [say(locale, f"trouble_{trouble}") for trouble in evening.troubles]
    return [*lines, say(locale, "good" if evening.good else "bad")]
