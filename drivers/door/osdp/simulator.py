"""Readers at the other end of a bus: libosdp's own peripherals, with a relay, a keypad, contacts and a memory of what they were told."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import osdp_sys
from osdp import Capability, CardFormat, Command, Event, LibFlag, LogLevel, PDCapabilities, PdId, PDInfo, StatusReportType

from drivers.door.osdp.channel import LineChannel
from drivers.door.osdp.driver import REFRESH_S
from drivers.door.osdp.meaning import PERMANENT_OFF, PERMANENT_ON, TEMPORARY_OFF, TEMPORARY_ON
from drivers.door.osdp.options import SCBK_D, Options
from drivers.line import Line
from drivers.wiegand import FORMATS

HISTORY = 10_000  # a day of a busy gate in the demo
KEPT = 16  # what a reader has room for
CONTACTS = 8  # a report has one byte for each that the reader says it has
CAPABILITIES = (
    (Capability.ContactStatusMonitoring, 1, CONTACTS),
    (Capability.OutputControl, 1, 4),
    (Capability.LEDControl, 1, 1),
    (Capability.AudibleControl, 1, 1),
    (Capability.CommunicationSecurity, 1, 1),
)


@dataclass(frozen=True, slots=True)
class Switched:
    """The relay of reader `channel` was set at `at` (monotonic seconds)."""

    at: float
    channel: int
    energised: bool


class Simulator:
    """All readers of a bus. `coils` by door, `history` of their switching; `shown` holds the LED and buzzer commands per reader.

    `fresh`: readers as from the box, with the published key, waiting for their own. `dead`: these readers (from 1) hear nothing.
    Habits: `keeps`, what is shown to them while nobody is on the line is told afterwards; `echo`, the adapter repeats what is sent to it;
    `dark`, they have neither LED nor buzzer.
    """

    def __init__(
        self,
        options: Options,
        *,
        now: Callable[[], float] = time.monotonic,
        fresh: bool = False,
        keeps: bool = False,
        echo: bool = False,
        dark: bool = False,
    ) -> None:
        self._kept: deque[tuple[int, Mapping[str, object]]] | None = deque(maxlen=KEPT) if keeps else None
        self._echo = echo
        self._capabilities = CAPABILITIES[:2] + CAPABILITIES[4:] if dark else CAPABILITIES
        self._options = options
        self._now = now
        self._fresh = fresh
        self._pulses: dict[int, asyncio.TimerHandle] = {}
        self._readers: list[osdp_sys.PeripheralDevice] = []
        self.coils = {number: False for number, reader in enumerate(options.readers, start=1) if reader.output is not None}
        self.history: deque[Switched] = deque(maxlen=HISTORY)
        self.shown: deque[tuple[int, Mapping[str, object]]] = deque(maxlen=HISTORY)
        self.dead: set[int] = set()

    async def run(self, line: Line) -> None:
        """Be the readers at this end of a line until it is lost (raises LineLost) or cancelled."""
        osdp_sys.set_loglevel(LogLevel.Emergency)
        channels = [LineChannel(line, self._now) for _ in self._options.readers]
        self._readers = [self._reader(number, channel) for number, channel in enumerate(channels, start=1)]
        while self._kept:
            self._say(*self._kept.popleft())
        try:
            while True:
                data = await line.read(REFRESH_S / 2)
                if self._echo and data:
                    line.write(data)
                for number, (reader, channel) in enumerate(zip(self._readers, channels, strict=True), start=1):
                    if number in self.dead:
                        continue
                    channel.feed(data)
                    reader.refresh()
                    if channel.lost is not None:
                        raise channel.lost
        finally:
            self._readers = []

    def present(self, reader: int, value: int) -> None:
        """A card of the reader's configured format is held to it."""
        layout = FORMATS[self._options.readers[reader - 1].format]
        size = (layout.bits + 7) // 8
        data = (layout.encode(value) << 8 * size - layout.bits).to_bytes(size, "big")
        self.present_bits(reader, layout.bits, data)

    def present_bits(self, reader: int, bits: int, data: bytes) -> None:
        """Any bits, left-aligned."""
        event = {"event": Event.CardRead, "reader_no": 0, "direction": 0, "format": CardFormat.Wiegand, "length": bits, "data": data}
        self._say(reader, event)

    def type_keys(self, reader: int, keys: bytes) -> None:
        """Keys are pressed."""
        self._say(reader, {"event": Event.KeyPress, "reader_no": 0, "data": keys})

    def report(self, reader: int, *, tamper: bool = False, power_failed: bool = False) -> None:
        """The reader's cover and supply, as it tells them by itself."""
        self._say(reader, {"event": Event.Status, "type": StatusReportType.Local, "report": bytes((tamper, power_failed))})

    def report_inputs(self, reader: int, closed: tuple[bool, ...]) -> None:
        """The reader's contacts changed; it tells all of them."""
        self._say(reader, {"event": Event.Status, "type": StatusReportType.Input, "report": bytes(closed).ljust(CONTACTS, b"\0")})

    def _say(self, reader: int, event: Mapping[str, object]) -> None:
        if self._readers:
            self._readers[reader - 1].submit_event(dict(event))
        elif self._kept is not None:
            self._kept.append((reader, event))

    def _reader(self, number: int, channel: LineChannel) -> osdp_sys.PeripheralDevice:
        options = self._options.readers[number - 1]
        published = self._fresh or options.scbk() == SCBK_D
        info = PDInfo(
            options.address,
            channel,
            scbk=None if published else options.scbk(),
            flags=[LibFlag.InstallMode] if published else [LibFlag.EnforceSecure],
            id=PdId(1, 1, 0x00CAFE, options.serial or 0, 1),
        )
        device = osdp_sys.PeripheralDevice(info.get(), capabilities=PDCapabilities(self._capabilities).get())
        device.set_command_callback(lambda command: self._obey(number, command))
        return device

    def _obey(self, number: int, command: dict[str, object]) -> tuple[int, dict[str, object] | None]:
        match command["command"]:
            case Command.Output:
                self._output(number, command)
            case Command.LED | Command.Buzzer:
                self.shown.append((number, command))
            case _:
                pass
        return 0, None

    def _output(self, number: int, command: Mapping[str, object]) -> None:
        code, tenths = command["control_code"], command["timer_count"]
        if command["output_no"] != self._options.readers[number - 1].output or not isinstance(tenths, int):
            return
        if code in (PERMANENT_ON, PERMANENT_OFF):
            self._switch(number, energised=code == PERMANENT_ON)
        elif code in (TEMPORARY_ON, TEMPORARY_OFF):
            self._switch(number, energised=code == TEMPORARY_ON)
            loop = asyncio.get_running_loop()
            self._pulses[number] = loop.call_later(tenths / 10, lambda: self._switch(number, energised=code != TEMPORARY_ON))

    def _switch(self, number: int, *, energised: bool) -> None:
        if number in self._pulses:
            self._pulses.pop(number).cancel()
        self.coils[number] = energised
        self.history.append(Switched(self._now(), number, energised))
