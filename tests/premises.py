"""A small house in a folder: settings, a roster, and the real daemon run on them, inside the test or as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from edge.cli import app
from edge.clock import Clock, PlainClock
from edge.control.client import ask
from edge.daemon import Daemon
from edge.errors import NoDaemon
from edge.settings import Settings, read_settings
from edge.supervisor import Ended

PATIENCE_S = 30.0
"""How long a wait may take on a slow shared machine before the test is called failed."""

SITE = """\
locale: en
site: {{name: anting_01, label: 安亭一号公寓}}
state_dir: {folder}/state
run_dir: {folder}/run
controllers:
  sim1: {{driver: simulated, doors: 1, readers: 2}}
  sim2: {{driver: simulated, doors: 1, readers: 1, inputs: 4}}
doors:
  north:
    lock: {{controller: sim1, door: 1, type: fail_secure, wiring: no}}
    contact: {{controller: sim1, door: 1}}
    exit_button: {{controller: sim1, door: 1}}
  south:
    lock: {{controller: sim2, door: 1, type: fail_safe, wiring: nc}}
    contact: {{controller: sim2, input: 1}}
    exit_button: {{controller: sim2, input: 2}}
access_points:
  north_in: {{door: north, direction: in, reader: {{controller: sim1, reader: 1}}}}
  north_out: {{door: north, direction: out, reader: {{controller: sim1, reader: 2}}}}
  south_in: {{door: south, direction: in, reader: {{controller: sim2, reader: 1}}}}
fire: {{controller: sim2, input: 4, active: open, quiet_s: 1}}
access_rules:
  - {{groups: [residents], access_points: [north_in, north_out, south_in]}}
roster: {{folder: {folder}/roster, card_notation: dec, settle_s: 0.05, check_every_s: 0.2}}
"""

ROSTER = """\
tenant_id,name,kind,room,permit_kind,valid_from,valid_until,cards,pin
1001,Example One,resident,301,none,2026-01-01,2099-12-31,fc:205;42220,
1002,Example Two,resident,302,none,2026-01-01,2026-01-31,"fc:205,42221",730418
"""
CARD = "fc:205,42220"
EXPIRED = "fc:205,42221"
STRANGER = "fc:205,42299"


@dataclass
class Premises:
    """The folder, and the process if it runs."""

    folder: Path
    extra: str = ""
    process: subprocess.Popen[bytes] | None = None
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "roster").mkdir(parents=True, exist_ok=True)
        self.write_roster(ROSTER.replace("fc:205;42220", '"fc:205,42220"'))
        self.write_site(self.extra)

    @property
    def config(self) -> Path:
        """site.yaml."""
        return self.folder / "site.yaml"

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.folder / "run" / "control.sock"

    @property
    def log(self) -> str:
        """What the process has written."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def write_site(self, extra: str = "", change: Callable[[str], str] = lambda text: text) -> None:
        """Write site.yaml: the house above, changed, and `extra` after it."""
        self.config.write_text(change(SITE.format(folder=self.folder)) + extra, encoding="utf-8")

    def write_roster(self, text: str) -> None:
        """Save the sheet as a program does: beside, then over."""
        new = self.folder / "roster" / ".roster.csv"
        new.write_text(text, encoding="utf-8")
        new.replace(self.folder / "roster" / "roster.csv")

    def settings(self) -> Settings:
        """The settings as the daemon reads them."""
        return read_settings(self.config, {})

    # --- as a process ----------------------------------------------------------------------------------------------------------------

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Give a command on this house; in this process, for a new one takes a second on a slow machine."""
        told = CliRunner().invoke(app, self._line(words), env={"LANG": "C.UTF-8", **self.environ})
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        return subprocess.CompletedProcess(words, told.exit_code, told.stdout, told.stderr)

    def shell(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Give a command as a person does, in a process of its own."""
        line = (sys.executable, "-m", "edge", *self._line(words))
        environ = {**os.environ, "LANG": "C.UTF-8", "PYTHONUTF8": "1", **self.environ}
        return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environ, encoding="utf-8")

    def _line(self, words: tuple[str, ...]) -> list[str]:
        at = 2 if words[0] in {"roster", "simulate", "audit", "models", "guard"} else 1
        return [*words[:at], "--config", str(self.config), *words[at:]]

    def start(self, *program: str, log: int | None = None) -> None:
        """Start the daemon, its log into the file `log` or that descriptor, and wait until it listens."""
        line = program or (sys.executable, "-m", "edge", "run", "--config", str(self.config))
        with (self.folder / "log").open("ab") as file:
            to = file if log is None else log
            self.process = subprocess.Popen(line, stdout=to, stderr=to, env={**os.environ, **self.environ})
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log
            try:
                ask(self.socket, "ping")
            except NoDaemon:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the daemon does not listen")

    def events(self) -> list[dict[str, Any]]:
        """Every event on disk, by the command."""
        told = self.command("events", "--last", "10000", "--json")
        return [json.loads(line) for line in told.stdout.splitlines()]

    def wait_for(self, kind: str, **data: object) -> dict[str, Any]:
        """Wait until there is such an event, and return the newest."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for event in reversed(self.events()):
                if event["type"] == f"anyu.{kind}.v1" and data.items() <= event["data"].items():
                    return event
        raise AssertionError(f"no {kind} {data} among {[event['type'] for event in self.events()]}\n{self.log}")

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit code and how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code, time.monotonic() - began

    def kill(self) -> None:
        """End it, whatever it does."""
        if self.process is not None:
            self.stop(signal.SIGKILL)


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None, environ: Mapping[str, str] | None = None) -> AsyncIterator[Daemon]:
    """The daemon inside this test, its first door ready; stopped in order and closed at the end.

    Without a clock of the test's own the machine's is believed: a container's never is by itself, and then nobody is expired.
    """
    daemon = Daemon(settings, clock=clock or PlainClock(), environ=environ or {})
    task: asyncio.Task[Ended] = asyncio.create_task(daemon.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await daemon.ready.wait()
        yield daemon
    finally:
        daemon.stop()
        async with asyncio.timeout(PATIENCE_S):
            await task
        daemon.close()


async def until(true: Callable[[], object]) -> None:
    """Wait until something is so, in real time."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - a state of others, not an event of ours, is what is waited for
            await asyncio.sleep(0.01)


def names(daemon: Daemon) -> list[str]:
    """The names of all events on disk, in order."""
    return [f"{record.cls}.{record.name}" for record in daemon.journal.latest(10_000)]


def bodies(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    """The data of all events of one name, in order."""
    return [json.loads(record.data) for record in daemon.journal.latest(10_000) if f"{record.cls}.{record.name}" == name]
