"""A device's relay outputs and digital inputs.

"Active" is relative: with IdleState open an active relay is closed, with IdleState closed it is open. The DeviceIO service owns both; the
device service has the older calls. Some devices advertise both and carry out only one, so each call is tried at DeviceIO first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from drivers.errors import Refused
from drivers.onvif.device import Device
from drivers.onvif.faults import making_sense

MOST = 64  # relays, inputs or delays of one device; the largest I/O boxes have sixteen
TOKEN = 64  # characters, by the standard


@dataclass(frozen=True, slots=True)
class Settings:
    """What a relay does: `timed` (Monostable) means that it goes back to idle by itself `delay_s` after it was made active."""

    timed: bool
    delay_s: float
    idle_closed: bool


@dataclass(frozen=True, slots=True)
class Relay:
    """One relay output and what can be made of it; `delays_s` empty: it does not say which delays it takes."""

    token: str
    settings: Settings
    may_time: bool
    may_latch: bool
    delays_s: tuple[float, ...] = ()
    discrete: bool = False

    def delay(self, wanted_s: float) -> float:
        """The shortest delay it takes that is not shorter than wanted, else its longest, in seconds."""
        if not self.delays_s:
            return float(math.ceil(wanted_s))
        if self.discrete:
            return min((delay for delay in self.delays_s if delay >= wanted_s), default=max(self.delays_s))
        return min(max(float(math.ceil(wanted_s)), min(self.delays_s)), max(self.delays_s))


@dataclass(frozen=True, slots=True)
class DigitalInput:
    """One input. A device that does not say idles open."""

    token: str
    idle_closed: bool


class Ports:
    """The relays and inputs of a connected device."""

    def __init__(self, device: Device) -> None:
        self._soap = device.soap
        self._owner: dict[str, str] = {}  # operation -> the service that carried it out

    async def relays(self) -> list[Relay]:
        """Every relay output, in the device's order. Raises LineLost, NoAnswer, Refused, Garbled."""
        told = await self._ask("GetRelayOutputs", lambda _: {})
        possible = await self._possible()
        with making_sense("relay outputs"):
            return [_relay(relay, possible) for relay in list(told or ())[:MOST]]

    async def inputs(self) -> list[DigitalInput]:
        """Every digital input, in the device's order. Raises LineLost, NoAnswer, Refused, Garbled."""
        if not self._soap.knows("deviceio"):
            raise Refused("the device has no DeviceIO service to list its inputs")
        told = await self._soap.call("deviceio", "GetDigitalInputs")
        with making_sense("inputs"):
            return [DigitalInput(_token(told_one), _idle_closed(told_one)) for told_one in list(told or ())[:MOST]]

    async def set_active(self, relay: Relay, *, active: bool) -> None:
        """Make a relay active or inactive now. Raises LineLost, NoAnswer, Refused, Garbled."""
        state = "active" if active else "inactive"
        await self._ask("SetRelayOutputState", lambda _: {"RelayOutputToken": relay.token, "LogicalState": state})

    async def configure(self, relay: Relay, settings: Settings) -> None:
        """Change what a relay does. A changed idle state may move it at once. Raises LineLost, NoAnswer, Refused, Garbled."""
        properties = {
            "Mode": "Monostable" if settings.timed else "Bistable",
            "DelayTime": timedelta(seconds=settings.delay_s),
            "IdleState": "closed" if settings.idle_closed else "open",
        }

        def words(service: str) -> dict[str, object]:
            if service == "deviceio":
                return {"RelayOutput": {"token": relay.token, "Properties": properties}}
            return {"RelayOutputToken": relay.token, "Properties": properties}

        await self._ask("SetRelayOutputSettings", words)

    async def _ask(self, operation: str, words: Callable[[str], dict[str, object]]) -> Any:  # noqa: ANN401  # zeep's type
        """Ask the service that did this before, else DeviceIO, else the device service."""
        services = [service for service in ("deviceio", "devicemgmt") if self._soap.knows(service)]
        if operation in self._owner:
            services = [self._owner[operation]]
        for service in services:
            try:
                told = await self._soap.call(service, operation, words(service))
            except Refused:
                if service == services[-1]:
                    raise
                continue
            self._owner[operation] = service
            return told
        raise AssertionError("every device has a device service")

    async def _possible(self) -> dict[str, Any]:
        """What each relay could be set to, by token; empty where the device does not say."""
        if not self._soap.knows("deviceio"):
            return {}
        try:
            told = await self._soap.call("deviceio", "GetRelayOutputOptions")
        except Refused:
            return {}
        with making_sense("relay options"):
            return {_token(options): options for options in (told if isinstance(told, list) else [told])[:MOST] if options is not None}


def _relay(told: Any, possible: dict[str, Any]) -> Relay:  # noqa: ANN401  # zeep's type
    token = _token(told)
    settings = Settings(
        timed=str(told.Properties.Mode) == "Monostable",
        delay_s=_seconds(told.Properties.DelayTime),
        idle_closed=str(told.Properties.IdleState) == "closed",
    )
    options = possible.get(token)
    if options is None:
        return Relay(token, settings, may_time=settings.timed, may_latch=not settings.timed)
    modes = {str(mode) for mode in options.Mode}
    times = options.DelayTimes
    listed = times.split() if isinstance(times, str) else list(times or ())
    delays = tuple(delay for delay in map(float, listed[:MOST]) if 0 < delay < math.inf)
    return Relay(
        token,
        settings,
        may_time=settings.timed or "Monostable" in modes,
        may_latch=not settings.timed or "Bistable" in modes,
        delays_s=delays,
        discrete=bool(options.Discrete),
    )


def _token(told: Any) -> str:  # noqa: ANN401  # zeep's type
    token = told.token
    if not isinstance(token, str) or not 0 < len(token) <= TOKEN:
        raise ValueError("a token that is none")
    return token


def _idle_closed(told: Any) -> bool:  # noqa: ANN401  # zeep's type
    """IdleState came with a later version of the standard than the library's: an attribute that it hands on as it is."""
    more = getattr(told, "_attr_1", None) or {}
    return str(getattr(told, "IdleState", None) or more.get("IdleState", "open")) == "closed"


def _seconds(duration: object) -> float:
    """An xs:duration in seconds; months and years make no delay."""
    return max(0.0, duration.total_seconds()) if isinstance(duration, timedelta) else 0.0
