"""A start with a million events waiting: when the door is ready, and how soon a card of now is at the centre while they drain.

    python -m bench.startup [--rows N] [--folder DIR] [--json]

`ready_s` is from the start of the process until the relay board has heard its lock being secured and systemd was told READY=1, whichever is
later. `live_event_s` is the worst of some swipes: from the card on the reader's wire until the grant is on the centre's disk.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from queue import Queue

from rich.console import Console
from rich.table import Table

from bench._black_box import WAIT_S, Gateway, free_port, start_broker
from bench.uplink_drain import event
from edge.clock import PlainClock
from edge.journal.founding import found
from edge.journal.record import draft
from edge.journal.store import Store

PEOPLE = 100
SWIPES = 15
APART_S = 0.3
GROUP = 20_000
DRAIN_S = 600.0


def fill(folder: Path, rows: int) -> None:
    """A journal that nobody has acknowledged, written by its own store in large groups."""
    folder.mkdir(parents=True)
    with closing(Store(folder / "journal.db", "OFF")) as store:
        found(store, None, PlainClock().now(), lambda: "bench")
        for start in range(0, rows, GROUP):
            with store.transaction():
                store.add(draft(event(number)) for number in range(start, min(start + GROUP, rows)))
        store.checkpoint(truncate=True)


class Centre:
    """The receiving process: it says when a live event is on its disk."""

    def __init__(self, port: int, path: Path) -> None:
        self._path = path
        command = [sys.executable, "-m", "bench.uplink_drain", "--centre", str(port), str(path)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._said: Queue[tuple[int, float]] = Queue()
        self.summary: dict[str, int] = {}
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.had(0)  # its "ready"

    def had(self, seq: int) -> float:
        """Wait for this live event; the moment at which it was on its disk."""
        while True:
            found, at = self._said.get(timeout=WAIT_S)
            if found == seq:
                return at

    def has(self) -> int:
        """Everything up to this number is on its disk."""
        if not self._path.exists():
            return 0
        with closing(sqlite3.connect(self._path)) as db, suppress(sqlite3.OperationalError):  # not founded yet
            return int(db.execute("SELECT max(contiguous) FROM run").fetchone()[0] or 0)
        return 0

    def stop(self) -> None:
        """Let it sum up."""
        self._process.terminate()
        self._process.wait(WAIT_S)
        self._reading.join(WAIT_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "summary" in said:
                self.summary = said["summary"]
            else:
                self._said.put((int(said["seq"]), float(said["at"])))


def start(gateway: Gateway, folder: Path) -> tuple[float, float]:
    """Start it; seconds until the lock was told, and until systemd was."""
    address = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(WAIT_S)
        begun = gateway.start(NOTIFY_SOCKET=str(address))
        door = gateway.until_switched(energised=False) - begun
        while b"READY=1" not in systemd.recv(4096):
            pass
        return door, time.monotonic() - begun


def measure(folder: Path, rows: int) -> dict[str, float]:
    """Fill, start, swipe, drain."""
    port = free_port()
    gateway = Gateway(folder, PEOPLE, port)
    centre: Centre | None = None
    broker: subprocess.Popen[bytes] | None = None
    try:
        # A gateway in service has its roster from before; no broker yet, for its health would be retained and speak of another journal.
        gateway.start()
        gateway.until_in_force()
        gateway.stop()
        gateway.forget()
        shutil.rmtree(gateway.journal)
        fill(gateway.journal, rows)
        broker = start_broker(folder, port)
        centre = Centre(port, folder / "centre.db")
        door_s, told_s = start(gateway, folder)
        drained = time.monotonic()
        until = drained + WAIT_S
        while not centre.has() and time.monotonic() < until:
            time.sleep(0.05)
        lags: list[float] = []
        for person in range(SWIPES):
            head = gateway.head()
            begun = gateway.swipe(person)
            lags.append(centre.had(head + 1) - begun)
            time.sleep(APART_S)
        meanwhile = centre.has()
        until = drained + DRAIN_S
        head = gateway.head()
        while centre.has() < head and time.monotonic() < until:
            time.sleep(0.5)
        seconds = time.monotonic() - drained
        centre.stop()
    finally:
        gateway.close()
        if centre is not None:
            centre.stop()
        if broker is not None:
            broker.kill()
            broker.wait()
    return {
        "ready_s": max(door_s, told_s),
        "door_s": door_s,
        "live_event_s": max(lags),
        "live_event_p50_s": sorted(lags)[len(lags) // 2],
        "backlog": rows,
        "still_waiting": max(0, rows - meanwhile),
        "drained_per_s": rows / seconds,
        "missing": centre.summary["missing"],
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000, help="events waiting at the start")
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where the journal is: a folder on the disk in question")
    options.add_argument("--json", action="store_true", help="end with one JSON object")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        figures = measure(Path(name), asked.rows)
    table = Table("", "", "aim", title=f"A start with {asked.rows:,} events waiting")
    table.add_row("lock driven / ready, after the start of the process", f"{figures['door_s']:.2f} / {figures['ready_s']:.2f} s", "3 s")
    table.add_row(
        f"card to the centre's disk, p50 / worst of {SWIPES}", f"{figures['live_event_p50_s']:.3f} / {figures['live_event_s']:.3f} s", "1 s"
    )
    table.add_row("events that still waited after the last of them", f"{figures['still_waiting']:,.0f}", "> 0")
    table.add_row("backlog, from ready until all of it is on the centre's disk", f"{figures['drained_per_s']:,.0f} /s", "20,000 /s")
    table.add_row("missing at the centre", f"{figures['missing']:.0f}", "0")
    Console(width=120).print(table)
    if asked.json:
        print(json.dumps({"bench": "startup", "figures": {key: round(value, 3) for key, value in figures.items()}}))


if __name__ == "__main__":
    main()
