"""Acting as the people at the gate would, on controllers of the kind `simulated`. A real controller is never touched."""

from __future__ import annotations

from collections.abc import Mapping

from drivers import wiegand
from drivers.contract import DoorController
from drivers.door import simulated
from drivers.readings import Contact
from edge.errors import CommandRefused
from edge.gate.settings import DoorSettings
from edge.settings import Settings

WHAT = ("card", "pin", "rex", "contact", "fire")


class Simulation:
    """`act` finds the simulated device behind an access point or door and moves it."""

    def __init__(self, settings: Settings, controllers: Mapping[str, DoorController]) -> None:
        self._settings = settings
        self._controllers = controllers

    def act(self, what: str, args: Mapping[str, str]) -> None:
        """Do it. `args`: access_point and number for card and pin, door for rex, door and state for contact, state for fire.

        Raises CommandRefused for what is not there, not simulated or not understood.
        """
        match what:
            case "card":
                controller, reader = self._reader(args)
                bits, value = self._card(args.get("number", ""))
                controller.present_card(reader, bits, value)
            case "pin":
                controller, reader = self._reader(args)
                digits = args.get("number", "")
                if not digits.isdecimal() or len(digits) > 16:
                    raise CommandRefused("bad_argument", "a PIN has 1 to 16 digits")
                controller.type_pin(reader, digits)
            case "rex":
                self._press(args)
            case "contact":
                self._move(args)
            case "fire":
                fire = self._settings.fire
                if fire is None:
                    raise CommandRefused("not_wired", "this site has no fire input")
                burning = self._state(args, "on", "off") == "on"
                alarm = Contact(fire.active)
                self._device(fire.controller).set_input(fire.input, alarm if burning else _other(alarm))
            case _:
                raise CommandRefused("bad_argument", f"expected one of {', '.join(WHAT)}")

    def _reader(self, args: Mapping[str, str]) -> tuple[simulated.Controller, int]:
        point = self._settings.access_points.get(args.get("access_point", ""))
        if point is None:
            raise CommandRefused("unknown_place", f"expected one of {', '.join(self._settings.access_points)}")
        if point.reader is None:
            raise CommandRefused("not_wired", "this access point has no reader")
        return self._device(point.reader.controller), point.reader.reader

    def _card(self, text: str) -> tuple[int, int]:
        roster = self._settings.roster
        text = text if ":" in text or roster.card_notation is None else f"{roster.card_notation}:{text}"
        try:
            return wiegand.read_notation(text, wiegand.FORMATS[roster.card_format])
        except wiegand.BadNotation as why:
            raise CommandRefused(
                "bad_argument", f"not a card, such as fc:205,42220, dec:0013477100 or hex:00CDA4EC ({why.fault})"
            ) from None

    def _press(self, args: Mapping[str, str]) -> None:
        button = self._door(args).exit_button
        if button is None:
            raise CommandRefused("not_wired", "this door has no exit button")
        device = self._device(button.controller)
        if button.door is not None:
            device.press_exit(button.door)
        elif button.input is not None:
            pressed = Contact(button.active)
            for state in (_other(pressed), pressed, _other(pressed)):
                device.set_input(button.input, state)

    def _move(self, args: Mapping[str, str]) -> None:
        contact = self._door(args).contact
        if contact is None:
            raise CommandRefused("not_wired", "this door has no contact")
        opened = self._state(args, "open", "closed") == "open"
        device = self._device(contact.controller)
        if contact.door is not None:
            (device.open_leaf if opened else device.close_leaf)(contact.door)
        elif contact.input is not None:
            device.set_input(contact.input, Contact.OPEN if opened != contact.inverted else Contact.CLOSED)

    def _door(self, args: Mapping[str, str]) -> DoorSettings:
        door = self._settings.doors.get(args.get("door", ""))
        if door is None:
            raise CommandRefused("unknown_place", f"expected one of {', '.join(self._settings.doors)}")
        return door

    def _state(self, args: Mapping[str, str], *states: str) -> str:
        state = args.get("state", "")
        if state not in states:
            raise CommandRefused("bad_argument", f"expected one of {', '.join(states)}")
        return state

    def _device(self, name: str) -> simulated.Controller:
        device = self._controllers[name]
        if not isinstance(device, simulated.Controller):
            raise CommandRefused("not_simulated", f"controller {name} is a real device")
        return device


def _other(state: Contact) -> Contact:
    return Contact.CLOSED if state is Contact.OPEN else Contact.OPEN
