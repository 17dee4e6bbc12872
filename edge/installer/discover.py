"""What is there: serial ports, UHPPOTE boards and ONVIF devices, each as a piece of site.yaml to paste.

Looking moves nothing and takes nothing: serial ports are listed and not opened, boards and cameras are asked who they are. Whoever answers
on a network may lie; who a device really is, is checked by its driver, against the settings, before anything is driven.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from drivers.errors import DriverError
from drivers.ports import SerialPort, serial_ports
from edge.settings.secrets import credential

LOOK_S = 3.0  # boards and cameras on the same switch answer within one

ONVIF_LIBRARY = UHPPOTE_LIBRARY = "pip install 'anyu-edge[devices]'"


@dataclass(frozen=True, slots=True)
class Camera:
    """An ONVIF device that answered."""

    host: str
    port: int
    name: str
    hardware: str


@dataclass(frozen=True, slots=True)
class Board:
    """A UHPPOTE board that answered. The model has as many doors as the first digit of its serial number says."""

    serial: int
    address: str
    firmware: str

    @property
    def doors(self) -> int:
        """One, two or four, by the makers' numbering; four where it says nothing."""
        first = int(str(self.serial)[0])
        return first if first in (1, 2, 4) else 4


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything found. `failed` has a reason for each kind that could not be looked for."""

    ports: tuple[SerialPort, ...] = ()
    boards: tuple[Board, ...] = ()
    cameras: tuple[Camera, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


async def look(kinds: Sequence[str], *, seconds: float = LOOK_S, ports: Callable[[], list[SerialPort]] = serial_ports) -> Seen:
    """Look for these of `serial`, `uhppote`, `onvif`, the networks side by side."""
    failed: dict[str, str] = {}

    async def attempt(kind: str, search: Callable[[float], Awaitable[tuple[object, ...]]]) -> tuple[object, ...]:
        if kind not in kinds:
            return ()
        try:
            return await search(seconds)
        except DriverError as error:
            failed[kind] = str(error)
        except ImportError:
            failed[kind] = UHPPOTE_LIBRARY
        except OSError as error:
            failed[kind] = error.strerror or type(error).__name__
        return ()

    boards, cameras = await asyncio.gather(attempt("uhppote", _boards), attempt("onvif", _cameras))
    return Seen(
        tuple(ports()) if "serial" in kinds else (),
        tuple(board for board in boards if isinstance(board, Board)),
        tuple(camera for camera in cameras if isinstance(camera, Camera)),
        failed,
    )


def as_yaml(seen: Seen, used: Mapping[str, str], words: Callable[[str], str]) -> list[str]:
    """Lines of site.yaml, and as remarks after them the unit's lines for the secrets that they need.

    `used`: a port, serial number or host -> its name in the settings there are; those are only remarked on.

    `words` gives a remark in the installer's language by its code.
    """
    controllers: list[str] = []
    secrets: list[str] = []
    names: dict[str, int] = {}
    for port in seen.ports:
        what = " / ".join(port.guesses) or "?"
        said = f"# {port.device}  {port.vendor}:{port.product}  {port.label}".rstrip()
        if port.name in used:
            controllers.append(f"  {said}  {words('used')} {used[port.name]}")
            continue
        controllers.append(f"  {said}  {words('guess')} {what}")
        if not port.lasting:
            controllers.append(f"  # {words('no_lasting_name')}")
        kind = port.guesses[0] if port.guesses else "lcus"
        name = _name(kind, names)
        controllers.append(f"  {name}: {{driver: {kind}, port: {_quoted(port.name)}{_options(kind)}}}")
        if kind == "osdp":
            secrets.append(credential(("controllers", name, "readers", 0, "key")))
    for board in seen.boards:
        if str(board.serial) in used:
            controllers.append(f"  # {board.serial}  {board.address}  {words('used')} {used[str(board.serial)]}")
            continue
        controllers.append(f"  # {words('uhppote')}, {words('firmware')} {board.firmware}")
        text = f"driver: uhppote, serial: {board.serial}, address: {board.address}, doors: {board.doors}"
        controllers.append(f"  {_name('board', names)}: {{{text}}}")
    cameras: list[str] = []
    for camera in seen.cameras:
        said = f"# {_plain(camera.name)} {_plain(camera.hardware)}".rstrip()
        if camera.host in used:
            cameras.append(f"  {said}  {camera.host}  {words('used')} {used[camera.host]}")
            continue
        port_of = f", port: {camera.port}" if camera.port != 80 else ""
        cameras.append(f"  {said}")
        name = _name("camera", names)
        cameras.append(f"  {name}: {{driver: onvif, host: {camera.host}{port_of}, username: '…'}}")
        secrets.append(credential(("cameras", name, "password")))
    parts = (("controllers:", controllers), ("cameras:", cameras))
    credentials = [f"# {words('credentials')}", *(f"# LoadCredential={name}:anyu-edge.{name}" for name in secrets)] if secrets else []
    return [*(line for heading, lines in parts if lines for line in (heading, *lines)), *credentials]


def as_data(seen: Seen, used: Mapping[str, str]) -> dict[str, object]:
    """The same for a program."""
    return {
        "serial": [
            {
                "port": port.name,
                "device": port.device,
                "lasting": port.lasting,
                "usb": f"{port.vendor}:{port.product}" if port.vendor else None,
                "label": port.label,
                "guesses": list(port.guesses),
                "used_by": used.get(port.name),
            }
            for port in seen.ports
        ],
        "uhppote": [
            {"serial": b.serial, "address": b.address, "firmware": b.firmware, "doors": b.doors, "used_by": used.get(str(b.serial))}
            for b in seen.boards
        ],
        "onvif": [
            {"host": c.host, "port": c.port, "name": c.name, "hardware": c.hardware, "used_by": used.get(c.host)} for c in seen.cameras
        ],
        "failed": dict(seen.failed),
    }


async def _boards(seconds: float) -> tuple[Board, ...]:
    from drivers.door.uhppote.discover import discover

    return tuple(Board(found.serial, found.address, found.firmware) for found in await discover(seconds=seconds))


async def _cameras(seconds: float) -> tuple[Camera, ...]:
    from drivers.onvif.discovery import discover

    return tuple(Camera(found.host, found.port, found.name, found.hardware) for found in await discover(seconds))


def _name(kind: str, names: dict[str, int]) -> str:
    names[kind] = names.get(kind, 0) + 1
    return f"{kind}{names[kind]}"


def _options(kind: str) -> str:
    """What each kind cannot do without, as a first try that `check` accepts or says what is missing of."""
    return {
        "lcus": ", outputs: 2",
        "numato": ", outputs: 2",
        "modbus": ", unit: 1, outputs: 4, inputs: 4",
        "wiegand_serial": ", framing: hex_cr, format: h10301",
        "osdp": ", readers: [{address: 1}]",
    }.get(kind, "")


def _quoted(text: str) -> str:
    return f"'{text}'" if ": " in text or " #" in text else text


def _plain(text: str) -> str:
    """What a device calls itself goes into a comment and must stay on its line."""
    return "".join(sign for sign in text if sign.isprintable())
