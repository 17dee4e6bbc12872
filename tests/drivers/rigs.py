"""Each row of the driver table with its simulator, ready to be plugged and unplugged: what tests/drivers/test_contract.py runs over.

A new driver adds one class here, or one WireRig where it speaks over a byte line.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from _pytest.mark.structures import ParameterSet

import drivers
from drivers.contract import DoorController
from drivers.door.simulated import Controller as Simulated
from drivers.door.simulated import Options
from drivers.errors import LineLost
from drivers.line import Line, NullModem, listen, open_pty_pair
from drivers.line.memory import Carry
from drivers.orders import Level
from drivers.readings import CardRead, CodeRead, Contact, InputChanged, Reading
from tests.drivers.harness import BRISK, eventually
from tests.drivers.onvif.rig import SORTS, OnvifRig
from tests.drivers.pair import PairRig

SECURED = {1: Level.DEENERGISED, 2: Level.ENERGISED}
"""Door 1 is fail secure, door 2 a magnet lock."""


def _silent(_simulator: Any, _number: int) -> None:
    """A relay board says nothing."""


class Rig(Protocol):
    """One simulated device and the driver for it, on a wire that can be pulled."""

    def controller(self) -> DoorController:
        """The driver, not running yet."""
        ...

    async def plug(self) -> None:
        """Bring the device up; also for the first time."""
        ...

    async def unplug(self) -> None:
        """Take it down as if its cable were pulled."""
        ...

    async def say(self) -> Reading | None:
        """Make the device report something new; gives the reading that must arrive, or None for a device that says nothing."""
        ...

    async def say_away(self) -> Reading | None:
        """Show something to the unplugged device; gives the reading that must not come of it, or None for a device that keeps nothing."""
        ...

    async def noise(self, data: bytes) -> None:
        """Let bytes that are no message reach the driver from the device's side."""
        ...

    def released(self, door: int) -> bool:
        """Whether the lock on this output is released at the device now."""
        ...

    def releases(self) -> int:
        """How often the device has released any lock so far."""
        ...


class WireRig:
    """A driver on a byte line, over memory, a pty or TCP."""

    def __init__(
        self,
        kind: str,
        medium: str,
        options: Mapping[str, object],
        say: Callable[[Any, int], Reading | None],
        folder: Path,
        carry: Carry = lambda data: (data,),
        *,
        secured: Mapping[int, Level] = SECURED,
        away: Callable[[Any, int], Reading | None] = _silent,
        **habits: object,
    ) -> None:
        """`say` and `away` do something at the simulator with a line and without one; `habits` are of its kind's Simulator."""
        self._kind, self._medium, self._say, self._secured, self._away = kind, medium, say, secured, away
        self._link = folder / "port"
        self._modem = NullModem(carry)
        self._tcp_port = 0
        self._options = options
        self._line: Line | None = None
        self._serving: asyncio.Task[None] | None = None
        self._number = itertools.count(1)
        self.simulator = drivers.simulator(kind)(self._made(), **habits)

    def controller(self) -> DoorController:
        """See Rig. Plug it in first: a TCP port has no number before."""
        outside = {"dial": self._modem.dial} if self._medium == "memory" else {}
        return drivers.make(self._kind, self._made(), self._secured, timing=BRISK, **outside)

    async def plug(self) -> None:
        """See Rig."""
        if self._medium == "memory":
            self._modem.plug()
            self._serving = asyncio.create_task(self._answer())
        elif self._medium == "pty":
            pair = open_pty_pair(self._link)
            self._line = pair.line
            self._serving = asyncio.create_task(self._serve(pair.line))
        else:
            self._tcp_port, self._serving = await listen(self._serve, self._tcp_port)

    async def unplug(self) -> None:
        """See Rig."""
        self._modem.unplug()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None
        if self._line is not None:
            await self._line.close()
            self._line = None

    async def say(self) -> Reading | None:
        """See Rig."""
        await eventually(lambda: self._line is not None)
        return self._say(self.simulator, next(self._number))

    async def say_away(self) -> Reading | None:
        """See Rig."""
        return self._away(self.simulator, next(self._number))

    async def noise(self, data: bytes) -> None:
        """See Rig."""
        await eventually(lambda: self._line is not None)
        assert self._line is not None
        self._line.write(data)

    def released(self, door: int) -> bool:
        """See Rig."""
        return door in self._coils() and self._coils()[door] is (self._secured[door] is Level.DEENERGISED)

    def releases(self) -> int:
        """See Rig."""
        history = getattr(self.simulator, "history", ())
        return sum(done.energised is (self._secured[done.channel] is Level.DEENERGISED) for done in history)

    def unread(self) -> int:
        """Bytes that lie on a wire in memory and that the driver has not taken yet."""
        return len(self._modem.near._inbox._bytes) if self._modem.near else 0

    def _coils(self) -> dict[int, bool]:
        return getattr(self.simulator, "coils", {})

    def _made(self) -> Any:
        port = {"memory": "/dev/null", "pty": str(self._link), "tcp": f"tcp://127.0.0.1:{self._tcp_port or 1}"}[self._medium]
        return drivers.options(self._kind)(port=port, **self._options)

    async def _answer(self) -> None:
        while True:
            await self._serve(await self._modem.answer())

    async def _serve(self, line: Line) -> None:
        self._line = line
        with contextlib.suppress(LineLost):
            await self.simulator.run(line)


