"""What an append hands back: a promise that can be waited for, from a coroutine or a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable


class Receipt:
    """Of one append. Settled once: committed with its numbers, or dropped because memory was full too."""

    __slots__ = ("_lock", "_seqs", "_settled", "_waiters")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seqs: range | None = None
        self._settled = False
        self._waiters: list[Callable[[], None]] = []

    @property
    def seq(self) -> int | None:
        """The number of the last event of this append, once it is committed."""
        seqs = self._seqs
        return seqs[-1] if seqs else None

    @property
    def seqs(self) -> range | None:
        """The numbers of all events of this append, once they are committed; they belong to the epoch current at that moment."""
        return self._seqs

    def done(self) -> bool:
        """Whether the events are on disk."""
        return self._seqs is not None

    def dropped(self) -> bool:
        """Whether the events had to go from memory before the disk took them; a `gateway.loss` counts them."""
        return self._settled and self._seqs is None

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the commit. False when it did not come in time (it may come later) or never will."""
        if self._settled:
            return self.done()
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        wake = _from_thread(loop, woken)
        if self._register(wake):
            try:
                async with asyncio.timeout(timeout_s):
                    await woken.wait()
            except TimeoutError:
                self._forget(wake)
        return self.done()

    def wait_blocking(self, timeout_s: float) -> bool:
        """Wait for the commit in a thread that may block."""
        woken = threading.Event()
        if self._register(woken.set) and not woken.wait(timeout_s):
            self._forget(woken.set)
        return self.done()

    def settle(self, seqs: range | None) -> None:
        """Tell the outcome: the numbers, or None for dropped. The journal's writer calls this once."""
        with self._lock:
            self._seqs = seqs
            self._settled = True
            waiters, self._waiters = self._waiters, []
        for wake in waiters:
            wake()

    def _register(self, wake: Callable[[], None]) -> bool:
        with self._lock:
            if not self._settled:
                self._waiters.append(wake)
            return not self._settled

    def _forget(self, wake: Callable[[], None]) -> None:
        with self._lock:
            if wake in self._waiters:
                self._waiters.remove(wake)


def _from_thread(loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> Callable[[], None]:
    def wake() -> None:
        try:
            loop.call_soon_threadsafe(woken.set)
        except RuntimeError:
            # The loop was closed while somebody still waited in it: nobody is left to wake.
            return

    return wake
