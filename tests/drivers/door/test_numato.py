"""Numato modules: their words, their identity, and what they confirm."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.door.numato import Controller, Options, Simulator, wire
from drivers.errors import LineLost, NoAnswer, Refused, Stale
from drivers.line import Line, NullModem
from drivers.orders import HoldReleased, Level, Outcome, Secure
from drivers.readings import Contact, InputChanged, Lost
from tests.drivers.harness import BRISK, Heard, eventually, release, running

SECURED = {1: Level.DEENERGISED, 2: Level.ENERGISED}


class Bench:
    """A module, its driver, and the wire in memory between them."""

    def __init__(self, wanted: str | None = None, found: str = "gate0001", outputs: int = 12) -> None:
        options = Options(port="/dev/null", outputs=outputs, inputs=2, id=wanted)
        self.modem = NullModem()
        self.module = Simulator(options)
        self.module.id = found
        self.driver = Controller(options, {**SECURED, 12: Level.DEENERGISED}, timing=BRISK, dial=self.modem.dial)
        self.heard = Heard()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Bench]:
        """Both ends while the block runs."""

        async def answer() -> None:
            while True:
                line: Line = await self.modem.answer()
                with contextlib.suppress(LineLost):
                    await self.module.run(line)

        device = asyncio.create_task(answer())
        try:
            async with running(self.driver, self.heard):
                yield self
        finally:
            device.cancel()
            await asyncio.gather(device, return_exceptions=True)


def test_words_of_the_manual() -> None:
    """Relays beyond the tenth are letters, also beyond F."""
    assert wire.command(wire.relay(1, True)) == b"relay on 0\r"
    assert wire.command(wire.relay(2, False)) == b"relay off 1\r"
    assert wire.relay_read(11) == "relay read A"
    assert wire.relay_read(32) == "relay read V"
    assert wire.gpio_read(11) == "gpio read A"


@pytest.mark.parametrize(
    "said",
    [
        b"relay read 0\n\ron\n\r>",
        b"relay read 0\r\non\r\n>",
        b"junk\n\r>\n\r>relay read 0\n\ron\n\r>",
        b"relay read 0\0\n\ron\0\n\r>",
        b"RELAY READ 0\r\n\0on\r\n\0>",
    ],
)
def test_either_line_end_is_an_answer(said: bytes) -> None:
    """Firmware differs in the order of CR and LF, and old prompts stand before the answer."""
    found = [wire.answer_in(block, "relay read 0") for block in wire.Blocks().feed(said)]
    assert found[-1] == "on"


@given(dirt=st.binary(max_size=600), cut=st.integers(1, 9))
def test_dirt_costs_one_answer_at_most(dirt: bytes, cut: int) -> None:
    """After any noise the second answer is read, however it is cut, and never more than the bound is kept."""
    blocks, found = wire.Blocks(), []
    data = dirt + wire.reply("gpio read 1", "0") * 2
    for at in range(0, len(data), cut):
        found += blocks.feed(data[at : at + cut])
        assert len(blocks._block) <= wire.MOST_BYTES
    assert wire.answer_in(found[-1], "gpio read 1") == "0"


async def test_orders_are_read_back() -> None:
    """Every level is confirmed by the module itself, also of a relay whose number is a letter."""
    async with Bench().running() as bench:
        await bench.heard.back()
        for order in (Secure(1), Secure(2), HoldReleased(12), release(1)):
            assert await bench.driver.send(order) is Outcome.CONFIRMED
        assert (bench.module.coils[1], bench.module.coils[2], bench.module.coils[12]) == (True, True, True)


@pytest.mark.parametrize("damaged", [["relay", "off"], ["gpio", "read"]], ids=["end of a release", "input"])
async def test_a_command_that_is_damaged_now_and_then(damaged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The module does not know a damaged command: no line is lost for that, and no door stays released."""
    async with Bench().running() as bench:
        await bench.heard.back()
        carry_out, unknown = bench.module._carry_out, list[str]()

        def not_always(words: list[str]) -> str:
            if words[:2] == damaged and len(unknown) < 2:
                unknown.extend(words[:1])
                return "Command not recognized"
            return carry_out(words)

        monkeypatch.setattr(bench.module, "_carry_out", not_always)
        assert await bench.driver.send(release(1, 0.2)) is Outcome.CONFIRMED
        await eventually(lambda: len(unknown) == 2 and not bench.module.coils[1])
        bench.module.inputs[1] = True
        await bench.heard.until(lambda reading: reading == InputChanged(1, Contact.CLOSED))
        assert Lost not in bench.heard.news()


