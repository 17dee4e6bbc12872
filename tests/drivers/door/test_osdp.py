"""OSDP readers: the driver against libosdp's own peripheral, in memory and in a process that can be killed and frozen."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pty
import signal
import sys
import time
import tty
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.errors import LineLost, NoAnswer, Refused, Stale
from drivers.line import NullModem
from drivers.orders import HoldReleased, Indicate, Level, Outcome, Secure, Signal
from drivers.readings import (
    Back,
    CardMisread,
    CardRead,
    Contact,
    InputChanged,
    Lost,
    Misread,
    PinEntered,
    Power,
    ReaderBack,
    ReaderLost,
    Tamper,
)
from drivers.wiegand import FORMATS
from tests.drivers.door.heard import Heard, running
from tests.drivers.harness import BRISK, eventually, release

with contextlib.suppress(ModuleNotFoundError):  # without the `devices` extra the peer mark skips all of this
    from osdp import Capability

    from drivers.door.osdp import Controller, Options, Simulator, channel, simulator
    from drivers.door.osdp.channel import Packets
    from drivers.door.osdp.keypad import Keypad
    from drivers.door.osdp.panel import SILENT_S

pytestmark = pytest.mark.peer("libosdp")

KEY = "000102030405060708090a0b0c0d0e0f"
OTHER_KEY = "f0e0d0c0b0a090807060504030201000"
PUBLISHED = "303132333435363738393a3b3c3d3e3f"
SECURED = {1: Level.DEENERGISED, 2: Level.ENERGISED}
ROOT = Path(__file__).parents[3]
CARD = 205 << 16 | 42_220


def options(*readers: dict[str, object], **more: object) -> Options:
    """One reader with a key, or those that are given."""
    return Options(**{"port": "/dev/null", "readers": readers or ({"address": 1, "key": KEY},)} | more)


class Bench:
    """Simulated readers on a null modem and a controller for them."""

    def __init__(
        self, made: Options, *, theirs: Options | None = None, fresh: bool = False, carry: Callable[[bytes], object] | None = None
    ) -> None:
        self.modem = NullModem(carry) if carry is not None else NullModem()
        self.readers = Simulator(theirs or made, fresh=fresh)
        self.controller = Controller(made, SECURED, timing=BRISK, dial=self.modem.dial)

    @contextlib.asynccontextmanager
    async def up(self, *, here: bool = True) -> AsyncIterator[Heard]:
        """Readers and controller; connected, unless they are not meant to be."""
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self._serve())
            async with running(self.controller) as heard:
                if here:
                    await heard.take(Back)
                yield heard
            serving.cancel()

    async def _serve(self) -> None:
        while True:
            line = await self.modem.answer()
            with contextlib.suppress(LineLost):
                await self.readers.run(line)


TWO = ({"address": 1, "key": KEY}, {"address": 2, "key": OTHER_KEY})

# --- readings --------------------------------------------------------------------------------------------------------------------------


async def test_cards_and_pins_of_each_reader() -> None:
    """Cards go through the configured Wiegand format; a PIN ends with #, a mistake is cleared with *; neither is in a repr."""
    bench = Bench(options(*TWO))
    async with bench.up() as heard:
        bench.readers.present(1, CARD)
        assert await heard.take(CardRead) == CardRead(1, 26, CARD)
        bench.readers.present(2, CARD + 1)
        assert await heard.take(CardRead) == CardRead(2, 26, CARD + 1)
        bench.readers.type_keys(2, b"12*13")
        bench.readers.type_keys(2, b"5790#")
        pin = await heard.take(PinEntered)
        assert pin == PinEntered(2, "135790")
        assert "135790" not in repr(pin)


async def test_cards_that_cannot_be_read() -> None:
    """A wrong length, a parity error and swapped wires are told apart."""
    bench = Bench(options())
    async with bench.up() as heard:
        for bits, data, fault in (
            (34, bytes(5), Misread.LENGTH),
            (26, ((FORMATS["h10301"].encode(CARD) ^ 1 << 5) << 6).to_bytes(4, "big"), Misread.PARITY),
            (26, (0b00011001001011011000100110 << 6).to_bytes(4, "big"), Misread.SWAPPED),
        ):
            bench.readers.present_bits(1, bits, data)
            assert await heard.take(CardMisread) == CardMisread(1, fault)


