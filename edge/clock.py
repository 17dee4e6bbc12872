"""Time, and how far it may be believed. Everything that needs the time is handed a Clock; tests turn the hands."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Trust(StrEnum):
    """How far the wall clock may be believed (the `clock` of every event)."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNTRUSTED = "untrusted"


LEAP = timedelta(days=1)
"""How far a time may lie from what we know and be believed at once: contracts end by the day, and a power cut is shorter."""

BELIEVED_AFTER_S = 12 * 3600.0
"""How long a server must vouch for a time further away. The kernel calls a clock synchronised for 8.9 hours after the last word of a server
(its error grows by 500 ppm up to 16 s), so that a server which spoke for a minute never gets so far. And who moved out while the gateway
was off opens for half a day longer at most."""


@dataclass(frozen=True, slots=True)
class Leap:
    """A time more than LEAP away from the trusted one: what it is now, and for how many seconds in all a server has vouched for it.

    One that was trusted, and left for another, is remembered as such: whoever comes back to it need not wait again.
    """

    at: datetime
    vouched_s: float

    @property
    def believed(self) -> bool:
        """Whether a server vouched for it long enough."""
        return self.vouched_s >= BELIEVED_AFTER_S

    def near(self, at: datetime) -> bool:
        """Whether this reading belongs to it."""
        return abs(at - self.at) <= LEAP


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of the clock: wall time in UTC, its trust, the monotonic seconds beside it, and the last wall time that was trusted.

    `certain` is a time that has come for sure, for whatever is deleted by its age: `at` while that is synchronised and believed, else the
    last such time and what this program ran since. The time the machine was off does not count. None: nothing is known. Doors do not look
    at it. `leap` is another time that a server told.
    """

    at: datetime
    mono: float
    trust: Trust = Trust.SYNCED
    last_trusted: datetime | None = None
    certain: datetime | None = None
    leap: Leap | None = None

    @property
    def leapt(self) -> bool:
        """Whether it is not believed because a server moved it by more than LEAP."""
        return self.trust is Trust.UNTRUSTED and self.leap is not None and not self.leap.believed and self.leap.near(self.at)

    @property
    def over(self) -> datetime | None:
        """The time up to which something may count as over for a person: `at` where it is believed, else the last trusted time.

        Where a server says that it is earlier than that, one of the two is wrong, and nobody may be refused for it: then what it says
        counts, unless it cannot be (before BUILT). None: nothing is known.
        """
        if self.trust is not Trust.UNTRUSTED:
            return self.at
        earlier = self.leapt and self.last_trusted is not None and BUILT <= self.at < self.last_trusted
        return self.at if earlier else self.last_trusted


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
"""Seconds forward, in all steps since a server was last believed, after which the clock is not: more than drift or a person's setting
right explains, less than the eight hours of a chip that was set to local time; and such a step may end somebody's last day early."""

BACKWARD = 2.0
"""Seconds backward, in all, after which it is not: slewing never goes back, and two readings a moment apart differ by less."""

BUILT = datetime(2026, 1, 1, tzinfo=UTC)
"""No gateway runs this program before it was written: what a real-time clock with an empty battery says is earlier."""

TIMESYNCD = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd at every synchronisation; /run begins empty at every boot, so that it also tells that there was one."""

TIMESYNCD_FRESH = timedelta(minutes=75)
"""Twice timesyncd's longest interval (2,048 s), and a little: so long its last touch says that it still works."""


