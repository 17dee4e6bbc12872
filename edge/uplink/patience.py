"""How often somebody's word may make work: at once the first time, then at waits that double. Pure; time comes in as seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from edge.access.events import rfc3339

RENEWALS_MOST_S = 7 * 86_400.0
"""A new epoch writes everything held once more, 160 MB at most for a gate of 1,500 events a day: at one a week 4 GB in half a year."""


@dataclass(slots=True)
class Patience:
    """By key: the first time is free, each following one must wait twice as long as the one before, `first_s` to `most_s`.

    Whoever keeps quiet for `most_s` longer than he must begins anew. Keys are few: the caller bounds them.
    """

    first_s: float
    most_s: float
    _next: dict[str, tuple[float, float]] = field(default_factory=dict, init=False)

    def allows(self, key: str, now: float) -> bool:
        """Whether this may be done now; if so it counts as done."""
        due, wait = self._next.get(key, (now, self.first_s))
        if now < due:
            return False
        if now - due > self.most_s:
            wait = self.first_s
        self._next[key] = now + wait, min(2 * wait, self.most_s)
        return True


def renewed(kept: str | None, now: datetime, first_s: float) -> str | None:
    """Whether a new epoch may begin now: what to remember of it, or None when the last one is too recent.

    `kept` is what was remembered then: time and count. The second must wait `first_s`, then twice as long each, a week at most; after
    four waits without any the count begins anew. A clock that was set counts by how far the two times lie apart, either way.
    """
    count = 0
    if kept is not None:
        at, _, number = kept.partition(" ")
        try:
            apart, count = abs((now - datetime.fromisoformat(at)).total_seconds()), int(number)
        except ValueError:
            apart, count = RENEWALS_MOST_S, 0
        wait = min(first_s * 2.0 ** min(count, 30), RENEWALS_MOST_S)
        if apart < wait:
            return None
        count = 0 if apart > 4 * wait else count + 1
    return f"{rfc3339(now)} {count}"
