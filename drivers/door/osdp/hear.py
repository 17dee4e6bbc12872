"""Readers' events as readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from osdp import Event, StatusReportType

from drivers.contract import Emit
from drivers.door.osdp.keypad import Keypad
from drivers.door.osdp.meaning import card
from drivers.door.osdp.options import INPUTS_PER_READER, Options
from drivers.readings import Contact, InputChanged, PinEntered, Power, Reading, Tamper

TAMPERED = 2  # a remote reader's state: 0 well, 1 not connected, 2 tampered with


class Hear:
    """What each reader said last, so that only changes are told. `keypads`: one a reader, which outlive a lost line.

    Silent until `open`, and never raises: libosdp calls it.
    """

    def __init__(self, options: Options, now: Callable[[], float], emit: Emit, keypads: Sequence[Keypad]) -> None:
        self._options = options
        self._now = now
        self._emit = emit
        self._open = False
        self._keypads = keypads
        self._known: dict[tuple[str, int], object] = {}

    def open(self) -> None:
        """Back was said; from here on readings may follow."""
        self._open = True

    def forget(self, reader: int) -> None:
        """A reader came or went: its contacts are unknown, and then news. Reported tampering stays until it says otherwise."""
        for number in range(INPUTS_PER_READER):
            place = reader * INPUTS_PER_READER + number + 1
            if self._known.pop(("input", place), None) is not None:
                self._emit(InputChanged(place, Contact.UNKNOWN))
        self._keypads[reader].break_off(self._now())

    def lost_keys(self, reader: int) -> None:
        """A reader told keys of an outage."""
        self._keypads[reader].lose(self._now())

    def event(self, reader: int, event: Mapping[str, object]) -> None:
        """One event of a reader (from 0)."""
        if not self._open:
            return
        data = event.get("data")
        match event.get("event"):
            case Event.CardRead:
                self._emit(card(reader + 1, event, self._options.readers[reader].format))
            case Event.KeyPress if isinstance(data, bytes):
                for digits in self._keypads[reader].press(data, self._now()):
                    self._emit(PinEntered(reader + 1, digits))
            case Event.Status:
                report = event.get("report")
                if isinstance(report, bytes):
                    self._status(reader, event.get("type"), report)
            case _:
                pass

    def _status(self, reader: int, kind: object, report: bytes) -> None:
        if kind == StatusReportType.Local and len(report) >= 2:
            self._tell(("tamper", reader), Tamper(reader + 1, bool(report[0])), quiet=not report[0])
            self._known["power", reader] = not report[1]
            well = all(self._known.get(("power", other), True) for other in range(len(self._options.readers)))
            self._tell(("power", -1), Power(well), quiet=well)
        elif kind == StatusReportType.Remote and report:
            tampered = TAMPERED in report
            self._tell(("remote", reader), Tamper(reader + 1, tampered), quiet=not tampered)
        elif kind == StatusReportType.Input:
            for number, state in enumerate(report[: self._options.readers[reader].inputs]):
                place = reader * INPUTS_PER_READER + number + 1
                self._tell(("input", place), InputChanged(place, Contact.CLOSED if state else Contact.OPEN), quiet=False)

    def _tell(self, key: tuple[str, int], reading: Reading, *, quiet: bool) -> None:
        """Emit what changed. `quiet`: as a first word this is the normal state and no news."""
        before = self._known.get(key)
        self._known[key] = reading
        if reading != before and not (before is None and quiet):
            self._emit(reading)
