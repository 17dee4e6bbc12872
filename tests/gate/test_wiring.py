"""Hardware into access control: every reading means what the settings say, and nothing else."""

from __future__ import annotations

from datetime import date

import pytest

from drivers.orders import Level
from drivers.readings import (
    Back,
    CardMisread,
    CardRead,
    CodeRead,
    Contact,
    DoorPosition,
    InputChanged,
    Lost,
    Misread,
    Passed,
    PinEntered,
    Power,
    Reading,
    RequestToExit,
    Tamper,
)
from edge.access.request import CardShown, CardUnreadable, CodeShown
from edge.access.rules import AccessPoint
from edge.access.terms import Card, Direction, code_card
from edge.gate.inputs import ContactSaid, CoverSaid, DeskPressed, Edge, ExitPressed, Input, PassSeen, PinTyped, Presented, SupplySaid
from edge.gate.settings import GateSettings
from edge.gate.wiring import Wiring, wire
from tests.gate.house import SHANGHAI, settings


@pytest.fixture
def wiring() -> Wiring:
    """North on device doors; side on inputs of a board, with everything inverted; fire on input 8."""
    side = {
        "kind": "turnstile",
        "lock": {"controller": "io", "door": 2, "type": "fail_safe", "wiring": "no"},
        "contact": {"controller": "io", "input": 1, "inverted": True},
        "exit_button": {"controller": "io", "input": 2, "active": "open"},
        "passes": {"controller": "io", "inward": 3, "outward": 4},
    }
    given = settings({"passes": {"controller": "sim", "door": 1, "swapped": True}}).model_dump()
    given["controllers"] = {"sim": {"driver": "simulated"}, "io": {"driver": "simulated", "doors": 4}}
    given["doors"]["side"] = side
    given["access_points"]["side_in"] = {"door": "side", "direction": "in", "reader": {"controller": "io", "reader": 3}}
    given["fire"] = {"controller": "io", "input": 8}
    given["guard_button"] = {"controller": "io", "input": 6, "access_point": "north_in"}
    return wire(GateSettings.model_validate(given), SHANGHAI)


@pytest.mark.parametrize(
    ("controller", "reading", "door", "meaning"),
    [
        ("sim", CardRead(1, 26, 5), "north", Presented("north_in", CardShown(Card(26, 5)))),
        ("sim", CardMisread(2, Misread.PARITY), "north", Presented("north_out", CardUnreadable())),
        ("sim", CodeRead(1, "VISIT-0001"), "north", Presented("north_in", CodeShown(code_card("VISIT-0001")))),
        ("io", PinEntered(3, "123456"), "side", PinTyped("side_in", "123456")),
        ("sim", DoorPosition(1, Contact.OPEN), "north", ContactSaid(Contact.OPEN)),
        ("sim", RequestToExit(1), "north", ExitPressed()),
        ("sim", Passed(1, inward=True), "north", PassSeen(Direction.OUT)),
        ("io", InputChanged(1, Contact.CLOSED), "side", ContactSaid(Contact.OPEN)),
        ("io", InputChanged(1, Contact.OPEN), "side", ContactSaid(Contact.CLOSED)),
        ("io", InputChanged(1, Contact.CUT), "side", ContactSaid(Contact.CUT)),
        ("io", InputChanged(2, Contact.OPEN), "side", Edge("io", 2, True, ExitPressed())),
        ("io", InputChanged(2, Contact.CLOSED), "side", Edge("io", 2, False, ExitPressed())),
        ("io", InputChanged(3, Contact.CLOSED), "side", Edge("io", 3, True, PassSeen(Direction.IN))),
        ("io", InputChanged(4, Contact.CLOSED), "side", Edge("io", 4, True, PassSeen(Direction.OUT))),
        ("io", InputChanged(6, Contact.CLOSED), "north", Edge("io", 6, True, DeskPressed("north_in"))),
        ("io", InputChanged(6, Contact.OPEN), "north", Edge("io", 6, False, DeskPressed("north_in"))),
        ("io", Tamper(3, True), "side", CoverSaid("io.3", True)),
        ("sim", Tamper(0, True), "north", CoverSaid("sim.0", True)),
        ("sim", Power(False), "north", SupplySaid("sim", False)),
    ],
)
def test_meanings(wiring: Wiring, controller: str, reading: Reading, door: str, meaning: Input) -> None:
    """One reading, one door, one meaning."""
    assert list(wiring.meaning(controller, reading)) == [(door, meaning)]


