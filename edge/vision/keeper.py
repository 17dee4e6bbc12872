"""The daemon's side of the vision worker: get one, see that it is confined, hear it, end it when it falls silent or talks nonsense.

A unit for the supervisor: it raises WorkerLost when the worker is gone, and is then started again with the supervisor's backoff. Doors
do not notice either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import select
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from edge.vision import link
from edge.vision.confinement import Finding, inspect
from edge.vision.link import Unit
from edge.vision.sighting import PREFIX, CameraSaid, Garbled, Message, Started, lengths
from edge.vision.task import CameraTask, Task

log = logging.getLogger(__name__)

START_S = 60.0  # folding SFace and compiling two networks on a busy small computer takes up to 20 s
SILENT_S = 8.0  # it beats once a second; a second of inference and a loaded machine are no reason to kill it
STOP_S = 2.0
RATE_PER_S = 200  # messages: 16 tracks at 12 embeddings a second is the most an honest worker says
COMMANDS = 64  # waiting to be written; a worker that does not read them is hung


class WorkerLost(OSError):
    """The worker ended, hung or talked nonsense: start another."""


class NotConfined(WorkerLost):
    """The sandbox is not whole, or there is no unit and a child is not accepted: faces stay off. Another worker would be no better."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a worker may look (edge/vision/settings.py: RecognitionSettings).

    `where`: auto takes the unit's worker where its socket is, else a child. `may_spawn`: whether a child is accepted.
    """

    where: Literal["auto", "unit", "spawned"] = "auto"
    unit: Unit = field(default_factory=Unit)
    may_spawn: bool = True
    require_sandbox: bool = True

    def spawns(self) -> bool:
        """Whether the next worker is a child of this process."""
        return self.where == "spawned" or (self.where == "auto" and not self.unit.there())


class Worker:
    """One vision worker at a time. `hear` gets every message and must not block."""

    def __init__(self, task: Task, hear: Callable[[Message], None], lost: Callable[[str], None], terms: Terms = Terms()) -> None:
        self._task, self._hear, self._lost, self.terms = task, hear, lost, terms
        self._commands: asyncio.Queue[bytes] = asyncio.Queue(COMMANDS)
        self.pid: int | None = None
        self.finding: Finding | None = None
        """What the kernel said of the last worker's confinement; None before the first."""

    def look_at(self, cameras: tuple[CameraTask, ...]) -> None:
        """What the next worker is to look at."""
        self._task = self._task.model_copy(update={"cameras": cameras})

    def drop(self, camera: str, track: int) -> None:
        """Tell the worker that this track was claimed otherwise. Never blocks."""
        with contextlib.suppress(asyncio.QueueFull):
            self._commands.put_nowait(json.dumps({"drop": [camera, track]}).encode() + b"\n")

    async def run(self) -> None:
        """Get a worker and hear it until it is lost. Raises NotConfined, WorkerLost."""
        ours, child = await self._get()
        self._commands = asyncio.Queue(COMMANDS)
        why = "ended"
        lost: type[WorkerLost] = WorkerLost
        talk: _Talk | None = None
        try:
            async with asyncio.timeout(START_S):
                talk = await _Talk.begin(ours, self._told(child), child)
            self.pid = talk.pid
            await self._listen(talk)
        except TimeoutError:
            why = "hung"
        except Garbled as fault:
            why = f"garbled ({fault})"
        except (asyncio.IncompleteReadError, ConnectionError):
            why = "ended"
        except NotConfined:
            why, lost = "not confined", NotConfined
        finally:
            await (talk.end() if talk is not None else _end_child(ours, child))
            self.pid = None
        self._lost(why)
        raise lost(f"vision worker {why}")

    def _told(self, child: subprocess.Popen[bytes] | None) -> Task:
        """The task; the unit's account cannot read our folder of weights."""
        return self._task if child else self._task.model_copy(update={"weights": str(self.terms.unit.weights), "others": ()})

    async def _get(self) -> tuple[socket.socket, subprocess.Popen[bytes] | None]:
        """A socket with a worker at its other end, and the worker where it is our child. Raises NotConfined, WorkerLost."""
        terms = self.terms
        if terms.spawns():
            if not terms.may_spawn:
                self.finding = Finding(("spawned",), whole=False)
                raise NotConfined("no vision unit, and a child process is not accepted")
            return link.spawn()
        ours = socket.socket(socket.AF_UNIX)
        try:
            ours.setblocking(False)
            await asyncio.get_running_loop().sock_connect(ours, str(terms.unit.path))
            if not terms.unit.is_peer(ours):
                raise WorkerLost("the vision unit's socket is of another account")
        except OSError as why:
            ours.close()
            self._lost("no unit")
            raise WorkerLost(f"no vision unit: {why.strerror or why}") from why
        except asyncio.CancelledError:
            ours.close()
            raise
        return ours, None

    async def _tell(self, talk: _Talk) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                talk.writer.write(await self._commands.get())
                await talk.writer.drain()

    async def _listen(self, talk: _Talk) -> None:
        """Hear what it says. Its first message is Started, and no later one is: a picture never speaks of the confinement."""
        async with asyncio.timeout(START_S):
            first = await talk.message()
        if not isinstance(first.header, Started) or first.header.engine != self._task.engine:
            raise Garbled("not started")
        self.finding = inspect(talk.pid, first.header, starter=talk.starter, account=self.terms.unit.account)
        if talk.gone():
            raise Garbled("another process")  # its number may be somebody else's by now
        if self.terms.require_sandbox and not self.finding.whole:
            raise NotConfined
        telling = asyncio.create_task(self._tell(talk))
        try:
            self._hear(first)
            await self._hear_on(talk)
        finally:
            telling.cancel()

    async def _hear_on(self, talk: _Talk) -> None:
        loop = asyncio.get_running_loop()
        window, said = loop.time(), 0
        cameras = {camera.name for camera in self._task.cameras}
        while True:
            async with asyncio.timeout(SILENT_S):
                message = await talk.message()
            if loop.time() - window > 1:
                window, said = loop.time(), 0
            said += 1
            header = message.header
            if said > RATE_PER_S:
                raise Garbled("flood")
            if getattr(header, "camera", None) not in {None, *cameras}:
                raise Garbled("unknown camera")
            if isinstance(header, Started):
                raise Garbled("started twice")
            if isinstance(header, CameraSaid):
                log.log(logging.INFO if header.up else logging.WARNING, "camera %s %s", header.camera, "up" if header.up else "down")
            self._hear(message)


