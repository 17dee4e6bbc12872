"""A PIN from single keys: pure."""

from __future__ import annotations

LONGEST = 16  # what a PinEntered may hold; more keys than that are a child playing
FORGET_S = 10.0  # somebody walked away in the middle; the next person's first digit must not become the end of his
ENTER = frozenset(b"#\r")  # readers send the printed # or, by the standard, 0D
CLEAR = frozenset(b"*\x7f")
NOBODYS = "0" * (LONGEST + 1)  # in place of digits of which some were lost: too long for a PIN, until # or * or the pause


class Keypad:
    """Keys so far. Never shown in a repr."""

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0.0

    def lose(self, now: float) -> None:
        """Keys were pressed that nobody may use: what follows is the end of a PIN, and may be the whole of another person's."""
        self._digits, self._at = NOBODYS, now

    def break_off(self, now: float) -> None:
        """The reader comes or goes: whoever was in the middle of a PIN may have pressed keys meanwhile."""
        if self._digits and now - self._at <= FORGET_S:
            self.lose(now)

    def press(self, keys: bytes, now: float) -> list[str]:
        """The PINs that these keys complete."""
        if now - self._at > FORGET_S:
            self._digits = ""
        self._at = now
        complete = []
        for key in keys:
            if key in ENTER:
                if self._digits:
                    complete.append(self._digits)
                self._digits = ""
            elif key in CLEAR:
                self._digits = ""
            elif 0x30 <= key <= 0x39:
                self._digits = (self._digits + chr(key))[: LONGEST + 1]
        return [digits for digits in complete if len(digits) <= LONGEST]
