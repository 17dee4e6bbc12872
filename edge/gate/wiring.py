"""Which reader, input and lock belongs to which access point and door: the one place where hardware becomes access control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from types import MappingProxyType
from typing import Protocol

from drivers.orders import Level
from drivers.readings import (
    CardMisread,
    CardRead,
    CodeRead,
    Contact,
    DoorPosition,
    InputChanged,
    Passed,
    PinEntered,
    Power,
    Reading,
    RequestToExit,
    Tamper,
)
from edge.access.crossing import Senses
from edge.access.lock import secured_level
from edge.access.request import CardShown, CardUnreadable, CodeShown
from edge.access.rules import AccessPoint, AccessRule, PinLimits, Rules, rules_of
from edge.access.schedule import ALWAYS, DAYS, Schedule, Spans, parse_dates, parse_days, parse_span
from edge.access.terms import Card, Direction, code_card
from edge.gate.inputs import (
    ContactSaid,
    CoverSaid,
    DeskPressed,
    Edge,
    ExitPressed,
    Input,
    PassSeen,
    PinTyped,
    Presented,
    SupplySaid,
)
from edge.gate.plan import ControllerPlan, DoorPlan, InputUse, PointPlan
from edge.gate.settings import (
    AccessPointSettings,
    ControllerSettings,
    DoorSettings,
    FireSettings,
    GuardButtonSettings,
    PinSettings,
    RuleSettings,
    ScheduleSettings,
)

FIRE = "fire"
SIMULATED = "simulated"  # the row of drivers.KINDS


class GateSite(Protocol):
    """The part of the settings that is wired; edge.settings.Settings and GateSettings both have it."""

    @property
    def controllers(self) -> Mapping[str, ControllerSettings]: ...  # noqa: D102  (named like their keys)
    @property
    def doors(self) -> Mapping[str, DoorSettings]: ...  # noqa: D102
    @property
    def access_points(self) -> Mapping[str, AccessPointSettings]: ...  # noqa: D102
    @property
    def schedules(self) -> Mapping[str, ScheduleSettings]: ...  # noqa: D102
    @property
    def access_rules(self) -> list[RuleSettings]: ...  # noqa: D102
    @property
    def fire(self) -> FireSettings | None: ...  # noqa: D102
    @property
    def guard_button(self) -> GuardButtonSettings | None: ...  # noqa: D102
    @property
    def pins(self) -> PinSettings: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything of site.yaml that a running gate asks for."""

    controllers: Mapping[str, ControllerPlan]
    doors: Mapping[str, DoorPlan]
    rules: Rules
    fire_line: str | None
    readers: Mapping[tuple[str, int], AccessPoint] = field(repr=False)
    contacts: Mapping[tuple[str, int], InputUse] = field(repr=False)
    buttons: Mapping[tuple[str, int], str] = field(repr=False)
    passes: Mapping[tuple[str, int], tuple[str, bool]] = field(repr=False)
    inputs: Mapping[tuple[str, int], tuple[InputUse, ...]] = field(repr=False)
    locks: Mapping[tuple[str, int], str] = field(repr=False)
    fire_quiet_s: float = 0.0

    def meaning(self, controller: str, reading: Reading) -> Iterator[tuple[str, Input]]:
        """Which doors are told what. Lost, Back, Logged and the fire input are translated elsewhere."""
        match reading:
            case CardRead(reader, bits, value):
                if point := self.readers.get((controller, reader)):
                    yield point.door, Presented(point.name, CardShown(Card(bits, value)))
            case CodeRead(reader, text):
                if point := self.readers.get((controller, reader)):
                    yield point.door, Presented(point.name, CodeShown(code_card(text)))
            case CardMisread(reader):
                if point := self.readers.get((controller, reader)):
                    yield point.door, Presented(point.name, CardUnreadable())
            case PinEntered(reader, digits):
                if point := self.readers.get((controller, reader)):
                    yield point.door, PinTyped(point.name, digits)
            case InputChanged(number, state):
                for use in self.inputs.get((controller, number), ()):
                    if use.what != FIRE:
                        yield use.door, _input_meaning(use, controller, number, state)
            case DoorPosition(door, state):
                if contact := self.contacts.get((controller, door)):
                    yield contact.door, ContactSaid(_leaf(contact, state))
            case RequestToExit(door, active):
                if active and (name := self.buttons.get((controller, door))):
                    yield name, ExitPressed()
            case Passed(door, inward):
                if found := self.passes.get((controller, door)):
                    name, swapped = found
                    yield name, PassSeen(Direction.IN if inward != swapped else Direction.OUT)
            case Tamper(reader, active):
                yield from self._tamper(controller, reader, active=active)
            case Power(ok):
                for name in self.controllers[controller].doors:
                    yield name, SupplySaid(controller, ok)

    def fire_state(self, controller: str, reading: Reading) -> Contact | None:
        """The state of the fire line if this reading speaks of it: OPEN means fire, CLOSED none, all else a fault of the line."""
        if not isinstance(reading, InputChanged):
            return None
        for use in self.inputs.get((controller, reading.input), ()):
            if use.what == FIRE:
                if reading.state in {Contact.OPEN, Contact.CLOSED}:
                    return Contact.OPEN if reading.state is use.active else Contact.CLOSED
                return reading.state
        return None

    def simulated(self, controller: str) -> bool:
        """Whether this is no device: whatever it says is played."""
        return self.controllers[controller].kind == SIMULATED

    @property
    def tz(self) -> tzinfo:
        """The site's zone."""
        return self.rules.tz

    def behind(self, controller: str, reader: int) -> tuple[str, ...]:
        """The doors that hang on one reader of a controller: those it reads for, and the one whose lock has its number."""
        read = self.readers.get((controller, reader))
        found = {read.door if read else None, self.locks.get((controller, reader))}
        return tuple(name for name in self.controllers[controller].doors if name in found)

    def _tamper(self, controller: str, reader: int, *, active: bool) -> Iterator[tuple[str, Input]]:
        source = f"{controller}.{reader}"
        if reader and (point := self.readers.get((controller, reader))):
            yield point.door, CoverSaid(source, active)
        elif not reader:
            for name in self.controllers[controller].doors:
                yield name, CoverSaid(source, active)


