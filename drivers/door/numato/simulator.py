"""A Numato module at the other end of a line, from the same words."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from drivers.door.numato import wire
from drivers.door.numato.driver import Options
from drivers.door.relay_board import HISTORY, Switched
from drivers.line import Line

TYPED = 64  # the module's own buffer: what is longer was never a command


class Simulator:
    """A module. `coils` and `inputs` (True: the contact is closed, the pin reads 0) count from 1; `history` is every relay command.

    Habits: `end`, what its firmware puts behind a line; `capitals`, it writes so. `mute`: it hears and says nothing. `stuck`: these relays
    do not follow.
    """

    def __init__(self, options: Options, *, now: Callable[[], float] = time.monotonic, end: str = "\n\r", capitals: bool = False) -> None:
        self._end = end
        self._capitals = capitals
        self._now = now
        self._typed = ""
        self.id = options.id or "00000000"
        self.coils = dict.fromkeys(range(1, options.outputs + 1), False)
        self.inputs = dict.fromkeys(range(1, options.inputs + 1), False)
        self.history: deque[Switched] = deque(maxlen=HISTORY)
        self.mute = False
        self.stuck: set[int] = set()

    async def run(self, line: Line) -> None:
        """Be the module at this end of a line until it is lost (raises LineLost) or cancelled."""
        while True:
            answers = b"".join(self.take(byte) for byte in await line.read())
            if answers and not self.mute:
                line.write(answers)

    def take(self, byte: int) -> bytes:
        """One letter typed; what a whole command says."""
        if byte != ord("\r"):
            self._typed = (self._typed + chr(byte))[-TYPED:] if 0x20 <= byte < 0x7F else self._typed
            return b""
        words, self._typed = self._typed, ""
        if not words:
            return self._end.encode("ascii") + bytes((wire.PROMPT,))
        said = wire.reply(words, self._carry_out(words.split()), self._end)
        return said.upper() if self._capitals else said

    def power_cycle(self) -> None:
        """USB power went and came: all relays off, nothing remembered."""
        self._typed = ""
        self.coils = dict.fromkeys(self.coils, False)

    def _carry_out(self, words: list[str]) -> str:
        match words:
            case ["id", "get"]:
                return self.id
            case ["ver"]:
                return "00000008"
            case ["relay", "on" | "off" as state, letter] if self._number(letter) in self.coils:
                number = self._number(letter)
                if number not in self.stuck:
                    self.coils[number] = state == "on"
                self.history.append(Switched(self._now(), number, state == "on"))
                return ""
            case ["relay", "read", letter] if self._number(letter) in self.coils:
                return "on" if self.coils[self._number(letter)] else "off"
            case ["gpio", "read", letter] if self._number(letter) in self.inputs:
                return "0" if self.inputs[self._number(letter)] else "1"
        return "Command not recognized"

    @staticmethod
    def _number(letter: str) -> int:
        return wire.LETTERS.index(letter) + 1 if len(letter) == 1 and letter in wire.LETTERS else 0
