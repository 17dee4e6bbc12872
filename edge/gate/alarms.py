"""Alarms that are open: each keeps one id from begin to end, over a restart too."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from edge.gate.recorder import Memory
from edge.gate.view import AlarmView


class Alarms:
    """The open alarms of one owner (a door, or the site as `door=None`). Bounded: there are only as many keys as kinds of alarm."""

    def __init__(self, door: str | None, memory: Memory, new_id: Callable[[], str]) -> None:
        """Read back what was open when the daemon last stopped. A note that cannot be read is as good as none."""
        self._door = door
        self._memory = memory
        self._new_id = new_id
        self._note = f"alarms.{door}" if door else "alarms"
        self._first = memory.recall(self._note)
        self._open = self._views(self._first)
        self._again: dict[str, AlarmView] = {}
        self._over: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._open

    def begin(self, key: str, what: str, at: datetime) -> str | None:
        """Open an alarm and return its id; None if it is open already. `what` is the event's name, such as `door.held`."""
        self._over.discard(key)
        if key in self._open:
            return None
        self._open[key] = AlarmView(self._new_id(), what, self._door, at, key)
        self._write()
        return self._open[key].alarm_id

    def end(self, key: str) -> str | None:
        """Close an alarm and return its id; None if it was not open."""
        ended = self._open.pop(key, None)
        self._over.add(key)
        if ended is None:
            return None
        if (again := self._again.pop(key, None)) is not None:
            self._open[key] = again
        self._write()
        return ended.alarm_id

    def recall(self) -> tuple[str, ...]:
        """What was open before the start can be read only now, and is open again. Gives the keys of those to be ended at once.

        Those are over by what was said since the start, or have begun anew since then under another id, which stays open.
        """
        former = self._memory.former(self._note)
        if former == self._first:  # it could be read by then
            return ()
        mine, self._open = self._open, self._views(former)
        self._again = {key: alarm for key, alarm in mine.items() if self._open.get(key, alarm) != alarm}
        self._open = mine | self._open
        self._write()
        return tuple(key for key in self._open if key in self._again or key in self._over)

    def open(self) -> tuple[str, ...]:
        """The keys of all open alarms."""
        return tuple(self._open)

    def view(self) -> tuple[AlarmView, ...]:
        """All open alarms, oldest first."""
        return tuple(self._open.values())

    def _views(self, note: str | None) -> dict[str, AlarmView]:
        found = _read(note).items()
        return {key: AlarmView(alarm_id, what, self._door, datetime.fromisoformat(since), key) for key, (alarm_id, what, since) in found}

    def _write(self) -> None:
        self._memory.remember(self._note, json.dumps({k: [a.alarm_id, a.what, a.since.isoformat()] for k, a in self._open.items()}))


def _read(note: str | None) -> dict[str, tuple[str, str, str]]:
    try:
        found = json.loads(note or "{}")
        return {str(k): (str(i), str(what), datetime.fromisoformat(since).isoformat()) for k, (i, what, since) in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
