"""LCUS boards: the frames of the command table, and what only this board does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.door.relay_board import Coil, Controller, Decoder, Options, Simulator
from drivers.door.relay_board_status import QUESTION, states
from drivers.errors import LineLost, Refused
from drivers.line import NullModem
from drivers.orders import HoldReleased, Level, Outcome, Secure
from tests.drivers.harness import BRISK, Heard, eventually, release, running

BOARD = Options(port="/dev/null", outputs=2)


@pytest.mark.parametrize(
    ("coil", "wire"),
    [(Coil(1, True), "A00101A2"), (Coil(1, False), "A00100A1"), (Coil(2, True), "A00201A3"), (Coil(16, False), "A01000B0")],
)
def test_command_table(coil: Coil, wire: str) -> None:
    """The frames that the vendors print."""
    assert coil.to_bytes() == bytes.fromhex(wire)
    assert Coil.from_bytes(bytes.fromhex(wire)) == coil


@pytest.mark.parametrize("wire", ["A00101A3", "A10101A3", "A00102A3", "FF0101A2"])
def test_what_is_no_frame(wire: str) -> None:
    """A wrong sum, head or state switches nothing."""
    assert Coil.from_bytes(bytes.fromhex(wire)) is None


@given(coils=st.lists(st.builds(Coil, st.integers(1, 16), st.booleans()), max_size=8), cuts=st.lists(st.integers(1, 5), min_size=1))
def test_any_chunking(coils: list[Coil], cuts: list[int]) -> None:
    """Frames cut anywhere are the same frames."""
    wire, decoder, found, at = b"".join(coil.to_bytes() for coil in coils), Decoder(), [], 0
    for turn in range(len(wire)):
        size = cuts[turn % len(cuts)]
        found += decoder.feed(wire[at : at + size])
        at += size
    assert found == coils


@given(dirt=st.binary(max_size=40).filter(lambda data: 0xA0 not in data))
def test_resynchronises(dirt: bytes) -> None:
    """Dirt that holds no head costs no frame behind it."""
    assert Decoder().feed(dirt + Coil(1, True).to_bytes()) == [Coil(1, True)]


async def test_levels_follow_what_secures_each_output() -> None:
    """A fail-secure lock is secured by an idle coil, a magnet by an energised one; the outcome never claims more than a command."""
    modem = NullModem()
    board = Simulator(BOARD)
    driver = Controller(BOARD, {1: Level.DEENERGISED, 2: Level.ENERGISED}, timing=BRISK, dial=modem.dial)
    heard = Heard()
    async with running(driver, heard):
        await heard.back()
        line = await modem.answer()
        for door in (1, 2):
            assert await driver.send(Secure(door)) is Outcome.COMMANDED
        assert Decoder().feed(await line.read()) == [Coil(1, False), Coil(2, True)]
        for door in (1, 2):
            assert await driver.send(HoldReleased(door)) is Outcome.COMMANDED
        assert Decoder().feed(await line.read()) == [Coil(1, True), Coil(2, False)]
    assert not board.history


async def test_an_output_that_is_no_lock_is_refused() -> None:
    """Outputs that the site did not wire as locks, or that the board does not have, cannot be driven."""
    driver = Controller(BOARD, {1: Level.DEENERGISED, 3: Level.DEENERGISED})
    for door in (2, 3):
        with pytest.raises(Refused):
            await driver.send(Secure(door))
    with pytest.raises(LineLost):
        await driver.send(Secure(1))


async def test_releases_overlap_to_the_longer() -> None:
    """A short release inside a long one does not shorten it: somebody may still be in the door."""
    modem = NullModem()
    board = Simulator(BOARD)
    driver = Controller(BOARD, {1: Level.DEENERGISED}, timing=BRISK, dial=modem.dial)
    heard = Heard()
    async with running(driver, heard):
        await heard.back()
        line = await modem.answer()
        await driver.send(release(1, 30.0))
        await driver.send(release(1, 0.01))
        for frame in Decoder().feed(await line.read()):
            board.take(frame)
        assert await line.read(0.1) == b""
        assert board.coils[1]
        await driver.send(Secure(1))
        await eventually(lambda: bool(line._inbox._bytes))


@pytest.mark.parametrize("said", [b"7B11D7\r", b"\x02\x0a\x11\x7b\x2c\x03"], ids=["a reader's line", "a reader's frame"])
async def test_what_speaks_is_no_board(said: bytes) -> None:
    """A card reader under the board's name is told and not driven; an echo, a word or a byte of noise changes nothing."""
    modem = NullModem()
    driver = Controller(BOARD, {1: Level.DEENERGISED}, timing=BRISK, dial=modem.dial)
    heard = Heard()
    async with running(driver, heard):
        await heard.back()
        line = await modem.answer()
        await driver.send(Secure(1))
        line.write(await line.read() + b"CH1: OFF\r\nCH2: ON\r\n" * 20 + b"\x00\xfe")
        await driver.send(Secure(1))
        await line.read()
        line.write(said)
        await heard.lost()
        assert "speaks" in str(heard.readings[-1])


