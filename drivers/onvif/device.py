"""One ONVIF device, connected: its clock, its account, who it is and which services it has."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

from drivers.errors import Garbled, Refused
from drivers.onvif.clock import Skew, Wall, correct, sign_in
from drivers.onvif.faults import making_sense
from drivers.onvif.options import Endpoint

if TYPE_CHECKING:
    from drivers.onvif.soap import Soap

log = logging.getLogger(__name__)

LOUD_S = 60.0  # a clock this wrong makes the picture's time stamp useless as evidence: said in the log


WORDS = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")


@dataclass(frozen=True, slots=True)
class Information:
    """Who a device says it is; each at most 64 characters, empty where it says nothing."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    hardware: str


class Device:
    """A device for the length of one session. Made by `connect`; close it."""

    def __init__(self, soap: Soap, endpoint: Endpoint, information: Information, skew: Skew) -> None:
        self.soap = soap
        self.endpoint = endpoint
        self.information = information
        self.skew = skew

    @property
    def name(self) -> str:
        """What a log line may call it."""
        return self.endpoint.name

    async def ping(self) -> None:
        """Ask something cheap. Raises LineLost, NoAnswer; a refusal is an answer."""
        try:
            await self.soap.call("devicemgmt", "GetSystemDateAndTime")
        except (Refused, Garbled):
            return

    async def close(self) -> None:
        """Close every connection. Never raises."""
        await self.soap.close()


async def connect(endpoint: Endpoint, *, wall: Wall = lambda: datetime.now(UTC)) -> Device:
    """Read the clock, sign in, ask who it is and what it has. Raises LineLost, NoAnswer, NotAllowed, Refused, Garbled."""
    soap: Soap = (await library()).Soap(endpoint)
    try:
        told, skew = await sign_in(soap)
        information = Information(
            *(_word(told, name) for name in ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId"))
        )
        if endpoint.set_clock:
            skew = await correct(soap, endpoint.name, skew, wall)
        if abs(skew.seconds) > LOUD_S:
            log.warning("%s: its clock is %+.0f s off", endpoint.name, skew.seconds)
        await _find_services(soap)
    except BaseException:
        await soap.close()
        raise
    return Device(soap, endpoint, information, skew)


async def library() -> ModuleType:
    """Import soap.py in a thread: it costs 0.4 s of CPU, once. Raises Refused where the library is missing or is another one."""
    try:
        return await asyncio.to_thread(_import)
    except ImportError as error:
        raise Refused(
            "onvif-zeep-async is missing, or another package took its place: pip install --force-reinstall anyu-edge[devices]"
        ) from error


def _import() -> ModuleType:
    # The library calls logging.basicConfig when it is imported; with a handler in place that does nothing.
    root, quiet = logging.getLogger(), logging.NullHandler()
    root.addHandler(quiet)
    try:
        return importlib.import_module("drivers.onvif.soap")
    finally:
        root.removeHandler(quiet)


async def _find_services(soap: Soap) -> None:
    """Where each service answers: GetServices, or GetCapabilities of older devices."""
    try:
        services = await soap.call("devicemgmt", "GetServices", {"IncludeCapability": False})
        with making_sense("services"):
            for service in list(services or ()):
                with contextlib.suppress(Garbled):  # an address that is none costs its own service
                    soap.addresses[str(service.Namespace)] = soap.home(service.XAddr)
    except (Refused, Garbled):
        told = await soap.call("devicemgmt", "GetCapabilities", {"Category": "All"})
        for namespace, address in (
            ("http://www.onvif.org/ver10/media/wsdl", getattr(getattr(told, "Media", None), "XAddr", None)),
            ("http://www.onvif.org/ver10/events/wsdl", getattr(getattr(told, "Events", None), "XAddr", None)),
            ("http://www.onvif.org/ver10/deviceIO/wsdl", _deviceio(getattr(told, "Extension", None))),
        ):
            if address:
                soap.addresses[namespace] = soap.home(address)


def _deviceio(extension: Any) -> str:  # noqa: ANN401  # zeep's type
    """Where DeviceIO answers. The schema allows anything before it, and by that zeep does not know it when it sees it."""
    from drivers.onvif import xml

    known = getattr(getattr(extension, "DeviceIO", None), "XAddr", None)
    others = [element for element in getattr(extension, "_value_1", None) or () if hasattr(element, "tag")]
    return str(known or next((xml.text(element, "XAddr") for element in others if xml.local(element) == "DeviceIO"), ""))


def _word(told: Any, name: str) -> str:  # noqa: ANN401  # zeep's type
    return "".join(sign for sign in str(getattr(told, name, None) or "").strip()[:64] if sign.isprintable())
