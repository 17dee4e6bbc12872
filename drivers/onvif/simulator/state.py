"""What a simulated camera is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stream:
    """One media profile."""

    token: str
    codec: str
    width: int
    height: int
    fps: int = 25
    uri: str = "rtsp://127.0.0.1:554/live"


@dataclass(frozen=True, slots=True)
class Switched:
    """A relay's contact moved at `at` (monotonic seconds)."""

    at: float
    output: int
    closed: bool


@dataclass(slots=True)
class Behaviour:
    """How real devices differ. The defaults are a good one."""

    auth: str = "wsse"  # wsse | digest (HTTP) | either | none
    skew_s: float = 0.0  # its clock, ahead of the machine's
    window_s: float = 300.0  # how old or young a signature may be
    signs_everything: bool = False  # even GetSystemDateAndTime needs a signature, as with old Axis firmware and ipycam
    tells_date: bool = True  # the Date header
    tells_local_time: bool = False  # the local time, eight hours ahead, where UTC belongs
    follows_ntp: bool = False
    deviceio: bool = True  # has that service; without it the device service does its work
    device_relays: bool = True  # the device service carries out relay calls too
    lists_services: bool = True  # GetServices; without it GetCapabilities has to do
    options: bool = True  # GetRelayOutputOptions
    settings_fixed: bool = False
    events: bool = True
    synchronises: bool = True
    most_subscriptions: int = 8
    grants_s: float | None = None  # seconds granted instead of those that were asked for
    absolute_only: bool = False  # takes a duration for nonsense and grants a second
    parameters: bool = False  # subscriptions told apart by a reference parameter, all at one address (Axis)
    waits: bool = True  # PullMessages waits for its time-out
    content_type: str = "application/soap+xml; charset=utf-8"  # what it calls its messages; empty: nothing
    soap11: bool = False  # its envelopes are those of SOAP 1.1
    answer: Callable[[str], bytes | None] = lambda _operation: None  # bytes instead of the answer to an operation


@dataclass(slots=True)
class SimulatedRelay:
    """One relay output."""

    token: str
    mode: str = "Bistable"
    delay_s: float = 5.0
    idle_closed: bool = False
    modes: tuple[str, ...] = ("Bistable", "Monostable")
    delays_s: tuple[float, ...] = (1.0, 60.0)
    discrete: bool = False
    active: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def closed(self) -> bool:
        """The contact."""
        return self.active is not self.idle_closed
