"""Cameras, one file each; all of them hand out the newest frame only.

The table below is read by settings (to check options) and by the vision worker (to open them); each module is imported when named.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from pydantic import BaseModel

from drivers.camera.contract import Camera

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "rtsp": "drivers.camera.rtsp",
        "onvif": "drivers.camera.onvif",
        "clip": "drivers.camera.clip",
        "usb": "drivers.camera.usb",
    }
)


def options(kind: str) -> type[BaseModel]:
    """The options model of one kind; imports only that module. Raises KeyError for an unknown kind."""
    return cast("type[BaseModel]", importlib.import_module(KINDS[kind]).Options)


def make(kind: str, chosen: BaseModel) -> Camera:
    """A camera of this kind, not started. `chosen` is an instance of `options(kind)`."""
    return cast("Camera", importlib.import_module(KINDS[kind]).make(chosen))