def test_board_forgets_with_its_power() -> None:
    """After a loss of USB power every coil is off."""
    board = Simulator(BOARD)
    board.take(Coil(1, True))
    board.take(Coil(9, True))
    assert board.coils == {1: True, 2: False}
    board.power_cycle()
    assert board.coils == {1: False, 2: False}
    assert [done.channel for done in board.history] == [1]


# --- boards that can be asked ------------------------------------------------------------------------------------------------------------

ASKED = Options(port="/dev/null", outputs=2, status="ff")
HABITS: dict[str, dict[str, object]] = {
    "eight bytes": {},
    "as many bytes as relays": {"width": 2},
    "four bytes": {"width": 4},
    "in words": {"words": True},
    "an adapter that echoes": {"echo": True},
    "words and an echo": {"words": True, "echo": True},
}


@asynccontextmanager
async def asked(**habits: object) -> AsyncIterator[tuple[Controller, Simulator, Heard]]:
    """A board that can be asked and its driver, running."""
    modem, board = NullModem(), Simulator(ASKED, **habits)  # type: ignore[arg-type]  # a habit each
    driver = Controller(ASKED, {1: Level.DEENERGISED, 2: Level.ENERGISED}, timing=BRISK, dial=modem.dial)

    async def serve() -> None:
        while True:
            line = await modem.answer()
            with suppress(LineLost):
                await board.run(line)

    heard, serving = Heard(), asyncio.create_task(serve())
    async with running(driver, heard):
        yield driver, board, heard
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize(
    ("said", "outputs", "told"),
    [
        ("01 01 01 01 00 00 00 00", 8, [True] * 4 + [False] * 4),
        ("01 01 01 01 00 00 00 00", 4, [True] * 4),
        ("01 00 00 01", 4, [True, False, False, True]),
        ("ff 00 01", 2, [False, True]),
        ("a0 01 01 a2 ff 01 00", 2, [True, False]),
        ("01 00", 4, None),
        ("00 00 00 00 00 00 00 00 00", 2, None),
        ("", 1, None),
        ("ff", 1, None),
    ],
)
def test_the_state_in_bytes(said: str, outputs: int, told: list[bool] | None) -> None:
    """The table that resellers print, for boards of four and eight; an echo in front, too few and too many."""
    assert states(bytes.fromhex(said), outputs) == told


def test_the_state_in_words() -> None:
    """Other firmware says it in words; what it does not say of a relay is not made up."""
    said = b"CH1: ON\r\nCH2:OFF\r\nch3: on\r\n"
    assert states(said, 3) == [True, False, True]
    assert states(said, 4) is None


@given(said=st.binary(max_size=600), outputs=st.integers(1, 16))
def test_any_bytes_are_a_state_or_none(said: bytes, outputs: int) -> None:
    """Nothing escapes as an exception, and never fewer relays than were asked for."""
    told = states(said, outputs)
    assert told is None or len(told) == outputs


@pytest.mark.parametrize("habits", HABITS.values(), ids=HABITS)
async def test_orders_are_read_back(habits: dict[str, object]) -> None:
    """Each order is CONFIRMED by the board's own word, however it says it."""
    async with asked(**habits) as (driver, board, heard):
        await heard.back()
        for door in (1, 2):
            assert await driver.send(Secure(door)) is Outcome.CONFIRMED
        assert board.coils == {1: False, 2: True}
        assert await driver.send(release(1)) is Outcome.CONFIRMED
        assert await driver.send(HoldReleased(2)) is Outcome.CONFIRMED
        assert board.coils == {1: True, 2: False}


async def test_a_relay_that_does_not_follow_is_refused() -> None:
    """A welded relay is told to a person instead of being called released."""
    async with asked() as (driver, board, heard):
        await heard.back()
        board.stuck = {1}
        with pytest.raises(Refused, match="does not follow"):
            await driver.send(release(1))


async def test_a_board_that_was_reset_or_fell_silent_is_lost() -> None:
    """Relays that are not as they were set, and a board that answers no more, are told; both come back."""
    async with asked() as (driver, board, heard):
        after = await heard.back()
        await driver.send(Secure(2))
        board.power_cycle()
        after = await heard.lost(after)
        assert "relay 2 is not as it was set" in str(heard.readings[after - 1])
        after = await heard.back(after)
        board.mute = True
        after = await heard.lost(after)
        with pytest.raises(LineLost):
            await driver.send(Secure(1))
        board.mute = False
        await heard.back(after)


async def test_what_cannot_be_asked_is_never_driven() -> None:
    """A reader, or a board without the question, at this name: lost, and not one order goes out."""
    modem = NullModem()
    driver = Controller(ASKED, {1: Level.DEENERGISED}, timing=BRISK, dial=modem.dial)
    heard = Heard()
    async with running(driver, heard):
        line = await modem.answer()
        line.write(b"7B11D7\r")
        await heard.lost()
        with pytest.raises(LineLost):
            await driver.send(release(1))
        assert set(await line.read()) == set(QUESTION)
