"""Modbus boards against our own simulated one, pymodbus' server and apt's mbpoll."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.errors import LineLost, NoAnswer, Refused
from drivers.line import NullModem, listen, open_pty_pair
from drivers.orders import HoldReleased, Level, Outcome, Secure
from drivers.readings import Back, Contact, InputChanged, Lost
from drivers.table import Locks
from tests.drivers.door.heard import Heard, running
from tests.drivers.harness import BRISK, eventually, release

with contextlib.suppress(ModuleNotFoundError):  # without the `devices` extra the peer mark skips all of this
    from pymodbus.server import ModbusSerialServer, ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    from drivers.door.modbus import Controller, Options, Simulator, wire
    from drivers.door.modbus.driver import COILS_EVERY_S
    from drivers.door.modbus.wire import Read, Write

pytestmark = pytest.mark.peer("pymodbus")

SECURED = {1: Level.DEENERGISED, 2: Level.ENERGISED}
UNIT = 7
PULSES = (None, "flash_on", "flash_register")


def options(**more: object) -> Options:
    """Two relays, four inputs, patient enough for a slow machine."""
    return Options(**{"port": "/dev/null", "unit": UNIT, "outputs": 2, "inputs": 4, "timeout_s": 0.5} | more)


class Bench:
    """A simulated board on a null modem and a controller for it."""

    def __init__(
        self, *, echo: bool = False, carry: Callable[[bytes], Any] = lambda data: (data,), theirs: str | None = "", **more: object
    ) -> None:
        """`theirs`: the pulse that the board has, where it is not the one that was configured."""
        self.modem = NullModem(carry)
        self.board = Simulator(options(**more | ({"pulse": theirs} if theirs != "" else {})), echo=echo)
        self.controller = Controller(options(**more), SECURED, timing=BRISK, dial=self.modem.dial)

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[Heard]:
        """Board and controller, connected."""
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self._serve())
            async with running(self.controller) as heard:
                await heard.take(Back)
                yield heard
            serving.cancel()

    async def _serve(self) -> None:
        while True:
            line = await self.modem.answer()
            with contextlib.suppress(LineLost):
                await self.board.run(line)


# --- the wire --------------------------------------------------------------------------------------------------------------------------


def test_published_frames() -> None:
    """The frames that the maker of the boards prints, CRC included."""

    def rtu(question: wire.Question, unit: int = 1) -> str:
        return wire.wrap(question.pdu(), unit, 0, rtu=True).hex(" ").upper()

    assert rtu(Write(0, energise=True)) == "01 05 00 00 FF 00 8C 3A"
    assert rtu(Write(0)) == "01 05 00 00 00 00 CD CA"
    assert rtu(Write(wire.FLASH_ON, tenths=7)) == "01 05 02 00 00 07 8D B0"
    assert rtu(Write(wire.FLASH_ON + 1, tenths=8)) == "01 05 02 01 00 08 9C 74"
    assert rtu(wire.Flash(1, energise=True, tenths=7)).startswith("01 10 00 03 00 02 04 00 02 00 07")
    assert rtu(wire.Flash(2, energise=False, tenths=20)).startswith("01 10 00 08 00 02 04 00 04 00 14")
    assert rtu(Read(wire.READ_COILS, 0, 8)) == "01 01 00 00 00 08 3D CC"
    assert wire.wrap(Write(0, energise=True).pdu(), 1, 0x1234, rtu=False).hex() == "12340000000601050000ff00"


@given(noise=st.binary(max_size=40), bits=st.lists(st.booleans(), min_size=1, max_size=64), rtu=st.booleans())
def test_an_answer_is_found_behind_noise(noise: bytes, bits: list[bool], rtu: bool) -> None:
    """Whatever lies before an RTU answer, an echo included, it is found at its CRC; TCP answers by their number."""
    question = Read(wire.READ_INPUTS, 0, len(bits))
    answer = wire.wrap(wire.answer_bits(wire.READ_INPUTS, bits), UNIT, 5, rtu=rtu)
    before = noise + wire.wrap(question.pdu(), UNIT, 5, rtu=True) if rtu else b""
    for cut in range(len(answer)):
        assert wire.find(before + answer[:cut], question, UNIT, 5, rtu=rtu) is None
    found = wire.find(before + answer, question, UNIT, 5, rtu=rtu)
    assert found is not None
    assert question.bits(found) == bits


@given(data=st.binary(max_size=600), rtu=st.booleans())
def test_random_bytes_are_neither_an_answer_nor_an_exception(data: bytes, rtu: bool) -> None:
    """Noise gives nothing, except where it really holds the answer or a refusal."""
    for question in (Read(wire.READ_COILS, 0, 2), Write(0, energise=True)):
        with contextlib.suppress(Refused, NoAnswer):
            wire.find(data, question, UNIT, 1, rtu=rtu)
        _, rest = wire.requests(data, rtu=rtu)
        assert len(rest) <= 260


def test_another_unit_or_number_is_not_the_answer() -> None:
    """An answer of another unit on the bus, or to an earlier TCP question, is passed over."""
    question = Read(wire.READ_COILS, 0, 2)
    pdu = wire.answer_bits(wire.READ_COILS, [True, False])
    assert wire.find(wire.wrap(pdu, UNIT + 1, 0, rtu=True), question, UNIT, 0, rtu=True) is None
    assert wire.find(wire.wrap(pdu, UNIT, 4, rtu=False), question, UNIT, 5, rtu=False) is None


def test_refusals_have_names() -> None:
    """An exception code becomes Refused with its meaning; a gateway that cannot reach the board is silence."""
    question = Read(wire.READ_COILS, 0, 2)
    with pytest.raises(Refused, match="no such coil"):
        wire.find(wire.wrap(bytes((0x81, 2)), UNIT, 0, rtu=True), question, UNIT, 0, rtu=True)
    with pytest.raises(NoAnswer):
        wire.find(wire.wrap(bytes((0x81, 11)), UNIT, 0, rtu=True), question, UNIT, 0, rtu=True)


# --- the driver against the simulated board ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
async def test_inputs_become_readings(framing: str) -> None:
    """Every input is told at first, then each change once, over either framing."""
    bench = Bench(framing=framing)
    bench.board.inputs[3] = True
    async with bench.up() as heard:
        first = [await heard.take(InputChanged) for _ in range(4)]
        assert [reading.state for reading in first] == [Contact.OPEN, Contact.OPEN, Contact.CLOSED, Contact.OPEN]
        bench.board.inputs[2] = True
        assert await heard.take(InputChanged) == InputChanged(2, Contact.CLOSED)
        bench.board.inputs[3] = False
        assert await heard.take(InputChanged) == InputChanged(3, Contact.OPEN)


async def test_a_press_of_400_ms_is_noticed() -> None:
    """The default times leave room for one lost look within 400 ms."""
    made = Options(port="/dev/null", unit=1, inputs=1)
    assert 2 * made.poll_s + made.timeout_s <= 0.4
    assert 2 * Options.model_fields["poll_s"].metadata[1].le + made.timeout_s <= 0.4


@pytest.mark.parametrize("function", [1, 2, 5], ids=["coils", "inputs", "end of a release"])
async def test_a_refusal_now_and_then(function: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that refuses one question, or to end a release, for a moment: no line is lost, and the door does not stay released."""
    bench = Bench()
    answer, refused = bench.board.answer, list[bytes]()

    def for_a_moment(pdu: bytes) -> bytes:
        if pdu[0] == function and bench.board.coils[1] and (function != 5 or pdu[3] == 0) and len(refused) < 2:
            refused.append(pdu)
            return bytes((function | wire.REFUSES, 4))
        return answer(pdu)

    monkeypatch.setattr(bench.board, "answer", for_a_moment)
    async with bench.up() as heard:
        if function == 5:
            assert await bench.controller.send(release(1, 0.2)) is Outcome.CONFIRMED
        else:
            await bench.controller.send(HoldReleased(1))
        await eventually(lambda: len(refused) == 2)
        if function == 5:
            await eventually(lambda: not bench.board.coils[1])
        bench.board.inputs[1] = True
        await heard.take(lambda reading: reading == InputChanged(1, Contact.CLOSED))
        assert heard.news() == [Back]