async def test_tamper_power_and_contacts() -> None:
    """The reader's cover, its supply and its configured contacts are told when they change, contacts from their first report on."""
    bench = Bench(options({"address": 1, "key": KEY, "inputs": 2}))
    async with bench.up() as heard:
        bench.readers.report_inputs(1, (False, True))
        assert await heard.take(InputChanged) == InputChanged(1, Contact.OPEN)
        assert await heard.take(InputChanged) == InputChanged(2, Contact.CLOSED)
        bench.readers.report_inputs(1, (False, False, True))
        assert await heard.take(InputChanged) == InputChanged(2, Contact.OPEN)
        bench.readers.report(1, tamper=True)
        assert await heard.take(Tamper) == Tamper(1, active=True)
        bench.readers.report(1, tamper=False, power_failed=True)
        await heard.take(lambda reading: reading == Tamper(1, active=False))
        await eventually(lambda: Power(ok=False) in heard.readings)
        bench.readers.report(1)
        await heard.take(lambda reading: reading == Power(ok=True))


# --- orders ----------------------------------------------------------------------------------------------------------------------------


async def test_orders_are_acknowledged_and_timed_by_the_reader() -> None:
    """Release, hold and secure of a fail-secure lock and a magnet; a release ends without us."""
    bench = Bench(options(*TWO))
    async with bench.up():
        for door in SECURED:
            assert await bench.controller.send(Secure(door)) is Outcome.CONFIRMED
        assert bench.readers.coils == {1: False, 2: True}
        await bench.controller.send(HoldReleased(2))
        await bench.controller.send(release(1, 0.3))
        assert bench.readers.coils == {1: True, 2: False}
        await eventually(lambda: not bench.readers.coils[1])
        await bench.controller.send(release(2, 0.1))
        assert bench.readers.coils[2] is False
        await bench.controller.send(Secure(2))
        assert bench.readers.coils[2] is True


async def test_a_long_release_is_not_cut_by_the_eight_bits_of_the_library() -> None:
    """Sixty seconds would reach the reader as 88 tenths; it is told in pieces that fit, and renewed."""
    sent: list[object] = []
    bench = Bench(options())
    bench.readers._output = lambda number, command: sent.append(command["timer_count"])  # type: ignore[method-assign]
    async with bench.up():
        await bench.controller.send(release(1, 60))
        assert sent == [255]


async def test_answers_are_shown_and_heard() -> None:
    """Every signal is an LED command, and a buzzer command where it has a sound."""
    bench = Bench(options())
    async with bench.up():
        for told in Signal:
            assert await bench.controller.send(Indicate(1, told)) is Outcome.CONFIRMED
        colours = [command["on_color"] for _, command in bench.readers.shown if "on_color" in command]
        beeps = [command["rep_count"] for _, command in bench.readers.shown if "rep_count" in command]
        assert len(set(colours)) == 4
        assert beeps == [1, 3, 2]


async def test_a_reader_without_light_and_sound_refuses_to_indicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a reader says it cannot do is not sent to it."""
    monkeypatch.setattr(simulator, "CAPABILITIES", ((Capability.CommunicationSecurity, 1, 1), (Capability.OutputControl, 1, 1)))
    bench = Bench(options())
    async with bench.up():
        with pytest.raises(Refused, match="neither LED nor buzzer"):
            await bench.controller.send(Indicate(1, Signal.OK))


async def test_orders_that_cannot_be_carried_out() -> None:
    """Unknown readers and doors, a reader without relay, a late release: each by name, before anything is sent."""
    bench = Bench(options({"address": 1, "key": KEY}, {"address": 2, "key": KEY, "output": None}))
    with pytest.raises(LineLost):
        await bench.controller.send(Secure(1))
    async with bench.up():
        for order in (Secure(2), Secure(3), Indicate(3, Signal.OK), release(1, 61)):
            with pytest.raises(Refused):
                await bench.controller.send(order)
        with pytest.raises(Stale):
            await bench.controller.send(release(1, late_by=0.001))
        assert not bench.readers.history


async def test_a_stop_ends_a_release() -> None:
    """Cancelling in the middle of a release secures that lock; a held one stays."""
    bench = Bench(options(*TWO))
    async with bench.up():
        await bench.controller.send(release(1))
        await bench.controller.send(HoldReleased(2))
    assert bench.readers.coils == {1: False, 2: False}


# --- keys and identity -----------------------------------------------------------------------------------------------------------------


async def test_a_reader_with_another_key_is_never_driven() -> None:
    """No secure channel, no Back: the reason says that the reader is there and does not accept the key."""
    bench = Bench(options(), theirs=options({"address": 1, "key": OTHER_KEY}))
    async with bench.up(here=False) as heard:
        lost = await heard.take(Lost)
        assert "another key" in lost.why
        with pytest.raises(LineLost):
            await bench.controller.send(release(1))
    assert not bench.readers.history


async def test_another_reader_at_the_address_is_never_driven() -> None:
    """With a serial number configured, a reader that reports another one stays lost although it has the key."""
    bench = Bench(options({"address": 1, "key": KEY, "serial": 4711}), theirs=options({"address": 1, "key": KEY, "serial": 815}))
    async with bench.up(here=False) as heard:
        lost = await heard.take(Lost)
        assert "815" in lost.why
        assert "4711" in lost.why
        with pytest.raises(LineLost):
            await bench.controller.send(release(1))


async def test_a_fresh_reader_gets_its_key_in_install_mode_only() -> None:
    """A reader with the published key is refused in service, given its own key on the installer's visit, and accepted afterwards."""
    bench = Bench(options(), fresh=True)
    async with bench.up(here=False) as heard:
        await heard.take(Lost)
    bench = Bench(options(install_mode=True), fresh=True)
    async with bench.up() as heard:
        bench.readers.present(1, CARD)
        await heard.take(CardRead)


