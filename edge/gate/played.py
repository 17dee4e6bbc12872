"""What the events of one gate follow from: a command, with whoever gave it, or something that was only played."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from edge.access.events import Command, DoorAlarm, DoorForced, DoorHeld, Event

KEPT = 256  # passages and alarms of one door; what one of them still leads to, it does within minutes


class Played:
    """Marks the events that follow from something played or commanded: by their passage, their alarm, or the leaf that was moved."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, tuple[bool, Command | None]] = OrderedDict()
        self._leaf = False

    def leaf(self, *, simulated: bool) -> None:
        """The contact spoke, or was played."""
        self._leaf = simulated

    def mark(self, events: list[Event], *, simulated: bool, command: Command | None = None) -> list[Event]:
        """The same events, marked as played where they are, and with the command that they follow from."""
        if not simulated and command is None and not self._ids and not self._leaf:
            return events
        return [self._marked(event, simulated=simulated, command=command) for event in events]

    def _marked(self, event: Event, *, simulated: bool, command: Command | None) -> Event:
        ids = [str(found) for key in ("passage_id", "alarm_id") if (found := getattr(event, key, None)) is not None]
        known = [self._ids[one] for one in ids if one in self._ids]
        played = simulated or (self._leaf and isinstance(event, DoorForced | DoorHeld)) or any(was for was, _ in known)
        if command is None and (played or not isinstance(event, DoorAlarm)):  # who began a real alarm is not who ended it
            command = next((by for _, by in known if by is not None), None)
        if not played and command is None:
            return event
        self._ids.update(dict.fromkeys(ids, (played, command)))
        while len(self._ids) > KEPT:
            self._ids.popitem(last=False)
        event = event.after(command)
        return replace(event, simulated=True) if played else event
