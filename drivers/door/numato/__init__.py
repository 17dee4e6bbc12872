"""Numato USB relay modules with GPIO, spoken to in words.

Wiring, settings and what happens on loss: docs/devices/numato.md; the words: wire.py.
"""

from __future__ import annotations

from drivers.door.numato.driver import Controller, Options
from drivers.door.numato.simulator import Simulator

__all__ = ["Controller", "Options", "Simulator"]
