"""The words of Numato modules (USB CDC, ASCII, any baud), both ways. Pure.

Every command ends with CR. The module repeats each letter as it comes, answers on a line of its own, and ends with a prompt:

    relay on 0 CR          relay on 0 LF CR >
    relay read 0 CR        relay read 0 LF CR off LF CR >
    gpio read A CR         gpio read A LF CR 1 LF CR >
    id get CR              id get LF CR ........ LF CR >          eight characters, which the installer may set
    ver CR                 ver LF CR ........ LF CR >

Relays and GPIOs count from 0; those beyond 9 are A, B, C ... also where that is no longer hexadecimal.
How it goes wrong: firmware differs in LF CR and CR LF, in capitals, and in NUL behind its lines; bytes that an earlier program left in the
module's own buffer stand before the first command (an empty line clears them); a module that was pulled in the middle of an answer leaves
half of it. So an answer counts only behind its own question, repeated whole, and before a prompt.
Sources: the maker's command tables and sample programs.
"""

from __future__ import annotations

from collections.abc import Iterable

PROMPT = ord(">")
MOST_BYTES = 256  # the longest exchange is under 40; more without a prompt is not this module
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"  # 32 relays are the largest module


def relay(number: int, energised: bool) -> str:
    """The command that sets relay `number`, counted from 1."""
    return f"relay {'on' if energised else 'off'} {LETTERS[number - 1]}"


def relay_read(number: int) -> str:
    """The command that reads relay `number`, counted from 1."""
    return f"relay read {LETTERS[number - 1]}"


def gpio_read(number: int) -> str:
    """The command that reads GPIO `number`, counted from 1 (the module's GPIO 0)."""
    return f"gpio read {LETTERS[number - 1]}"


def command(words: str) -> bytes:
    """The bytes of a command."""
    return words.encode("ascii") + b"\r"


def reply(words: str, answer: str = "", end: str = "\n\r") -> bytes:
    """What a module sends for a command. `end`: what its firmware puts behind a line."""
    lines = [words, answer] if answer else [words]
    return "".join(f"{line}{end}" for line in lines).encode("ascii") + bytes((PROMPT,))


class Blocks:
    """The gateway's ear: bytes in any chunks in, what stood before each prompt out. Keeps at most MOST_BYTES."""

    def __init__(self) -> None:
        self._block = bytearray()

    def feed(self, data: Iterable[int]) -> list[tuple[str, ...]]:
        """Each whole block as its lines, empty ones left out."""
        blocks = []
        for byte in data:
            if byte < 0x20 and byte not in b"\r\n":
                continue  # some firmware puts NUL behind its lines
            if byte == PROMPT:
                text = self._block.decode("ascii", "replace")
                blocks.append(tuple(line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()))
                self._block.clear()
            else:
                if len(self._block) >= MOST_BYTES:
                    self._block.clear()
                self._block.append(byte)
        return blocks


def answer_in(block: tuple[str, ...], words: str) -> str | None:
    """The answer to this command in a block ("" where it has none to give); None where the block belongs to another."""
    for at in range(len(block) - 1, -1, -1):
        if block[at].lower().endswith(words.lower()):  # what an earlier program left half typed stands before it on the same line
            return " ".join(block[at + 1 :])
    return None
