"""UHPPOTE boards (UT0311-L01, L02, L04 and their many names): card readers, door contacts, exit buttons and relays on one UDP board.

The board judges cards by a table of its own and goes on when we are dead. Wiring and limits: docs/devices/uhppote.md; packets: wire.py.
"""

from __future__ import annotations

from drivers.contract import BoardCard, CardSync
from drivers.door.uhppote.discover import Found, discover
from drivers.door.uhppote.driver import Controller
from drivers.door.uhppote.options import EventMark, MemoryMark, Options, Wall
from drivers.door.uhppote.simulator import Simulator

__all__ = [
    "BoardCard",
    "CardSync",
    "Controller",
    "EventMark",
    "Found",
    "MemoryMark",
    "Options",
    "Simulator",
    "Wall",
    "discover",
]
