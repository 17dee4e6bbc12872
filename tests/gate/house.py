"""A small house for gate tests: settings, a roster, a notebook for a journal, and a player for stories at one door."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from drivers.readings import Contact
from edge.access.events import Event, body
from edge.access.reasons import GuardReason
from edge.access.request import CardShown, CardUnreadable, CodeShown
from edge.access.rules import Mode
from edge.access.terms import Book, Card, Direction, Tenant, Visit
from edge.clock import Trust
from edge.gate.core import GateCore
from edge.gate.effects import Effects
from edge.gate.inputs import (
    ContactSaid,
    Drive,
    Driven,
    ExitPressed,
    Failure,
    FireSaid,
    Input,
    LineSaid,
    PassSeen,
    PinTyped,
    Presented,
    SetMode,
    Unlock,
)
from edge.gate.recorder import NO_FACTS
from edge.gate.settings import GateSettings
from edge.gate.view import Answer
from edge.gate.visits import Visits
from edge.gate.wiring import Wiring, wire
from tests.clock import START, HandClock

SHANGHAI = ZoneInfo("Asia/Shanghai")

TENANT, SECOND, ENDED, VISITOR, NOBODY = 1, 2, 3, 4, 99


def settings(door: Mapping[str, object] | None = None, **more: object) -> GateSettings:
    """One simulated controller; north is a leaf with contact and button, entered by reader 1 and left by reader 2."""
    lock = {"controller": "sim", "door": 1, "type": "fail_secure", "wiring": "no"}
    north: dict[str, object] = {"lock": lock, "contact": {"controller": "sim", "door": 1}, "exit_button": {"controller": "sim", "door": 1}}
    given: dict[str, object] = {
        "controllers": {"sim": {"driver": "simulated"}},
        "doors": {"north": north | dict(door or {})},
        "access_points": {
            "north_in": {"door": "north", "direction": "in", "reader": {"controller": "sim", "reader": 1}},
            "north_out": {"door": "north", "direction": "out", "reader": {"controller": "sim", "reader": 2}},
        },
        "access_rules": [{"groups": ["residents"], "access_points": ["north_in", "north_out"]}],
    }
    return GateSettings.model_validate(given | more)


def book() -> Book:
    """Two tenants, one whose contract ended, one visitor with two entries."""
    ended = Tenant("ended", "t3", "n", valid_until=date(2026, 3, 1))
    visit = Visit("visit", "v", "n", "tenant", frozenset({"north_in"}), START - timedelta(hours=1), START + timedelta(hours=9), entries=2)
    return Book(
        "r1",
        START - timedelta(minutes=2),
        tenants={"tenant": Tenant("tenant", "t1", "n"), "second": Tenant("second", "t2", "n"), "ended": ended},
        visits={"visit": visit},
        cards={Card(26, TENANT): "tenant", Card(26, SECOND): "second", Card(26, ENDED): "ended", Card(26, VISITOR): "visit"},
        pins={b"123456": "tenant"},
        duress={b"654321": "tenant"},
    )


class Notes:
    """A Memory in a dict."""

    def __init__(self, **kept: str) -> None:
        self.kept = {key.replace("__", "."): value for key, value in kept.items()}
        self.earlier: dict[str, str] = {}

    def remember(self, key: str, value: str) -> None:
        """Keep it."""
        self.kept[key] = value

    def recall(self, key: str) -> str | None:
        """Give it back."""
        return self.kept.get(key)

    def former(self, key: str) -> str | None:
        """Everything was known from the start, unless a story says otherwise."""
        return self.earlier.get(key)


class Written:
    """A receipt that is committed at once, or never."""

    def __init__(self, *, ever: bool = True) -> None:
        self._ever = ever

    async def wait(self, timeout_s: float) -> bool:
        """Wait as a journal would."""
        if not self._ever:
            await asyncio.sleep(timeout_s)
        return self._ever


class Notebook:
    """A Recorder that keeps everything in a list."""

    def __init__(self, *, commits: bool = True) -> None:
        self.events: list[Event] = []
        self.facts: dict[str, str] = {}
        self.commits = commits
        self.arrived = asyncio.Event()

    def append(self, *events: Event, facts: Mapping[str, str] = NO_FACTS) -> Written:
        """Write down."""
        self.facts.update(facts)
        self.events.extend(events)
        self.arrived.set()
        return Written(ever=self.commits)

    def names(self) -> list[str]:
        """What happened, by name."""
        return [name(event) for event in self.events]

    async def until(self, wanted: str, count: int = 1) -> Event:
        """Wait for the event of that name, the `count`-th one."""
        async with asyncio.timeout(20):
            while self.names().count(wanted) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return [event for event in self.events if name(event) == wanted][count - 1]


def name(event: Event) -> str:
    """`class.name`."""
    return f"{event.CLASS}.{event.NAME}"


class Play:
    """One gate's core on a hand clock, with a lock that obeys at once unless told otherwise. Every act returns what was written down."""

    def __init__(self, wiring: Wiring | None = None, *, door: str = "north", notes: Notes | None = None, **core: Any) -> None:
        self.wiring = wiring or wire(settings(), SHANGHAI)
        self.plan = self.wiring.doors[door]
        self.clock = HandClock()
        self.notes = notes or Notes()
        self.book = book()
        self.failure: Failure | None = None
        self.drives: list[Drive] = []
        self.told: list[str] = []
        self.answers: list[tuple[int, Answer]] = []
        self.events: list[Event] = []
        ids = (f"id{n}" for n in itertools.count(1))
        self.core = GateCore(
            self.plan,
            book=lambda: self.book,
            rules=lambda: self.wiring.rules,
            memory=self.notes,
            visits=Visits(self.notes, lambda: self.book),
            new_id=lambda: next(ids),
            pin_hash=lambda digits: digits.encode(),
            **core,
        )
        self._take(self.core.start(self.clock.now()))

    def ready(self) -> Play:
        """Every line up and the leaf closed; what that wrote down and drove is forgotten."""
        for line in sorted(self.plan.lines):
            self.post(LineSaid(line, True))
        if self.plan.senses.contact:
            self.contact(Contact.CLOSED)
        self.drives.clear()
        self.events.clear()
        return self

    def post(self, item: Input) -> list[str]:
        """One input, now."""
        return self._take(self.core.handle(item, self.clock.now()))

    def wait(self, seconds: float) -> list[str]:
        """Time passes, deadline by deadline."""
        out: list[str] = []
        until = self.clock.mono + seconds
        while (due := self.core.deadline()) is not None and due <= until:
            self.clock.advance(max(0.0, due - self.clock.mono))
            out += self._take(self.core.due(self.clock.now()))
        self.clock.advance(until - self.clock.mono)
        return out

    def card(self, number: int, point: str = "north_in") -> list[str]:
        """A card is shown."""
        return self.post(Presented(point, CardShown(Card(26, number))))

    def code(self, number: int, point: str = "north_in") -> list[str]:
        """A QR code is shown that stands for this number."""
        return self.post(Presented(point, CodeShown(Card(26, number))))

    def misread(self, point: str = "north_in") -> list[str]:
        """Something is shown that gives no number."""
        return self.post(Presented(point, CardUnreadable()))

    def pin(self, digits: str, point: str = "north_in") -> list[str]:
        """A PIN is typed."""
        return self.post(PinTyped(point, digits))

    def rex(self) -> list[str]:
        """The exit button."""
        return self.post(ExitPressed())

    def contact(self, state: Contact) -> list[str]:
        """The door contact."""
        return self.post(ContactSaid(state))

    def open(self) -> list[str]:
        """The leaf opens."""
        return self.contact(Contact.OPEN)

    def close(self) -> list[str]:
        """The leaf closes."""
        return self.contact(Contact.CLOSED)

    def passes(self, direction: Direction) -> list[str]:
        """Somebody goes through the turnstile."""
        return self.post(PassSeen(direction))

    def fire(self, *, active: bool) -> list[str]:
        """The fire input."""
        return self.post(FireSaid(active))

    def mode(self, mode: Any) -> list[str]:
        """A guard sets the mode."""
        assert isinstance(mode, Mode)
        return self.post(SetMode(mode, 7))  # type: ignore[arg-type]  # never FIRE here

    def unlock(self, point: str = "north_in") -> list[str]:
        """A guard opens."""
        return self.post(Unlock(point, GuardReason.FORGOT_CARD, 8))

    def distrust(self) -> None:
        """The clock is not believed any more."""
        self.clock.set_trust(Trust.UNTRUSTED)

    def last(self, wanted: str) -> dict[str, object]:
        """The body of the last event of that name."""
        return body(next(event for event in reversed(self.events) if name(event) == wanted))

    def orders(self) -> list[str]:
        """What the lock was told since the last look."""
        out: list[str] = [drive.what for drive in self.drives]
        self.drives = []
        return out

    def signals(self) -> list[str]:
        """What people were told since the last look."""
        out, self.told = self.told, []
        return out

    def _take(self, fx: Effects) -> list[str]:
        self.events.extend(fx.events)
        self.told.extend(indicate.signal.value for _, indicate in fx.tells)
        self.answers.extend(fx.answers)
        out = [name(event) for event in fx.events]
        for drive in fx.drives:
            self.drives.append(drive)
            held = drive.what == "release" and self.core.holding
            done = Driven(drive, "failed", self.failure) if self.failure and not held else Driven(drive, "commanded")
            out += self._take(self.core.handle(done, self.clock.now()))
        return out