class SimulatedRig:
    """The controller in memory is its own device."""

    def __init__(self) -> None:
        self._driver = Simulated(Options(), SECURED, timing=BRISK)
        self._driver.lose_line()
        self._number = itertools.count(1)
        self._releases = 0
        self._driver.on_order = lambda _: self._count()

    def controller(self) -> DoorController:
        """See Rig."""
        return self._driver

    async def plug(self) -> None:
        """See Rig."""
        self._driver.restore_line()

    async def unplug(self) -> None:
        """See Rig."""
        self._driver.lose_line()

    async def say(self) -> Reading | None:
        """See Rig."""
        number = next(self._number)
        self._driver.present_card(1, 26, number)
        return CardRead(1, 26, number)

    async def say_away(self) -> Reading | None:
        """It keeps nothing."""
        return None

    async def noise(self, data: bytes) -> None:
        """There is no wire for it."""

    def released(self, door: int) -> bool:
        """See Rig."""
        return self._driver.released(door)

    def releases(self) -> int:
        """See Rig."""
        return self._releases

    def _count(self) -> None:
        self._releases += any(self._driver.released(door) for door in SECURED)


Habit = tuple[str, Mapping[str, object], Callable[[Any, int], Reading | None], Mapping[str, Any]]
"""Kind, settings, what is said at it, and the habits of its simulator."""

MEDIA = ("memory", "pty", "tcp")
CONVERTERS: Mapping[str, Mapping[str, object]] = {
    "hex_cr": {"framing": "hex_cr", "format": "h10301", "gap_s": 5.0},
    "decimal_crlf": {"framing": "decimal_crlf", "format": "w26", "gap_s": 5.0},
    "stx_etx": {"framing": "stx_etx", "format": "w26", "gap_s": 5.0},
    "fixed": {"framing": "fixed", "format": "h10301", "gap_s": 0.02},
    "keys": {"framing": "hex_cr", "format": "h10301", "gap_s": 5.0, "keys": "burst8"},
}
"""Framings with an end mark get a gap that no busy machine reaches between two chunks; the fixed one has to wait its gap for every card."""


WEATHER: Mapping[str, Mapping[str, bool]] = {
    "releases_run_on": {"ends_releases": False},
    "another_port": {"events_port": True},
    "replies_twice": {"replies_twice": True},
    "no_hints": {"lose_events": True},
    "taken": {"taken": True},
}
"""What real UHPPOTE boards and their networks may be like besides."""

