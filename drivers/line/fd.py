"""A line over a non-blocking file descriptor that the event loop itself watches: sockets and the master end of a pty."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from drivers.errors import LineLost
from drivers.line.base import Inbox

READ_SIZE = 4096  # a pty's whole buffer, and far more than any frame


class FdLine:
    """Owns `fd` from here on; `shut` closes it and whatever belongs to it. Must be made inside a running loop."""

    def __init__(self, fd: int, name: str, shut: Callable[[], None]) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._name = name
        self._shut: Callable[[], None] | None = shut
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(self._loop)
        self._loop.add_reader(fd, self._readable)

    @property
    def name(self) -> str:
        """The path or address."""
        return self._name

    async def read(self, timeout_s: float | None = None) -> bytes:
        """See Line."""
        return await self._inbox.get(timeout_s)

    def write(self, data: bytes) -> None:
        """See Line. What does not fit into the kernel's buffer at once has met a peer that no longer reads."""
        if self._inbox.lost is not None:
            raise LineLost(self._inbox.lost)
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        except OSError as error:
            raise self._fail(reason(error)) from error
        if written != len(data):
            raise self._fail("the peer does not read")

    async def close(self) -> None:
        """See Line."""
        self._fail("closed")

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(reason(error))
            return
        if data:
            self._inbox.put(data)
        else:
            self._fail("the peer hung up")

    def _fail(self, why: str) -> LineLost:
        """Close once; give the error to raise."""
        self._inbox.lose(why)
        if self._shut is not None:
            self._loop.remove_reader(self._fd)
            shut, self._shut = self._shut, None
            shut()
        return LineLost(self._inbox.lost or why)


def reason(error: OSError) -> str:
    """The system's own words, without the path or address that Python and asyncio add to them."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else type(error).__name__
