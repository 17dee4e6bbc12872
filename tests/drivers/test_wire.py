"""Bad cables: the same drivers over wires that cut, lose, double and dirty the bytes, and over one that echoes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import LineLost
from drivers.line.memory import Carry
from drivers.orders import Secure
from drivers.readings import Back, CardRead, Lost, PinEntered
from tests.drivers.harness import PATIENCE_S, Heard, eventually, release, running
from tests.drivers.rigs import WIRED, WireRig

NOWHERE = Path("/nonexistent")  # a wire in memory has no path
wired = pytest.mark.parametrize("name", WIRED)
marked = pytest.mark.parametrize("name", [name for name in WIRED if name not in {"lcus", "wiegand_serial-fixed"}])
talking = pytest.mark.parametrize("name", [name for name in WIRED if name != "lcus"])


def cut(sizes: list[int]) -> Carry:
    """Pieces of these sizes, over and over."""

    def carry(data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            size = sizes[at % len(sizes)]
            yield data[at : at + size]
            at += size

    return carry


def lossy(seed: int) -> Carry:
    """One byte in five gets lost."""
    chance = random.Random(seed)

    def carry(data: bytes) -> Iterator[bytes]:
        yield bytes(byte for byte in data if chance.random() >= 0.2)

    return carry


async def hear(rig: WireRig, act: Callable[[Heard], object]) -> Heard:
    """Run the driver of a rig through one act."""
    heard = Heard()
    await rig.plug()
    async with running(rig.controller(), heard):
        await heard.back()
        await act(heard)  # type: ignore[misc]  # every act is a coroutine function
    await rig.unplug()
    return heard


@marked
@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=6))
async def test_any_chunking(name: str, sizes: list[int]) -> None:
    """However the wire cuts the bytes up, the same cards arrive once each and in order.

    The fixed framing is left to its decoder's own test: a busy machine may well pause for its 20 ms between two chunks.
    """
    rig = WIRED[name](NOWHERE, cut(sizes))

    async def act(heard: Heard) -> None:
        after = 1
        for _ in range(3):
            said = await rig.say()
            after = await heard.until(lambda reading, said=said: reading == said, after=after)

    heard = await hear(rig, act)
    assert heard.readings[1:] == [CardRead(1, 26, number) for number in (1, 2, 3)]


@talking
async def test_lost_bytes_never_make_another_card(name: str) -> None:
    """A wire that loses a fifth of its bytes loses cards, but no card arrives that was not presented."""
    rig = WIRED[name](NOWHERE, lossy(1))
    presented = set()

    async def act(heard: Heard) -> None:
        for _ in range(40):
            presented.add(await rig.say())
            await asyncio.sleep(0.001)

    heard = await hear(rig, act)
    assert {reading for reading in heard.readings if isinstance(reading, CardRead)} <= presented


@marked
@settings(max_examples=15, deadline=None)
@given(dirt=st.binary(min_size=1, max_size=200))
async def test_noise_before_a_card(name: str, dirt: bytes) -> None:
    """After any noise at most one card is lost: the next is read."""
    rig = WIRED[name](NOWHERE, cut([200]))

    async def act(heard: Heard) -> None:
        await rig.noise(dirt)
        said = [await rig.say(), await rig.say()]
        await heard.until(lambda reading: reading == said[1])

    await hear(rig, act)


async def test_noise_before_a_card_without_marks() -> None:
    """The fixed framing has only silence to find its feet by, and does."""
    rig = WIRED["wiegand_serial-fixed"](NOWHERE, cut([200]))

    async def act(heard: Heard) -> None:
        for _ in range(5):
            before = len(heard.readings)
            await rig.noise(b"\xffnoise")
            async with asyncio.timeout(PATIENCE_S):
                while not any(isinstance(reading, CardRead) for reading in heard.readings[before:]):
                    await rig.say()
                    await asyncio.sleep(0.05)  # more than the gap, where the machine lets it

    await hear(rig, act)


@wired
async def test_echo_means_nothing(name: str) -> None:
    """A device that sends everything back causes no reading and no second order."""
    rig = WIRED[name](NOWHERE, cut([3]))
    driver_orders = name == "lcus"
    rig.simulator._echo = True
    heard = Heard()
    await rig.plug()
    driver = rig.controller()
    async with running(driver, heard):
        await heard.back()
        if driver_orders:
            await driver.send(Secure(2))
            await driver.send(release(1, 0.05))
            await eventually(lambda: len(rig.simulator.history) == 3)
        said = await rig.say()
        if said is not None:
            await heard.until(lambda reading: reading == said)
    await rig.unplug()
    assert [reading for reading in heard.readings[1:] if not isinstance(reading, CardRead)] == []
    assert not driver_orders or len(rig.simulator.history) == 3


async def test_noise_moves_no_relay() -> None:
    """Whatever a relay board babbles, no order leaves for it."""
    rig = WIRED["lcus"](NOWHERE, cut([17]))
    chance = random.Random(2)

    async def act(heard: Heard) -> None:
        for _ in range(50):
            with suppress(LineLost):  # what babbles is no relay board, and is hung up on
                await rig.noise(chance.randbytes(500))
            await asyncio.sleep(0)

    heard = await hear(rig, act)
    assert heard.news()[:2] == [Back, Lost]
    assert not rig.simulator.history


async def test_pin_over_a_byte_by_byte_wire() -> None:
    """A PIN typed on a converter's keypad arrives whole, whether its keys come apart or together."""
    for sizes in ([1], [100]):
        rig = WIRED["wiegand_serial-decimal_crlf"](NOWHERE, cut(sizes))

        async def act(heard: Heard, rig: WireRig = rig) -> None:
            await eventually(lambda: rig.simulator._line is not None)
            rig.simulator.type_pin("246810")
            await heard.until(lambda reading: isinstance(reading, PinEntered))

        heard = await hear(rig, act)
        assert heard.readings[1:] == [PinEntered(1, "246810")]
