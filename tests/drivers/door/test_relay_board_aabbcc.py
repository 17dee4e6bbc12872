"""HW-667 boards: the three bytes, and that the driver sends only two of them."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

import drivers
from drivers.door.relay_board_aabbcc import Controller, Options, Simulator
from drivers.errors import Refused
from drivers.line import NullModem
from drivers.orders import HoldReleased, Level, Outcome, Secure
from tests.drivers.harness import BRISK, Heard, eventually, release, running

BOARD = Options(port="/dev/null")


@pytest.mark.parametrize("secured", [Level.DEENERGISED, Level.ENERGISED])
async def test_the_bytes_on_the_wire(secured: Level) -> None:
    """Holding, securing and releasing are AA and BB by what secures the lock, and each is only commanded."""
    modem = NullModem()
    driver = Controller(BOARD, {1: secured}, timing=BRISK, dial=modem.dial)
    heard = Heard()
    async with running(driver, heard):
        await heard.back()
        line = await modem.answer()
        idle, moved = (b"\xbb", b"\xaa") if secured is Level.DEENERGISED else (b"\xaa", b"\xbb")
        for order, byte in ((Secure(1), idle), (HoldReleased(1), moved), (Secure(1), idle)):
            assert await driver.send(order) is Outcome.COMMANDED
            assert await line.read() == byte
        await driver.send(release(1, 0.05))
        said = b""
        while len(said) < 2:
            said += await line.read()
        assert said == moved + idle


async def test_there_is_one_relay() -> None:
    """A second relay is no setting and no door."""
    with pytest.raises(ValidationError):
        Options.model_validate({"port": "/dev/null", "outputs": 2})
    with pytest.raises(Refused):
        await Controller(BOARD, {1: Level.DEENERGISED, 2: Level.DEENERGISED}).send(Secure(2))


async def test_the_board_ends_its_jog() -> None:
    """CC from anywhere lasts one second at the simulated board, and another byte takes its place."""
    board = Simulator(BOARD)
    board.take(0x00)
    assert not board.history
    board.take(0xCC)
    assert board.coils[1]
    await eventually(lambda: not board.coils[1])
    board.take(0xCC)
    board.take(0xAA)
    await asyncio.sleep(0)
    assert [switched.energised for switched in board.history] == [True, False, True, True]
    board.power_cycle()
    assert not board.coils[1]


def test_its_row_is_honest() -> None:
    """A board that answers nothing and latches is bronze and must be accepted by the site."""
    assert drivers.KINDS["hw667"].grade.value == "bronze"
    assert drivers.KINDS["hw667"].locks.value == "latching"