class _Talk:
    """The socket of a worker that has been told its task, and the worker's process as the kernel named it."""

    def __init__(
        self, pid: int, ends: int, child: subprocess.Popen[bytes] | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pid, self.child, self.writer = pid, child, writer
        self.starter = None if child is not None else link.peer(writer.get_extra_info("socket"))[0]
        self._ends, self._reader = ends, reader
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(ends, self._over)

    @classmethod
    async def begin(cls, ours: socket.socket, task: Task, child: subprocess.Popen[bytes] | None) -> _Talk:
        """Tell the task and wait for the first byte of the answer. Raises IncompleteReadError, Garbled."""
        loop = asyncio.get_running_loop()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        await loop.sock_sendall(ours, task.model_dump_json().encode() + b"\n")
        await _readable(ours)
        pid = link.sender(ours)
        if pid is None:
            raise asyncio.IncompleteReadError(b"", PREFIX.size)
        if child is not None and pid != child.pid:
            raise Garbled("another process")
        try:
            ends = os.pidfd_open(pid)
        except ProcessLookupError:
            raise asyncio.IncompleteReadError(b"", PREFIX.size) from None
        return cls(pid, ends, child, *await asyncio.open_connection(sock=ours))

    async def message(self) -> Message:
        """The next message. Raises IncompleteReadError at the end, Garbled."""
        prefix = await self._reader.readexactly(PREFIX.size)
        return Message.decode(prefix, await self._reader.readexactly(sum(lengths(prefix))))

    def gone(self) -> bool:
        """Whether the process has ended."""
        return bool(select.select([self._ends], [], [], 0)[0])

    async def end(self) -> None:
        """Close the socket, which asks the worker to end, and make sure that it does: ourselves, or the unit's process does."""
        self.writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self._ended.wait()
        if self.child is not None:
            link.kill_session(self.child)
            await self._ended.wait()
            self.child.wait()
        asyncio.get_running_loop().remove_reader(self._ends)
        os.close(self._ends)

    def _over(self) -> None:
        """The process has ended: what it wrote is still read, then the stream ends, whoever else holds the socket."""
        asyncio.get_running_loop().remove_reader(self._ends)
        self._ended.set()
        with contextlib.suppress(OSError):
            self.writer.get_extra_info("socket").shutdown(socket.SHUT_RD)


async def _readable(ours: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(ours, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(ours)


async def _end_child(ours: socket.socket, child: subprocess.Popen[bytes] | None) -> None:
    """End a worker that never said anything."""
    ours.close()
    if child is not None:
        link.kill_session(child)
        await asyncio.to_thread(child.wait)