def test_settings_keep_keys_to_themselves() -> None:
    """The published key, a malformed key and a doubled address are refused; no key is in a repr, a dump or an error."""
    made = options()
    assert KEY not in repr(made)
    assert KEY not in str(made.model_dump())
    for wrong in (PUBLISHED, KEY[:-1], KEY[:-1] + "g"):
        with pytest.raises(ValidationError) as caught:
            options({"address": 1, "key": wrong})
        assert wrong not in str(caught.value)
    with pytest.raises(ValidationError, match="same address"):
        options({"address": 1, "key": KEY}, {"address": 1, "key": OTHER_KEY})
    assert options({"address": 1, "key": PUBLISHED}, install_mode=True).install_mode


# --- loss and return -------------------------------------------------------------------------------------------------------------------


async def test_one_reader_of_two_dies_and_returns() -> None:
    """The others go on, it is said once that it went and once that it came, and its door meets LineLost meanwhile."""
    bench = Bench(options(*TWO))
    async with bench.up() as heard:
        bench.readers.dead = {2}
        assert (await heard.take(ReaderLost)).reader == 2
        with pytest.raises(LineLost):
            await bench.controller.send(release(2))
        for step in range(5):
            bench.readers.present(1, CARD + step)
            assert await heard.take(CardRead) == CardRead(1, 26, CARD + step)
            await bench.controller.send(release(1, 0.1))
        bench.readers.dead = set()
        assert await heard.take(ReaderBack) == ReaderBack(2)
        await bench.controller.send(Secure(2))
        assert heard.of(Lost) == []
        assert len(heard.of(ReaderLost)) == 1


async def test_a_bus_that_is_pulled_and_plugged() -> None:
    """The line itself going and coming is Lost and Back, and cards are heard again."""
    bench = Bench(options())
    async with bench.up() as heard:
        bench.modem.unplug()
        await heard.take(Lost)
        bench.modem.plug()
        await heard.take(Back)
        bench.readers.present(1, CARD)
        await heard.take(CardRead)


@pytest.mark.parametrize("order", [True, False], ids=["in the middle of an order", "by itself"])
async def test_a_cut_cable_is_not_told_as_another_key(*, order: bool) -> None:
    """What a reader said before the cut says nothing of its key: it is silent."""
    bench = Bench(options())
    async with bench.up() as heard:
        bench.readers.dead = {1}
        if order:
            with pytest.raises(NoAnswer):
                await bench.controller.send(release(1))
        assert (await heard.take(Lost)).why == "reader 1 is silent"


async def test_cut_packets() -> None:
    """Packets that arrive byte by byte do not keep a card from being read."""
    bench = Bench(options(), carry=lambda data: (data[place : place + 1] for place in range(len(data))))
    async with bench.up() as heard:
        bench.readers.present(1, CARD)
        assert await heard.take(CardRead) == CardRead(1, 26, CARD)


async def test_noise_now_and_then() -> None:
    """Garbage before some packets and a damaged byte in others cost a card held out again, not the reader."""
    count = itertools.count(1)

    def carry(data: bytes) -> list[bytes]:
        if (number := next(count)) % 7 == 0:
            return [b"\x00\x53\xfe" + data]
        return [data[:-1] + bytes((data[-1] ^ 1,))] if number % 11 == 0 else [data]

    bench = Bench(options(), carry=carry)
    async with bench.up() as heard:
        for step in range(5):
            while CardRead(1, 26, CARD + step) not in heard.readings:
                bench.readers.present(1, CARD + step)
                await asyncio.sleep(0.5)
        assert not heard.of(Lost, ReaderLost)


