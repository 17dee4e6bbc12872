"""What a reader's event means, and what to tell it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from osdp import CardFormat, Command, CommandLEDColor

from drivers.orders import Level, Signal
from drivers.readings import CardMisread, CardRead, Misread
from drivers.wiegand import FORMATS

PERMANENT_OFF, PERMANENT_ON, TEMPORARY_ON, TEMPORARY_OFF = 1, 2, 5, 6  # output control codes
TENTHS_AT_MOST = 255  # libosdp's Python side cuts the standard's 16 bits to 8: 300 would become 44
TEMPORARY = 2  # LED control code: show for a while, then what was shown before
TONE = 2  # the reader's default tone

# (colour, tenths on, tenths off, tenths in all), beeps. Steady for an answer, blinking for a question; long enough to be seen in the rain.
SIGNALS: Mapping[Signal, tuple[tuple[int, int, int, int], int]] = MappingProxyType(
    {
        Signal.OK: ((CommandLEDColor.Green, 20, 0, 20), 1),
        Signal.REFUSED: ((CommandLEDColor.Red, 20, 0, 20), 3),
        Signal.USE_CARD: ((CommandLEDColor.Amber, 3, 3, 40), 2),
        Signal.WAIT: ((CommandLEDColor.Blue, 5, 5, 50), 0),
    }
)


def card(reader: int, event: Mapping[str, object], layout: str) -> CardRead | CardMisread:
    """A card event: bits are left-aligned in bytes, the first sent highest."""
    length, data = event.get("length"), event.get("data")
    known = FORMATS[layout]
    if event.get("format") == CardFormat.ASCII or not isinstance(data, bytes) or length != known.bits or len(data) * 8 < known.bits:
        return CardMisread(reader, Misread.LENGTH)
    word = int.from_bytes(data, "big") >> len(data) * 8 - known.bits
    value = known.decode(word)
    return CardMisread(reader, value) if isinstance(value, Misread) else CardRead(reader, known.bits, value)


def steady(output: int, level: Level) -> dict[str, int]:
    """Set an output until told otherwise; ends a running release."""
    return _output(output, PERMANENT_ON if level is Level.ENERGISED else PERMANENT_OFF, 0)


def pulse(output: int, level: Level, tenths: int) -> dict[str, int]:
    """Set an output for a while, timed by the reader; then it is as it was set before."""
    return _output(output, TEMPORARY_ON if level is Level.ENERGISED else TEMPORARY_OFF, min(tenths, TENTHS_AT_MOST))


def light(signal: Signal) -> dict[str, int | bool]:
    """The LED command of an answer."""
    (colour, on, off, all_in_all), _ = SIGNALS[signal]
    return {
        "command": Command.LED,
        "reader": 0,
        "led_number": 0,
        "temporary": True,
        "control_code": TEMPORARY,
        "on_color": colour,
        "off_color": CommandLEDColor.Black,
        "on_count": on,
        "off_count": off,
        "timer_count": all_in_all,
    }


def sound(signal: Signal) -> dict[str, int] | None:
    """The buzzer command of an answer, if it has a sound."""
    _, beeps = SIGNALS[signal]
    if not beeps:
        return None
    return {"command": Command.Buzzer, "reader": 0, "control_code": TONE, "on_count": 1, "off_count": 1, "rep_count": beeps}


def _output(output: int, code: int, tenths: int) -> dict[str, int]:
    return {"command": Command.Output, "output_no": output, "control_code": code, "timer_count": tenths}