@pytest.mark.parametrize(
    ("controller", "reading"),
    [
        ("sim", CardRead(7, 26, 5)),
        ("io", CardRead(1, 26, 5)),
        ("sim", PinEntered(9, "1")),
        ("sim", DoorPosition(3, Contact.OPEN)),
        ("sim", RequestToExit(1, active=False)),
        ("sim", RequestToExit(4)),
        ("io", Passed(1, inward=True)),
        ("io", InputChanged(7, Contact.CLOSED)),
        ("io", InputChanged(8, Contact.OPEN)),
        ("sim", Tamper(8, True)),
        ("sim", Lost("x")),
        ("sim", Back()),
    ],
)
def test_what_is_not_wired_means_nothing(wiring: Wiring, controller: str, reading: Reading) -> None:
    """Another controller's numbers, an input nobody wired, a button let go: no door is told."""
    assert list(wiring.meaning(controller, reading)) == []


def test_the_fire_line(wiring: Wiring) -> None:
    """OPEN is fire here, because a broken wire must be; a supervised line says what is wrong with it."""
    assert wiring.fire_line == "io"
    assert wiring.fire_state("io", InputChanged(8, Contact.OPEN)) is Contact.OPEN
    assert wiring.fire_state("io", InputChanged(8, Contact.CLOSED)) is Contact.CLOSED
    assert wiring.fire_state("io", InputChanged(8, Contact.CUT)) is Contact.CUT
    assert wiring.fire_state("sim", InputChanged(8, Contact.OPEN)) is None
    assert wiring.fire_state("io", CardRead(1, 26, 8)) is None


def test_plans(wiring: Wiring) -> None:
    """What each device is given, and what each door hangs on."""
    assert wiring.controllers["sim"].secured == {1: Level.DEENERGISED}
    assert wiring.controllers["io"].secured == {2: Level.ENERGISED}
    assert wiring.controllers["io"].doors == ("north", "side")  # north by the guard's button
    assert wiring.doors["north"].lines == {"sim", "io"}
    assert wiring.doors["side"].lines == {"io"}
    assert wiring.doors["north"].lock == ("sim", 1)
    assert wiring.doors["north"].way_out == "north_out"
    assert wiring.doors["side"].way_out is None
    assert wiring.rules.access_points["side_in"] == AccessPoint("side_in", "side", Direction.IN)


def test_force_is_told_only_where_leaving_is_seen() -> None:
    """A free exit by a handle looks like force unless the handle has a button of its own."""
    assert wire(settings(), SHANGHAI).doors["north"].senses.forced
    assert wire(settings({"free_exit": True}), SHANGHAI).doors["north"].senses.forced
    assert not wire(settings({"free_exit": True, "exit_button": None}), SHANGHAI).doors["north"].senses.forced


def test_schedules_of_the_settings() -> None:
    """Several keys may speak of one day; a holiday has its own spans or those of a weekday."""
    given = {
        "day": {
            "weekly": {"mon-fri": ["06:00-08:00"], "fri,sat": ["20:00-22:00"]},
            "holidays": {"2026-10-01..2026-10-02": [], date(2026, 10, 10): "fri"},
        }
    }
    rules = [{"groups": ["residents"], "access_points": ["north_in"], "schedule": "day"}]
    schedule = wire(settings(schedules=given, access_rules=rules), SHANGHAI).rules.rules[0].schedule
    assert schedule.weekly[0] == ((360, 480),)
    assert schedule.weekly[4] == ((360, 480), (1200, 1320))
    assert schedule.weekly[5] == ((1200, 1320),)
    assert schedule.weekly[6] == ()
    assert schedule.spans_of(date(2026, 10, 2)) == ()
    assert schedule.spans_of(date(2026, 10, 10)) == schedule.weekly[4]
