"""Keeping one ONVIF device: found to be the right one, listened to, its relays driven."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from drivers.contract import Emit
from drivers.door.onvif_relay.options import Options
from drivers.door.onvif_relay.relays import Relays
from drivers.errors import Garbled, LineLost, NoAnswer, Refused
from drivers.examine import Finding, Mark, clock
from drivers.latches import check
from drivers.onvif.clock import Skew, Wall
from drivers.onvif.device import Device, Information, connect
from drivers.onvif.io import DigitalInput, Ports, Relay
from drivers.onvif.meaning import RELAY, Meaning, Notification
from drivers.onvif.pullpoint import PULL_S, NotRenewed, PullPoint, subscribe
from drivers.orders import Indicate, Level, Order, Outcome
from drivers.reconnect import keep_line
from drivers.timing import MACHINE, Timing

log = logging.getLogger(__name__)

# After a restart a camera's event service comes some seconds after its web server; one whose subscriptions are all taken has a place again
# when the old ones end, after a minute.
SUBSCRIBE_AGAIN_S, SUBSCRIBE_AGAIN_AT_MOST_S = 1.0, 30.0
MISSES = 3  # questions in a row without an answer: some devices hang up where nothing has happened


class Controller:
    """One device; a DoorController. Every outcome is the device's own answer. `skew` and `information` are of the last connection."""

    def __init__(
        self,
        options: Options,
        secured: Mapping[int, Level],
        *,
        timing: Timing = MACHINE,
        wall: Wall = lambda: datetime.now(UTC),
    ) -> None:
        self._options = options
        self._secured = {output: level for output, level in secured.items() if 1 <= output <= options.outputs}
        self._timing = timing
        self._wall = wall
        self._relays = Relays(options, self._secured, timing)
        self._events: PullPoint | None = None
        self.skew: Skew | None = None
        self.information: Information | None = None

    async def run(self, emit: Emit) -> None:
        """See DoorController. Nothing is driven on connecting; stopping ends running releases."""
        dial = partial(connect, self._options, wall=self._wall)
        await keep_line(dial, partial(self._serve, emit), emit, name=self._options.name, timing=self._timing)

    async def send(self, order: Order) -> Outcome:
        """See DoorController. CONFIRMED: the device answered that it did it; whether the door moved it cannot say."""
        check(order, self._secured)
        assert not isinstance(order, Indicate)
        try:
            await self._relays.carry_out(order)
        except Garbled as error:  # it may or may not have done it: for the gate that is no answer
            raise NoAnswer(str(error)) from error
        return Outcome.CONFIRMED

    async def examine(self) -> list[Finding]:
        """Who it is, its firmware, its clock, and whether it tells of its inputs. See Examinable."""
        told = self.information
        if told is None or not self._relays.is_up:
            raise LineLost("the line is down")
        found = [
            Finding("identity", values={"what": f"{told.manufacturer} {told.model}, serial: {told.serial or '-'}"}),
            Finding("firmware", values={"version": told.firmware}),
        ]
        if self.skew is not None:
            found.append(clock(self.skew.seconds))
        if self._options.inputs and self._events is None:
            found.append(Finding("no_events", Mark.BAD))
        return found

    async def _serve(self, emit: Emit, device: Device, ready: Callable[[], None]) -> None:
        self.skew, self.information = device.skew, device.information
        self._identify(device.information)
        ports = Ports(device)
        relays = _numbered(await ports.relays() if self._secured else [], self._options.output_tokens)
        self._relays.check(relays)
        inputs = await self._inputs(ports)
        self._relays.up(ports, relays)
        try:
            ready()
            await self._listen(device, Meaning(inputs), emit)
        except asyncio.CancelledError:
            await self._relays.finish()
            if self._events is not None:
                await self._events.leave()
            raise
        finally:
            self._relays.down()
            self._events = None

    def _identify(self, told: Information) -> None:
        """Another device at this address is not driven: the addresses of two cameras may have been swapped. Raises Refused."""
        for what, wanted, there in (
            ("serial number", self._options.serial, told.serial),
            ("hardware id", self._options.hardware, told.hardware),
        ):
            if wanted and wanted != there:
                raise Refused(f"another device: its {what} is {there or 'not told'}, {wanted} was configured")

    async def _inputs(self, ports: Ports) -> list[DigitalInput]:
        """The inputs by our own numbers. Named ones need not be listed by the device."""
        options = self._options
        if not options.inputs:
            return []
        try:
            there = await ports.inputs()
        except Refused:
            if not options.input_tokens:
                raise
            there = []
        if options.input_tokens:
            known = {told.token: told for told in there}
            return [known.get(token, DigitalInput(token, idle_closed=False)) for token in options.input_tokens]
        if len(there) < options.inputs:
            raise Refused(f"the device has {len(there)} inputs, {options.inputs} were configured")
        return there[: options.inputs]

    async def _listen(self, device: Device, meaning: Meaning, emit: Emit) -> None:
        """Pull events until the device is lost. What else goes wrong with a subscription costs its events alone: the locks still work."""
        due, wait, misses, said = self._timing.now(), SUBSCRIBE_AGAIN_S, 0, False
        while True:
            heard: list[Notification] | None = None
            try:
                if self._events is None and self._timing.now() >= due:
                    self._events = await subscribe(device, self._timing)
                if self._events is not None:
                    heard = await self._events.pull()
            except NotRenewed:
                self._events, due = None, self._timing.now()
                continue
            except (Refused, Garbled, LineLost, NoAnswer) as error:
                if isinstance(error, Refused) and self._events is not None and self._events.heard:
                    raise LineLost(f"the subscription to its events is gone ({error}): it has restarted") from error
                if isinstance(error, Refused) or self._events is None:
                    self._events = None
                    due, wait = self._timing.now() + wait, min(2 * wait, SUBSCRIBE_AGAIN_AT_MOST_S)
                misses += 1
                if not said and (self._events is None or misses >= MISSES):
                    said = True
                    log.warning("%s: no events, its inputs are unknown: %s", device.name, error)
                    for reading in meaning.unknown():
                        emit(reading)
            if heard is None:
                await device.ping()  # this alone says whether the device is there
                await self._timing.sleep(PULL_S)
                continue
            wait, misses, said = SUBSCRIBE_AGAIN_S, 0, False
            for notification in heard:
                if (moved := self._moved(notification)) is not None:
                    if self._events is not None:
                        await self._events.leave()
                    raise LineLost(f"relay {moved} was released by somebody else")
                for reading in meaning.readings(notification):
                    emit(reading)

    def _moved(self, heard: Notification) -> int | None:
        """The lock that the device reports as released by somebody else: once the line is back, the gate sets it as it should be."""
        says = heard.says()
        if heard.topic != RELAY or heard.first or says is None:
            return None
        return self._relays.foreign(heard.token, active=says)


def _numbered(there: Sequence[Relay], tokens: Sequence[str]) -> dict[int, Relay]:
    """Relays by our own numbers: those that are named, else the device's order."""
    if not tokens:
        return dict(enumerate(there, start=1))
    known = {relay.token: relay for relay in there}
    return {number: known[token] for number, token in enumerate(tokens, start=1) if token in known}
