"""An ONVIF camera with relays and inputs, on loopback: for tests, the demo and whoever wires a gate at a desk.

It speaks SOAP from text of its own, not through the client's library, so that the two cannot be wrong in the same way.
"""

from __future__ import annotations

from drivers.onvif.simulator.camera import Simulator
from drivers.onvif.simulator.state import Behaviour, SimulatedRelay, Stream, Switched

__all__ = ["Behaviour", "SimulatedRelay", "Simulator", "Stream", "Switched"]