def wire(site: GateSite, tz: tzinfo) -> Wiring:
    """Put the settings together. They must have passed their checks: a name that leads nowhere raises KeyError."""
    schedules = {"always": ALWAYS} | {name: _schedule(name, given) for name, given in site.schedules.items()}
    points = [AccessPoint(name, given.door, given.direction) for name, given in site.access_points.items()]
    rules = rules_of(
        points,
        [AccessRule(frozenset(r.groups), frozenset(r.access_points), schedules[r.schedule]) for r in site.access_rules],
        tz,
        PinLimits(max_wrong=site.pins.max_wrong, rest_s=site.pins.rest_s),
    )
    doors = {name: _door(name, given, site, schedules) for name, given in site.doors.items()}
    inputs: dict[tuple[str, int], tuple[InputUse, ...]] = {}
    for key, use in _inputs(site):
        inputs[key] = (*inputs.get(key, ()), use)
    return Wiring(
        controllers=MappingProxyType({name: _controller(name, given, site, doors) for name, given in site.controllers.items()}),
        doors=MappingProxyType(doors),
        rules=rules,
        fire_line=site.fire.controller if site.fire else None,
        readers={
            (given.reader.controller, given.reader.reader): point
            for point, given in zip(points, site.access_points.values(), strict=True)
            if given.reader
        },
        contacts={
            (c.controller, c.door): InputUse("contact", name, Contact.CLOSED if c.inverted else Contact.OPEN)
            for name, given in site.doors.items()
            if (c := given.contact) and c.door
        },
        buttons={(b.controller, b.door): name for name, given in site.doors.items() if (b := given.exit_button) and b.door},
        passes={(p.controller, p.door): (name, p.swapped) for name, given in site.doors.items() if (p := given.passes) and p.door},
        inputs=inputs,
        locks={(given.lock.controller, given.lock.number): name for name, given in site.doors.items()},
        fire_quiet_s=site.fire.quiet_s if site.fire else 0.0,
    )