@pytest.mark.parametrize("pulse", PULSES)
async def test_orders_are_read_back(pulse: str | None) -> None:
    """Release, hold and secure are CONFIRMED by the coil itself, for a fail-secure lock and a magnet."""
    bench = Bench(pulse=pulse)
    async with bench.up():
        for door in SECURED:
            assert await bench.controller.send(Secure(door)) is Outcome.CONFIRMED
        assert bench.board.coils == {1: False, 2: True}
        assert await bench.controller.send(HoldReleased(2)) is Outcome.CONFIRMED
        assert await bench.controller.send(release(1)) is Outcome.CONFIRMED
        assert bench.board.coils == {1: True, 2: False}
        assert await bench.controller.send(Secure(1)) is Outcome.CONFIRMED
        assert bench.board.coils == {1: False, 2: False}


@pytest.mark.parametrize("pulse", ["flash_on", "flash_register"])
async def test_a_pulse_of_the_board_ends_without_us(pulse: str) -> None:
    """The release ends although the controller is gone; the write carries tenths of a second, rounded up."""
    bench = Bench(pulse=pulse)
    async with bench.up():
        for door in SECURED:
            await bench.controller.send(Secure(door))
        for door in SECURED:
            await bench.controller.send(release(door, 0.31))
        bench.modem.unplug()
        await eventually(lambda: bench.board.coils == {1: False, 2: True})