async def test_a_relay_that_does_not_follow_is_refused() -> None:
    """A welded relay is told, not confirmed."""
    async with Bench().running() as bench:
        await bench.heard.back()
        bench.module.stuck = {1}
        with pytest.raises(Refused, match="does not follow"):
            await bench.driver.send(HoldReleased(1))


@pytest.mark.parametrize(("said", "outcome"), [("ON", Outcome.CONFIRMED), ("\0on", Outcome.CONFIRMED), ("?", Outcome.COMMANDED)])
async def test_an_order_that_was_taken_is_never_told_as_refused(said: str, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Firmware that writes its answer otherwise, or illegibly, has moved its relay all the same."""
    async with Bench().running() as bench:
        await bench.heard.back()
        carry_out = bench.module._carry_out
        monkeypatch.setattr(bench.module, "_carry_out", lambda words: said if words[:2] == ["relay", "read"] else carry_out(words))
        assert await bench.driver.send(HoldReleased(1)) is outcome
        assert bench.module.coils[1]


async def test_another_module_is_never_driven() -> None:
    """Another id at the same port is Lost with the reason, and no relay command goes out."""
    async with Bench("gate0001", "gate0002").running() as bench:
        await bench.heard.lost()
        assert bench.heard.readings == [Lost("another module than the configured one answers at this port")]
        with pytest.raises(LineLost):
            await bench.driver.send(release(1))
        assert not bench.module.history
        bench.module.id = "gate0001"
        await bench.heard.back()


async def test_inputs() -> None:
    """Every input is told after Back and at each change; a pin pulled down is a closed contact."""
    async with Bench().running() as bench:
        after = await bench.heard.until(lambda reading: reading == InputChanged(2, Contact.OPEN))
        bench.module.inputs[2] = True
        after = await bench.heard.until(lambda reading: reading == InputChanged(2, Contact.CLOSED), after=after)
        assert InputChanged(1, Contact.OPEN) in bench.heard.readings[:after]


async def test_a_module_that_falls_silent() -> None:
    """Orders get NoAnswer, or Stale where their time passes first; the module is Lost, and Back when it speaks."""
    async with Bench().running() as bench:
        after = await bench.heard.back()
        bench.module.mute = True
        with pytest.raises((NoAnswer, LineLost)):
            await bench.driver.send(Secure(1))
        with pytest.raises((Stale, NoAnswer, LineLost)):
            await bench.driver.send(release(1, late_by=-0.1))
        after = await bench.heard.lost(after)
        bench.module.mute = False
        await bench.heard.back(after)
        assert await bench.driver.send(Secure(1)) is Outcome.CONFIRMED


async def test_half_a_command_of_an_earlier_program() -> None:
    """Letters that lie in the module's buffer from before cost no command of ours."""
    bench = Bench()
    for letter in b"relay o":
        bench.module.take(letter)
    async with bench.running():
        await bench.heard.back()
        await eventually(lambda: not bench.module._typed)
        assert await bench.driver.send(Secure(2)) is Outcome.CONFIRMED


def test_an_id_is_eight_characters() -> None:
    """What the module cannot hold, or would end an answer, is no id."""
    for wrong in ("short", "toolong12", "gate>001"):
        with pytest.raises(ValidationError):
            Options(port="/dev/null", outputs=1, id=wrong)
