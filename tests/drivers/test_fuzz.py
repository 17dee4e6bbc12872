"""A million random bytes into every decoder and driver: no exception escapes, no relay moves, and no crowd of phantom cards appears.

The bytes are seeded, so that a failure can be had again. The expected number of cards that pure chance makes is worked out per framing.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.door import relay_board
from drivers.door.converter_frames import Decoder
from drivers.door.wiegand_serial import Options
from drivers.errors import LineLost
from drivers.orders import Outcome, Secure
from drivers.readings import CardMisread, CardRead, Lost, PinEntered, Reading
from drivers.wiegand import FORMATS
from tests.drivers.harness import Heard, eventually, running
from tests.drivers.rigs import RIGS, WIRED, WireRig

MILLION = 1_000_000
SEED = 20260101
ALPHABET = b"0123456789ABCDEFabcdef\r\n\x02\x03*#"  # what a line in the wrong speed or framing might look like: the hardest noise

CONVERTERS = {
    "hex_cr": {"framing": "hex_cr", "format": "h10301"},
    "hex_cr_word": {"framing": "hex_cr", "format": "h10302", "content": "word"},
    "decimal_crlf": {"framing": "decimal_crlf", "format": "w26"},
    "stx_etx": {"framing": "stx_etx", "format": "w34"},
    "fixed": {"framing": "fixed", "format": "h10301"},
    "hex_cr_keys": {"framing": "hex_cr", "format": "h10301", "keys": "burst8"},
    "fixed_xor": {"framing": "fixed", "format": "c1k35", "checksum": "xor"},
}


def pieces(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """Small chunks through the first tenth, as a slow port gives them, then big ones, as after a loop that stood still."""
    cuts = [0]
    while cuts[-1] < len(data):
        cuts.append(cuts[-1] + chance.randint(1, 40 if cuts[-1] < len(data) // 10 else 20_000))
    return (data[start:end] for start, end in pairwise(cuts))


def said_to(decoder: Decoder, data: bytes, chance: random.Random) -> Counter[type[Reading]]:
    """Everything a decoder makes of it, with silences strewn in where the driver would have seen them."""
    count: Counter[type[Reading]] = Counter()
    for at, chunk in enumerate(pieces(data, chance)):
        found = decoder.feed(chunk, float(at))
        if decoder.due() is not None and chance.random() < 0.5:
            found += decoder.silence(at + 0.5)
        count.update(type(reading) for reading in found)
    return count


@pytest.mark.parametrize("name", CONVERTERS)
def test_random_bytes(name: str) -> None:
    """White noise makes fewer than three cards in a million bytes."""
    chance = random.Random(SEED)
    options = Options.model_validate({"port": "/dev/null", "debounce_s": 0, **CONVERTERS[name]})
    count = said_to(Decoder(options.frame()), chance.randbytes(MILLION), chance)
    assert set(count) <= {CardRead, CardMisread, PinEntered}
    assert count[CardRead] < 3


@pytest.mark.parametrize("name", CONVERTERS)
def test_random_bytes_of_the_protocol(name: str) -> None:
    """Noise made of the protocol's own letters, as from a wrong speed, gives cards only at the rate of chance."""
    chance = random.Random(SEED)
    options = Options.model_validate({"port": "/dev/null", "debounce_s": 0, **CONVERTERS[name]})
    count = said_to(Decoder(options.frame()), bytes(chance.choices(ALPHABET, k=MILLION)), chance)
    # hex_cr without parity is the weakest: a boundary, six digits of 28 letters, CR: 1e6 x (22/28)**6 / 28 x 6/28 = 1,800. Parity quarters
    # the words; a checksum of eight bits divides by 256.
    most = {"hex_cr": 2_500, "hex_cr_keys": 2_500, "hex_cr_word": 500, "decimal_crlf": 60, "stx_etx": 60, "fixed": 3, "fixed_xor": 3}
    assert count[CardRead] < most[name]


def test_random_bytes_at_a_relay_board() -> None:
    """The board's own ear survives a million bytes, and switches no more than four random bytes in a row may: one in eight million."""
    chance = random.Random(SEED)
    decoder = relay_board.Decoder()
    frames = [frame for chunk in pieces(chance.randbytes(MILLION), chance) for frame in decoder.feed(chunk)]
    assert len(frames) < 3


def test_random_words() -> None:
    """A million random words: each format takes what its parities let through, one in four or eight, and raises nothing."""
    chance = random.Random(SEED)
    for layout in FORMATS.values():
        taken = sum(isinstance(layout.decode(chance.getrandbits(layout.bits)), int) for _ in range(MILLION // len(FORMATS)))
        share = taken * len(FORMATS) / MILLION * 2 ** len(layout.parities)
        assert 0.95 < share < 1.05


@pytest.mark.parametrize("name", WIRED)
async def test_random_bytes_into_running_drivers(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A device that babbles a million bytes neither stops its driver nor makes it send anything, and is heard again afterwards."""
    chance = random.Random(SEED)
    rig: WireRig = WIRED[name](tmp_path_factory.mktemp("fuzz"), lambda data: (data,))
    await rig.plug()
    heard = Heard()
    async with running(rig.controller(), heard) as task:
        await heard.back()
        for chunk in pieces(chance.randbytes(MILLION), chance):
            with suppress(LineLost):  # a driver may hang up on a device that should be silent
                await rig.noise(chunk)
            while rig.unread():  # noqa: ASYNC110 - the driver takes it in the next turns, and nothing tells when
                await asyncio.sleep(0)
        await rig.unplug()
        after = await heard.lost()
        await rig.plug()
        await heard.back(after)
        said = await rig.say()
        if said is not None:
            await heard.until(lambda reading: reading == said, after=after)
        assert not task.done()
    assert rig.releases() == 0
    await rig.unplug()


ASKED = {"lcus-ff": b"\0\1CHONF: 12\r\n", "qr-tlv": b"\x55\xaa\x30\0\1", "qr-tlv_reports": b"\x55\xaa\x30\0\1"}
"""Drivers that ask, and what the answers of their devices are made of."""


@pytest.mark.parametrize("of_the_protocol", [False, True], ids=["white", "of the protocol"])
@pytest.mark.parametrize("name", ASKED)
async def test_random_bytes_between_answers(name: str, of_the_protocol: bool, tmp_path: Path) -> None:
    """Noise between, in and instead of a device's answers neither stops nor hangs its driver; afterwards it is heard and driven again."""
    chance = random.Random(SEED)
    rig = RIGS[name](tmp_path)
    await rig.plug()
    heard = Heard()
    driver = rig.controller()
    async with running(driver, heard) as task:
        await heard.back()
        data = bytes(chance.choices(ASKED[name], k=MILLION // 10)) if of_the_protocol else chance.randbytes(MILLION // 10)
        for at, chunk in enumerate(pieces(data, chance)):
            with suppress(LineLost):  # a driver may hang up on a device that makes no sense
                await rig.noise(chunk)
            await asyncio.sleep(0.01 if at % 20 == 0 else 0)  # its own waits are no longer
        assert not task.done()
        await rig.unplug()
        await eventually(lambda: heard.news()[-1] is Lost)
        after = len(heard.readings)
        await rig.plug()
        after = await heard.back(after)
        said = await rig.say()
        if said is not None:
            await heard.until(lambda reading: reading == said, after=after)
        else:
            assert await driver.send(Secure(1)) is Outcome.CONFIRMED
    assert rig.releases() == 0
    await rig.unplug()