async def test_the_longer_of_two_releases_counts() -> None:
    """A short release behind a long one does not cut it, timed by the board or here."""
    for pulse in PULSES:
        bench = Bench(pulse=pulse)
        async with bench.up():
            await bench.controller.send(release(1, 30))
            await bench.controller.send(release(1, 0.1))
            await asyncio.sleep(0.4)
            assert bench.board.coils[1]


@pytest.mark.parametrize(("said", "has"), [("flash_on", "flash_register"), ("flash_register", "flash_on"), ("flash_register", None)])
async def test_a_pulse_that_the_board_does_not_have_is_refused(said: str, has: str | None) -> None:
    """The wrong kind of board says no, and its relay rests."""
    bench = Bench(theirs=has, pulse=said)
    async with bench.up():
        with pytest.raises(Refused, match="refuses"):
            await bench.controller.send(release(1))
        assert not bench.board.history


async def test_a_relay_that_does_not_follow_is_refused() -> None:
    """A welded or missing relay is told to a person instead of being called released."""
    for pulse in PULSES:
        bench = Bench(pulse=pulse)
        async with bench.up():
            bench.board.stuck = {1}
            with pytest.raises(Refused, match="does not follow"):
                await bench.controller.send(release(1))


@pytest.mark.parametrize("alone", [True, False], ids=["reads no coil alone", "reads nothing after a write"])
@pytest.mark.parametrize("pulse", PULSES)
async def test_an_order_that_was_taken_is_never_told_as_refused(pulse: str | None, monkeypatch: pytest.MonkeyPatch, *, alone: bool) -> None:
    """A board that refuses to be read back has carried the order out all the same: at worst it is commanded, not confirmed."""
    bench = Bench(pulse=pulse)
    async with bench.up():
        answer, written, looks = bench.board.answer, False, 0

        def refuses(pdu: bytes) -> bytes:
            nonlocal written, looks
            looks += pdu[0] == wire.READ_COILS
            reads, single = pdu[0] == wire.READ_COILS, pdu[3:5] == b"\0\1"
            no = reads and (single if alone else written)
            written = written or pdu[0] in (wire.WRITE_COIL, wire.WRITE_REGISTERS)
            return bytes((wire.READ_COILS | wire.REFUSES, 3)) if no else answer(pdu)

        monkeypatch.setattr(bench.board, "answer", refuses)
        await eventually(lambda: looks > 0)  # the next look of the poll is COILS_EVERY_S away
        assert await bench.controller.send(release(1)) is (Outcome.CONFIRMED if alone else Outcome.COMMANDED)
        assert bench.board.coils[1]


