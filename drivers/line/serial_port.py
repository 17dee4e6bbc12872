"""A serial port through pyserial: exclusive, opened and read on a thread of its own, written without waiting."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import termios
import threading
from collections.abc import Callable
from functools import partial

import serial

from drivers.errors import LineLost
from drivers.line.base import Inbox
from drivers.line.fd import reason

OPEN_TIMEOUT_S = 5.0  # opening a USB adapter takes milliseconds; a driver that hangs in the kernel must not take the caller with it
CLOSE_TIMEOUT_S = 1.0  # the kernel may wait for the last bytes to leave the wire; a stop has 5 s in all


class SerialLine:
    """One open port, 8N1. `exclusive` keeps a second program from sharing the bus, which the system would silently allow.

    The thread only moves bytes: it blocks in select and hands them over at once, so that a busy loop cannot make the port overrun. Writing
    goes from the caller's thread straight to the descriptor, which pyserial leaves non-blocking; a hop to another thread would cost a
    context switch on the way to the lock.
    """

    def __init__(self, path: str, baud: int) -> None:
        self._path = path
        self._baud = baud
        loop = asyncio.get_running_loop()
        self._inbox = Inbox(loop)
        self._opened: asyncio.Future[None] = loop.create_future()
        self._closed = asyncio.Event()
        self._loop = loop
        self._guard = threading.Lock()  # between closing the descriptor (thread) and writing to it (loop)
        self._port: serial.Serial | None = None
        self._wanted = True
        self._thread = threading.Thread(target=self._live, name=f"line {path}", daemon=True)

    @staticmethod
    async def dial(path: str, baud: int) -> SerialLine:
        """Open. Raises LineLost: no such port, held by another program, no right to it, or no answer within OPEN_TIMEOUT_S."""
        line = SerialLine(path, baud)
        line._thread.start()
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await line._opened
        except TimeoutError as error:
            line._leave()
            raise LineLost("the port does not open") from error
        except asyncio.CancelledError:
            line._leave()
            raise
        return line

    @property
    def name(self) -> str:
        """The path."""
        return self._path

    async def read(self, timeout_s: float | None = None) -> bytes:
        """See Line."""
        return await self._inbox.get(timeout_s)

    def write(self, data: bytes) -> None:
        """See Line."""
        with self._guard:
            if self._inbox.lost is not None or self._port is None:
                raise LineLost(self._inbox.lost or "closed")
            try:
                written = os.write(self._port.fileno(), data)
            except BlockingIOError:
                written = 0
            except OSError as error:
                raise self._fail(reason(error)) from error
            if written != len(data):
                raise self._fail("the device does not read")

    async def close(self) -> None:
        """See Line."""
        self._inbox.lose("closed")
        self._leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._closed.wait()

    def _fail(self, why: str) -> LineLost:
        """Lose the line from the writing side; unsent bytes are thrown away, so that nothing leaves late and closing need not wait."""
        self._inbox.lose(why)
        if self._port is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcflush(self._port.fileno(), termios.TCOFLUSH)
            self._port.cancel_read()
        return LineLost(self._inbox.lost or why)

    def _leave(self) -> None:
        """Ask the thread to end."""
        with self._guard:
            self._wanted = False
            if self._port is not None:
                self._port.cancel_read()

    # --- on the thread ---------------------------------------------------------------------------------------------------------------

    def _live(self) -> None:
        try:
            port = serial.Serial(self._path, self._baud, exclusive=True)
        except (OSError, ValueError, termios.error) as error:
            self._tell(partial(self._refuse, _why_not(error)))
            return
        with self._guard:
            self._port = port
        self._tell(self._accept)
        try:
            while self._wanted and self._inbox.lost is None:
                data = port.read(1)
                if data:
                    self._inbox.put(data + port.read(port.in_waiting))
        except (OSError, termios.error) as error:
            self._inbox.lose(_why_not(error))
        finally:
            with self._guard:
                self._port = None
                with contextlib.suppress(OSError):
                    port.close()
            self._tell(self._closed.set)

    def _tell(self, what: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(what)

    def _accept(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _refuse(self, why: str) -> None:
        self._closed.set()
        if not self._opened.done():
            self._opened.set_exception(LineLost(why))


def _why_not(error: Exception) -> str:
    """What pyserial's exceptions mean; their texts repeat the path and speak of Python."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EAGAIN:
        return "held by another program"
    return os.strerror(number) if number else "the port is gone"
