"""Hardware: readings up, orders down; knows nothing of tenants or rules.

A new driver is one file, one test and one row here. Only the module of the kind asked for is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any, cast

from pydantic import BaseModel

from drivers.contract import DoorController, KeepsCards
from drivers.orders import Level
from drivers.table import Grade, Has, Locks, Row

KINDS: Mapping[str, Row] = MappingProxyType(
    {
        "wiegand_serial": Row(
            "drivers.door.wiegand_serial",
            Grade.SILVER,
            "decodes recorded frames of real converters; a converter cannot be asked whether its reader is still there",
            "cards, and PINs where the converter passes keys on",
            Locks.NONE,
        ),
        "qr": Row(
            "drivers.door.qr",
            Grade.BRONZE,
            "proven against its own simulator only; a reader of lines cannot be asked whether it is there, and a code can be photographed",
            "QR codes and barcodes; cards where the head reads them",
            Locks.NONE,
        ),
        "lcus": Row(
            "drivers.door.relay_board",
            Grade.BRONZE,
            "most boards answer nothing, and a release stays on when the daemon dies; `status: ff` is proven against our simulator only",
            "nothing",
            Locks.LATCHING,
        ),
        "hw667": Row(
            "drivers.door.relay_board_aabbcc",
            Grade.BRONZE,
            "one bare byte is an order, the board answers nothing, and a release stays on when the daemon dies",
            "nothing",
            Locks.LATCHING,
        ),
        "numato": Row(
            "drivers.door.numato",
            Grade.BRONZE,
            "every relay is read back and a module has an id, but it is proven against its own simulator only",
            "inputs",
            Locks.LATCHING,
        ),
        "modbus": Row(
            "drivers.door.modbus",
            Grade.SILVER,
            "proven against pymodbus' server and libmodbus' client; every relay is read back",
            "inputs",
            Locks.LATCHING,
        ),
        "uhppote": Row(
            "drivers.door.uhppote",
            Grade.GOLD,
            "its simulated board is proven against uhppoted's client; the board answers, times its releases and judges cards alone",
            "cards, door contacts, exit buttons, fire input, and what it recorded itself",
            Locks.TIMED,
            takes=frozenset({"mark", "wall"}),
            keeps_cards=True,
        ),
        "osdp": Row(
            "drivers.door.osdp",
            Grade.GOLD,
            "proven against libosdp's peripheral; readers acknowledge and time their releases",
            "cards, PINs, reader contacts, tamper, power, each reader's presence",
            Locks.TIMED,
        ),
        "onvif": Row(
            "drivers.door.onvif_relay",
            Grade.SILVER,
            "its client is proven against a virtual camera that others wrote, relays and events against a camera of our own making",
            "inputs, motion, tamper, power",
            Locks.LATCHING,
        ),
        "simulated": Row(
            "drivers.door.simulated",
            Grade.BRONZE,
            "it is no device",
            "cards, PINs, door contacts, exit buttons, pass contacts, inputs, tamper, power",
            Locks.TIMED,
        ),
    }
)


def options(kind: str) -> type[BaseModel]:
    """The settings of one kind: frozen, extra fields forbidden. Raises KeyError for a kind that is not in the table."""
    return cast("type[BaseModel]", _module(kind).Options)


def has(options: BaseModel) -> Has:
    """What a device with these options has: what may be wired to it."""
    return cast("Has", options.has)  # type: ignore[attr-defined]  # of every row's Options; see Row.module


def make(kind: str, options: BaseModel, secured: Mapping[int, Level], **outside: object) -> DoorController:
    """A controller of this kind; `secured` has the coil level that secures each output that is a lock.

    `outside` hands in what is otherwise the machine's own: `timing`, for drivers on a byte line `dial`, and what the row `takes`.
    """
    return cast("DoorController", _module(kind).Controller(options, secured, **outside))


def taken(kind: str, **given: object) -> dict[str, object]:
    """Of what there is to give, what this kind's Controller takes (Row.takes)."""
    return {name: value for name, value in given.items() if name in KINDS[kind].takes}


def keeper(kind: str, controller: DoorController) -> KeepsCards | None:
    """The same controller as the keeper of a card table, where its kind has one."""
    return cast("KeepsCards", controller) if KINDS[kind].keeps_cards else None


def simulator(kind: str) -> type[Any]:
    """The class that plays the device at the other end of the wire, from the same codec."""
    return cast("type[Any]", _module(kind).Simulator)


def _module(kind: str) -> ModuleType:
    return import_module(KINDS[kind].module)