@pytest.mark.parametrize("pulse", PULSES)
async def test_an_echo_of_a_write_confirms_nothing(pulse: str | None) -> None:
    """On an adapter that echoes, a board that is deaf to writes is not taken for one that obeyed."""
    bench = Bench(echo=True, inputs=0, pulse=pulse)
    async with bench.up() as heard:
        assert await bench.controller.send(Secure(1)) is Outcome.CONFIRMED
        bench.board.mute = True
        with pytest.raises(NoAnswer):
            await bench.controller.send(release(1))
        await heard.take(Lost)


async def test_noise_before_every_answer() -> None:
    """Half-connected pairs put garbage before and after frames; inputs and orders go on."""
    bench = Bench(carry=lambda data: (b"\x07\x05\xff", data[:3], data[3:], b"\x00\x07"))
    async with bench.up() as heard:
        assert await bench.controller.send(release(1)) is Outcome.CONFIRMED
        bench.board.inputs[1] = True
        await heard.take(lambda reading: reading == InputChanged(1, Contact.CLOSED))


async def test_a_silent_board_is_lost_and_back() -> None:
    """A board that says nothing any more is lost once, an order meanwhile is not carried out later, and it comes back by itself."""
    bench = Bench(timeout_s=0.1)
    async with bench.up() as heard:
        await bench.controller.send(Secure(1))
        bench.board.mute = True
        await heard.take(Lost)
        switched = len(bench.board.history)
        with pytest.raises(LineLost):
            await bench.controller.send(release(1))
        bench.board.mute = False
        await heard.take(Back)
        assert [type(reading) for reading in heard.of(Lost, Back)] == [Back, Lost, Back]
        assert len(bench.board.history) == switched


async def test_a_board_that_lost_its_power_for_a_moment_is_set_anew() -> None:
    """Coils that are not as they were set are an outage: the gate drives its locks again on Back."""
    bench = Bench()
    async with bench.up() as heard:
        await bench.controller.send(HoldReleased(1))
        bench.board.power_cycle()
        lost = await heard.take(Lost)
        assert "relay 1" in lost.why
        await heard.take(Back)
        await asyncio.sleep(2.5 * COILS_EVERY_S)  # no order came, so nothing is expected of the coils: no second outage
        assert len(heard.of(Lost)) == 1


async def test_a_stop_ends_a_release_and_keeps_what_is_held() -> None:
    """Cancelling while a board-timed release runs secures that lock, and leaves the held one."""
    bench = Bench(pulse="flash_on")
    async with bench.up():
        await bench.controller.send(release(1))
        await bench.controller.send(HoldReleased(2))
    assert bench.board.coils == {1: False, 2: False}


async def test_cancelling_an_order_in_flight_leaves_the_bus_usable() -> None:
    """A caller that gives up neither blocks the bus nor leaves its answer to the next question."""
    bench = Bench()
    async with bench.up():
        for _ in range(20):
            order = asyncio.create_task(bench.controller.send(Secure(1)))
            await asyncio.sleep(0.001)
            order.cancel()
            await asyncio.gather(order, return_exceptions=True)
        assert await bench.controller.send(release(1)) is Outcome.CONFIRMED


async def test_more_than_the_board_has_is_refused_before_anything_is_driven() -> None:
    """A board with fewer coils than configured stays lost and says what was expected."""
    modem = NullModem()
    board = Simulator(options(outputs=1))
    controller = Controller(options(outputs=8), SECURED, timing=BRISK, dial=modem.dial)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(_answer(modem, board))
        async with running(controller) as heard:
            lost = await heard.take(Lost)
            assert "8 coils from 0 on were configured" in lost.why
            with pytest.raises(LineLost):
                await controller.send(release(1))
        serving.cancel()


