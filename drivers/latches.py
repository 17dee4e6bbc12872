"""Locks on outputs that only latch: the pulse of a release is timed here, because the device cannot.

If the daemon dies in the middle of a pulse the output stays as it is; that is why a site must accept such a board in its settings, and why
the gate drives every lock to its level on Back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from drivers.errors import LineLost, Refused, Stale
from drivers.orders import HoldReleased, Level, Order, Release, Secure
from drivers.timing import MACHINE, Timing

LONGEST_RELEASE_S = 60.0  # the bound that drivers/orders.py states

OPPOSITE: Mapping[Level, Level] = {Level.ENERGISED: Level.DEENERGISED, Level.DEENERGISED: Level.ENERGISED}


class Latches:
    """The outputs that are locks. `drive(output, level)` sets a coil at once or raises LineLost; it never waits."""

    def __init__(self, secured: Mapping[int, Level], drive: Callable[[int, Level], None], timing: Timing = MACHINE) -> None:
        self._secured = dict(secured)
        self._drive = drive
        self._timing = timing
        self._held: set[int] = set()
        self._pulses: dict[int, tuple[float, asyncio.Task[None]]] = {}  # output -> when it ends, the task that ends it

    def carry_out(self, order: Order, *, up: bool) -> None:
        """One order. Raises Refused, then LineLost where `up` is false, then Stale: nothing of it is kept for later."""
        check(order, self._secured)
        if not up:
            raise LineLost("the line is down")
        match order:
            case Release():
                if self._timing.now() > order.not_after:
                    raise Stale("the release came too late")
                self._release(order.door, order.seconds)
            case HoldReleased():
                self._drive(order.door, OPPOSITE[self._secured[order.door]])
                self._forget(order.door)
                self._held.add(order.door)
            case Secure():
                self._drive(order.door, self._secured[order.door])
                self._forget(order.door)
                self._held.discard(order.door)

    def lose(self) -> None:
        """The line is gone: forget running pulses and touch nothing. What is held stays held for a release that comes after Back."""
        for output in list(self._pulses):
            self._forget(output)

    def finish(self) -> None:
        """The daemon stops while the line is up: end every running pulse now. Held outputs stay as they are."""
        for output in list(self._pulses):
            self._forget(output)
            with contextlib.suppress(LineLost):
                self._drive(output, self._secured[output])

    def _release(self, output: int, seconds: float) -> None:
        """Release, and secure again after the longer of this release and one that runs already. A held lock stays released."""
        self._drive(output, OPPOSITE[self._secured[output]])
        if output in self._held:
            return
        ends = self._timing.now() + seconds
        if output in self._pulses:
            ends = max(ends, self._pulses[output][0])
            self._forget(output)
        self._pulses[output] = ends, asyncio.create_task(self._end(output, ends), name=f"pulse of output {output}")

    async def _end(self, output: int, ends: float) -> None:
        await self._timing.sleep(max(0.0, ends - self._timing.now()))
        del self._pulses[output]
        with contextlib.suppress(LineLost):  # the loss is reported by the one who reads; the gate secures the lock on Back
            self._drive(output, self._secured[output])

    def _forget(self, output: int) -> None:
        if output in self._pulses:
            _, task = self._pulses.pop(output)
            task.cancel()


def check(order: Order, doors: Mapping[int, object]) -> None:
    """Raise Refused for an order that no state of the line could make possible: not a lock, no such door, seconds out of bounds."""
    if not isinstance(order, Release | Secure | HoldReleased):
        raise Refused("this device tells nobody anything")
    if order.door not in doors:
        raise Refused(f"output {order.door} is not a lock of this device")
    if isinstance(order, Release) and not 0 < order.seconds <= LONGEST_RELEASE_S:
        raise Refused(f"a release lasts up to {LONGEST_RELEASE_S:g} s")
