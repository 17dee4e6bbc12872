"""Events of epochs that are over, for a centre that asks: an acknowledgement of such an epoch below what is held is the question.

Sent with the ids they always had, in batches, one in flight at a time and at half the rate of the backlog, so that neither what happens now
nor what waits is held up. Pure; time comes in as monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.uplink.limits import Limits
from edge.uplink.patience import Patience

MOST_ASKED = 16
"""Questions that wait: of eight consumers two each; a centre asks again with the next health."""


@dataclass(slots=True)
class Asked:
    """A question being answered: events of `epoch` after `after`."""

    consumer: str
    epoch: str
    after: int
    begun: bool = False


@dataclass(slots=True)
class Older:
    """The questions of one connection. Call `next`, carry it out, then `sent` or `over`."""

    limits: Limits
    _patience: Patience = field(init=False)
    _asked: dict[tuple[str, str], Asked] = field(default_factory=dict, init=False)
    _not_before: float = field(default=float("-inf"), init=False)
    _flying: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._patience = Patience(self.limits.stall_s, self.limits.backoff_max_s)

    def connected(self) -> None:
        """A new connection: who still lacks something asks again."""
        self._asked.clear()
        self._flying = False

    def ask(self, consumer: str, epoch: str, seq: int) -> None:
        """A consumer has everything of an older epoch up to `seq`. What is being answered is not begun anew."""
        if (consumer, epoch) not in self._asked and len(self._asked) < MOST_ASKED:
            self._asked[consumer, epoch] = Asked(consumer, epoch, seq)

    def next(self, now: float) -> Asked | None:
        """What to read and send now, if anything."""
        if self._flying or now < self._not_before:
            return None
        return next(iter(self._asked.values()), None)

    def allows(self, asked: Asked, now: float) -> bool:
        """Whether an answer may begin: the same epoch at once, then after 3 s, twice as long each time, up to 10 min."""
        return self._patience.allows(f"{asked.consumer} {asked.epoch}", now)

    def sent(self, asked: Asked, last: int, events: int, rate: int, now: float) -> None:
        """A batch up to `last` is on its way, or (0 events) none of it could be sent; `rate` is the backlog's, in events a second."""
        asked.after = last
        self._flying = events > 0
        self._not_before = now + 2 * events / max(1, rate)

    def settled(self) -> None:
        """The broker has answered."""
        self._flying = False

    def over(self, asked: Asked) -> None:
        """There is no more of it."""
        self._asked.pop((asked.consumer, asked.epoch), None)

    def wake_at(self) -> float | None:
        """When to look again; None: when something happens."""
        return self._not_before if self._asked and not self._flying else None
