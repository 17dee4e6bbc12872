"""What only shows when the pieces are laid side by side: names that lead nowhere, things wired twice, doors nobody can leave.

It looks at the plain values, not at the validated types, so that a misspelt key elsewhere does not hide these faults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import SplitResult, urlsplit

from pydantic import TypeAdapter, ValidationError

import drivers
from drivers.camera.rtsp import split_credentials
from drivers.ports import lasting_name
from drivers.table import Locks
from edge.settings.faults import Fault, Path, nearest
from edge.settings.source import Tree
from edge.settings.translate import Layers
from edge.settings.wires import SLOTS, Wires, pieces
from edge.uplink.settings import LOOPBACK

_UNSTABLE = re.compile(r"^/dev/tty(?:USB|ACM)\d+$")
_SWITCH = TypeAdapter(bool)
SHORTEST_RELEASE_S = 1.0  # an arm's reach from the reader to the handle
BUILT_IN_SCHEDULES = frozenset({"always", "never"})


def cross_check(values: Mapping[str, object], layers: Layers, tree: Tree, before: list[Fault]) -> list[Fault]:
    """Every fault and warning between pieces. `tree` is the file itself; `before` are the faults already found."""
    return list(_Cross(values, layers, tree, before).run())


class _Cross:
    def __init__(self, values: Mapping[str, object], layers: Layers, tree: Tree, before: list[Fault]) -> None:
        self._values = values
        self._layers = layers
        self._tree = tree
        self._faulty = {fault.path for fault in before if fault.grave}
        self._controllers = _part(values, "controllers")
        self._doors = _part(values, "doors")
        self._points = _part(values, "access_points")
        self._schedules = _part(values, "schedules")
        self._used: dict[str, set[str]] = {"controllers": set(), "schedules": set(), "doors": set()}

    def run(self) -> Iterator[Fault]:
        yield from self._wires()
        for name, door in self._doors.items():
            yield from self._door(name, door)
        for name, point in self._points.items():
            yield from self._point(name, point)
        yield from self._rules()
        yield from self._guard_button()
        yield from self._cameras()
        yield from self._leftovers()
        yield from self._ports()
        yield from self._uplink()
        yield from self._files()
        site = self._values.get("site")
        kind = site.get("kind", "gate") if isinstance(site, Mapping) else "gate"
        if self._values.get("doors") and kind == "capture":
            yield self._fault(("doors",), "capture_doors", grave=False, key=True)
        if not self._values.get("doors") and kind in {"gate", "card"}:
            yield self._fault(("doors",), "no_doors", kind=str(kind))

    # -- pieces

    def _wires(self) -> Iterator[Fault]:
        """Every use of a controller exists, and so does the part of it that is used."""
        for piece in sorted({slot.piece for slot in SLOTS}):
            for path, given in pieces(self._values, piece):
                if isinstance(controller := given.get("controller"), str):
                    yield from self._named((*path, "controller"), controller, "controllers", self._controllers)
        yield from Wires(self._values, self._controllers, self._layers).faults()

    def _door(self, name: str, door: Mapping[str, object]) -> Iterator[Fault]:
        path: Path = ("doors", name)
        schedule = door.get("open_schedule")
        if isinstance(schedule, str):
            yield from self._named((*path, "open_schedule"), schedule, "schedules", self._schedules)
        free, button = door.get("free_exit"), isinstance(door.get("exit_button"), Mapping)
        if not button and not _said(free) and not any(self._below((*path, key)) for key in ("exit_button", "free_exit")):
            # The text "false" was taken for a yes once: such a site goes on.
            yield self._fault(path, "no_exit", key=True, word="config.no_exit" if free else "", name=name)
        if isinstance(release := door.get("release_s"), int | float) and 0 < release < SHORTEST_RELEASE_S:
            yield self._fault((*path, "release_s"), "short_release", grave=False, read=f"{release:g}")
        lock = door.get("lock")
        driver = self._driver_of(lock)
        if isinstance(lock, Mapping) and driver is not None:
            locks = _locks(driver, self._controllers[str(lock["controller"])])
            if locks is Locks.NONE:
                yield self._fault((*path, "lock", "controller"), "drives_no_lock", driver=driver)
            elif locks is Locks.LATCHING and not _said(lock.get("accept_latching")):
                yield self._fault((*path, "lock"), "latching", key=True, driver=driver)

    def _point(self, name: str, point: Mapping[str, object]) -> Iterator[Fault]:
        path: Path = ("access_points", name)
        if isinstance(door := point.get("door"), str):
            yield from self._named((*path, "door"), door, "doors", self._doors)
        if "reader" not in point:
            yield self._fault(path, "no_reader", grave=False, key=True, name=name)

    def _rules(self) -> Iterator[Fault]:
        rules = self._values.get("access_rules")
        reached: set[str] = set()
        for index, rule in enumerate(rules if isinstance(rules, list) else []):
            if not isinstance(rule, Mapping):
                continue
            points = rule.get("access_points")
            for number, point in enumerate(points if isinstance(points, list) else []):
                if isinstance(point, str):
                    reached.add(point)
                    yield from self._named(("access_rules", index, "access_points", number), point, "access_points", self._points)
            if isinstance(schedule := rule.get("schedule"), str):
                yield from self._named(("access_rules", index, "schedule"), schedule, "schedules", self._schedules)
        for name, point in self._points.items():
            if name not in reached and point.get("direction") == "in" and "reader" in point:
                yield self._fault(("access_points", name), "no_rule", grave=False, key=True, name=name)

    def _cameras(self) -> Iterator[Fault]:
        """A camera watches access points that exist, all of one door; and its account is not the one that moves a relay."""
        movers = {_account(c) for c in self._controllers.values() if c.get("driver") == "onvif"}
        for name, camera in _part(self._values, "cameras").items():
            if (account := _account(camera))[1] and account in movers:
                yield self._fault(("cameras", name, "username"), "shared_account", name=name, word="config.shared_account")
            points = camera.get("access_points", ())
            if not isinstance(points, list | tuple):
                continue
            doors = set()
            for place, point in enumerate(points):
                if not isinstance(point, str):
                    continue
                yield from self._named(("cameras", name, "access_points", place), point, "access_points", self._points)
                if point in self._points:
                    doors.add(str(self._points[point].get("door")))
            if len(doors) > 1:
                yield self._fault(("cameras", name, "access_points"), "camera_doors", name=name)

    def _guard_button(self) -> Iterator[Fault]:
        button = self._values.get("guard_button")
        point = button.get("access_point") if isinstance(button, Mapping) else None
        if isinstance(point, str):
            yield from self._named(("guard_button", "access_point"), point, "access_points", self._points)

    def _leftovers(self) -> Iterator[Fault]:
        for part, given, code in (
            ("controllers", self._controllers, "unused_controller"),
            ("schedules", self._schedules, "unused_schedule"),
            ("doors", self._doors, "unused_door"),
        ):
            for name in given:
                if name not in self._used[part]:
                    yield self._fault((part, name), code, grave=False, key=True, name=name)

    def _ports(self) -> Iterator[Fault]:
        seen: dict[str, str] = {}
        for name, controller in self._controllers.items():
            port = controller.get("port")
            if not isinstance(port, str):
                continue
            path: Path = ("controllers", name, "port")
            if port in seen:
                first = self._layers.place(("controllers", seen[port], "port"))
                yield self._fault(path, "same_port", name=seen[port], line=str(first.line))
            seen.setdefault(port, name)
            if _UNSTABLE.match(port):
                better = lasting_name(port)
                code = "unstable_port_here" if better else "unstable_port"
                yield self._fault(path, code, grave=False, read=port, better=better)

    def _uplink(self) -> Iterator[Fault]:
        uplink = self._values.get("uplink")
        if not isinstance(uplink, Mapping):
            if uplink is None:
                yield self._fault((), "no_uplink", grave=False)
            return
        broker = uplink.get("broker")
        if isinstance(broker, str) and not self._below(("uplink", "broker")):
            yield from self._broker(uplink, urlsplit(broker))
        acks = uplink.get("acks")
        for consumer in consumers if isinstance(consumers := uplink.get("consumers", ("centre",)), list | tuple) else ():
            if not self._below(("uplink",)) and consumer not in (acks if isinstance(acks, Mapping) else {}):
                yield self._fault(("uplink",), "uplink_unsigned", grave=False, key=True, name=str(consumer))

    def _broker(self, uplink: Mapping[str, object], address: SplitResult) -> Iterator[Fault]:
        """The uplink stays off, and doors go on, while its broker is not one that the site allows. See `UplinkSettings.not_allowed`."""
        host = address.hostname or ""
        allowed = uplink.get("brokers")
        if address.scheme == "mqtt" and host not in LOOPBACK and not _said(uplink.get("allow_plain")):
            yield self._fault(("uplink", "broker"), "plain_uplink", word="uplink.not_allowed")
        if isinstance(allowed, list | tuple) and host not in {str(name).lower() for name in allowed}:
            fault = self._fault(("uplink", "broker"), "broker_not_allowed", word="uplink.not_allowed", name=host)
            yield replace(fault, near=nearest(host, map(str, allowed)))

    def _files(self) -> Iterator[Fault]:
        """The daemon runs in /, so a path from anywhere else leads nowhere."""
        for path in (("roster", "folder"), ("uplink", "tls", "ca"), ("uplink", "tls", "cert"), ("uplink", "tls", "key")):
            value: object = self._values
            for step in path:
                value = value.get(step) if isinstance(value, Mapping) else None
            if isinstance(value, str) and not value.startswith("/"):
                yield self._fault(path, "not_absolute", read=f"'{value}'")

    # -- helpers

    def _named(self, path: Path, name: str, part: str, given: Mapping[str, object]) -> Iterator[Fault]:
        """A fault unless `name` is one of `given`."""
        self._used.setdefault(part, set()).add(name)
        if name in given or (part == "schedules" and name in BUILT_IN_SCHEDULES):
            return
        code = "no_such_" + {"controllers": "controller", "doors": "door", "access_points": "access_point", "schedules": "schedule"}[part]
        valid = [*given, *(BUILT_IN_SCHEDULES if part == "schedules" else ())]
        yield Fault(self._layers.place(path), code, (("name", name),), nearest(name, valid), path=path)

    def _driver_of(self, piece: object) -> str | None:
        controller = piece.get("controller") if isinstance(piece, Mapping) else None
        driver = self._controllers.get(controller, {}).get("driver") if isinstance(controller, str) else None
        return driver if isinstance(driver, str) and driver in drivers.KINDS else None

    def _below(self, path: Path) -> bool:
        """Whether something at or under this path is already a fault of its own."""
        return any(fault[: len(path)] == path for fault in self._faulty)

    def _fault(self, path: Path, code: str, *, grave: bool = True, key: bool = False, word: str = "", **values: str) -> Fault:
        return Fault(self._layers.place(path, key=key), code, tuple(sorted(values.items())), grave=grave, path=path, word=word)


def _account(device: Mapping[str, object]) -> tuple[str, str]:
    """Host and user of a device, whether they stand by themselves or in its URL."""
    bare, user, _ = split_credentials(str(device.get("url", "")))
    try:
        host = urlsplit(bare).hostname
    except ValueError:  # no address: told by the driver's options
        host = ""
    return host or str(device.get("host", "")).strip("[]").lower(), user or str(device.get("username", ""))


def _said(value: object) -> bool:
    """Whether a switch is on, as the settings will take it: the environment's are text."""
    try:
        return _SWITCH.validate_python(value)
    except ValidationError:
        return False  # reported by edge.settings.load


def _part(values: Mapping[str, object], name: str) -> dict[str, Mapping[str, object]]:
    """One part of the file as mappings by name; whatever is of another shape has been reported already."""
    part = values.get(name)
    return {key: item for key, item in part.items() if isinstance(item, Mapping)} if isinstance(part, Mapping) else {}


def _locks(driver: str, given: Mapping[str, object]) -> Locks:
    """What becomes of a release when the daemon dies: as the options say where that depends on them, else as the table does."""
    try:
        made = drivers.options(driver).model_validate({key: value for key, value in given.items() if key != "driver"})
    except (ImportError, ValidationError):
        return drivers.KINDS[driver].locks  # both are reported by edge.settings.load
    locks = getattr(made, "locks", None)
    return locks if isinstance(locks, Locks) else drivers.KINDS[driver].locks
