"""How many messages of the backlog may be on the wire: few on a slow line, so that a live event does not stand behind them. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

QUEUE_S = 0.3
"""A live event waits no longer than this behind the backlog, and for one batch: people see half a second, and lines vary by a tenth."""


@dataclass(slots=True)
class Pace:
    """One connection's. An answer in time allows one more message; one that was `QUEUE_S` later than the quickest halves their number.

    The quickest answer is the way itself; what comes on top of it is the wait behind our own messages. Times are monotonic seconds.
    """

    most: int = 1
    """Messages without an answer; one at first, which measures the way."""
    _sent_at: deque[float] = field(default_factory=deque)  # of those without an answer; a broker answers in this order
    _quickest_s: float = float("inf")

    def sent(self, messages: int, now: float) -> None:
        """So many were given to the line."""
        self._sent_at.extend([now] * messages)

    def answered(self, now: float) -> None:
        """The broker answered one."""
        on_the_wire = len(self._sent_at)
        if not on_the_wire:
            return
        took_s = now - self._sent_at.popleft()
        self._quickest_s = min(self._quickest_s, took_s)
        if took_s > self._quickest_s + QUEUE_S:
            self.most = max(1, self.most // 2)
        elif on_the_wire > self.most // 2:  # what nobody used says nothing of the line
            self.most += 1
