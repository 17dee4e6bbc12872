"""What every line is, and the bounded inbox that each of them fills."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

from drivers.errors import LineLost

# A frame of any device here is under 300 bytes and its driver drains at once. 64 KiB that nobody took is a babbling device (six seconds of
# a port at 115,200 baud while the loop stands still): what comes after is dropped, and the decoder finds its feet at the next frame.
INBOX_LIMIT = 64 * 1024


class Line(Protocol):
    """An open byte line with one reader. Once lost it stays lost."""

    @property
    def name(self) -> str:
        """What a log line may call it: a path or host and port, never a credential."""
        ...

    async def read(self, timeout_s: float | None = None) -> bytes:
        """Wait for bytes and take all there are; b"" after `timeout_s` of silence. Raises LineLost. Cancelling loses no byte."""
        ...

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the system now, never waiting. Raises LineLost; a peer that stopped reading is a lost line too."""
        ...

    async def close(self) -> None:
        """Give the port back, having waited until another may open it. Twice is harmless. Never raises."""
        ...


Dial = Callable[[], Awaitable[Line]]
"""Opens a fresh line; raises LineLost when it cannot."""


class Inbox:
    """Bytes on their way from whoever reads the descriptor (the loop or a thread) to the one task that waits for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int = INBOX_LIMIT) -> None:
        self._loop = loop
        self._limit = limit
        self._guard = threading.Lock()  # held for a memcpy only
        self._bytes = bytearray()
        self._waking = False
        self._waiter: asyncio.Future[None] | None = None
        self.lost: str | None = None
        self.dropped = 0

    def put(self, data: bytes) -> None:
        """Leave bytes, from any thread. Beyond the limit they are counted in `dropped` and gone."""
        with self._guard:
            room = self._limit - len(self._bytes)
            self._bytes += data[:room]
            self.dropped += max(0, len(data) - room)
        self._knock()

    def lose(self, why: str) -> None:
        """Say that nothing more will come, from any thread. The first reason stays; bytes that came before are still handed out."""
        with self._guard:
            if self.lost is None:
                self.lost = why
        self._knock()

    async def get(self, timeout_s: float | None) -> bytes:
        """Take everything; b"" after `timeout_s`. Raises LineLost when empty and lost."""
        while True:
            with self._guard:
                taken = bytes(self._bytes)
                self._bytes.clear()
            if taken:
                return taken
            if self.lost is not None:
                raise LineLost(self.lost)
            if self._waiter is not None:
                raise RuntimeError("a line has one reader")
            self._waiter = self._loop.create_future()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._waiter
            except TimeoutError:
                if self._bytes or self.lost is not None:
                    continue  # it came while the loop was busy: that was no silence
                return b""
            finally:
                self._waiter = None

    def _knock(self) -> None:
        """Wake the reader, with at most one wake-up under way, so that a babbling thread cannot fill the loop's own queue."""
        with self._guard:
            if self._waking:
                return
            self._waking = True
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            return  # the loop is closed: nobody is left to tell

    def _wake(self) -> None:
        with self._guard:
            self._waking = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
