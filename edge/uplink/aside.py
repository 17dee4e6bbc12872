"""Events that are too large for the broker: set aside by number, told as `gateway.loss` so that nothing waits for them, and kept.

They are sent when the limit is another one. Remembered on disk with the event that tells of them, so that a restart tells nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from edge.access.events import GatewayLoss
from edge.clock import Clock
from edge.journal import Journal

MOST = 1_000
"""Numbers that are remembered: a fact of 15 KB. Of more, the oldest are not tried again; they stay told."""

ENOUGH, TRIES = 3, 12
"""How often it is sent before nobody needs to worry about it, and in all. The centre has been told not to wait and acknowledges none of
these; a message that the broker takes may still be lost, and on MQTT 3.1.1 it may be dropped for its size.
"""

APART_S = 3.0
"""Between the first two of these, then twice as long each time: a broker that starts anew has its centre back in that time."""

_FACT = "uplink.set_aside"


class Aside:
    """The numbers of this epoch that wait for a larger limit, with the bytes of each one's packet."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._epoch = ""
        self._sizes: dict[int, int] = {}
        self._tried: dict[int, tuple[float, int]] = {}

    def waiting(self) -> dict[int, int]:
        """Number -> bytes of its packet, the oldest first; those of an epoch that is over have new numbers in this one."""
        epoch = self._journal.epoch
        if epoch != self._epoch:
            self._epoch, self._sizes, self._tried = epoch, _read(self._journal.recall(_FACT), epoch), {}
        return self._sizes

    def due(self, takes: Callable[[int], bool], now: float) -> int | None:
        """The number to send now; `takes` says for which sizes that has a chance."""
        for seq, size in self.waiting().items():
            if takes(size) and now >= self._tried.get(seq, (now, 0))[0]:
                return seq
        return None

    def sent(self, seq: int, now: float) -> None:
        """The broker took it."""
        tries = self._tried.get(seq, (now, 0))[1] + 1
        self._tried[seq] = now + APART_S * 2 ** (tries - 1), tries
        if tries == TRIES:
            self.over(seq)

    def smallest(self) -> int | None:
        """The bytes of the smallest that was not sent often enough; None where there is none."""
        return min((size for seq, size in self.waiting().items() if self._tried.get(seq, (0.0, 0))[1] < ENOUGH), default=None)

    def loss(self, first: int, last: int) -> GatewayLoss:
        """The event that tells of these numbers."""
        now = self._clock.now()
        return GatewayLoss(at=now.at, clock=now.trust, epoch=self._journal.epoch, from_=str(first), to=str(last), cause="too_large")

    def add(self, large: Mapping[int, int]) -> None:
        """Set these (number -> bytes) aside: one commit tells of them and remembers them."""
        waiting = self.waiting()
        spans: list[list[int]] = []
        for seq in large:
            if spans and spans[-1][1] == seq - 1:
                spans[-1][1] = seq
            else:
                spans.append([seq, seq])
        waiting.update(large)
        while len(waiting) > MOST:
            del waiting[next(iter(waiting))]
        self._journal.append(*(self.loss(first, last) for first, last in spans), facts={_FACT: self._memory()})

    def over(self, seq: int) -> None:
        """It has been sent after all, or it is not held any more."""
        self._tried.pop(seq, None)
        if self.waiting().pop(seq, None) is not None:
            self._journal.remember(_FACT, self._memory(), in_time=True)

    def _memory(self) -> str:
        return json.dumps({"epoch": self._epoch, "sizes": [*self._sizes.items()]}, separators=(",", ":"))


def _read(memory: str | None, epoch: str) -> dict[int, int]:
    if memory is None:
        return {}
    try:
        kept = json.loads(memory)
        return {int(seq): int(size) for seq, size in kept["sizes"]} if kept["epoch"] == epoch else {}
    except (ValueError, TypeError, KeyError):
        return {}  # they stay told, and are not tried again
