"""What site.yaml wires to the readers, outputs, inputs and doors of devices: each is there, and nothing else is wired to it already.

What a device has follows from its driver and its options (`drivers.has`). It looks at the plain values, as edge/settings/cross.py does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from pydantic import TypeAdapter, ValidationError

import drivers
from drivers.table import Has, Locks
from edge.access.lock import LockType, Wiring, secured_level
from edge.gate.settings import Number
from edge.gate.wiring import SIMULATED
from edge.settings.faults import Fault, Path
from edge.settings.fields import value_at
from edge.settings.translate import Layers

WORD, TWICE = "config.not_there", "config.used_twice"


@dataclass(frozen=True, slots=True)
class Slot:
    """One key of site.yaml that holds a number of a device's: where its piece stands (`*`: under any name), and what it is a number of.

    `has`: the field of `drivers.table.Has`. `wire`: two uses of one number of one wire are one too many.
    """

    piece: Path
    key: str
    has: str
    wire: str


_DOOR: Path = ("doors", "*")
SLOTS = (
    Slot((*_DOOR, "lock"), "output", "outputs", "lock"),
    Slot((*_DOOR, "lock"), "door", "doors", "lock"),
    Slot((*_DOOR, "contact"), "input", "inputs", "input"),
    Slot((*_DOOR, "contact"), "door", "contacts", "contact"),
    Slot((*_DOOR, "exit_button"), "input", "inputs", "input"),
    Slot((*_DOOR, "exit_button"), "door", "buttons", "button"),
    Slot((*_DOOR, "passes"), "inward", "inputs", "input"),
    Slot((*_DOOR, "passes"), "outward", "inputs", "input"),
    Slot((*_DOOR, "passes"), "door", "passes", "pass"),
    Slot(("access_points", "*", "reader"), "reader", "readers", "reader"),
    Slot(("fire",), "input", "inputs", "input"),
    Slot(("guard_button",), "input", "inputs", "input"),
)
_NUMBER = TypeAdapter[int](Number)


@dataclass(frozen=True, slots=True)
class _Use:
    """One slot that is filled: the path of its piece, the controller and the number that stand there."""

    slot: Slot
    piece: Path
    controller: str
    number: int

    @property
    def path(self) -> Path:
        return (*self.piece, self.slot.key)


class Wires:
    """The wires of one site.yaml. `controllers` are its devices as mappings by name."""

    def __init__(self, values: Mapping[str, object], controllers: Mapping[str, Mapping[str, object]], layers: Layers) -> None:
        self._values = values
        self._controllers = controllers
        self._layers = layers
        self._has = {name: _has(given) for name, given in controllers.items()}

    def faults(self) -> Iterator[Fault]:
        """What is not there, and what is used twice, in the order of the file; then locks that the device cannot secure."""
        taken: dict[tuple[str, str, int], Path] = {}
        for use in sorted(self._uses(), key=lambda use: self._layers.place(use.path)):
            if not self._there(use):
                yield self._not_there(use)
            first = taken.setdefault((use.controller, use.slot.wire, use.number), use.path)
            if first != use.path:
                said = (("by", ".".join(map(str, first))), ("line", str(self._layers.place(first).line)))
                # Numbers that stand there as text (of the environment, quoted) were not compared once: such a site goes on.
                text = any(isinstance(value_at(self._values, path), str) for path in (first, use.path))
                yield Fault(self._layers.place(use.path), "taken", said, path=use.path, word=TWICE if text else "")
        for path, lock in pieces(self._values, (*_DOOR, "lock")):
            yield from self._rests(path, lock)
        yield from self._only_played()

    def _only_played(self) -> Iterator[Fault]:
        """Warnings: a button, contact, reader or fire line on a simulated device beside a real lock. Nobody will ever press or see it."""
        locks = pieces(self._values, (*_DOOR, "lock"))
        real = {str(path[1]) for path, lock in locks if self._driver(lock.get("controller")) not in {SIMULATED, ""}}
        for piece in dict.fromkeys(slot.piece for slot in SLOTS if slot.piece[-1] != "lock"):
            for path, given in pieces(self._values, piece):
                at, name = (*path, "controller"), given.get("controller")
                if real & self._doors_of(path) and self._driver(name) == SIMULATED:
                    yield Fault(self._layers.place(at), "only_simulated", (("name", str(name)),), grave=False, path=at)

    def _doors_of(self, piece: Path) -> set[str]:
        """The doors that a wire is for; all of them where it is the site's."""
        match piece[:2]:
            case "doors", name:
                return {str(name)}
            case "access_points", name:
                return {str(value_at(self._values, ("access_points", name, "door")))}
        return {str(path[1]) for path, _ in pieces(self._values, _DOOR)}

    def _driver(self, controller: object) -> str:
        """The driver of a controller; empty where there is no such."""
        driver = str(self._controllers.get(str(controller), {}).get("driver"))
        return driver if driver in drivers.KINDS else ""

    def _rests(self, path: Path, lock: Mapping[str, object]) -> Iterator[Fault]:
        """`run` has never started with such a lock: the driver refuses it."""
        has = self._has.get(str(lock.get("controller")))
        try:
            level = secured_level(LockType(str(lock.get("type"))), Wiring(str(lock.get("wiring"))))
        except ValueError:
            return  # reported by edge.settings.load
        if has is not None and has.rests and level == "energised":
            said = (("name", str(lock.get("controller"))), ("sign", "nc" if lock.get("wiring") == "no" else "no"))
            yield Fault(self._layers.place((*path, "wiring")), "must_rest", said, path=(*path, "wiring"))

    def _uses(self) -> Iterator[_Use]:
        for slot in SLOTS:
            for path, piece in pieces(self._values, slot.piece):
                number = _number(piece.get(slot.key, 1 if slot.key == "reader" else None))
                controller = piece.get("controller")
                if isinstance(controller, str) and number is not None:
                    yield _Use(slot, path, controller, number)

    def _there(self, use: _Use) -> bool:
        """Whether the device has it, as far as is known; that a driver drives no lock at all is told at the lock's controller."""
        has = self._has.get(use.controller)
        driver = self._driver(use.controller)
        no_lock = use.slot.wire == "lock" and driver != "" and drivers.KINDS[driver].locks is Locks.NONE
        return has is None or no_lock or use.number in getattr(has, use.slot.has)

    def _not_there(self, use: _Use) -> Fault:
        """`run` goes on without it; a lock that is not there stays in the settings, and its orders are refused."""
        said = {
            "name": use.controller,
            "driver": self._driver(use.controller),
            "number": str(use.number),
            "right": "; ".join(self._right(use.slot.piece)),
        }
        off = () if use.slot.wire == "lock" else use.path if self._others(use) else use.piece
        return Fault(
            self._layers.place(use.path), f"has_no_{use.slot.has}", tuple(sorted(said.items())), path=use.path, word=WORD, left_out=off
        )

    def _others(self, use: _Use) -> bool:
        """Whether the piece makes sense without this number: pass contacts one of whose two inputs is there."""
        piece = value_at(self._values, use.piece)
        beside = [s for s in SLOTS if s.piece == use.slot.piece and s.key != use.slot.key and s.has == use.slot.has]
        numbers = [(slot, _number(value_at(piece, (slot.key,)))) for slot in beside]
        return any(number is not None and self._there(_Use(slot, use.piece, use.controller, number)) for slot, number in numbers)

    def _right(self, piece: Path) -> Iterator[str]:
        """What could stand there: of each device the keys and their numbers."""
        for name, has in self._has.items():
            keys = [(slot.key, getattr(has, slot.has)) for slot in SLOTS if slot.piece == piece and has is not None]
            if found := ", ".join(f"{key} {spans(numbers)}" for key, numbers in keys if numbers):
                yield f"{name}: {found}"


