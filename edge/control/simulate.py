"""Acting as the people at the gate would. A simulated controller is moved; of a real one only its readings are played.

What is played is marked as simulated in every event that follows, and moves a real lock only where the installer says `live`. Live is what
asks a lock to open, and nothing else: how a contact, a cover, a supply or the fire line stands is the wire's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from drivers import wiegand
from drivers.contract import DoorController
from drivers.door import simulated
from drivers.door.qr import MOST_TEXT
from drivers.readings import (
    CardMisread,
    CardRead,
    CodeRead,
    Contact,
    DoorPosition,
    InputChanged,
    Misread,
    Passed,
    PinEntered,
    Power,
    Reading,
    RequestToExit,
    Tamper,
)
from edge.errors import CommandRefused
from edge.gate.settings import DoorSettings
from edge.settings import Settings

ASKS = ("card", "qr", "misread", "pin", "rex", "desk", "fire")  # and a face; what may be played live
WHAT = ("card", "qr", "misread", "pin", "rex", "contact", "pass", "desk", "fire", "tamper", "power")
STATES = ("on", "off", "open", "closed", "in", "out", "ok", "failed")


class Play(Protocol):
    """Takes a reading as if its controller had said it: SiteGates.play."""

    def __call__(self, controller: str, reading: Reading, *, live: bool) -> None: ...  # noqa: D102


class Simulation:
    """`act` finds the device behind an access point or door, and moves it or plays what it would say."""

    def __init__(self, settings: Settings, controllers: Mapping[str, DoorController], play: Play) -> None:
        self._settings = settings
        self._controllers = controllers
        self._play = play

    def act(self, what: str, args: Mapping[str, str]) -> None:
        """Do it.

        `args`: access_point and number for card, qr and pin; access_point for misread; door for rex; door and state for contact and pass;
        state for fire; controller and state for power and tamper, and a reader for tamper; nothing for desk.
        `live`: "yes" lets real locks move. Raises CommandRefused for what is not there or not understood.
        """
        if args.get("live") == "yes" and ((what in WHAT and what not in ASKS) or (what, args.get("state")) == ("fire", "off")):
            raise CommandRefused("not_live", what)
        match what:
            case "card":
                controller, reader = self._reader(args)
                self._say(controller, CardRead(reader, *self._card(args.get("number", ""))), args)
            case "qr":
                controller, reader = self._reader(args)
                text = args.get("number", "")
                if not text.isascii() or not text.isprintable() or not 0 < len(text) <= MOST_TEXT:
                    raise CommandRefused("bad_argument", f"text: ASCII, 1-{MOST_TEXT}")
                self._say(controller, CodeRead(reader, text), args)
            case "misread":
                controller, reader = self._reader(args)
                self._say(controller, CardMisread(reader, Misread.PARITY), args)
            case "pin":
                controller, reader = self._reader(args)
                digits = args.get("number", "")
                if not digits.isdecimal() or len(digits) > 16:
                    raise CommandRefused("bad_argument", "number: 0-9, 1-16")
                self._say(controller, PinEntered(reader, digits), args)
            case "rex":
                self._press(args)
            case "contact":
                self._move(args)
            case "pass":
                self._pass(args)
            case "desk":
                button = self._settings.guard_button
                if button is None:
                    raise CommandRefused("not_wired", "guard_button")
                self._touch(button.controller, button.input, Contact(button.active), args)
            case "tamper":
                cover = args.get("reader", "0")
                if not cover.isdecimal() or len(cover) > 3:
                    raise CommandRefused("bad_argument", "reader: 0-255")
                self._say(self._controller(args), Tamper(int(cover), self._state(args, "on", "off") == "on"), args)
            case "power":
                self._say(self._controller(args), Power(self._state(args, "ok", "failed") == "ok"), args)
            case "fire":
                fire = self._settings.fire
                if fire is None:
                    raise CommandRefused("not_wired", "fire")
                burning = self._state(args, "on", "off") == "on"
                alarm = Contact(fire.active)
                reading = InputChanged(fire.input, alarm if burning else _other(alarm))
                self._say(fire.controller, reading, args)
                if not burning and isinstance(self._controllers[fire.controller], simulated.Controller):
                    self._play(fire.controller, reading, live=False)  # the device may have said so all along; a drill ends all the same
            case _:
                raise CommandRefused("bad_argument", " | ".join(WHAT))

    def _reader(self, args: Mapping[str, str]) -> tuple[str, int]:
        point = self._settings.access_points.get(args.get("access_point", ""))
        if point is None:
            raise CommandRefused("unknown_place", ", ".join(self._settings.access_points))
        if point.reader is None:
            raise CommandRefused("not_wired", f"access_points.{args['access_point']}.reader")
        return point.reader.controller, point.reader.reader

    def _card(self, text: str) -> tuple[int, int]:
        roster = self._settings.roster
        text = text if ":" in text or roster.card_notation is None else f"{roster.card_notation}:{text}"
        try:
            return wiegand.read_notation(text, wiegand.FORMATS[roster.card_format])
        except wiegand.BadNotation as why:
            raise CommandRefused("bad_argument", f"fc:205,42220 | dec:0013477100 | hex:00CDA4EC ({why.fault})") from None

    def _press(self, args: Mapping[str, str]) -> None:
        button = self._door(args).exit_button
        if button is None:
            raise CommandRefused("not_wired", f"doors.{args['door']}.exit_button")
        if button.door is not None:
            for active in (True, False):
                self._say(button.controller, RequestToExit(button.door, active), args)
        elif button.input is not None:
            self._touch(button.controller, button.input, Contact(button.active), args)

    def _touch(self, controller: str, number: int, active: Contact, args: Mapping[str, str]) -> None:
        """An input at rest, active, and at rest again."""
        for state in (_other(active), active, _other(active)):
            self._say(controller, InputChanged(number, state), args)

    def _pass(self, args: Mapping[str, str]) -> None:
        passes = self._door(args).passes
        inward = self._state(args, "in", "out") == "in"
        if passes is None:
            raise CommandRefused("not_wired", f"doors.{args['door']}.passes")
        number = passes.inward if inward else passes.outward
        if passes.door is not None:
            self._say(passes.controller, Passed(passes.door, inward is not passes.swapped), args)
        elif number is not None:
            self._touch(passes.controller, number, Contact(passes.active), args)
        else:
            raise CommandRefused("no_pass_contact", "no pass contact in this direction")

    def _controller(self, args: Mapping[str, str]) -> str:
        name = args.get("controller", "")
        if name not in self._controllers:
            raise CommandRefused("unknown_place", ", ".join(self._controllers))
        return name

    def _move(self, args: Mapping[str, str]) -> None:
        contact = self._door(args).contact
        if contact is None:
            raise CommandRefused("not_wired", f"doors.{args['door']}.contact")
        opened = self._state(args, "open", "closed") == "open"
        state = Contact.OPEN if opened != contact.inverted else Contact.CLOSED
        if contact.door is not None:
            self._say(contact.controller, DoorPosition(contact.door, state), args)
        elif contact.input is not None:
            self._say(contact.controller, InputChanged(contact.input, state), args)

    def _door(self, args: Mapping[str, str]) -> DoorSettings:
        door = self._settings.doors.get(args.get("door", ""))
        if door is None:
            raise CommandRefused("unknown_place", ", ".join(self._settings.doors))
        return door

    def _state(self, args: Mapping[str, str], *states: str) -> str:
        state = args.get("state", "")
        if state not in states:
            raise CommandRefused("bad_argument", " | ".join(states))
        return state

    def _say(self, name: str, reading: Reading, args: Mapping[str, str]) -> None:
        """Let a simulated device say it, so that it stays so there; of a real one, play it."""
        device = self._controllers[name]
        live = args.get("live") == "yes"
        if not isinstance(device, simulated.Controller) or live:
            self._play(name, reading, live=live)
        elif isinstance(reading, InputChanged):
            device.set_input(reading.input, reading.state)
        elif isinstance(reading, DoorPosition):
            (device.open_leaf if reading.state is Contact.OPEN else device.close_leaf)(reading.door)
        else:
            device.say(reading)


def _other(state: Contact) -> Contact:
    return Contact.CLOSED if state is Contact.OPEN else Contact.OPEN