async def _answer(modem: NullModem, board: Simulator) -> None:
    while True:
        line = await modem.answer()
        with contextlib.suppress(LineLost):
            await board.run(line)


async def test_a_pty_that_nobody_answers() -> None:
    """A serial port without a board is lost after the time-outs, says which unit is missing, and the stop does not hang."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        controller = Controller(options(port=os.ttyname(slave), timeout_s=0.1), SECURED, timing=BRISK)
        async with running(controller) as heard:
            lost = await heard.take(Lost)
            assert f"unit {UNIT} does not answer" in lost.why
            with pytest.raises(LineLost):
                await controller.send(release(1))
    finally:
        os.close(master)
        os.close(slave)


async def test_another_unit_on_the_line_is_never_driven() -> None:
    """A board with another id hears the questions and stays silent; it is not the configured one and nothing is driven."""
    pair = open_pty_pair()
    board = Simulator(options(unit=UNIT + 1))
    serving = asyncio.create_task(board.run(pair.line))
    controller = Controller(options(port=pair.path, timeout_s=0.1), SECURED, timing=BRISK)
    async with running(controller) as heard:
        await heard.take(Lost)
        with pytest.raises(LineLost):
            await controller.send(release(1))
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await pair.line.close()
    assert not board.history


def test_settings() -> None:
    """Framing follows the port unless said, a flash-on board times its own releases, and a board without anything is refused."""
    assert options().is_rtu
    assert not options(port="tcp://192.0.2.1:502").is_rtu
    assert options(port="tcp://192.0.2.1:502", framing="rtu").is_rtu
    assert options().locks is Locks.LATCHING
    assert all(options(pulse=pulse).locks is Locks.TIMED for pulse in PULSES if pulse)
    for wrong in ({"unit": 0}, {"unit": 248}, {"outputs": 0, "inputs": 0}, {"port": "COM1"}, {"poll_s": 0.3}):
        with pytest.raises(ValidationError):
            options(**wrong)


# --- independent peers -------------------------------------------------------------------------------------------------------------------


def board_of_pymodbus(action: Any = None) -> SimDevice:
    """Eight coils, eight inputs and fifty registers in pymodbus' own simulator; input 2 carries current."""
    blocks = (
        [SimData(0, values=[False] * 8, datatype=DataType.BITS)],
        [SimData(0, values=[False, True] + [False] * 6, datatype=DataType.BITS)],
        [SimData(0, values=[0] * 50, datatype=DataType.REGISTERS)],
        [SimData(0, values=[0], datatype=DataType.REGISTERS)],
    )
    return SimDevice(UNIT, simdata=blocks, action=action)


