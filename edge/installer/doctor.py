"""Is it right? Every device of the gate looked at, and with a person at the gate its readers, contacts and locks tried.

Rows are codes and values; edge/installer/words.py says them, with what to do where something is not as it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drivers import wiegand
from drivers.examine import Mark
from edge.gate.settings import DoorSettings
from edge.installer.bench import Bench, Examined, Heard
from edge.settings import Settings

PRESENT_S = 20.0  # from the laptop to the reader with a card in hand
Tell = Callable[[str, Mapping[str, str]], None]
"""Say something to the installer now, by its code."""
Ask = Callable[[str, Mapping[str, str]], bool | None]
"""Ask the installer; False is the answer of whoever does not answer, None that nobody is to be asked."""
# What a site may choose, or what passes by itself: worth a look, and no reason to call the installer back.
BEARABLE = (
    "clock.untrusted",
    "uplink.unsigned.",
    "recognition.prints_open",
    "vision.no_landlock_",
    "vision.flood",
    "vision.face_alone_off.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One finding: of what, how it is to be taken, and its sentence by code."""

    subject: str
    mark: Mark
    code: str
    values: Mapping[str, str] = field(default_factory=dict)


def controllers(bench: Bench, settings: Settings, door: str | None) -> list[Row]:
    """Every controller, or those behind one door: reach, and what the device says of itself."""
    wanted = behind(settings, door)
    return [row for one in bench.examine() if one["controller"] in wanted and not one.get("camera") for row in _of_controller(one)]


def camera(bench: Bench, name: str) -> Row:
    """Whether the daemon has this camera's picture now."""
    up = {one["controller"]: bool(one["up"]) for one in bench.examine() if one.get("camera")}.get(name)
    if up is None:
        return Row(name, Mark.WARN, "camera_unused")
    return Row(name, Mark.GOOD, "camera_up") if up else Row(name, Mark.BAD, "camera_down")


def degraded(health: Mapping[str, Any], settings: Settings, sentence: Callable[[str], str], told: Collection[str] = ()) -> list[Row]:
    """What a running daemon says of itself; a device that is away has a row of its own, as have the words `told`."""
    known = {*told, *(f"device.{name}" for name in (*settings.controllers, *settings.cameras))}
    return [
        Row(word, Mark.WARN if word.startswith(BEARABLE) else Mark.BAD, "degraded", {"what": sentence(word)})
        for word in health["degraded"]
        if word not in known
    ]


def readers(bench: Bench, settings: Settings, door: str, tell: Tell, seconds: float = PRESENT_S) -> list[Row]:
    """Each reader of this door in turn: present a card."""
    rows = []
    for name, point in settings.access_points.items():
        if point.door == door and point.reader is not None:
            tell("present_card", {"where": name, "seconds": f"{seconds:g}"})
            rows.append(_first_card(bench, settings, name, point.reader.controller, point.reader.reader, seconds))
    return rows


def contacts(bench: Bench, settings: Settings, door: str, tell: Tell, seconds: float = PRESENT_S) -> list[Row]:
    """Everything this door can feel, live: each change is told as it comes, until each has moved or the time is over."""
    things = dict(_things(settings.doors[door]))
    if not things:
        return []
    tell("move_things", {"what": ", ".join(dict.fromkeys(things.values())), "seconds": f"{seconds:g}"})
    moved: dict[str, set[str]] = {name: set() for name in things.values()}
    for heard in bench.readings(seconds):
        if (name := things.get(_key(heard))) is None:
            continue
        state = _state(heard)
        tell("live", {"what": name, "state": state})
        moved[name].add(state)
        if all(len(states) > 1 or (name.startswith("pass") and states) for name, states in moved.items()):
            break
    rows = []
    for name, states in moved.items():
        if states & {"cut", "short"}:
            rows.append(Row(f"{door}.{name}", Mark.BAD, "input_fault", {"state": ", ".join(sorted(states))}))
        else:
            rows.append(Row(f"{door}.{name}", Mark.GOOD if states else Mark.BAD, "input_moves" if states else "input_silent"))
    return rows


def pulse(bench: Bench, door: str, ask: Ask) -> list[Row]:
    """Release this door once, if the installer says so, and ask whether it clicked."""
    if not ask("may_pulse", {"door": door}):
        return [Row(door, Mark.WARN, "not_pulsed")]
    done = bench.pulse(door)
    if not done.ok:
        return [Row(door, Mark.BAD, "pulse_failed", {"why": done.said})]
    heard = ask("did_it_click", {"door": door})
    if heard is None:
        return [Row(door, Mark.GOOD, "ordered", {"said": done.said})]
    if not heard:
        return [Row(door, Mark.BAD, "no_click", {"said": done.said})]
    return [Row(door, Mark.GOOD, "clicked", {"said": done.said})]


