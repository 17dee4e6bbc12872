"""ONVIF devices: what the camera driver and the relay driver have in common.

`device.connect` opens one device for the length of a session; `io` has its relays and inputs, `media` its streams, `pullpoint` its events,
`discovery` finds it on the wire. The library (onvif-zeep-async, extra `devices`) is imported when the first device is connected: soap.py is
the only file that knows it.
"""

from __future__ import annotations

from drivers.onvif.clock import Skew, Source
from drivers.onvif.device import Device, Information, connect
from drivers.onvif.faults import NotAllowed
from drivers.onvif.options import Endpoint

__all__ = ["Device", "Endpoint", "Information", "NotAllowed", "Skew", "Source", "connect"]