def pieces(values: Mapping[str, object], path: Path) -> Iterator[tuple[Path, Mapping[str, object]]]:
    """The mappings at `path`, in which `*` is any name."""
    found: list[tuple[Path, object]] = [((), values)]
    for step in path:
        found = [
            ((*at, key), inner) for at, value in found if isinstance(value, Mapping) for key, inner in value.items() if step in ("*", key)
        ]
    yield from ((at, value) for at, value in found if isinstance(value, Mapping))


def spans(numbers: Collection[int]) -> str:
    """Numbers as people write them: 1-4, 9."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def without(values: Mapping[str, object], paths: Collection[Path]) -> dict[str, object]:
    """The values less what stands at `paths`."""

    def kept(value: object, at: Path) -> object:
        if not isinstance(value, Mapping):
            return value
        return {key: kept(inner, (*at, key)) for key, inner in value.items() if (*at, key) not in paths}

    return {key: kept(value, (key,)) for key, value in values.items() if (key,) not in paths}


def _has(controller: Mapping[str, object]) -> Has | None:
    """What this device has; None while that is not known, for reasons that are faults of their own."""
    driver = controller.get("driver")
    if not isinstance(driver, str) or driver not in drivers.KINDS:
        return None
    try:
        kind = drivers.options(driver)
        return drivers.has(kind.model_validate({key: value for key, value in controller.items() if key in kind.model_fields}))
    except (ImportError, ValidationError):
        return None


def _number(value: object) -> int | None:
    """The number that the settings will take it for (an environment variable's is text); None for what they refuse."""
    try:
        return None if value is None else _NUMBER.validate_python(value)
    except ValidationError:
        return None
