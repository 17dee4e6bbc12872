"""A gateway as a process, seen from outside: a reader and a relay board at the far ends of ptys, a broker, and a stopwatch."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import time
import tty
from contextlib import suppress
from pathlib import Path
from typing import Any

from drivers.door import relay_board, wiegand_serial
from edge.control.client import ask, follow
from edge.errors import NoDaemon

FACILITY = 205
WAIT_S = 60.0  # for a start on a machine that is busy with other things
READING = {"framing": "hex_cr", "format": "h10301"}


class Wire:
    """A pty: the gateway opens `path`, the bench reads and writes `fd`."""

    def __init__(self) -> None:
        self.fd, self._far = pty.openpty()
        tty.setraw(self._far)
        self.path = os.ttyname(self._far)

    def close(self) -> None:
        """Unplug."""
        os.close(self.fd)
        os.close(self._far)


class Gateway:
    """One leaf without a contact, one reader, one relay board, `people` tenants; its files are in `folder`."""

    def __init__(self, folder: Path, people: int, broker: int | None) -> None:
        """`broker` is the port of an MQTT broker on this machine; None: no uplink."""
        self.folder = folder
        self.journal = folder / "state" / "journal"
        self._reader, self._relay = Wire(), Wire()
        self._cards = wiegand_serial.Options.model_validate({"port": self._reader.path, **READING}).frame()
        self._coils = relay_board.Decoder()
        self._socket = folder / "run" / "control.sock"
        self._process: subprocess.Popen[bytes] | None = None
        roster = folder / "roster"
        roster.mkdir()
        with (roster / "roster.csv").open("w", encoding="utf-8", newline="") as sheet:
            writer = csv.writer(sheet)
            writer.writerow(("tenant_id", "name", "kind", "house_code", "room", "cards"))
            writer.writerows((f"T{n:05d}", f"T{n:05d}", "resident", "310114AT0001", "1", f"fc:{FACILITY},{n}") for n in range(people))
        site: dict[str, Any] = {
            "site": {"name": "bench"},
            "state_dir": str(folder / "state"),
            "run_dir": str(folder / "run"),
            "controllers": {
                "reader": {"driver": "wiegand_serial", "port": self._reader.path, **READING},
                "relay": {"driver": "lcus", "port": self._relay.path, "outputs": 1, "accept_latching": True},
            },
            "doors": {
                "north": {
                    "lock": {"controller": "relay", "output": 1, "type": "fail_secure", "wiring": "no", "accept_latching": True},
                    "release_s": 0.5,
                    "free_exit": True,
                }
            },
            "access_points": {"north_in": {"door": "north", "direction": "in", "reader": {"controller": "reader"}}},
            "access_rules": [{"groups": ["residents"], "access_points": ["north_in"]}],
            "roster": {"folder": str(roster), "settle_s": 0.1},
        }
        if broker is not None:
            site["uplink"] = {"broker": f"mqtt://127.0.0.1:{broker}", "reconnect_max_s": 1, "backlog_per_s": 20}
        (folder / "site.yaml").write_text(json.dumps(site), encoding="utf-8")

    def start(self, **more: str) -> float:
        """Start the process, `more` in its environment; the moment (monotonic)."""
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **more}
        command = [sys.executable, "-c", "from edge.cli import app; app()", "run", "--config", str(self.folder / "site.yaml")]
        with (self.folder / "daemon.log").open("ab") as log:
            begun = time.monotonic()
            self._process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return begun

    def stop(self) -> None:
        """End it in an orderly way."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(WAIT_S)

    def close(self) -> None:
        """Stop and unplug."""
        self.stop()
        self._reader.close()
        self._relay.close()

    def until_switched(self, *, energised: bool) -> float:
        """The moment at which the board hears this level for its relay. Raises TimeoutError."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if select.select([self._relay.fd], [], [], 1.0)[0]:
                data = os.read(self._relay.fd, 4096)
                now = time.monotonic()
                if any(coil.energised is energised for coil in self._coils.feed(data)):
                    return now
        raise TimeoutError("the relay does not move")

    def forget(self) -> None:
        """Drop what the board has heard so far."""
        while select.select([self._relay.fd], [], [], 0.0)[0]:
            self._coils.feed(os.read(self._relay.fd, 4096))

    def swipe(self, person: int) -> float:
        """Hold a card to the reader; the moment."""
        frame = self._cards.write(FACILITY << 16 | person, swapped=False)
        now = time.monotonic()
        os.write(self._reader.fd, frame)
        return now

    def ask(self, verb: str) -> Any:  # noqa: ANN401 - plain JSON
        """Ask the running gateway."""
        return ask(self._socket, verb)

    def head(self) -> int:
        """The number of its newest event."""
        newest: Any = list(follow(self._socket, "events", last=1))[-1]
        return int(newest["sequence"])

    def until_in_force(self) -> None:
        """Wait until the roster counts."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            with suppress(NoDaemon):
                if self.ask("status").get("roster"):
                    return
            time.sleep(0.05)
        raise TimeoutError("no roster")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start_broker(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A mosquitto of our own. Raises FileNotFoundError where there is none."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{'user root' if os.geteuid() == 0 else ''}\n")
    broker = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return broker
        time.sleep(0.02)
    raise TimeoutError("mosquitto does not listen")


def percentile(values: list[float], part: float) -> float:
    """The value that `part` (0..1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
