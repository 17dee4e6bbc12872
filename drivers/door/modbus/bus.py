"""Questions on an open line, one at a time, each with its time-out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

from drivers.door.modbus import wire
from drivers.door.modbus.options import Options
from drivers.door.modbus.wire import Question
from drivers.errors import NoAnswer
from drivers.line import Line
from drivers.timing import Timing

# What may lie in the buffer while one answer is waited for: a frame, its echo and some noise. More is a babbling wire, and the frame at its
# end is still found.
BUFFER = 1024
QUIET_S = 0.05  # after a question that was given up, its answer may still come; a board takes no longer than this once it has begun


class Bus:
    """The one who asks on this line. `answered_at` is when anything last made sense."""

    def __init__(self, line: Line, options: Options, timing: Timing) -> None:
        self._line = line
        self._unit = options.unit
        self._rtu = options.is_rtu
        self._timeout_s = options.timeout_s
        self._now = timing.now
        self._turn = asyncio.Lock()
        self._tids: Iterator[int] = itertools.cycle(range(1, 0x10000))
        self._given_up = False
        self.answered_at = timing.now()

    async def ask(self, question: Question) -> bytes:
        """The answer's PDU. Raises NoAnswer after the time-out, LineLost, Refused when the board says no."""
        async with self._turn:
            await self._drain()
            tid = next(self._tids)
            self._given_up = True
            self._line.write(wire.wrap(question.pdu(), self._unit, tid, rtu=self._rtu))
            pdu = await self._answer(question, tid)
            self._given_up = False
            self.answered_at = self._now()
            return pdu

    async def _answer(self, question: Question, tid: int) -> bytes:
        buffer = b""
        ends = self._now() + self._timeout_s
        while (left := ends - self._now()) > 0:
            buffer = (buffer + await self._line.read(left))[-BUFFER:]
            pdu = wire.find(buffer, question, self._unit, tid, rtu=self._rtu)
            if pdu is not None:
                return pdu
        raise NoAnswer(f"unit {self._unit} does not answer")

    async def _drain(self) -> None:
        """Throw away what belongs to no question. RTU answers carry no number: a late one must not be taken for the next."""
        for _ in range(10):  # a wire that is never quiet does not keep us from asking
            if not await self._line.read(QUIET_S if self._given_up and self._rtu else 0):
                break
