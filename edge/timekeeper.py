"""Whether the machine's clock is synchronised, also where a sandbox forbids asking the kernel.

ProtectClock=yes of the service forbids adjtimex, even for reading. systemd-timedated may use it, and tells everybody over D-Bus; `busctl`
asks it. What is known is at most ASK_EVERY_S old, which is little beside the hours after which the kernel itself gives up a clock.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from edge.clock import Clock, kernel_synced

log = logging.getLogger(__name__)

ASK_EVERY_S = 30.0
ANSWER_S = 5.0  # the first question starts timedated
TIMEDATED = (
    *("busctl", "--system", "--json=short", "get-property"),
    *("org.freedesktop.timedate1", "/org/freedesktop/timedate1", "org.freedesktop.timedate1", "NTPSynchronized"),
)


class Timekeeper:
    """`synced` answers at once, from any thread; `run` keeps the answer fresh where it has to come from timedated."""

    def __init__(self, kernel: Callable[[], bool] = kernel_synced, other: Sequence[str] = TIMEDATED) -> None:
        """Ask once. Blocks for ANSWER_S at most, and only where the kernel may not be asked."""
        self._kernel = kernel
        self._other = other
        self._told = False
        self._complained = False
        if not self._may_ask_kernel():
            with suppress(OSError, subprocess.TimeoutExpired):
                done = subprocess.run(other, capture_output=True, timeout=ANSWER_S, check=False)  # noqa: S603 - our own words
                self._take(done.stdout)

    def synced(self) -> bool:
        """Whether the clock is disciplined now, as far as anybody tells."""
        try:
            return self._kernel()
        except OSError:
            return self._told

    async def run(self, clock: Clock) -> None:
        """Ask now and then. Ends at once where the kernel answers."""
        while not self._may_ask_kernel():
            await clock.sleep(ASK_EVERY_S)
            await self._ask()

    async def _ask(self) -> None:
        try:
            asked = await asyncio.create_subprocess_exec(*self._other, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except OSError:
            self._take(b"")
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                out, _ = await asked.communicate()
        except TimeoutError:
            self._take(b"")
        else:
            self._take(out)
        finally:
            with suppress(ProcessLookupError):
                asked.kill()

    def _take(self, answer: bytes) -> None:
        """`{"type":"b","data":true}`; anything else is no answer, and a clock that nobody vouches for is not synchronised."""
        try:
            self._told = json.loads(answer)["data"] is True
        except (ValueError, KeyError, TypeError):
            self._told = False
            if not self._complained:
                self._complained = True
                log.warning("neither the kernel nor systemd-timedated tells whether the clock is synchronised")

    def _may_ask_kernel(self) -> bool:
        try:
            self._kernel()
        except OSError:
            return False
        return True