def _door(name: str, given: DoorSettings, site: GateSite, schedules: Mapping[str, Schedule]) -> DoorPlan:
    points = {
        point: PointPlan(point, at.direction, (at.reader.controller, at.reader.reader) if at.reader else None)
        for point, at in site.access_points.items()
        if at.door == name
    }
    parts = (given.lock, given.contact, given.passes, given.exit_button)
    lines = {part.controller for part in parts if part} | {point.reader[0] for point in points.values() if point.reader}
    if site.guard_button and site.guard_button.access_point in points:
        lines.add(site.guard_button.controller)
    senses = Senses(
        contact=given.contact is not None,
        passes=given.passes is not None,
        forced=given.exit_button is not None or not given.free_exit,
        held_after_s=given.held_after_s,
        relock_on_open=given.relock_on_open,
    )
    return DoorPlan(
        name,
        given.label,
        given.kind,
        (given.lock.controller, given.lock.number),
        senses,
        given.release_s,
        given.extended_release_s,
        MappingProxyType(points),
        given.contact.controller if given.contact else None,
        given.passes.controller if given.passes else None,
        frozenset(lines),
        schedules[given.open_schedule] if given.open_schedule else None,
    )


def _controller(name: str, given: ControllerSettings, site: GateSite, doors: Mapping[str, DoorPlan]) -> ControllerPlan:
    secured = {
        door.lock.number: Level(secured_level(door.lock.type, door.lock.wiring))
        for door in site.doors.values()
        if door.lock.controller == name
    }
    behind = tuple(door.name for door in doors.values() if name in door.lines)
    return ControllerPlan(name, given.driver, given.options, MappingProxyType(secured), behind)


def _inputs(site: GateSite) -> Iterator[tuple[tuple[str, int], InputUse]]:
    for name, given in site.doors.items():
        if given.contact and given.contact.input:
            active = Contact.CLOSED if given.contact.inverted else Contact.OPEN
            yield (given.contact.controller, given.contact.input), InputUse("contact", name, active)
        if given.exit_button and given.exit_button.input:
            yield (given.exit_button.controller, given.exit_button.input), InputUse("exit", name, Contact(given.exit_button.active))
        if given.passes:
            for way, number in (("in", given.passes.inward), ("out", given.passes.outward)):
                if number:
                    yield (given.passes.controller, number), InputUse(way, name, Contact(given.passes.active))
    if (button := site.guard_button) is not None:
        door = site.access_points[button.access_point].door
        yield (button.controller, button.input), InputUse("desk", door, Contact(button.active), button.access_point)
    if site.fire:
        yield (site.fire.controller, site.fire.input), InputUse(FIRE, "", Contact(site.fire.active))


def _input_meaning(use: InputUse, controller: str, number: int, state: Contact) -> Input:
    if use.what == "contact":
        return ContactSaid(_leaf(use, state))
    return Edge(controller, number, state is use.active, _means(use))


def _means(use: InputUse) -> ExitPressed | PassSeen | DeskPressed:
    if use.what == "desk":
        return DeskPressed(use.access_point)
    return ExitPressed() if use.what == "exit" else PassSeen(Direction(use.what))


def _leaf(use: InputUse, state: Contact) -> Contact:
    if state not in {Contact.OPEN, Contact.CLOSED}:
        return state
    return Contact.OPEN if state is use.active else Contact.CLOSED


def _schedule(name: str, given: ScheduleSettings) -> Schedule:
    week: list[Spans] = [()] * 7
    for days, spans in given.weekly.items():
        for day in parse_days(days):
            week[day] = (*week[day], *map(parse_span, spans))
    mon, tue, wed, thu, fri, sat, sun = week
    holidays: dict[date, Spans] = {}
    for dates, instead in given.holidays.items():
        worked_as = week[DAYS.index(instead)] if isinstance(instead, str) else tuple(map(parse_span, instead))
        holidays.update(dict.fromkeys(parse_dates(dates), worked_as))
    return Schedule(name, (mon, tue, wed, thu, fri, sat, sun), MappingProxyType(holidays))