MODBUS: Mapping[str, object] = {"unit": 1, "outputs": 2, "inputs": 2, "framing": "rtu"}
OSDP: Mapping[str, object] = {
    "readers": (
        {"address": 1, "key": "000102030405060708090a0b0c0d0e0f"},
        {"address": 2, "key": "0f0e0d0c0b0a09080706050403020100"},
    )
}


class UhppoteRig:
    """A board on UDP. Its relays always rest when it secures, so both of its doors are fail secure. `weather` sets what it is like."""

    def __init__(self, *, ends_releases: bool = True, **weather: bool) -> None:
        self._number = itertools.count(1)
        self._options: dict[str, object] = {"serial": 405_419_896, "doors": 2, "poll_s": 0.05, "timeout_s": 0.2}
        self._board = drivers.simulator("uhppote")(drivers.options("uhppote")(address="127.0.0.1", **self._options))
        self._board.ends_releases = ends_releases
        for name, on in weather.items():
            setattr(self._board.weather, name, on)
        self._port = 0

    def controller(self) -> DoorController:
        """See Rig. Plug it in first: the board has no port before."""
        options = drivers.options("uhppote")(address=f"127.0.0.1:{self._port}", **self._options)
        return drivers.make("uhppote", options, dict.fromkeys(SECURED, Level.DEENERGISED), timing=BRISK)

    async def plug(self) -> None:
        """See Rig."""
        self._port = await self._board.start(self._port)

    async def unplug(self) -> None:
        """See Rig."""
        self._board.stop()

    async def say(self) -> Reading | None:
        """A card that the board does not know."""
        number = next(self._number)
        self._board.swipe(number, door=1)
        return CardRead(1, 26, number)

    async def say_away(self) -> Reading | None:
        """The same while nobody is told: the board records it."""
        return await self.say()

    async def noise(self, data: bytes) -> None:
        """A datagram from elsewhere to where the board's events go."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(data, self._board.listener)

    def released(self, door: int) -> bool:
        """See Rig."""
        return bool(self._board.released(door))

    def releases(self) -> int:
        """See Rig."""
        return len(self._board.opened)


def _habits() -> dict[str, Habit]:
    """Beside the plain devices: those that do the same otherwise."""
    lcus, numato = {"outputs": 2}, {"outputs": 2, "inputs": 2}
    return {
        "echo": ("lcus", lcus, _silent, {"echo": True}),
        "words": ("lcus", lcus, _silent, {"words": True}),
        "ff": ("lcus", lcus | {"status": "ff"}, _silent, {}),
        "ff_in_words": ("lcus", lcus | {"status": "ff"}, _silent, {"words": True, "echo": True}),
        "ff_of_two_bytes": ("lcus", lcus | {"status": "ff"}, _silent, {"width": 2}),
        "cr_lf": ("numato", numato, _press, {"end": "\r\n"}),
        "nul": ("numato", numato, _press, {"end": "\0\n\r"}),
        "capitals": ("numato", numato, _press, {"capitals": True}),
        "tcp_frames": ("modbus", MODBUS | {"framing": "tcp"}, _press, {}),
        "adapter_echoes": ("modbus", MODBUS, _press, {"echo": True}),
        "coils_at_once": ("modbus", MODBUS, _press, {"whole": True}),
        "flash_on": ("modbus", MODBUS | {"pulse": "flash_on"}, _press, {}),
        "flash_register": ("modbus", MODBUS | {"pulse": "flash_register"}, _press, {"whole": True}),
        "keeps": ("osdp", OSDP, _hold_up, {"keeps": True, "away": _hold_up}),
        "repeats": ("osdp", OSDP, _hold_up, {"echo": True}),
        "dark": ("osdp", OSDP, _hold_up, {"dark": True}),
        "tlv": ("qr", {"framing": "tlv"}, _scan, {"keeps": True, "away": _scan}),
        "tlv_reports": ("qr", {"framing": "tlv"}, _scan, {"reports": True, "echo": True}),
    }


def _rigs() -> dict[str, Callable[[Path], Rig]]:
    rigs: dict[str, Callable[[Path], Rig]] = {"simulated": lambda _: SimulatedRig(), "uhppote": lambda _: UhppoteRig()}
    for medium in MEDIA:
        rigs[f"lcus-{medium}"] = partial(WireRig, "lcus", medium, {"outputs": 2}, _silent)
        rigs[f"hw667-{medium}"] = partial(_pair, medium)
        rigs[f"numato-{medium}"] = partial(WireRig, "numato", medium, {"outputs": 2, "inputs": 2}, _press)
        rigs[f"wiegand_serial-{medium}"] = partial(WireRig, "wiegand_serial", medium, CONVERTERS["hex_cr"], _present)
        rigs[f"modbus-{medium}"] = partial(WireRig, "modbus", medium, MODBUS, _press)
        rigs[f"osdp-{medium}"] = partial(WireRig, "osdp", medium, OSDP, _hold_up)
        rigs[f"qr-{medium}"] = partial(WireRig, "qr", medium, {}, _scan)
    for name, (kind, settings, say, habits) in _habits().items():
        rigs[f"{kind}-{name}"] = partial(WireRig, kind, "memory", settings, say, **habits)
    for name, weather in WEATHER.items():
        rigs[f"uhppote-{name}"] = lambda _, weather=weather: UhppoteRig(**weather)
    for name, settings in CONVERTERS.items():
        rigs[f"wiegand_serial-{name}"] = partial(WireRig, "wiegand_serial", "memory", settings, _present)
    for sort in SORTS:
        rigs[f"onvif-{sort}"] = partial(_onvif, sort)
    return rigs


def _onvif(sort: str, _folder: Path) -> Rig:
    return OnvifRig(sort, SECURED)


def _pair(medium: str, folder: Path) -> Rig:
    """Two boards of one relay each, a fail-secure lock on one and a magnet on the other."""

    def one(door: int) -> WireRig:
        own = folder / f"board{door}"
        own.mkdir(exist_ok=True)
        return WireRig("hw667", medium, {}, _silent, own, secured={1: SECURED[door]})

    return PairRig(one)


def _present(simulator: Any, number: int) -> Reading:
    simulator.present(26, number)
    return CardRead(1, 26, number)


def _hold_up(simulator: Any, number: int) -> Reading:
    """Hold a card to the first reader on the bus."""
    simulator.present(1, number)
    return CardRead(1, 26, number)


def _press(simulator: Any, number: int) -> Reading:
    """Turn the second input over; the first stays what it was."""
    simulator.inputs[2] = number % 2 == 1
    return InputChanged(2, Contact.CLOSED if number % 2 else Contact.OPEN)


def _scan(simulator: Any, number: int) -> Reading:
    text = f"visit {number:08d}"
    simulator.present(text)
    return CodeRead(1, text)


NEEDS = {"modbus": "pymodbus", "uhppote": "uhppoted", "osdp": "libosdp", "onvif": "onvif"}
"""Kinds whose library comes with the `devices` extra."""


def with_peers(names: Iterable[str]) -> list[ParameterSet]:
    """Rigs or kinds as parameters, each marked with the library that it needs."""
    kinds = [(name, NEEDS.get(name.split("-")[0])) for name in names]
    return [pytest.param(name, marks=[] if need is None else [pytest.mark.peer(need)]) for name, need in kinds]


RIGS: Mapping[str, Callable[[Path], Rig]] = _rigs()
"""Every rig by the kind it is for, with `-something` behind it where a kind has several."""

KEEPING = [name for name in RIGS if name.startswith("uhppote") or name in {"osdp-keeps", "qr-tlv"}]
"""Those whose device tells later what it was shown while nobody listened: `say_away` of all others gives None."""

WIRED: Mapping[str, Callable[[Path, Carry], WireRig]] = {
    "lcus": lambda folder, carry: WireRig("lcus", "memory", {"outputs": 2}, _silent, folder, carry),
    **{f"wiegand_serial-{name}": partial(WireRig, "wiegand_serial", "memory", settings, _present) for name, settings in CONVERTERS.items()},
}
"""Drivers on a byte line, over a wire in memory that does with the bytes as it is told."""
