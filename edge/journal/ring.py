"""What waits for the disk, in memory and bounded. When it is full the oldest ordinary event goes, and is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edge.journal.receipt import Receipt
from edge.journal.record import Draft

NO_FACTS: Mapping[str, str] = MappingProxyType({})
PRECIOUS_CLASSES = frozenset({"site", "guard", "command", "gateway"})
PRECIOUS_NAMES = frozenset({"forced", "held", "duress", "tamper", "lockdown", "locked_open", "fault", "power"})
"""Alarms, and what a person or the gateway said of itself: rare, and worth more than one passage more or less."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One append: events, and facts with them, committed together or not at all. `turn` is its place among all appends."""

    turn: int
    drafts: tuple[Draft, ...]
    receipt: Receipt
    precious: bool
    facts: Mapping[str, str] = field(default_factory=lambda: NO_FACTS)


def precious(drafts: Iterable[Draft]) -> bool:
    """Whether an append holds something that goes last."""
    return any(d.cls in PRECIOUS_CLASSES or d.name in PRECIOUS_NAMES for d in drafts)


class Ring:
    """Entries in the order of their appends. Not thread-safe: its owner holds a lock."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._ordinary: deque[Entry] = deque()
        self._precious: deque[Entry] = deque()
        self._events = 0

    def __len__(self) -> int:
        """Events waiting."""
        return self._events

    def __bool__(self) -> bool:
        """Whether anything waits, an append of facts alone included."""
        return bool(self._ordinary or self._precious)

    def put(self, entry: Entry) -> list[Entry]:
        """Add an entry; gives back what had to go for it, oldest ordinary first, then oldest precious, never the new one."""
        self._queue(entry).append(entry)
        self._events += len(entry.drafts)
        gone: list[Entry] = []
        while self._events > self._bound and (victim := self._victim(entry)):
            self._events -= len(victim.drafts)
            gone.append(victim)
        return gone

    def take(self, events: int) -> list[Entry]:
        """Remove the oldest entries, together at most `events` events, but at least one entry if there is any."""
        taken: list[Entry] = []
        count = 0
        while queue := self._older():
            count += len(queue[0].drafts)
            if taken and count > events:
                break
            entry = queue.popleft()
            self._events -= len(entry.drafts)
            taken.append(entry)
        return taken

    def put_back(self, entries: list[Entry]) -> None:
        """Return what was taken and not written, to its old place. It may exceed the bound until the next `put`."""
        for entry in reversed(entries):
            self._queue(entry).appendleft(entry)
            self._events += len(entry.drafts)

    def _queue(self, entry: Entry) -> deque[Entry]:
        return self._precious if entry.precious else self._ordinary

    def _older(self) -> deque[Entry] | None:
        """The queue whose first entry is the older one."""
        if self._ordinary and self._precious:
            return min(self._ordinary, self._precious, key=lambda queue: queue[0].turn)
        return self._ordinary or self._precious or None

    def _victim(self, spared: Entry) -> Entry | None:
        for queue in (self._ordinary, self._precious):
            if queue and queue[0] is not spared:
                return queue.popleft()
        return None