@dataclass
class Process:
    """A reader in a process of its own."""

    process: asyncio.subprocess.Process

    async def say(self, *words: object) -> None:
        """Do something at the reader."""
        assert self.process.stdin is not None
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        await self.process.stdin.drain()

    async def kill(self) -> None:
        """Power gone."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def switched(self) -> str:
        """The next switching of the relay."""
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            return (await self.process.stdout.readline()).decode().strip()


class Bus:
    """A pty: the daemon opens `path`, readers get the other end."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self._slave = slave
        self.path = os.ttyname(slave)
        self._readers: list[Process] = []

    async def reader(self, key: str = KEY) -> Process:
        """Connect a reader."""
        command = [sys.executable, "-m", "tests.drivers.door.osdp_reader", str(self.master), key]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, pass_fds=(self.master,), cwd=ROOT)
        self._readers.append(Process(process))
        return self._readers[-1]

    async def close(self) -> None:
        """End all of it."""
        for reader in self._readers:
            await reader.kill()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    """A serial bus without readers."""
    made = Bus()
    yield made
    await made.close()


async def test_a_reader_that_is_killed_and_restarted(bus: Bus) -> None:
    """Loss is told within eight seconds, and the restarted reader is heard again within seconds, not after libosdp's three hundred."""
    controller = Controller(options(port=bus.path), SECURED)
    reader = await bus.reader()
    async with running(controller) as heard:
        for _ in range(2):
            await heard.take(Back)
            await reader.say("card", CARD)
            assert await heard.take(CardRead) == CardRead(1, 26, CARD)
            began = time.monotonic()
            await reader.kill()
            await heard.take(Lost)
            assert time.monotonic() - began < 8.0
            reader = await bus.reader()
        await heard.take(Back)
        await controller.send(Secure(1))


class Cable:
    """Between the daemon's port `path` and a bus; whole until `cut`."""

    def __init__(self, bus: Bus) -> None:
        self.cut = False
        self._ours, slave = pty.openpty()
        tty.setraw(slave)
        self._bus = os.open(bus.path, os.O_RDWR | os.O_NOCTTY)
        self._ends = self._ours, slave, self._bus
        self.path = os.ttyname(slave)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._ours, self._carry, self._ours, self._bus)
        loop.add_reader(self._bus, self._carry, self._bus, self._ours)

    def _carry(self, one: int, other: int) -> None:
        data = os.read(one, 4096)
        if not self.cut:
            os.write(other, data)

    def close(self) -> None:
        """End it."""
        for end in self._ends:
            asyncio.get_running_loop().remove_reader(end)
            os.close(end)


async def test_what_a_reader_kept_of_an_outage_is_dropped(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    """Cards shown while the gateway is stopped or the cable is cut open nothing when the line is back; those shown from then on do."""
    cable, reader = Cable(bus), await bus.reader()
    controller = Controller(options(port=cable.path), SECURED)
    async with running(controller) as heard:
        await heard.take(Back)
    for step in range(3):
        await reader.say("card", CARD + step)
    await asyncio.sleep(SILENT_S)
    async with running(controller) as heard:
        await heard.take(Back)
        cable.cut = True
        await reader.say("card", CARD + 3)
        await heard.take(Lost)
        cable.cut = False
        await heard.take(Back)
        await reader.say("card", CARD + 9)
        await heard.take(CardRead)
    assert heard.of(CardRead) == [CardRead(1, 26, CARD + 9)]
    assert sum("of an outage" in line for line in caplog.messages) == 2
    cable.close()


async def test_a_pin_across_an_outage_is_nobodys(bus: Bus) -> None:
    """Of a PIN that was begun before or during an outage the end, typed afterwards, is no PIN; the next whole one is."""
    cable, reader = Cable(bus), await bus.reader()
    controller = Controller(options(port=cable.path), SECURED)
    async with running(controller) as heard:
        await heard.take(Back)
        for before in (True, False):
            if before:
                await reader.say("keys", "12")
                await eventually(lambda: controller._keypads[0]._digits == "12")
            cable.cut = True
            if not before:
                await reader.say("keys", "12")
            await heard.take(Lost)
            cable.cut = False
            await heard.take(Back)
            await reader.say("keys", "5678#246810#")
            assert await heard.take(PinEntered) == PinEntered(1, "246810")
    cable.close()


async def test_a_release_for_a_frozen_reader_is_never_carried_out(bus: Bus) -> None:
    """An order that a frozen reader did not acknowledge is taken back: it does not happen when the reader wakes."""
    controller = Controller(options(port=bus.path), SECURED)
    reader = await bus.reader()
    async with running(controller) as heard:
        await heard.take(Back)
        await controller.send(Secure(1))
        assert await reader.switched() == "off"
        reader.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.5)  # by now it owes the answer to a poll
        with pytest.raises(NoAnswer):
            await controller.send(release(1))
        await heard.take(Lost)
        with pytest.raises(LineLost):
            await controller.send(release(1))
        reader.process.send_signal(signal.SIGCONT)
        await heard.take(Back)
        await controller.send(Secure(1))
        assert await reader.switched() == "off"


