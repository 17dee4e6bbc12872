"""What controllers recorded in memories of their own: which door it concerns, and what it says of the controller itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Literal, Protocol

from drivers.readings import Contact, Logged, LoggedKind
from edge.access.events import DeviceBack, DeviceLoss, DeviceLost, Event, SiteFire
from edge.access.rules import AccessPoint
from edge.access.terms import Card
from edge.clock import Clock, Moment, Trust
from edge.gate.inputs import Recorded
from edge.gate.plan import InputUse
from edge.gate.recorder import Memory, Recorder

AHEAD = timedelta(minutes=1)  # a board's quartz drifts by seconds a day: one further ahead of us was never set, or is broken
OF_THE_DEVICE = frozenset({LoggedKind.FIRE, LoggedKind.RESTARTED, LoggedKind.LOST, LoggedKind.OTHER})
LEAF: Mapping[LoggedKind, LoggedKind] = MappingProxyType(
    {
        LoggedKind.OPENED: LoggedKind.CLOSED,
        LoggedKind.CLOSED: LoggedKind.OPENED,
        LoggedKind.FORCED: LoggedKind.FORCED,
        LoggedKind.HELD: LoggedKind.HELD,
    }
)
"""What a contact tells, and what the same means of a contact that is inverted."""


class Places(Protocol):
    """The part of the wiring that is asked here."""

    @property
    def readers(self) -> Mapping[tuple[str, int], AccessPoint]:
        """Readers by controller and number."""
        ...

    @property
    def contacts(self) -> Mapping[tuple[str, int], InputUse]:
        """Contacts of doors that the controller knows as doors."""
        ...

    @property
    def locks(self) -> Mapping[tuple[str, int], str]:
        """Whose lock it is."""
        ...

    @property
    def tz(self) -> tzinfo:
        """The site's zone, in which controllers keep their time."""
        ...


def recorded(places: Places, controller: str, logged: Logged) -> Iterator[tuple[str, Recorded]]:
    """Which door is told what of a record. What a controller records of itself concerns no one door: see DeviceRecords."""
    if logged.what in OF_THE_DEVICE:
        return
    what, key = logged.what, (controller, logged.door)
    point = places.readers.get((controller, logged.reader))
    contact = places.contacts.get(key)
    door = point.door if point else contact.door if contact and what in LEAF else places.locks.get(key)
    if door is None or (contact is None and what in LEAF):
        return
    if contact is not None and contact.active is Contact.CLOSED:
        what = LEAF.get(what, what)
    at = logged.at.replace(tzinfo=places.tz) if logged.at else None
    seen = contact is not None and contact.door == door
    card = Card(logged.bits, logged.value) if logged.bits else None
    yield door, Recorded(what, logged.index, logged.late, at, seen, point.name if point else None, card)


class DeviceRecords:
    """What controllers recorded of themselves, as events, each once; kept as Chronicle keeps it.

    A restart of then is told as lost and back. What was written over before it could be fetched is told as a loss, by its number. A fire
    that is over is told only where this controller has the site's fire line; one that burns is told by the input itself.
    """

    def __init__(
        self,
        *,
        doors: Callable[[str], tuple[str, ...]],
        tz: tzinfo,
        fire_line: str | None,
        recorder: Recorder,
        memory: Memory,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """`doors` gives the doors behind a controller."""
        self._doors, self._tz, self._fire_line = doors, tz, fire_line
        self._recorder, self._memory, self._clock, self._new_id = recorder, memory, clock, new_id
        self._last: dict[str, str] = {}

    def record(self, controller: str, logged: Logged) -> None:
        """Take one record."""
        note = f"recorded.device.{controller}"
        mark = f"{logged.index} {logged.what} {logged.at}"
        if logged.what not in OF_THE_DEVICE or self._last.get(note, self._memory.recall(note)) == mark:
            return
        events = tuple(self._events(controller, logged))
        if events:
            self._last[note] = mark
            self._recorder.append(*events, facts={note: mark})

    def _events(self, controller: str, logged: Logged) -> Iterator[Event]:
        now, doors = self._clock.now(), self._doors(controller)
        then = by_controller(logged.at.replace(tzinfo=self._tz), now) if logged.at and logged.late else now
        source: Literal["gateway", "controller"] = "controller" if logged.at and logged.late else "gateway"
        match logged.what:
            case LoggedKind.LOST:
                yield DeviceLoss(at=then.at, clock=then.trust, device=controller, count=logged.count, doors=doors)
            case LoggedKind.RESTARTED if logged.late:  # one that just happened is told by the line
                yield DeviceLost(at=then.at, clock=then.trust, time_source=source, device=controller, doors=doors)
                yield DeviceBack(at=then.at, clock=then.trust, time_source=source, device=controller, doors=doors)
            case LoggedKind.FIRE if logged.late and controller == self._fire_line:
                fire = SiteFire(at=then.at, clock=then.trust, time_source=source, alarm_id=self._new_id(), phase="begin")
                yield fire
                yield replace(fire, phase="end")


def by_controller(at: datetime, now: Moment) -> Moment:
    """The moment of a record by its controller's clock, believed as far as that can be."""
    return Moment(at, now.mono, Trust.UNTRUSTED if at > now.at + AHEAD else now.trust, now.last_trusted, now.certain)
