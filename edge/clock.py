"""Time, and how far it may be believed. Everything that needs the time is handed a Clock; tests turn the hands."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Trust(StrEnum):
    """How far the wall clock may be believed (the `clock` of every event)."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of the clock: wall time in UTC, its trust, the monotonic seconds beside it, and the last wall time that was trusted.

    `certain` is a time that has come for sure, for whatever is deleted by its age: `at` while that is trusted, else the last trusted time
    and what this program ran since. The time the machine was off does not count. None: nothing is known. Doors do not look at it.
    """

    at: datetime
    mono: float
    trust: Trust = Trust.SYNCED
    last_trusted: datetime | None = None
    certain: datetime | None = None


class Clock(Protocol):
    """The only source of time in the daemon."""

    def now(self) -> Moment:
        """Read wall and monotonic time together, once per decision."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on the monotonic clock."""
        ...


def local_time(clock: Clock, zone: tzinfo) -> datetime | None:
    """The time of day of a zone, without saying which, as devices keep it; None while it cannot be believed."""
    now = clock.now()
    return None if now.trust is Trust.UNTRUSTED else now.at.astimezone(zone).replace(tzinfo=None)


class PlainClock:
    """The machine's clock, believed as it is: for tools and the demo. The daemon uses edge.clock.SystemClock."""

    def now(self) -> Moment:
        """Read the machine's clock; it is its own last trusted time."""
        at = datetime.now(UTC)
        return Moment(at, time.monotonic(), Trust.SYNCED, at, at)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


HOLDOVER = timedelta(days=30)
"""How long a clock is believed without being set: a quartz off by 100 ppm is then four minutes wrong, which moves no one's last day."""

FORWARD = 7_200.0
"""Seconds forward, at one step and without synchronisation, after which the clock is not believed: more than drift or a person's setting
right explains, less than the eight hours of a chip that was set to local time; and such a step may end somebody's last day early."""

BACKWARD = 2.0
"""Seconds backward after which it is not: slewing never goes back, and two readings a moment apart differ by less."""

BUILT = datetime(2026, 1, 1, tzinfo=UTC)
"""No gateway runs this program before it was written: what a real-time clock with an empty battery says is earlier."""

TIMESYNCD = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd at every synchronisation; /run begins empty at every boot, so that it also tells that there was one."""

TIMESYNCD_FRESH = timedelta(minutes=75)
"""Twice timesyncd's longest interval (2,048 s), and a little: so long its last touch says that it still works."""


class SystemClock:
    """The machine's clock with the reasons to believe it. Any thread may read it.

    synced     the kernel's clock is disciplined now (chrony, ntpd and timesyncd all say so to the kernel)
    holdover   it is not, but it was within the last 30 days, has not been stepped since, and is not before what was written down
    untrusted  anything else: never set, before the last trusted time or the journal's last time, or stepped back or far forward

    An untrusted clock is believed again when it is synchronised. Order in the journal is by sequence and knows nothing of all this.
    """

    def __init__(
        self,
        *,
        last_trusted: datetime | None = None,
        not_before: datetime | None = None,
        certain: datetime | None = None,
        synced: Callable[[], bool] | None = None,
        last_sync: Callable[[], datetime | None] | None = None,
        wall: Callable[[], float] = time.time,
        boot_time: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """What the last run wrote down: its last trusted time, its last time of all, and its last certain time."""
        self._last_trusted = last_trusted
        self._not_before = max(time for time in (BUILT, last_trusted, not_before) if time is not None)
        self._synced = synced or _synced
        self._last_sync = last_sync or _last_sync
        self._wall = wall
        self._boot_time = boot_time
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._stepped = False
        self._step: float | None = None
        self._ahead = wall() - boot_time()
        # A quartz gains an hour a year at most, and retention is counted in days.
        self._certain, self._certain_at = max(time for time in (BUILT, last_trusted, certain) if time is not None), boot_time()

    def now(self) -> Moment:
        """Read the clock and judge it. An unset clock costs no more than a disciplined one: a few microseconds."""
        with self._lock:
            wall, mono = self._wall(), self._monotonic()
            at = datetime.fromtimestamp(wall, UTC)
            synced = self._synced()
            boot = self._boot_time()
            self._notice_step(wall - boot, synced=synced)
            trust = self._judge(at, synced=synced)
            if trust is Trust.SYNCED:
                self._last_trusted = self._not_before = at
                self._stepped = False
            if trust is not Trust.UNTRUSTED:
                self._certain, self._certain_at = at, boot
            return Moment(at, mono, trust, self._last_trusted, self._certain + timedelta(seconds=boot - self._certain_at))

    async def sleep(self, seconds: float) -> None:
        """Wait on the monotonic clock."""
        await asyncio.sleep(seconds)

    def take_step(self) -> float | None:
        """Seconds by which the wall clock was stepped since this was last asked, for `gateway.clock`; None if it was not."""
        with self._lock:
            step, self._step = self._step, None
            return step

    def _notice_step(self, ahead: float, *, synced: bool) -> None:
        step = ahead - self._ahead
        self._ahead = ahead
        if abs(step) > BACKWARD:
            self._step = (self._step or 0.0) + step
        if not synced and (step >= FORWARD or step < -BACKWARD):
            self._stepped = True

    def _judge(self, at: datetime, *, synced: bool) -> Trust:
        if synced:
            return Trust.SYNCED
        if self._stepped or at < self._not_before:
            return Trust.UNTRUSTED
        set_at = max((time for time in (self._last_trusted, self._last_sync()) if time is not None), default=None)
        return Trust.HOLDOVER if set_at is not None and at - set_at <= HOLDOVER else Trust.UNTRUSTED


_STA_UNSYNC = 0x40
"""linux/timex.h: the clock is not synchronised. Set by the kernel at boot, after a step by hand, and hours after the last discipline."""

_TIMEX_BYTES = 208
"""sizeof(struct timex) on 64-bit Linux; `modes` is its first int (0 = only read), `status` lies at 40."""

_STATUS_AT = 40

_libc = ctypes.CDLL(None, use_errno=True)


def kernel_synced() -> bool:
    """Whether the kernel's clock is being disciplined. Raises OSError where the system call is forbidden (ProtectClock= of systemd)."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    if _libc.adjtimex(timex) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    status = ctypes.c_int.from_buffer(timex, _STATUS_AT).value
    return not status & _STA_UNSYNC


def _last_sync() -> datetime | None:
    """When timesyncd last set the clock in this boot, if it is what sets it."""
    try:
        return datetime.fromtimestamp(TIMESYNCD.stat().st_mtime, UTC)
    except OSError:
        return None


def _synced() -> bool:
    """Ask the kernel, and timesyncd's file where the kernel may not be asked."""
    try:
        return kernel_synced()
    except OSError:
        at = _last_sync()
        return at is not None and timedelta(0) <= datetime.now(UTC) - at <= TIMESYNCD_FRESH