# --- pure ------------------------------------------------------------------------------------------------------------------------------


def test_a_reader_counts_as_silent_well_before_eight_seconds() -> None:
    """The driver does not wait for libosdp to notice."""
    assert SILENT_S <= 5.0


def packet(address: int, body: bytes) -> bytes:
    """Something with the head and length of a packet."""
    return bytes((0x53, address)) + (len(body) + 4).to_bytes(2, "little") + body


@given(
    bodies=st.lists(st.binary(min_size=3, max_size=60), min_size=1, max_size=5),
    noise=st.binary(max_size=10).filter(lambda data: 0x53 not in data and not data.endswith(b"\xff")),
    size=st.integers(1, 40),
)
def test_packets_are_whole_whatever_the_pieces(bodies: list[bytes], noise: bytes, size: int) -> None:
    """Packets come out as they went in, cut anywhere, with noise between them and a mark kept."""
    sent = [b"\xff" + packet(0x81, body) for body in bodies]
    stream = b"".join(noise + one for one in sent)
    made, found = Packets(), []
    for at in range(0, len(stream), size):
        found += made.feed(stream[at : at + size], 0.0)
    assert found == sent


def test_a_false_head_is_given_up() -> None:
    """A head in noise, with a length that never comes, costs a moment and not the packet behind it."""
    made, real = Packets(), packet(0x81, b"answer")
    assert made.feed(b"\x53\x81\x00\x05" + real, 0.0) == []
    assert made.feed(b"", 1.0) == [real]


@given(st.lists(st.tuples(st.binary(max_size=8), st.floats(0, 30)), max_size=20))
def test_any_keys_give_only_sound_pins(strokes: list[tuple[bytes, float]]) -> None:
    """Whatever is pressed, a PIN has 1 to 16 decimal digits."""
    keypad, now = Keypad(), 0.0
    for keys, wait in strokes:
        now += wait
        for digits in keypad.press(keys, now):
            assert digits.isdecimal()
            assert 1 <= len(digits) <= 16


def test_half_a_pin_is_forgotten() -> None:
    """Digits that somebody left behind do not begin the next person's PIN, and a PIN that is too long is none."""
    keypad = Keypad()
    assert keypad.press(b"12", 0.0) == []
    assert keypad.press(b"345678#", 60.0) == ["345678"]
    assert keypad.press(b"1" * 17 + b"#", 61.0) == []
    assert keypad.press(b"123456\r", 62.0) == ["123456"]


def test_the_end_of_a_pin_is_none() -> None:
    """After lost keys nothing is a PIN up to the next # or *, or the pause; a reader that comes with nothing typed costs nobody a PIN."""
    keypad = Keypad()
    keypad.break_off(0.0)
    assert keypad.press(b"1234#", 1.0) == ["1234"]
    keypad.press(b"12", 2.0)
    keypad.break_off(3.0)
    assert keypad.press(b"5678#246810#", 4.0) == ["246810"]
    keypad.lose(5.0)
    assert keypad.press(b"5678*1234#", 6.0) == ["1234"]
    keypad.lose(7.0)
    assert keypad.press(b"1234#", 30.0) == ["1234"]
    keypad.press(b"12", 31.0)
    keypad.break_off(60.0)
    assert keypad.press(b"1234#", 61.0) == ["1234"]


@given(st.binary(max_size=4000))
def test_a_channel_swallows_anything(data: bytes) -> None:
    """Random bytes are kept within bounds and never raise; a lost line is kept for the one who refreshes."""

    class Dead:
        """A line that is gone."""

        name = "dead"

        def write(self, data: bytes) -> None:
            """Raise as a lost line does."""
            raise LineLost("gone")

    made = channel.LineChannel(Dead(), time.monotonic)  # type: ignore[arg-type]
    for _ in range(3):
        made.feed(data)
    made.feed(packet(0x85, b"poll"))
    assert made.write(b"poll") == 4
    assert made.lost is not None
    taken = 0
    while piece := made.read(64):
        taken += len(piece)
    assert taken <= channel.KEPT
