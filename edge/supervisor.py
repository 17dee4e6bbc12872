"""Units with an async run(): start them, back off, give up, stop them in time, and tell systemd how it goes.

A unit ends in one of three ways. By return: fine, it had one thing to do (an essential unit has no such end: there it counts as a
failure). By a known error: something outside is away, so back off and try again, said once when it goes and once when it is back. By any
other error: a bug, written with its traceback, counted, and restarted all the same. An essential unit that fails more than `RESTARTS` times
within `RESTARTS_WITHIN_S` ends the process, because systemd can do what we cannot: start from nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

log = logging.getLogger(__name__)

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 60.0
# The waits before the first five restarts add up to 31 s at most, so a unit that fails at once is always found out within the minute.
RESTARTS = 5
RESTARTS_WITHIN_S = 60.0
# Up for this long after a failure: back, and the next failure starts from the shortest wait.
SETTLED_S = 10.0
# The process has 5 s to stop. The journal may take 3 of them to write out what it holds; this is for everything else.
STOP_S = 2.0
# A cancelled unit gets this long undisturbed: a gate secures its lock, the uplink says its last word. Whoever is still there then has
# swallowed the cancellation and gets it again.
UNDISTURBED_S = 0.6
# systemd's WatchdogSec is 30 s (systemd/anyu-edge.service); this is how often we look, and how old the last progress of a unit may be.
WATCH_EVERY_S = 3.0
STALE_AFTER_S = 20.0

State = Literal["starting", "running", "waiting", "ended"]


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that runs as long as the daemon does.

    `progress` tells when it last got somewhere, on the monotonic clock; without it, running counts as progress. At a stop, units with the
    lowest `stop_order` are cancelled first, and the next ones when these have ended: a gate still needs its controller to secure its door.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    essential: bool = False
    progress: Callable[[], float] | None = None
    stop_order: int = 0


@dataclass(frozen=True, slots=True)
class UnitView:
    """How a unit does: `failures` since the start, of which `bugs` had a cause nobody had named."""

    name: str
    state: State
    essential: bool
    failures: int
    bugs: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it all ended. `failed` is the essential unit that was given up; `abandoned` are units that would not stop in time."""

    failed: str | None = None
    abandoned: tuple[str, ...] = ()


class Pulse:
    """A unit's own stamp of progress: call it whenever something got done, hand `last` to Unit.progress."""

    __slots__ = ("_at", "_mono")

    def __init__(self, mono: Callable[[], float] = time.monotonic) -> None:
        self._mono = mono
        self._at = mono()

    def __call__(self) -> None:
        """Got somewhere, now."""
        self._at = self._mono()

    def last(self) -> float:
        """When that was."""
        return self._at


