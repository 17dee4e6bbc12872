"""The state that some LCUS boards tell when they are asked (FF), and the one who asks. The boards with four or eight relays do.

    FF                              gateway to board
    01 01 00 00 00 00 00 00         board to gateway: a byte a relay, 01 energised; eight of them, or as many as the board has
    CH1: ON CR LF CH2: OFF CR LF    or the same in words, by other firmware

How it goes wrong: an adapter that echoes puts our own bytes in front; nothing marks the end but silence; most boards of one or two relays
answer nothing. Sources: the table of a reseller, printed alike by a second one, for the bytes; what boards were seen to say for the words.
"""

from __future__ import annotations

import asyncio
import re

from drivers.errors import NoAnswer
from drivers.line import Line
from drivers.timing import Timing

QUESTION = b"\xff"
TIMEOUT_S = 0.3  # eight bytes take 8 ms, a USB adapter 16 ms, a device server up to 0.2 s
QUIET_S = 0.05  # an answer is over when nothing follows for this long
MOST_BYTES = 512  # sixteen relays in words are 180; whoever says more is no such board
WORD = re.compile(rb"CH\s*(\d{1,2})\s*:\s*(ON|OFF)", re.IGNORECASE)
"""A relay and its state in words; some boards say that of each order too."""


def states(said: bytes, outputs: int) -> list[bool] | None:
    """Which relays are energised, from the first on; None for bytes that do not tell it of all `outputs`."""
    words = {int(number): state.upper() == b"ON" for number, state in WORD.findall(said)}
    if words:
        return [words[number] for number in range(1, outputs + 1)] if set(range(1, outputs + 1)) <= set(words) else None
    told = said[len(said.rstrip(b"\0\1")) :]
    return [bool(byte) for byte in told[:outputs]] if outputs <= len(told) <= max(outputs, 8) else None


class Asker:
    """Questions on an open line, one at a time."""

    def __init__(self, line: Line, outputs: int, timing: Timing) -> None:
        self._line = line
        self._outputs = outputs
        self._now = timing.now
        self._turn = asyncio.Lock()

    async def ask(self) -> list[bool]:
        """What each relay does now. Raises NoAnswer, LineLost."""
        async with self._turn:
            for _ in range(10):  # what belongs to no question; a line that is never quiet does not keep us from asking
                if not await self._line.read(0):
                    break
            self._line.write(QUESTION)
            said, ends = b"", self._now() + TIMEOUT_S
            while (left := ends - self._now()) > 0 and len(said) <= MOST_BYTES:
                more = await self._line.read(min(left, QUIET_S))
                said += more
                if not more and (told := states(said, self._outputs)) is not None:
                    return told
            raise NoAnswer("the board does not say what its relays do")
