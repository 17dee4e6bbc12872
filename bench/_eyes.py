"""Real vision workers for the benches: confined, at nice +10, before films of one person walking up and down at 1280x720."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import edge
from bench.faces import weights
from edge.vision.link import ENVIRONMENT
from edge.vision.sighting import PREFIX, Beat, Message, Started, lengths
from edge.vision.task import CameraTask, Task

START_S = 60.0


def film(folder: Path, seconds: float = 8.0) -> Path:
    """Somebody is in view all the time, so that there is always a face to find and, once a second or more, to embed."""
    from edge.demo.film import Scene, collins, shoot

    return shoot(folder / "walk.mp4", [Scene(seconds, (collins(),))])


class Eyes:
    """One worker with a few cameras on one film."""

    def __init__(self, clip: Path, cameras: int) -> None:
        import models

        models.prepare("standard", weights())
        names = [f"eye{number}" for number in range(cameras)]
        tasks = tuple(CameraTask(name=name, driver="clip", options={"path": str(clip)}) for name in names)
        task = Task(engine="standard", weights=str(weights().own), cameras=tasks)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edge.vision.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**ENVIRONMENT, "PYTHONPATH": str(Path(edge.__file__).parents[1])},
        )
        self.pid = self._process.pid
        self.started: Started | None = None
        self.faces = self.frames = self.embedded = 0
        self._up = threading.Event()
        assert self._process.stdin is not None
        self._process.stdin.write(task.model_dump_json().encode() + b"\n")
        self._process.stdin.flush()
        threading.Thread(target=self._hear, daemon=True).start()
        if not self._up.wait(START_S):
            raise TimeoutError("the worker does not start")

    def pause(self) -> None:
        """Stop the whole process where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def resident_mb(self) -> float:
        """What it holds in memory now."""
        with Path(f"/proc/{self.pid}/status").open(encoding="ascii") as lines:
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _hear(self) -> None:
        """Read what it says, as the daemon would: a pipe that nobody reads would stop it."""
        pipe = self._process.stdout
        assert pipe is not None
        while len(prefix := pipe.read(PREFIX.size)) == PREFIX.size:
            message = Message.decode(prefix, pipe.read(sum(lengths(prefix))))
            if isinstance(message.header, Started):
                self.started = message.header
                self._up.set()
            elif isinstance(message.header, Beat):
                self.frames, self.faces = message.header.frames, message.header.faces
            self.embedded += message.vector is not None


@contextmanager
def watching(folder: Path, workers: int, cameras: int) -> Iterator[list[Eyes]]:
    """So many workers with so many cameras each, running while the block does."""
    clip = film(folder)
    eyes: list[Eyes] = []
    try:
        for _ in range(workers):
            eyes.append(Eyes(clip, cameras))  # noqa: PERF401 (one that does not start must not leave the others behind)
        yield eyes
    finally:
        for one in eyes:
            one.close()


def most_resident_mb(eyes: Eyes, seconds: float) -> float:
    """The most it held while it looked for so long."""
    most, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        most = max(most, eyes.resident_mb())
        time.sleep(0.2)
    return most