class Notify:
    """systemd's notification socket (sd_notify(3)): datagrams of NAME=VALUE lines. Without $NOTIFY_SOCKET it keeps quiet."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._path = environ.get("NOTIFY_SOCKET", "")
        usec = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
        self.watchdog_s = int(usec) / 1e6 if usec.isdecimal() and ours else None
        """How long systemd waits for WATCHDOG=1; None when it does not wait at all."""
        self._complained = False

    def __call__(self, *lines: str) -> None:
        """Send the lines as one datagram; a manager that does not listen is no reason to stop, and is mentioned once."""
        if not self._path:
            return
        path = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(lines).encode(), path)
        except OSError as why:
            if not self._complained:
                self._complained = True
                log.warning("systemd does not take notifications: %s", why)


@dataclass(slots=True)
class _Kept:
    """What the supervisor knows of one unit."""

    unit: Unit
    state: State = "starting"
    since: float = 0.0
    task: asyncio.Task[None] | None = None
    down: bool = False
    failures: int = 0
    bugs: int = 0
    why: str = ""
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS + 1))


class Supervisor:
    """Keeps units running until told to stop. One `run` per instance.

    `known` are the errors that mean "away for now". `mono`, `sleep` and `chance` (0..1) are the outside world.
    """

    def __init__(
        self,
        units: Iterable[Unit],
        *,
        known: tuple[type[Exception], ...] = (OSError,),
        notify: Notify | None = None,
        mono: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._kept = {unit.name: _Kept(unit) for unit in units}
        self._known = known
        self._notify = notify or Notify({})
        self._mono = mono
        self._sleep = sleep
        self._chance = chance
        self._failed: str | None = None
        self._over = asyncio.Event()
        self._stuck: frozenset[str] = frozenset()

    def views(self) -> list[UnitView]:
        """How every unit does now."""
        return [UnitView(k.unit.name, k.state, k.unit.essential, k.failures, k.bugs, k.why) for k in self._kept.values()]

    def ready(self, status: str) -> None:
        """Tell systemd that the service does its work from here on."""
        self._notify("READY=1", f"STATUS={status}")

    def say(self, status: str) -> None:
        """Change the line that `systemctl status` shows."""
        self._notify(f"STATUS={status}")

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._over.set()

    async def run(self) -> Ended:
        """Run all units until `stop`, or until an essential one is given up. Returns when all have ended or were abandoned."""
        for kept in self._kept.values():
            kept.task = asyncio.create_task(self._keep(kept), name=kept.unit.name)
        watch = asyncio.create_task(self._watch(), name="watch")
        try:
            await self._over.wait()
        finally:
            self._notify("STOPPING=1")
            watch.cancel()
            abandoned = await self._stop_all()
        return Ended(self._failed, abandoned)

    async def _keep(self, kept: _Kept) -> None:
        wait = BACKOFF_FIRST_S
        while True:
            kept.state, kept.since = "running", self._mono()
            try:
                await kept.unit.run()
                if not kept.unit.essential or self._over.is_set():
                    kept.state = "ended"
                    return
                self._went_down(kept, "it ended by itself", bug=True)
            except self._known as why:
                self._went_down(kept, str(why) or type(why).__name__, bug=False)
            except Exception as why:  # noqa: BLE001 - the one place for errors that nobody named
                self._went_down(kept, type(why).__name__, bug=True, error=why)
            now = self._mono()
            if now - kept.since >= SETTLED_S:
                wait = BACKOFF_FIRST_S
            kept.state = "waiting"
            kept.recent.append(now)
            if kept.unit.essential and len(kept.recent) > RESTARTS and now - kept.recent[0] <= RESTARTS_WITHIN_S:
                log.critical("%s failed %d times within %.0f s: giving up", kept.unit.name, len(kept.recent), RESTARTS_WITHIN_S)
                self._failed = kept.unit.name
                self._over.set()
                return
            await self._sleep(self._chance() * wait)
            wait = min(2 * wait, BACKOFF_MOST_S)

    def _went_down(self, kept: _Kept, why: str, *, bug: bool, error: Exception | None = None) -> None:
        kept.failures += 1
        kept.bugs += bug
        if bug:
            log.error("%s failed by a bug (%s), starting it again", kept.unit.name, why, exc_info=error)
        elif not kept.down:
            log.warning("%s is down: %s; trying again until it is back", kept.unit.name, why)
        kept.down, kept.why = True, why

    async def _watch(self) -> None:
        """Say who is back, and pet systemd's watchdog while every essential unit gets somewhere."""
        every = min(WATCH_EVERY_S, (self._notify.watchdog_s or 3 * WATCH_EVERY_S) / 3)
        while True:
            now = self._mono()
            for kept in self._kept.values():
                if kept.down and kept.state == "running" and now - kept.since >= SETTLED_S:
                    kept.down, kept.why = False, ""
                    log.info("%s is back", kept.unit.name)
            stuck = frozenset(name for name, kept in self._kept.items() if kept.unit.essential and not _progressing(kept, now))
            for name in sorted(stuck - self._stuck):
                log.error("%s makes no progress", name)
            self._stuck = stuck
            if not stuck and self._notify.watchdog_s is not None:
                self._notify("WATCHDOG=1")
            await self._sleep(every)

    async def _stop_all(self) -> tuple[str, ...]:
        """Cancel the units group by group; whoever swallows the cancellation gets it again until the time is up."""
        orders = sorted({kept.unit.stop_order for kept in self._kept.values()})
        end = time.monotonic() + STOP_S
        for left_after, order in zip(reversed(range(len(orders))), orders, strict=True):
            tasks = {kept.task for kept in self._kept.values() if kept.unit.stop_order == order and kept.task is not None}
            until = end - left_after * STOP_S / 10  # whoever comes after an obstinate unit still has a fifth of a second
            patience = UNDISTURBED_S
            while tasks and time.monotonic() < until:
                for task in tasks:
                    task.cancel()
                _, tasks = await asyncio.wait(tasks, timeout=min(patience, max(0.0, until - time.monotonic())))
                patience = 0.1
        left = tuple(name for name, kept in self._kept.items() if kept.task is not None and not kept.task.done())
        for kept in self._kept.values():
            if kept.unit.name not in left:
                kept.state = "ended"
        if left:
            log.error("did not stop in time and were left behind: %s", ", ".join(left))
        return left


def _progressing(kept: _Kept, now: float) -> bool:
    if kept.state != "running":
        return False
    return kept.unit.progress is None or now - max(kept.unit.progress(), kept.since) <= STALE_AFTER_S
