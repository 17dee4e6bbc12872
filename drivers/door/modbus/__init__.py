"""Modbus RTU and Modbus TCP relay and input boards.

Wiring, settings and what happens on loss: docs/devices/modbus.md; frames: wire.py.
"""

from __future__ import annotations

from drivers.door.modbus.driver import Controller
from drivers.door.modbus.options import Options
from drivers.door.modbus.simulator import Simulator

__all__ = ["Controller", "Options", "Simulator"]
