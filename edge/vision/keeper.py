"""The daemon's side of the vision worker: start it, hear it, end it when it falls silent or talks nonsense.

A unit for the supervisor: it raises WorkerLost when the worker is gone, and is then started again with the supervisor's backoff. Doors
do not notice either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import edge
from edge.vision.sighting import PREFIX, CameraSaid, Garbled, Message, Started, lengths
from edge.vision.task import CameraTask, Task

log = logging.getLogger(__name__)

START_S = 60.0  # folding SFace and compiling two networks on a busy small computer takes up to 20 s
SILENT_S = 8.0  # it beats once a second; a second of inference and a loaded machine are no reason to kill it
STOP_S = 2.0
RATE_PER_S = 200  # messages: 16 tracks at 12 embeddings a second is the most an honest worker says
COMMANDS = 64  # waiting to be written; a worker that does not read them is hung

# Nothing of the daemon's own environment: it may hold secrets. One arena keeps a threaded worker's memory small.
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class WorkerLost(OSError):
    """The worker ended, hung or talked nonsense: start another."""


class Worker:
    """One vision worker at a time. `hear` gets every message and must not block."""

    def __init__(self, task: Task, hear: Callable[[Message], None], lost: Callable[[str], None]) -> None:
        self._task, self._hear, self._lost = task, hear, lost
        self._commands: asyncio.Queue[bytes] = asyncio.Queue(COMMANDS)
        self.pid: int | None = None

    def look_at(self, cameras: tuple[CameraTask, ...]) -> None:
        """What the next worker is to look at."""
        self._task = self._task.model_copy(update={"cameras": cameras})

    def drop(self, camera: str, track: int) -> None:
        """Tell the worker that this track was claimed otherwise. Never blocks."""
        with contextlib.suppress(asyncio.QueueFull):
            self._commands.put_nowait(json.dumps({"drop": [camera, track]}).encode() + b"\n")

    async def run(self) -> None:
        """Start a worker and hear it until it is lost. Raises WorkerLost."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "edge.vision.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=None,
            env={**ENVIRONMENT, "PYTHONPATH": str(Path(edge.__file__).parents[1])},
        )  # fmt: skip
        self.pid = process.pid
        self._commands = asyncio.Queue(COMMANDS)
        telling = asyncio.create_task(self._tell(process))
        why = "ended"
        try:
            await self._listen(process)
        except TimeoutError:
            why = "hung"
        except Garbled as fault:
            why = f"garbled ({fault})"
        except asyncio.IncompleteReadError:
            why = "ended"
        finally:
            telling.cancel()
            await _end(process)
            self.pid = None
        self._lost(why)
        raise WorkerLost(f"vision worker {why}")

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # asked for above
        process.stdin.write(self._task.model_dump_json().encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            while True:
                await process.stdin.drain()
                process.stdin.write(await self._commands.get())

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # asked for above
        loop = asyncio.get_running_loop()
        window, said = loop.time(), 0
        patience = START_S
        cameras = {camera.name for camera in self._task.cameras}
        while True:
            async with asyncio.timeout(patience):
                prefix = await process.stdout.readexactly(PREFIX.size)
                message = Message.decode(prefix, await process.stdout.readexactly(sum(lengths(prefix))))
            if loop.time() - window > 1:
                window, said = loop.time(), 0
            said += 1
            header = message.header
            if said > RATE_PER_S:
                raise Garbled("flood")
            if getattr(header, "camera", None) not in {None, *cameras}:
                raise Garbled("unknown camera")
            if isinstance(header, Started):
                patience = SILENT_S
            elif isinstance(header, CameraSaid):
                log.log(logging.INFO if header.up else logging.WARNING, "camera %s %s", header.camera, "up" if header.up else "down")
            self._hear(message)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask by closing stdin, then make sure."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
