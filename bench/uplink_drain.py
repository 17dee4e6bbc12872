"""How fast a backlog drains, end to end: journal on disk -> broker -> the centre's database, fsynced -> acknowledgement back.

Gateway, broker and centre are three processes on this machine; the clock stops when the journal knows that everything is committed.
While the largest backlog drains, single events are appended and timed until the centre has them on disk.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.access.events import AccessGranted
from edge.access.reasons import Reason
from edge.access.terms import Direction, Method, PersonKind
from edge.clock import PlainClock, Trust
from edge.journal import Journal, JournalSettings
from edge.uplink.arrivals import Arrival
from edge.uplink.messages import ClockHealth, HealthBody, InfoBody
from edge.uplink.receive import Receiver
from edge.uplink.settings import BrokerSettings, UplinkSettings
from edge.uplink.signature import written
from edge.uplink.uplink import Uplink

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
CAPACITY = 1_000_000
"""Credit beyond what the machine can do: the machine is what is measured."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One run."""

    batch: int
    signed: bool
    events: int
    seconds: float
    missing: int
    duplicates: int
    live_ms: tuple[float, ...]

    @property
    def per_s(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def event(number: int) -> AccessGranted:
    """About 400 bytes as JSON, like most events of a gate."""
    return AccessGranted(
        at=datetime.now(UTC),
        clock=Trust.SYNCED,
        door="north",
        access_point="north_in",
        direction=Direction.IN,
        passage_id=f"p{number:08d}",
        person_ref="7f3a9c1e55d2",
        person_kind=PersonKind.RESIDENT,
        method=(Method.CARD,),
        reason=Reason.GRANTED,
        roster_version="0f1e2d3c4b5a",
        roster_age_s=3600,
    )


def fill(journal: Journal, count: int) -> None:
    """Append a backlog."""
    for first in range(0, count, 500):
        receipt = journal.append(*(event(n) for n in range(first, min(first + 500, count))))
        receipt.wait_blocking(60.0)


def measure(folder: Path, port: int, batch: int, count: int, live: int, *, signed: bool = False) -> Figure:
    """Fill a journal, then drain it into a centre of its own."""
    folder.mkdir()
    journal = Journal(folder, JournalSettings(ballast_mb=0), PlainClock())
    journal.open()
    fill(journal, count)
    command = [sys.executable, "-m", "bench.uplink_drain", "--centre", str(port), str(folder / "centre.db"), *["--signed"][:signed]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as centre:
        assert centre.stdout is not None
        centre.stdout.readline()  # it is ready
        figure = asyncio.run(drain(journal, centre, port, batch, count, live, signed=signed))
    journal.close()
    return figure


async def drain(
    journal: Journal, centre: subprocess.Popen[str], port: int, batch: int, count: int, live: int, *, signed: bool = False
) -> Figure:
    """From the start of the uplink until the journal knows that all is committed at the centre."""
    seen: dict[int, float] = {}
    reading = asyncio.create_task(asyncio.to_thread(_read, centre, seen))
    uplink = Uplink(
        UplinkSettings.model_validate(
            {
                "broker": f"mqtt://127.0.0.1:{port}",
                "batch": batch,
                "backlog_per_s": 100_000,
                "acks": {"centre": {"keys": [written(KEY.public_key())]} if signed else {"unsigned": True}},
            }
        ),
        site="bench",
        gateway=f"gw{batch}",
        boot_id="bench",
        journal=journal,
        health=lambda: HealthBody(clock=ClockHealth(trust=Trust.SYNCED)),
        info=lambda: InfoBody(version="bench"),
        clock=PlainClock(),
    )
    running = asyncio.create_task(uplink.run())
    begun = time.monotonic()
    told: dict[int, float] = {}
    for _ in range(live):
        await asyncio.sleep(0.2)
        at = time.monotonic()
        receipt = journal.append(event(0))
        await receipt.wait(10.0)
        told[journal.head()] = at
    total = count + live
    for _ in itertools.takewhile(lambda _: journal.acked()["centre"] < total, itertools.count()):
        await asyncio.sleep(0.01)
    seconds = time.monotonic() - begun
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    centre.terminate()
    summary = await reading
    lags = tuple(sorted(1000 * (seen[seq] - at) for seq, at in told.items() if seq in seen))
    return Figure(batch, signed, total, seconds, summary["missing"] + total - summary["received"], summary["duplicates"], lags)


def _read(centre: subprocess.Popen[str], seen: dict[int, float]) -> dict[str, int]:
    """What the centre says: the moments at which live events were on its disk, and at the end its summary."""
    assert centre.stdout is not None
    for line in centre.stdout:
        said = json.loads(line)
        if "summary" in said:
            return dict(said["summary"])
        seen[said["seq"]] = said["at"]
    raise RuntimeError("the centre ended without a summary")


async def be_centre(port: int, path: Path, *, signed: bool) -> None:
    """The receiving process: it says when a live event is on disk, and sums up when it is asked to stop."""

    def arrived(arrival: Arrival) -> None:
        if arrival.live:
            print(json.dumps({"seq": arrival.seq, "at": time.monotonic()}), flush=True)

    receiver = Receiver(
        BrokerSettings(broker=f"mqtt://127.0.0.1:{port}"), path, capacity=CAPACITY, on_event=arrived, key=KEY if signed else None
    )
    running = asyncio.create_task(receiver.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await asyncio.sleep(0.5)
    print(json.dumps({"seq": 0, "at": time.monotonic()}), flush=True)
    with suppress(asyncio.CancelledError):
        await running
    s = receiver.summary()
    print(json.dumps({"summary": {"received": s.received, "duplicates": s.duplicates, "missing": s.missing}}), flush=True)


def start_broker(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Mosquitto with its defaults on a free loopback port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    broker = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return broker, port
        time.sleep(0.05)


def main() -> None:
    """Measure batches of 1, 20 and 100 side by side, and 100 with signed acknowledgements."""
    parser = argparse.ArgumentParser(prog="python -m bench.uplink_drain", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    parser.add_argument("--events", type=int, default=200_000, help="backlog at batch 100; a fifth at 20, a twentieth at 1")
    parser.add_argument("--centre", nargs=2, metavar=("PORT", "PATH"), help=argparse.SUPPRESS)
    parser.add_argument("--signed", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.centre:
        asyncio.run(be_centre(int(given.centre[0]), Path(given.centre[1]), signed=given.signed))
        return
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = (
            (1, given.events // 20, 3, False),
            (20, given.events // 5, 3, False),
            (100, given.events, 8, False),
            (100, given.events, 8, True),
        )
        for batch, count, live, signed in runs:
            # A broker of its own: what the one before retained speaks of events that this centre never had.
            broker, port = start_broker(folder)
            try:
                figures.append(measure(folder / f"batch{batch}{signed}", port, batch, count, live, signed=signed))
            finally:
                broker.kill()
                broker.wait()
    print(f"{'batch':>6} {'events':>8} {'events/s':>9} {'ratio':>6} {'missing':>8} {'twice':>6} {'live ms, worst':>15}")
    for f in figures:
        worst = f"{f.live_ms[-1]:.0f}" if f.live_ms else "-"
        print(
            f"{f.batch:>6} {f.events:>8} {f.per_s:>9.0f} {f.per_s / figures[0].per_s:>5.1f}x {f.missing:>8} {f.duplicates:>6} {worst:>15}"
            + (" signed" if f.signed else "")
        )
    if given.json:
        rates = {f"per_s_batch_{f.batch}" + "_signed" * f.signed: round(f.per_s) for f in figures}
        sums = {"missing": sum(f.missing for f in figures), "duplicates": sum(f.duplicates for f in figures)}
        live_ms = round(max((lag for f in figures for lag in f.live_ms), default=0.0))
        print(json.dumps({"bench": "uplink_drain", "figures": {**rates, **sums, "live_worst_ms": live_ms}}))


if __name__ == "__main__":
    main()