def behind(settings: Settings, door: str | None) -> set[str]:
    """The controllers that this door hangs on; all of them for None."""
    if door is None:
        return set(settings.controllers)
    given = settings.doors[door]
    parts = (given.lock, given.contact, given.passes, given.exit_button)
    points = (point.reader for point in settings.access_points.values() if point.door == door)
    return {part.controller for part in (*parts, *points) if part is not None}


def worst(rows: Sequence[Row]) -> Mark:
    """BAD if anything is."""
    marks = {row.mark for row in rows}
    return Mark.BAD if Mark.BAD in marks else Mark.WARN if Mark.WARN in marks else Mark.GOOD


def _of_controller(one: Examined) -> Iterator[Row]:
    name, kind = str(one["controller"]), str(one["driver"])
    if not one["up"]:
        code = "held" if one["why"] == "held by another program" else "unreachable"
        yield Row(name, Mark.BAD, code, {"driver": kind, "why": str(one["why"]) or "-"})
        return
    yield Row(name, Mark.GOOD, "reached" if one.get("answers", True) else "line_open", {"driver": kind})
    if one["why"]:
        yield Row(name, Mark.WARN, "does_not_say", {"why": str(one["why"])})
    for found in one["findings"]:
        subject = f"{name}.{found['reader']}" if found["reader"] else name
        yield Row(subject, Mark(found["mark"]), str(found["code"]), found["values"])


def _first_card(bench: Bench, settings: Settings, point: str, controller: str, reader: int, seconds: float) -> Row:
    """What the reader says first."""
    for heard in bench.readings(seconds):
        if heard["controller"] != controller or heard.get("reader") != reader:
            continue
        match heard["reading"]:
            case "CardRead":
                bits, value = int(heard["bits"]), int(heard["value"])
                return Row(
                    point, Mark.GOOD, "card_read", {"bits": str(bits), "notations": _notations(settings, controller, reader, bits, value)}
                )
            case "CardMisread":
                return Row(point, Mark.BAD, f"misread_{heard['fault']}")
            case "PinEntered":
                return Row(point, Mark.GOOD, "pin_entered", {"length": str(heard["length"])})
            case "CodeRead":
                return Row(point, Mark.GOOD, "code_read", {"length": str(heard["length"])})
            case "ReaderLost":
                return Row(point, Mark.BAD, "reader_silent", {"why": str(heard["why"])})
    return Row(point, Mark.BAD, "nothing_presented", {"seconds": f"{seconds:g}"})


def _notations(settings: Settings, controller: str, reader: int, bits: int, value: int) -> str:
    """Every way to write the card, in the layout of its reader, else the roster's, else the first of that length."""
    options: Any = settings.controllers[controller].options
    own = getattr(options, "format", None)
    if (many := getattr(options, "readers", None)) and isinstance(many, Sequence) and reader <= len(many):
        own = getattr(many[reader - 1], "format", own)
    layouts = [wiegand.FORMATS[name] for name in (own, settings.roster.card_format) if isinstance(name, str) and name in wiegand.FORMATS]
    layout = next((one for one in (*layouts, *wiegand.FORMATS.values()) if one.bits == bits), None)
    return "  ".join(wiegand.write_notations(value, layout)) if layout is not None else f"hex:{value:X}"


def _things(given: DoorSettings) -> Iterator[tuple[tuple[str, str, int], str]]:
    """What the door can feel: (controller, kind of reading, number) -> its name in the settings."""
    if (contact := given.contact) is not None:
        yield (contact.controller, "InputChanged" if contact.input else "DoorPosition", contact.input or contact.door or 0), "contact"
    if (button := given.exit_button) is not None:
        yield (button.controller, "InputChanged" if button.input else "RequestToExit", button.input or button.door or 0), "exit_button"
    if (passes := given.passes) is not None:
        if passes.door:
            yield (passes.controller, "Passed", passes.door), "passes"
        for number, name in ((passes.inward, "passes.inward"), (passes.outward, "passes.outward")):
            if number:
                yield (passes.controller, "InputChanged", number), name


def _key(heard: Heard) -> tuple[str, str, int]:
    number = heard.get("input", heard.get("door", 0))
    return str(heard["controller"]), str(heard["reading"]), number if isinstance(number, int) else 0


def _state(heard: Heard) -> str:
    if "state" in heard:
        return str(heard["state"])
    if "active" in heard:
        return "pressed" if heard["active"] else "released"
    return "inward" if heard.get("inward") else "outward"
