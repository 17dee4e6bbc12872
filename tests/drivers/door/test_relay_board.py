"""LCUS boards: the frames of the command table, and what only this board does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.door.relay_board import Coil, Controller, Decoder, Options, Simulator
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
        line.write(await line.read() + b"CH1: OFF\r\n\x00\xfe")
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
