"""The frames of 微光 Vguang (Vbar) code and card heads, and of those that copy them, on RS-485, RS-232 or USB. Pure but for `Talk`.

    gateway to head    55 AA  command        length(2, low first)  data  xor      the xor of everything before it
    head to gateway    55 AA  command  flag  length(2, low first)  data  xor      flag 0: good

    30                        what was read: a code's text, or the bytes of a card's number; no data while there is nothing
    04  what times on off 0   lights and sounder: 02 red, 04 green, 08 sounder, 10 blue; on and off in twentieths of a second

A head answers when it is asked (30), and many can be set to report by themselves: the same frame, unasked. It is told what to show, and
answers that it did.

How it goes wrong: RS-485 adapters echo, and an echoed question is no answer, its length being nonsense; noise is passed over up to the next
frame whose xor is right; a head keeps what it read while nobody asked.
Sources: the maker's public description of the protocol, and two public programs that speak it with such heads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

from drivers.errors import NoAnswer, Refused
from drivers.line import Line
from drivers.orders import Signal
from drivers.timing import Timing

HEAD = b"\x55\xaa"
READ, SHOW = 0x30, 0x04
GOOD = 0
MOST_DATA = 255  # bytes of a code with room; a longer one is nobody's
FRAME = 7  # bytes of an answer without data
KEPT = 2 * (FRAME + MOST_DATA)  # bytes in which a frame may lie
WAITING = 16  # what was read and not handed on yet; it is taken at every poll

RED, GREEN, SOUNDER, BLUE = 0x02, 0x04, 0x08, 0x10
SHOWN: Mapping[Signal, tuple[int, int, int]] = {
    Signal.OK: (GREEN | SOUNDER, 1, 10),
    Signal.REFUSED: (RED | SOUNDER, 2, 4),
    Signal.USE_CARD: (BLUE | SOUNDER, 1, 4),
    Signal.WAIT: (BLUE, 1, 20),
}
"""What is lit and sounded, how often, and for how many twentieths of a second."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer of a head."""

    command: int
    flag: int
    data: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """As it goes over the wire."""
        return _sealed(HEAD + bytes((self.command, self.flag)) + len(self.data).to_bytes(2, "little") + self.data)


def question(command: int, data: bytes = b"") -> bytes:
    """What the gateway sends."""
    return _sealed(HEAD + bytes((command,)) + len(data).to_bytes(2, "little") + data)


def show(signal: Signal) -> bytes:
    """The question that makes a head show and sound an answer."""
    what, times, on = SHOWN[signal]
    return question(SHOW, bytes((what, times, on, 2, 0)))


class Frames:
    """The gateway's ear: bytes in any chunks in, whole frames out. Keeps at most KEPT bytes."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Every frame whose xor is right."""
        self._bytes, found = (self._bytes + data)[-max(KEPT, len(data)) :], []
        while (at := self._bytes.find(HEAD)) >= 0:
            self._bytes = self._bytes[at:]
            if len(self._bytes) < FRAME:
                break
            size = int.from_bytes(self._bytes[4:6], "little")
            whole = self._bytes[: FRAME + size]
            if size <= MOST_DATA and len(whole) < FRAME + size:
                break
            good = size <= MOST_DATA and reduce(xor, whole) == 0
            if good:
                found.append(Frame(whole[2], whole[3], whole[6:-1]))
            self._bytes = self._bytes[len(whole) if good else 1 :]
        else:
            self._bytes = self._bytes[-1:]
        self._bytes = self._bytes[-KEPT:]
        return found


def questions(said: bytes) -> tuple[int, bytes, bytes] | None:
    """A head's ear: command and data of the first whole question, and the bytes behind it; None where there is none yet."""
    for at in range(len(said) - FRAME + 2):
        size = FRAME - 1 + int.from_bytes(said[at + 3 : at + 5], "little")
        asked = said[at : at + size]
        if asked.startswith(HEAD) and len(asked) == size and reduce(xor, asked) == 0:
            return asked[2], asked[5:-1], said[at + size :]
    return None


class Talk:
    """Questions to a head on an open line, one at a time; what it reads arrives with an answer or by itself."""

    def __init__(self, line: Line, timeout_s: float, timing: Timing) -> None:
        self._line = line
        self._timeout_s = timeout_s
        self._now = timing.now
        self._turn = asyncio.Lock()
        self._frames = Frames()
        self._read: list[bytes] = []

    async def poll(self) -> list[bytes]:
        """What was read since the last poll, oldest first. Raises NoAnswer, LineLost."""
        await self._ask(question(READ), READ)
        taken, self._read = self._read, []
        return taken

    async def show(self, signal: Signal) -> None:
        """Show and sound an answer. Raises NoAnswer, LineLost, Refused."""
        if (await self._ask(show(signal), SHOW)).flag != GOOD:
            raise Refused("the reader does not show it")

    async def _ask(self, asked: bytes, command: int) -> Frame:
        async with self._turn:
            self._line.write(asked)
            ends = self._now() + self._timeout_s
            while (left := ends - self._now()) > 0:
                answer = None
                for frame in self._frames.feed(await self._line.read(left)):
                    if frame.command == READ and frame.flag == GOOD and frame.data:
                        self._read = [*self._read, frame.data][-WAITING:]
                    if frame.command == command:
                        answer = frame
                if answer is not None:
                    return answer
            self._frames = Frames()  # half a frame that was none must not hide the next
        raise NoAnswer("the reader does not answer")


def _sealed(frame: bytes) -> bytes:
    return frame + bytes((reduce(xor, frame),))