@contextlib.asynccontextmanager
async def pymodbus_over_tcp(action: Any = None) -> AsyncIterator[str]:
    """Pymodbus' TCP server on loopback; gives the port's name."""
    server = ModbusTcpServer(board_of_pymodbus(action), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield f"tcp://127.0.0.1:{server.transport.sockets[0].getsockname()[1]}"
    finally:
        await server.shutdown()


async def drive_and_poll(port: str) -> None:
    """What every peer must see and answer."""
    controller = Controller(options(port=port, framing=None), SECURED, timing=BRISK)
    async with running(controller) as heard:
        await heard.take(Back)
        await heard.take(lambda reading: reading == InputChanged(2, Contact.CLOSED))
        for order in (Secure(1), Secure(2), HoldReleased(1), Secure(1)):
            assert await controller.send(order) is Outcome.CONFIRMED


async def test_against_pymodbus_over_tcp() -> None:
    """The independent server over TCP reads our frames and we read its answers."""
    async with pymodbus_over_tcp() as port:
        await drive_and_poll(port)


async def test_flash_registers_against_pymodbus() -> None:
    """The independent server takes our two registers as one question, at the places that the boards' maps print."""
    asked: list[tuple[int, list[int]]] = []

    async def action(function: int, _start: int, address: int, _count: int, registers: list[int], values: list[int] | None) -> None:
        if function == wire.WRITE_REGISTERS and values:
            asked.append((address, list(values)))
        elif function == wire.READ_COILS and asked:
            registers[0] = sum(1 << (at - 3) // 5 for at, (what, _) in asked if what == 2)

    async with pymodbus_over_tcp(action) as port:
        controller = Controller(options(port=port, pulse="flash_register"), SECURED, timing=BRISK)
        async with running(controller) as heard:
            await heard.take(Back)
            assert await controller.send(release(1, 30)) is Outcome.CONFIRMED
            assert await controller.send(release(2, 0.25)) is Outcome.CONFIRMED
    assert asked == [(3, [2, 300]), (8, [4, 3])]


@pytest.mark.peer("mbpoll")
async def test_mbpoll_flashes_our_simulated_board() -> None:
    """Our simulator takes the registers of an independent client in C, and ends the pulse by itself."""
    board = Simulator(options(framing="tcp", pulse="flash_register"))
    port, listening = await listen(board.run)
    try:
        await mbpoll(f"tcp://127.0.0.1:{port}", "-t", "4", "-0", "-r", "8", written="2 3")
        await eventually(lambda: [(done.channel, done.energised) for done in board.history] == [(2, True), (2, False)])
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.peer("socat")
async def test_against_pymodbus_over_a_serial_line(tmp_path: Path) -> None:
    """The independent server over a serial line reads our frames and we read its answers."""
    async with serial_cable(tmp_path) as (ours, theirs):
        server = ModbusSerialServer(board_of_pymodbus(), port=str(theirs), baudrate=9600)
        await server.serve_forever(background=True)
        try:
            await drive_and_poll(str(ours))
        finally:
            await server.shutdown()


@pytest.mark.peer("mbpoll")
async def test_mbpoll_reads_back_what_we_wrote() -> None:
    """On pymodbus' server an independent client in C finds the coils as we set them."""
    async with pymodbus_over_tcp() as port:
        controller = Controller(options(port=port), SECURED, timing=BRISK)
        async with running(controller) as heard:
            await heard.take(Back)
            await controller.send(HoldReleased(1))
            await controller.send(Secure(2))
            assert await mbpoll(port, "-t", "0", "-c", "3") == [1, 1, 0]
            await controller.send(Secure(1))
            assert await mbpoll(port, "-t", "0", "-c", "3") == [0, 1, 0]


@pytest.mark.peer("mbpoll")
async def test_mbpoll_drives_our_simulated_board() -> None:
    """Our simulator answers the independent client: coils written and read, inputs read."""
    board = Simulator(options(framing="tcp"))
    board.inputs[4] = True
    port, listening = await listen(board.run)
    try:
        name = f"tcp://127.0.0.1:{port}"
        await mbpoll(name, "-t", "0", "-r", "2", written="1")
        assert board.coils == {1: False, 2: True}
        assert await mbpoll(name, "-t", "0", "-c", "2") == [0, 1]
        assert await mbpoll(name, "-t", "1", "-c", "4") == [0, 0, 0, 1]
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def mbpoll(port: str, *arguments: str, written: str | None = None) -> list[int]:
    """Run mbpoll once against tcp://host:port; the values it read."""
    host, _, number = port.removeprefix("tcp://").partition(":")
    more = [] if written is None else written.split()
    command = ["mbpoll", "-m", "tcp", "-p", number, "-a", str(UNIT), "-1", "-q", *arguments, host, *more]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return [int(line.split(":")[1]) for line in output.decode().splitlines() if line.startswith("[")]


@contextlib.asynccontextmanager
async def serial_cable(folder: Path) -> AsyncIterator[tuple[Path, Path]]:
    """Two serial ports joined by socat."""
    ours, theirs = folder / "ours", folder / "theirs"
    process = await asyncio.create_subprocess_exec("socat", f"pty,raw,echo=0,link={ours}", f"pty,raw,echo=0,link={theirs}")
    try:
        await eventually(lambda: ours.exists() and theirs.exists())
        yield ours, theirs
    finally:
        process.terminate()
        await process.wait()
