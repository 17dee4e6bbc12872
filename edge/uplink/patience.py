"""How often somebody's word may make work: at once the first time, then at waits that double. Pure; time comes in as seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from edge.access.events import rfc3339

RENEWALS_MOST_S = 7 * 86_400.0
"""A new epoch writes everything held once more, 160 MB at most for a gate of 1,500 events a day: at one a week 4 GB in half a year."""


OLD_MESSAGES_S = 0.5
"""Messages that waited in a broker come within one round trip of each other."""

MOST_KNOWN = 4
"""Names of one consumer's centre that have a patience of their own: it has two or three in its life; all others share one."""


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


@dataclass(slots=True)
class GoingBack:
    """Whether a consumer that says it lacks what it had is obeyed: a restored centre says so, and so may a stranger.

    The name that was believed first is always obeyed: it only undoes what another did, and the others have to wait. So whoever makes names
    up does not keep the true centre waiting.
    """

    patience: Patience
    _known: dict[str, list[str]] = field(default_factory=dict, init=False)
    _older: dict[str, float] = field(default_factory=dict, init=False)

    def stands(self, consumer: str, now: float) -> bool:
        """An older number of the same centre: whether it is said a second time, some while later and with no current one in between.

        A broker gives old messages again after a cut, all at once; a restored centre says the same at every health message.
        """
        return now - self._older.setdefault(consumer, now) >= OLD_MESSAGES_S

    def current(self, consumer: str) -> None:
        """It is where it was."""
        self._older.pop(consumer, None)

    def allows(self, consumer: str, centre_id: str | None, known_as: str | None, now: float) -> bool:
        """Whether it may go back now. `known_as`: the name of the centre that was believed last."""
        known = self._known.setdefault(consumer, [] if known_as is None else [known_as])
        if centre_id is None or centre_id == known_as:
            key = f"{consumer} older"
        elif known[:1] == [centre_id]:
            return True
        else:
            key = f"{consumer} as {centre_id}" if centre_id in known else f"{consumer} new"
        if not self.patience.allows(key, now):
            return False
        if centre_id is not None and centre_id not in known and len(known) < MOST_KNOWN:
            known.append(centre_id)
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