class SystemClock:
    """The machine's clock with the reasons to believe it. Any thread may read it.

    synced     the kernel's clock is disciplined now (chrony, ntpd and timesyncd all say so to the kernel), and within LEAP of what we
               know: the last such time and what we ran since. A server that says otherwise is believed after BELIEVED_AFTER_S, at once
               where its time was believed before, or where none ever was
    holdover   it is not disciplined, but it was within the last 30 days, has not been stepped since, is not before what was written
               down, and not more than LEAP beyond what we know (a machine that was off longer asks a server)
    untrusted  anything else: never set, before the last trusted time or the journal's last time, stepped back or far forward, or leapt

    An untrusted clock is believed again when it is synchronised. Order in the journal is by sequence and knows nothing of all this.
    """

    def __init__(
        self,
        *,
        last_trusted: datetime | None = None,
        not_before: datetime | None = None,
        certain: datetime | None = None,
        leap: Leap | None = None,
        synced: Callable[[], bool] | None = None,
        last_sync: Callable[[], datetime | None] | None = None,
        wall: Callable[[], float] = time.time,
        boot_time: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """What the last run wrote down: its last trusted time, its last time of all, its last certain time, and the leap it knew of."""
        self._last_trusted = last_trusted
        self._not_before = max(time for time in (BUILT, last_trusted, not_before) if time is not None)
        self._synced = synced or _synced
        self._last_sync = last_sync or _last_sync
        self._wall = wall
        self._boot_time = boot_time
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._stepped = False
        self._unsynced_steps = 0.0
        self._step: float | None = None
        self._ahead = wall() - boot_time()
        # A quartz gains an hour a year at most, and retention is counted in days.
        if certain is None and last_trusted and not_before and not_before - last_trusted <= HOLDOVER:
            certain = not_before  # version 0.1.0 wrote no certain time, and believed its last one
        self._certain, self._certain_at = max(time for time in (BUILT, last_trusted, certain) if time is not None), boot_time()
        self._leap, self._leap_at = leap, self._certain_at
        self._vouched_at: float | None = None

    def now(self) -> Moment:
        """Read the clock and judge it. An unset clock costs no more than a disciplined one: a few microseconds."""
        with self._lock:
            wall, mono = self._wall(), self._monotonic()
            at = datetime.fromtimestamp(wall, UTC)
            synced = self._synced()
            boot = self._boot_time()
            self._notice_step(wall - boot, synced=synced)
            trust = self._judge(at, boot, synced=synced)
            if trust is Trust.SYNCED:
                self._last_trusted = self._not_before = at
                self._certain, self._certain_at = at, boot
                self._stepped, self._unsynced_steps = False, 0.0
            return Moment(at, mono, trust, self._last_trusted, self._known(boot), self._leap_now(boot))

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
        if not synced:
            self._unsynced_steps += step
            if self._unsynced_steps >= FORWARD or min(step, self._unsynced_steps) < -BACKWARD:
                self._stepped = True

    def _judge(self, at: datetime, boot: float, *, synced: bool) -> Trust:
        ahead = timedelta(0) if self._last_trusted is None else at - self._known(boot)
        if synced:
            return Trust.SYNCED if (at >= BUILT and self._stayed(ahead)) or self._vouched(at, boot) else Trust.UNTRUSTED
        if self._vouched_at is not None:
            self._vouched_at = None
            if self._leap and not self._leap.believed:
                self._leap = replace(self._leap, vouched_s=0.0)  # nobody vouched for as long as it seemed
        if self._stepped or at < self._not_before or ahead > LEAP:
            return Trust.UNTRUSTED
        set_at = max((time for time in (self._last_trusted, self._last_sync()) if time is not None), default=None)
        return Trust.HOLDOVER if set_at is not None and at - set_at <= HOLDOVER else Trust.UNTRUSTED

    def _known(self, boot: float) -> datetime:
        """The time by the last server that was believed, and what we ran since."""
        return self._certain + timedelta(seconds=boot - self._certain_at)

    def _stayed(self, ahead: timedelta) -> bool:
        """Whether a server's time is about what we know. Then no other one counts but one that was believed before."""
        if abs(ahead) > LEAP:
            return False
        self._vouched_at = None
        self._leap = self._leap if self._leap and self._leap.believed else None
        return True

    def _vouched(self, at: datetime, boot: float) -> bool:
        """Count how long servers have vouched for a time far away; whether it is believed now, and ours is the one that was left."""
        leap = self._leap_now(boot)
        seconds = leap.vouched_s if leap and leap.near(at) else 0.0
        if self._vouched_at is not None and leap and leap.near(at) and at >= BUILT:
            seconds += boot - self._vouched_at
        self._vouched_at = boot
        self._leap, self._leap_at = Leap(at, seconds), boot
        if not self._leap.believed:
            return False
        self._vouched_at, self._leap = None, Leap(self._known(boot), BELIEVED_AFTER_S)
        return True

    def _leap_now(self, boot: float) -> Leap | None:
        return self._leap and Leap(self._leap.at + timedelta(seconds=boot - self._leap_at), self._leap.vouched_s)


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
