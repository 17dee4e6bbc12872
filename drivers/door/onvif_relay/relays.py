"""The relays of one device as locks: orders into relay states, each answered by the device.

A coil is ENERGISED here when its contact is closed. What "active" has to be follows from that and from the relay's idle state. Where a
relay can be Monostable and idles where the lock is secured, the device itself ends a release; else the end is sent from here, and the site
has accepted that it latches.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drivers.door.onvif_relay.options import Options
from drivers.errors import DriverError, Garbled, LineLost, NoAnswer, Refused, Stale
from drivers.latches import OPPOSITE
from drivers.onvif.io import Ports, Relay, Settings
from drivers.orders import HoldReleased, Level, Release, Secure
from drivers.timing import Timing

FINISH_S = 1.5  # of the 5 s that a stop may take
USUAL_S = 5.0  # a release as most doors have it: a relay that is made to time itself starts with that, so that the first release need not
AGAIN_S = 0.5  # after an end of a release that was not answered
JUST_SET_S = 2.0  # within this, the event of our own order may still be on its way
RENEW_AT = 0.5  # of its delay: a timed relay that must stay released longer is told again


@dataclass(slots=True)
class _Lock:
    """One relay that is a lock, for the length of a session."""

    relay: Relay
    secured: Level
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one word at a time: an overtaken one would be carried out last
    fixed: bool = False  # the device does not let its settings be changed
    set_to: Level | None = None
    set_at: float = -math.inf

    @property
    def timed(self) -> bool:
        """Whether the device itself goes back to the secured level."""
        return self.relay.settings.timed and self.relay.settings.idle_closed is (self.secured is Level.ENERGISED)

    @property
    def sound(self) -> bool:
        """Whether it can be driven at all: a Monostable relay that idles released would open the door by itself."""
        return self.timed or not self.relay.settings.timed

    def active(self, level: Level) -> bool:
        """The relay's logical state at a level."""
        return (level is Level.ENERGISED) is not self.relay.settings.idle_closed


