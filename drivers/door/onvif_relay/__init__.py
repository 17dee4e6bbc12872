"""Relay outputs and digital inputs of ONVIF cameras and I/O boxes, kind `onvif`.

Wiring, settings and what happens on loss: docs/devices/onvif.md; what the wire carries: drivers/onvif.
"""

from __future__ import annotations

from drivers.door.onvif_relay.driver import Controller
from drivers.door.onvif_relay.options import Options
from drivers.onvif.simulator import Simulator

__all__ = ["Controller", "Options", "Simulator"]
