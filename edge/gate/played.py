"""What follows from something that was only played, at a gate that is real: every event of it says so."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from edge.access.events import DoorForced, DoorHeld, Event

KEPT = 256  # passages and alarms of one door; what a played one still leads to, it does within minutes


class Played:
    """Marks the events of one real gate that follow from something played: by their passage, their alarm, or the leaf that was moved."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._leaf = False

    def leaf(self, *, simulated: bool) -> None:
        """The contact spoke, or was played."""
        self._leaf = simulated

    def mark(self, events: list[Event], *, simulated: bool) -> list[Event]:
        """The same events, marked where they are played."""
        if not simulated and not self._ids and not self._leaf:
            return events
        return [self._marked(event, simulated=simulated) for event in events]

    def _marked(self, event: Event, *, simulated: bool) -> Event:
        ids = {getattr(event, key, None) for key in ("passage_id", "alarm_id")} - {None}
        of_leaf = self._leaf and isinstance(event, DoorForced | DoorHeld)
        if not (simulated or of_leaf or ids & self._ids.keys()):
            return event
        self._ids.update(dict.fromkeys(map(str, ids)))
        while len(self._ids) > KEPT:
            self._ids.popitem(last=False)
        return replace(event, simulated=True)
