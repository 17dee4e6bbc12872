"""OSDP readers (IEC 60839-11-5) on RS-485: cards, PINs, LED, buzzer, a relay, contacts, tamper and power, over a secure channel.

Wiring, keys and limits: docs/devices/osdp.md. The protocol itself is libosdp's.
"""

from __future__ import annotations

from drivers.door.osdp.driver import Controller
from drivers.door.osdp.options import SCBK_D, Options, Reader
from drivers.door.osdp.simulator import Simulator

__all__ = ["SCBK_D", "Controller", "Options", "Reader", "Simulator"]
