"""What one source may say within a minute and be told one by one; beyond it, it is counted, so that nothing fills the disk. Pure."""

from __future__ import annotations

from collections import deque

STRANGERS = 20
"""Unknown cards, codes and PINs at one reader: more than a group of new people who are not in the roster yet tries in a minute."""

WORDS = 60
"""Words of one input: more than once a second, for a whole minute, nobody opens a door, passes or presses a button."""

MINUTE = 60.0
LOOK_S = 10.0  # how often it is told how much was counted, and asked whether it is over


class Budget:
    """Times are monotonic seconds and do not go back."""

    def __init__(self, most: int) -> None:
        """`most` a minute are told. It is over when no more than a quarter of them came within the last minute."""
        self._times: deque[float] = deque(maxlen=most + 1)
        self._few = most // 4
        self.over = False
        self.counted = 0  # beyond the budget, since it was exceeded
        self._told = 0
        self.look_at = 0.0

    def spend(self, mono: float) -> bool:
        """Count one; whether it is beyond the budget, and is not to be told."""
        self._times.append(mono)
        if not self.over and len(self._times) == self._times.maxlen and mono - self._times[0] < MINUTE:
            self.over, self.counted, self._told, self.look_at = True, 0, 0, mono + LOOK_S
        self.counted += self.over
        return self.over

    def look(self, mono: float) -> int:
        """Look, at `look_at`: how many were counted since the last look. `over` says whether it goes on."""
        self.look_at = mono + LOOK_S
        self.over = mono - self._times[-self._few - 1] < MINUTE
        new, self._told = self.counted - self._told, self.counted
        return new
