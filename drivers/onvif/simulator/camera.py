"""The simulated camera: it checks who asks, and does what it is told."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from drivers.errors import Garbled
from drivers.onvif.options import Endpoint
from drivers.onvif.simulator import words
from drivers.onvif.simulator.events import Events, number_in, parse_timeout
from drivers.onvif.simulator.gatekeeper import Gatekeeper
from drivers.onvif.simulator.http import Reply, Request, Server
from drivers.onvif.simulator.state import Behaviour, SimulatedRelay, Stream, Switched

HISTORY = 10_000  # a day of a busy gate in the demo
STREAMS = (Stream("main", "H264", 1920, 1080), Stream("sub", "H264", 640, 360, 15), Stream("thumb", "JPEG", 320, 180, 5))
Answer = str | bytes | Reply


class Simulator:
    """A camera on loopback. `coils` tells which relay contacts are closed, `history` every movement of one, oldest first."""

    def __init__(
        self,
        options: Endpoint,
        *,
        behaviour: Behaviour | None = None,
        relays: Sequence[SimulatedRelay] = (),
        inputs: Mapping[str, bool] | None = None,
        streams: Sequence[Stream] = STREAMS,
        serial: str = "SIM-0001",
        hardware: str = "sim",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.serial, self.hardware = serial, hardware
        self.streams = tuple(streams)
        self.relays = list(relays) or [SimulatedRelay(f"relay{n}") for n in range(1, getattr(options, "outputs", 2) + 1)]
        self.inputs = dict(inputs) if inputs is not None else {f"in{n}": False for n in range(1, getattr(options, "inputs", 2) + 1)}
        self.history: deque[Switched] = deque(maxlen=HISTORY)
        self.asked: deque[str] = deque(maxlen=HISTORY)
        self.refused = 0
        self._now = now
        self._door = Gatekeeper(options.username, options.password.get_secret_value(), self.behaviour, self.clock)
        self._set_s = 0.0  # what SetSystemDateAndTime changed
        self._server = Server(self._serve)
        self._events = Events(self.behaviour, self.clock)
        self._tell_everything()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    @property
    def coils(self) -> dict[int, bool]:
        """Which contacts are closed, by the number of the relay."""
        return {number: relay.closed for number, relay in enumerate(self.relays, start=1)}

    @property
    def subscriptions(self) -> int:
        """How many there are."""
        return self._events.living()

    def clock(self) -> datetime:
        """The camera's own time."""
        return datetime.now(UTC) + timedelta(seconds=self.behaviour.skew_s + self._set_s)

    async def start(self, port: int = 0) -> None:
        """Listen."""
        await self._server.start(port)

    async def stop(self) -> None:
        """Be unreachable; relays stay as they are. It may be started again."""
        await self._server.stop()

    async def reboot(self) -> None:
        """Restart on the same port: relays idle, subscriptions gone."""
        await self._server.stop()
        for output, relay in enumerate(self.relays, start=1):
            self._switch(output, relay, active=False)
        self._events.forget()
        self._tell_everything()
        await self._server.start(self.port)

    def set_input(self, number: int, *, closed: bool) -> None:
        """A contact at an input."""
        token = list(self.inputs)[number - 1]
        self._events.tell("Device/Trigger/DigitalInput", ("InputToken", token), ("LogicalState", _word(closed is not self.inputs[token])))

    def move(self, *, moves: bool) -> None:
        """Motion in the picture."""
        self._events.tell("VideoSource/MotionAlarm", ("Source", "video0"), ("State", _word(moves)))

    def cover(self, *, covered: bool) -> None:
        """Somebody puts a hand on the lens."""
        self._events.tell("VideoSource/GlobalSceneChange/ImagingService", ("Source", "video0"), ("State", _word(covered)))

    def supply(self, *, failed: bool) -> None:
        """The supply reports itself."""
        self._events.tell("Device/HardwareFailure/PowerSupplyFailure", ("Token", "psu"), ("Failed", _word(failed)))

    def meddle(self, output: int, *, active: bool) -> None:
        """Somebody switches a relay on the camera's own page."""
        self._switch(output, self.relays[output - 1], active=active)

    async def _serve(self, request: Request) -> Reply | bytes:
        from drivers.onvif import xml

        date = (("Date", format_datetime(self.clock(), usegmt=True)),) if self.behaviour.tells_date else ()
        try:
            root = xml.parse(request.body)
        except Garbled:
            return Reply(400, words.fault("WellFormed", "no message"), date)
        body = xml.first(root, "Body")
        asked = next((element for element in (body if body is not None else ()) if xml.local(element)), None)
        if asked is None:
            return Reply(400, words.fault("WellFormed", "no question"), date)
        operation = xml.local(asked)
        self.asked.append(operation)
        if (instead := self.behaviour.answer(operation)) is not None:
            return instead
        denied = self._door.denied(request, root, operation)
        if denied is not None:
            self.refused += 1
            return Reply(denied.status, denied.body, denied.headers + date)
        told = await self._do(operation, asked, request, root)
        reply = told if isinstance(told, Reply) else Reply(200, words.envelope(told) if isinstance(told, str) else told)
        body = reply.body.replace(xml.SOAP12, xml.SOAP11) if self.behaviour.soap11 else reply.body
        return Reply(reply.status, body, reply.headers + date, self.behaviour.content_type)

    async def _do(self, operation: str, asked: Any, request: Request, root: Any) -> Answer:  # noqa: ANN401  # elements of lxml
        behaviour, base = self.behaviour, f"http://127.0.0.1:{self.port}"
        addresses = {"tds": f"{base}/onvif/device_service", "trt": f"{base}/onvif/media"}
        addresses |= {"tev": f"{base}/onvif/events"} if behaviour.events else {}
        addresses |= {"tmd": f"{base}/onvif/deviceio"} if behaviour.deviceio else {}
        match operation:
            case "GetSystemDateAndTime":
                utc = self.clock() + timedelta(hours=8 if behaviour.tells_local_time else 0)
                return words.clock(utc, ntp=behaviour.follows_ntp)
            case "SetSystemDateAndTime":
                return self._set_clock(asked)
            case "GetDeviceInformation":
                return words.information(self.serial, self.hardware)
            case "GetServices" if behaviour.lists_services:
                return words.services(addresses)
            case "GetCapabilities":
                return words.capabilities(addresses)
            case "GetProfiles":
                return words.profiles(self.streams)
            case "GetStreamUri" | "GetSnapshotUri":
                return self._where(operation, asked)
            case "GetDigitalInputs" if behaviour.deviceio:
                return words.inputs(self.inputs)
            case "GetRelayOutputOptions" if behaviour.deviceio and behaviour.options:
                return words.relay_options(self.relays)
            case "GetRelayOutputs" | "SetRelayOutputState" | "SetRelayOutputSettings":
                return self._relay(operation, asked, at_deviceio=request.path == "/onvif/deviceio")
            case "CreatePullPointSubscription" | "PullMessages" | "Renew" | "Unsubscribe" | "SetSynchronizationPoint" if behaviour.events:
                return await self._event(operation, asked, request, root)
        return Reply(400, words.fault("ActionNotSupported", "not implemented"))

    def _set_clock(self, asked: Any) -> Answer:  # noqa: ANN401  # an element of lxml
        from drivers.onvif import xml

        year, month, day, hour, minute, second = (
            int(xml.text(asked, name)) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
        )
        self._set_s += (datetime(year, month, day, hour, minute, second, tzinfo=UTC) - self.clock()).total_seconds()
        return "<tds:SetSystemDateAndTimeResponse/>"

    def _where(self, operation: str, asked: Any) -> Answer:  # noqa: ANN401  # an element of lxml
        from drivers.onvif import xml

        stream = next((one for one in self.streams if one.token == xml.text(asked, "ProfileToken")), None)
        if stream is None:
            return Reply(400, words.fault("NoProfile", "no such profile"))
        return words.uri(operation, stream.uri if operation == "GetStreamUri" else f"http://127.0.0.1:{self.port}/snapshot/{stream.token}")

    def _relay(self, operation: str, asked: Any, *, at_deviceio: bool) -> Answer:  # noqa: ANN401  # an element of lxml
        from drivers.onvif import xml

        if not (self.behaviour.deviceio if at_deviceio else self.behaviour.device_relays):
            return Reply(500, words.fault("ActionNotSupported", "not here", sender=False))
        if operation == "GetRelayOutputs":
            return words.relays(self.relays)
        outer = xml.first(asked, "RelayOutput")
        token = outer.get("token") if outer is not None else xml.text(asked, "RelayOutputToken")
        found = next(((n, relay) for n, relay in enumerate(self.relays, start=1) if relay.token == token), None)
        if found is None:
            return Reply(400, words.fault("RelayToken", "no such relay"))
        output, relay = found
        if operation == "SetRelayOutputState":
            self._switch(output, relay, active=xml.text(asked, "LogicalState") == "active")
            return "<tds:SetRelayOutputStateResponse/>"
        mode, delay_s = xml.text(asked, "Mode"), parse_timeout(xml.text(asked, "DelayTime"))
        known = delay_s in relay.delays_s if relay.discrete else min(relay.delays_s) <= delay_s <= max(relay.delays_s)
        if self.behaviour.settings_fixed or mode not in relay.modes or (mode == "Monostable" and not known):
            return Reply(400, words.fault("ModeError", "cannot be set so"))
        before, relay.mode, relay.delay_s = relay.closed, mode, delay_s
        relay.idle_closed = xml.text(asked, "IdleState") == "closed"
        self._moved(output, relay, before)
        prefix = "tmd" if at_deviceio else "tds"
        return f"<{prefix}:SetRelayOutputSettingsResponse/>"

    async def _event(self, operation: str, asked: Any, request: Request, root: Any) -> Answer:  # noqa: ANN401  # elements of lxml
        from drivers.onvif import xml

        number = number_in(request.path, {"Id": xml.text(root, "Id")})
        told: str | None
        match operation:
            case "CreatePullPointSubscription":
                told = self._events.create(xml.text(asked, "InitialTerminationTime"), f"http://127.0.0.1:{self.port}/onvif/pull")
            case "PullMessages":
                told = await self._events.pull(number, parse_timeout(xml.text(asked, "Timeout")), int(xml.text(asked, "MessageLimit")))
            case "Renew":
                told = self._events.renew(number, xml.text(asked, "TerminationTime"))
            case "SetSynchronizationPoint":
                told = "<tev:SetSynchronizationPointResponse/>" if self._events.synchronise(number) else None
            case _:
                told = "<wsnt:UnsubscribeResponse/>" if self._events.drop(number) else None
        return told if told is not None else Reply(400, words.fault("ResourceUnknown", "no such subscription, or all are taken"))

    def _switch(self, output: int, relay: SimulatedRelay, *, active: bool) -> None:
        if relay.timer is not None:
            relay.timer.cancel()
            relay.timer = None
        before, relay.active = relay.closed, active
        self._moved(output, relay, before)
        if active and relay.mode == "Monostable":
            relay.timer = asyncio.get_running_loop().call_later(relay.delay_s, lambda: self._switch(output, relay, active=False))

    def _moved(self, output: int, relay: SimulatedRelay, before: bool) -> None:
        if relay.closed is not before:
            self.history.append(Switched(self._now(), output, relay.closed))
        self._events.tell("Device/Trigger/Relay", ("RelayToken", relay.token), ("LogicalState", "active" if relay.active else "inactive"))

    def _tell_everything(self) -> None:
        for number, idle_closed in enumerate(self.inputs.values(), start=1):
            self.set_input(number, closed=idle_closed)
        for relay in self.relays:
            self._events.tell(
                "Device/Trigger/Relay", ("RelayToken", relay.token), ("LogicalState", "active" if relay.active else "inactive")
            )


def _word(value: bool) -> str:
    return "true" if value else "false"