class Relays:
    """What each lock was last set to, which are held, and the releases that run."""

    def __init__(self, options: Options, secured: Mapping[int, Level], timing: Timing) -> None:
        self._options = options
        self._secured = secured
        self._timing = timing
        self._ports: Ports | None = None
        self._locks: dict[int, _Lock] = {}
        self._held: set[int] = set()
        self._ends: dict[int, float] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def check(self, relays: Mapping[int, Relay]) -> None:
        """Raise Refused where a lock's relay is not as the site expects it. `relays`: by our own numbers."""
        for output in self._secured:
            if output not in relays:
                raise Refused(f"the device has no relay {output}: it has {len(relays)}")
            if not relays[output].may_time and not self._options.accept_latching:
                raise Refused(
                    f"relay {output} only latches: it would stay released if this program died; say accept_latching: true to allow"
                )

    def up(self, ports: Ports, relays: Mapping[int, Relay]) -> None:
        """The device was found. Nothing is sent."""
        self._ports = ports
        self._locks = {output: _Lock(relays[output], level) for output, level in self._secured.items()}

    @property
    def is_up(self) -> bool:
        """Whether the device is there."""
        return self._ports is not None

    def down(self) -> None:
        """The device is gone: a release that ran is forgotten, what was held stays held."""
        self._ports = None
        for output in list(self._ends):
            self._forget(output)

    async def carry_out(self, order: Release | Secure | HoldReleased) -> None:
        """One order, answered by the device. Raises LineLost, Stale, NoAnswer, Refused, Garbled."""
        if self._ports is None:
            raise LineLost("the line is down")
        output = order.door
        match order:
            case Release():
                await self._release(output, order)
            case Secure():
                self._held.discard(output)
                self._forget(output)
                await self._secure(output)
            case HoldReleased():
                self._held.add(output)
                self._forget(output)
                await self._sustain(output, math.inf, math.inf)

    async def finish(self) -> None:
        """The daemon stops while the device is there: end what runs, in bounded time. Held outputs stay as they are."""
        running = [output for output in self._ends if output not in self._held]
        for output in list(self._ends):
            self._forget(output)
        with contextlib.suppress(DriverError, TimeoutError):
            async with asyncio.timeout(FINISH_S):
                await asyncio.gather(*(self._drive(output, self._secured[output]) for output in running))

    def foreign(self, token: str, *, active: bool) -> int | None:
        """The lock that somebody else released, by the device's own report on a relay; None if all is well."""
        now = self._timing.now()
        for output, lock in self._locks.items():
            if lock.relay.token != token or lock.set_to is not lock.secured or now - lock.set_at < JUST_SET_S:
                continue
            if active is not lock.active(lock.secured):
                return output
        return None

    async def _release(self, output: int, order: Release) -> None:
        """Release for the longer of this release and one that runs already. A held lock stays released."""
        if output in self._held:
            await self._drive(output, OPPOSITE[self._secured[output]], order.not_after)
            return
        self._in_time(order.not_after)
        ends = max(self._timing.now() + order.seconds, self._ends.get(output, 0.0))
        self._forget(output)
        await self._sustain(output, ends, order.not_after)

    async def _sustain(self, output: int, ends: float, not_after: float) -> None:
        """Release now, and see to it that it lasts and ends. The end is arranged before the word goes out: an answer may be lost."""
        self._ends[output] = ends
        self._tasks[output] = asyncio.create_task(self._end(output, ends), name=f"release of relay {output}")
        try:
            await self._prepare(output, ends)
            await self._drive(output, OPPOSITE[self._secured[output]], not_after)
        except (LineLost, Stale, Refused):
            if self._locks[output].set_to is self._secured[output]:
                self._forget(output)  # it never left
            raise

    async def _prepare(self, output: int, ends: float) -> None:
        """Settings for a release, or for a hold: that one goes on whatever the device makes of them, since it is told again in time."""
        if ends < math.inf:
            await self._settle(output, ends - self._timing.now(), hold=False)
            return
        with contextlib.suppress(NoAnswer, Garbled):
            await self._settle(output, 0.0, hold=True)

    async def _secure(self, output: int) -> None:
        """Secure, and make the relay one that ends its releases by itself.

        Where that turns its idle state round, the settings come first: at rest it is secured with them, and needs no second movement.
        """
        lock = self._locks[output]
        turned = lock.relay.may_time and lock.relay.settings.idle_closed is not (lock.secured is Level.ENERGISED)
        if turned:
            await self._settle(output, 0.0, hold=False)
        await self._drive(output, lock.secured)
        if not turned:
            await self._settle(output, 0.0, hold=False)
        if not lock.sound:
            raise Refused(f"relay {output} is Monostable and idles released: change its idle state in the device's own settings")

    async def _settle(self, output: int, seconds: float, *, hold: bool) -> None:
        """Make the relay time a release of so long itself, or latch for a hold; as far as it can, and only where it does not yet."""
        lock = self._locks[output]
        relay, old = lock.relay, lock.relay.settings
        if hold and relay.may_latch:
            wanted = replace(old, timed=False)
        elif not hold and relay.may_time:
            enough = lock.timed and (old.delay_s >= seconds or old.delay_s >= relay.delay(seconds))
            delay_s = old.delay_s if enough else relay.delay(max(seconds, USUAL_S))
            wanted = Settings(timed=True, delay_s=delay_s, idle_closed=lock.secured is Level.ENERGISED)
        else:
            return
        if lock.fixed or wanted == old or self._ports is None:
            return
        async with lock.turn:
            try:
                await self._ports.configure(relay, wanted)
            except Refused:
                lock.fixed = True
                if not lock.timed and not self._options.accept_latching and not hold:
                    raise
                return
            lock.relay = replace(relay, settings=wanted)

    async def _drive(self, output: int, level: Level, not_after: float = math.inf) -> None:
        lock = self._locks[output]
        async with lock.turn:
            self._in_time(not_after)
            if self._ports is None:
                raise LineLost("the line is down")
            before, lock.set_to, lock.set_at = lock.set_to, level, self._timing.now()
            try:
                await self._ports.set_active(lock.relay, active=lock.active(level))
            except Refused:
                lock.set_to = before
                raise
            lock.set_at = self._timing.now()

    async def _end(self, output: int, ends: float) -> None:
        """Keep a timed relay released where its delay is too short, then secure it; this goes on until the device is lost."""
        lock = self._locks[output]
        while (left := ends - self._timing.now()) > 0:
            short = lock.relay.settings.timed and lock.relay.settings.delay_s < left
            await self._timing.sleep(min(left, max(RENEW_AT * lock.relay.settings.delay_s, AGAIN_S)) if short else min(left, 1.0))
            if short and lock.relay.settings.delay_s < left and ends > self._timing.now():  # it may have been made longer meanwhile
                with contextlib.suppress(DriverError):
                    await self._drive(output, OPPOSITE[lock.secured])
        self._ends.pop(output, None)
        while self._ports is not None:
            try:
                await self._drive(output, lock.secured)
            except LineLost:
                break  # told by the one who pulls; the gate secures the lock on Back
            except DriverError:
                await self._timing.sleep(AGAIN_S)
                continue
            break
        self._tasks.pop(output, None)

    def _forget(self, output: int) -> None:
        self._ends.pop(output, None)
        task = self._tasks.pop(output, None)
        if task is not None:
            task.cancel()

    def _in_time(self, not_after: float) -> None:
        if self._timing.now() > not_after:
            raise Stale("the release came too late")
