"""A null modem in memory: both ends of a wire in one process, with a plug that can be pulled."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from drivers.errors import LineLost
from drivers.line.base import Inbox

Carry = Callable[[bytes], Iterable[bytes]]
"""What the wire does to bytes on their way to the gateway: as they are, cut up, damaged, or not at all. Pieces arrive apart."""

APART = 4  # turns of the loop between two pieces: enough for the reader to have taken the first


class NullModem:
    """A cable with the gateway at one end (`dial`) and the device at the other (`answer`).

    Pulling the plug loses the line at both ends; bytes on their way are lost with it. After `plug` each side has to open its end anew.
    """

    def __init__(self, carry: Carry = lambda data: (data,)) -> None:
        self._carry = carry
        self._plugged = True
        self._waiting: asyncio.Queue[_End] = asyncio.Queue(maxsize=8)  # one dial at a time; spare places for dials that were given up
        self.near: _End | None = None  # the gateway's end of the latest dial

    async def dial(self) -> _End:
        """Open the gateway's end. Raises LineLost while unplugged."""
        if not self._plugged:
            raise LineLost("unplugged")
        near, far = _End("null modem", lambda data: (data,)), _End("null modem, far end", self._carry)
        near.other, far.other = far, near
        self.near = near
        self._waiting.put_nowait(far)
        return near

    async def answer(self) -> _End:
        """Wait until the gateway dials, and open the device's end."""
        return await self._waiting.get()

    def unplug(self) -> None:
        """Cut the wire."""
        self._plugged = False
        if self.near is not None:
            self.near.lose("unplugged")
            self.near.other.lose("unplugged")
        while not self._waiting.empty():
            self._waiting.get_nowait()

    def plug(self) -> None:
        """Join the wire again."""
        self._plugged = True


class _End:
    """One end; a Line."""

    def __init__(self, name: str, carry: Carry) -> None:
        self.name = name
        self.other: _End
        self._carry = carry
        self._pieces: deque[bytes] = deque()
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(self._loop)

    async def read(self, timeout_s: float | None = None) -> bytes:
        """See Line."""
        return await self._inbox.get(timeout_s)

    def write(self, data: bytes) -> None:
        """See Line."""
        if self._inbox.lost is not None:
            raise LineLost(self._inbox.lost)
        idle = not self._pieces
        self._pieces.extend(self._carry(data))
        if idle:
            self._pump()

    async def close(self) -> None:
        """See Line."""
        self.lose("closed")
        self.other.lose("the peer hung up")

    def deliver(self, data: bytes) -> None:
        """Bytes arrive from the other end."""
        self._inbox.put(data)

    def _pump(self, turns: int = 0) -> None:
        """Deliver one piece now, and the next when its reader has had the time to see that one alone."""
        if turns == 0 and self._pieces:
            self.other.deliver(self._pieces.popleft())
            turns = APART
        if self._pieces:
            self._loop.call_soon(self._pump, turns - 1)

    def lose(self, why: str) -> None:
        """End this end."""
        self._inbox.lose(why)
