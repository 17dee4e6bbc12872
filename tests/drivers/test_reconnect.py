"""The reconnect machine by itself, and the loop around it on a null modem."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from drivers.errors import NoAnswer, Refused
from drivers.line import Line, NullModem
from drivers.readings import Back, Lost
from drivers.reconnect import FIRST_WAIT_S, LONGEST_WAIT_S, SPREAD, STEADY_AFTER_S, Phase, Reconnect, keep_line
from drivers.timing import Timing
from tests.drivers.harness import Heard, stop


def test_waits_double_to_ten_seconds() -> None:
    """Without luck the waits are 0.5, 1, 2, 4, 8, 10, 10 seconds."""
    machine = Reconnect(chance=lambda: 0.0)
    assert [machine.down(0.0)[0] for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]


def test_luck_shortens_a_wait_by_a_quarter_at_most() -> None:
    """Ports of one hub do not dial in step, and none waits longer than the named bound."""
    machine = Reconnect(chance=lambda: 1.0)
    waits = [machine.down(0.0)[0] for _ in range(7)]
    assert waits[0] == FIRST_WAIT_S * (1 - SPREAD)
    assert waits[-1] == LONGEST_WAIT_S * (1 - SPREAD)


def test_a_steady_line_starts_again_at_the_first_wait() -> None:
    """A line that held ten seconds is dialled soon after its loss; one that flaps is not."""
    machine = Reconnect(chance=lambda: 0.0)
    machine.down(0.0)
    machine.dialling()
    machine.up(10.0)
    assert machine.down(10.0 + STEADY_AFTER_S)[0] == FIRST_WAIT_S
    machine.dialling()
    machine.up(30.0)
    assert machine.down(31.0)[0] > FIRST_WAIT_S


def test_news_comes_once() -> None:
    """However often dialling fails, going down is news once and coming back is news once."""
    machine = Reconnect()
    assert machine.up(0.0)
    assert [machine.down(1.0)[1] for _ in range(3)] == [True, False, False]
    assert machine.phase is Phase.WAITING
    assert [machine.up(2.0) for _ in range(2)] == [True, False]
    assert machine.phase is Phase.UP


class Script:
    """A device that fails in the ways it is told, then serves until unplugged."""

    def __init__(self, *faults: Exception) -> None:
        self.modem = NullModem()
        self.waits: list[float] = []
        self.heard = Heard()
        self._faults = list(faults)

    async def serve(self, line: Line, ready: Callable[[], None]) -> None:
        """Raise the next fault before the device is known to be right; with none left be a good device."""
        if self._faults:
            raise self._faults.pop(0)
        ready()
        while True:
            await line.read()

    async def wait(self, seconds: float) -> None:
        """Note a wait and let it be over."""
        self.waits.append(seconds)
        await asyncio.sleep(0)

    def run(self) -> asyncio.Task[None]:
        """Keep the line."""
        timing = Timing(sleep=self.wait)
        return asyncio.create_task(keep_line(self.modem.dial, self.serve, self.heard, name="port", timing=timing, chance=lambda: 0.0))


async def test_a_wrong_device_is_never_back(caplog: pytest.LogCaptureFixture) -> None:
    """A line that opens onto a silent or a wrong device stays lost until the right one answers; the log says it once each way."""
    caplog.set_level(logging.INFO)
    script = Script(NoAnswer("silent"), Refused("another serial number"), NoAnswer("silent"))
    task = script.run()
    await script.heard.back()
    assert script.heard.readings == [Lost("silent"), Back()]
    assert script.waits == [0.5, 1, 2]
    assert [record.getMessage() for record in caplog.records] == ["port: lost: silent", "port: back"]
    await stop(task)


async def test_first_connection_is_not_logged_as_a_return(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was down, so nothing is back."""
    caplog.set_level(logging.INFO)
    script = Script()
    task = script.run()
    await script.heard.back()
    assert not caplog.records
    script.modem.unplug()
    await script.heard.lost()
    script.modem.plug()
    await script.heard.back(after=1)
    assert len(caplog.records) == 2
    await stop(task)


async def test_a_bug_is_not_an_outage() -> None:
    """What is no DriverError goes to the supervisor and is not dialled away."""
    script = Script(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await script.run()
