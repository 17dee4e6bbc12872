"""Keeping a line: dial, serve until it is lost, wait, dial again, for ever.

            dial fails            the wait is over
   DIALLING ----------> WAITING ------------------> DIALLING
      |                    ^
      | ready()            | LineLost, NoAnswer, Garbled, Refused
      v                    |
      UP ------------------+

Lost is said once an outage and Back once at its end, to `emit` and to the log alike. A device missing at the start is an outage too.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol, TypeVar

from drivers.contract import Emit
from drivers.errors import DriverError
from drivers.readings import Back, Lost
from drivers.timing import MACHINE, Timing

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5  # a USB adapter that was pulled and pushed is back in the device tree after about this long
LONGEST_WAIT_S = 10.0  # somebody stands at the gate with the plug in hand
SPREAD = 0.25  # each wait is shortened by up to a quarter, so that eight ports of one hub do not all dial in step
STEADY_AFTER_S = 10.0  # a line that held this long was well: the next outage starts again at the first wait


class Phase(StrEnum):
    """Where a kept line stands."""

    DIALLING = "dialling"
    UP = "up"
    WAITING = "waiting"


class Reconnect:
    """The machine by itself: no I/O, no clock. Feed it what happened; it says how long to wait and what is news."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._wait_s = FIRST_WAIT_S
        self._up_since = 0.0
        self.said: bool | None = None  # the last news: True up, False down
        self.phase = Phase.DIALLING

    def dialling(self) -> None:
        """The wait is over."""
        self.phase = Phase.DIALLING

    def up(self, now: float) -> bool:
        """The device is there and known to be the right one. True if that is news."""
        self.phase, self._up_since = Phase.UP, now
        news, self.said = self.said is not True, True
        return news

    def down(self, now: float) -> tuple[float, bool]:
        """Dialling failed or the line was lost: the seconds to wait, and whether that is news."""
        if self.phase is Phase.UP and now - self._up_since >= STEADY_AFTER_S:
            self._wait_s = FIRST_WAIT_S
        wait_s = self._wait_s * (1 - SPREAD * self._chance())
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        self.phase = Phase.WAITING
        news, self.said = self.said is not False, False
        return wait_s, news


class Closes(Protocol):
    """A line, or a session with a device that has no line of its own."""

    async def close(self) -> None:
        """Give everything back. Never raises."""
        ...


L = TypeVar("L", bound=Closes)


async def keep_line(
    dial: Callable[[], Awaitable[L]],
    serve: Callable[[L, Callable[[], None]], Awaitable[None]],
    emit: Emit,
    *,
    name: str,
    timing: Timing = MACHINE,
    chance: Callable[[], float] = random.random,
) -> None:
    """Own a line until cancelled. Each line is closed before the next is dialled and before this returns.

    `serve` speaks with the device on an open line until it raises. It calls its second argument, `ready`, once the device has been found to
    be the right one and nothing was sent to it that moves a lock: that emits Back.
    Any DriverError from `dial` or `serve` ends that line; anything else is a bug and goes to the caller. `name` is what the log calls the
    line (a port, never a credential).
    """
    machine = Reconnect(chance)

    def ready() -> None:
        was_lost = machine.said is False
        if machine.up(timing.now()):
            if was_lost:
                log.info("%s: back", name)
            emit(Back())

    while True:
        machine.dialling()
        try:
            line = await dial()
            try:
                await serve(line, ready)
                raise AssertionError("a line is served until it is lost")
            finally:
                await line.close()
        except DriverError as error:
            wait_s, news = machine.down(timing.now())
            if news:
                log.warning("%s: lost: %s", name, error)
                emit(Lost(str(error)))
        await timing.sleep(wait_s)
