"""QR readers: a line is a code, whatever the cable does to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.door import qr_tlv
from drivers.door.qr import GAP_S, MOST_TEXT, Controller, Decoder, Options, Simulator, card_or_code
from drivers.errors import LineLost
from drivers.line import NullModem
from drivers.orders import Indicate, Outcome, Signal
from drivers.readings import CardMisread, CardRead, CodeRead, Misread, Reading
from tests.drivers.harness import BRISK, Heard, eventually, running

TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=MOST_TEXT)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r"])
def test_every_suffix(end: bytes) -> None:
    """CR, LF or both end a code, and empty lines are none."""
    assert Decoder().feed(b"\r\n7KQ29XBM" + end, 0.0) == [CodeRead(1, "7KQ29XBM")]


@given(codes=st.lists(TEXT, max_size=5), cuts=st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_any_chunking(codes: list[str], cuts: list[int]) -> None:
    """However the line is cut, the same codes are read."""
    wire, decoder, found, at, turn = b"".join(code.encode() + b"\r\n" for code in codes), Decoder(), [], 0, 0
    while at < len(wire):
        size = cuts[turn % len(cuts)]
        found += decoder.feed(wire[at : at + size], 0.0)
        at, turn = at + size, turn + 1
    assert found == [CodeRead(1, code) for code in codes]


@given(dirt=st.binary(max_size=1000))
def test_the_line_is_bounded(dirt: bytes) -> None:
    """Whatever comes, one line is kept at most, and every code is printable and no longer than the bound."""
    decoder = Decoder()
    for reading in decoder.feed(dirt, 0.0):
        assert isinstance(reading, CardMisread) or (reading.text.isprintable() and len(reading.text) <= MOST_TEXT)  # type: ignore[union-attr]
        assert len(decoder._line) <= MOST_TEXT + 1


@pytest.mark.parametrize(
    ("line", "fault"), [(b"x" * (MOST_TEXT + 1), Misread.LENGTH), ("住户".encode("gb18030"), Misread.TEXT), (b"a\0b", Misread.TEXT)]
)
def test_what_is_no_code(line: bytes, fault: Misread) -> None:
    """Too long, or not printable ASCII: a misread, never a shorter code."""
    assert Decoder().feed(line + b"\r", 0.0) == [CardMisread(1, fault)]


def test_a_code_held_up_is_one_reading() -> None:
    """The same code within three seconds is said once; another in between is not held up."""
    decoder = Decoder(3.0)
    shown = [(0, b"AAAA"), (1, b"AAAA"), (3.5, b"AAAA"), (7, b"AAAA"), (7.1, b"BBBB")]
    assert [len(decoder.feed(code + b"\r", at)) for at, code in shown] == [1, 0, 0, 1, 1]


def test_half_a_line_ends_with_silence() -> None:
    """A reader that was pulled in the middle of a code does not lengthen the next."""
    decoder = Decoder()
    decoder.feed(b"7KQ2", 1.0)
    assert decoder.due() == 1.0 + GAP_S
    decoder.silence()
    assert decoder.feed(b"9XBM\r", 2.0) == [CodeRead(1, "9XBM")]


def test_codes_stay_out_of_every_repr() -> None:
    """A code is a key: it is in no log line and no traceback."""
    assert "7KQ29XBM" not in repr(CodeRead(1, "7KQ29XBM"))


def test_the_simulator_refuses_what_it_cannot_be() -> None:
    """Text that no reader sends, and a code while unplugged."""
    reader = Simulator(Options(port="/dev/null"))
    for text in ("", "住户", "x" * 129, "a\rb"):
        with pytest.raises(ValueError, match="ASCII"):
            reader.present(text)
    with pytest.raises(LineLost):
        reader.present("7KQ29XBM")


# --- heads that are asked ----------------------------------------------------------------------------------------------------------------

TLV = Options(port="/dev/null", framing="tlv")
HABITS: dict[str, dict[str, bool]] = {
    "answers": {},
    "reports": {"reports": True},
    "echo": {"echo": True},
    "both": {"reports": True, "echo": True},
}


@asynccontextmanager
async def head(options: Options = TLV, **habits: bool) -> AsyncIterator[tuple[Controller, Simulator, Heard, NullModem]]:
    """A head and its driver, running."""
    modem, reader = NullModem(), Simulator(options, **habits)
    driver = Controller(options, {}, timing=BRISK, dial=modem.dial)

    async def serve() -> None:
        while True:
            line = await modem.answer()
            with suppress(LineLost):
                await reader.run(line)

    heard, serving = Heard(), asyncio.create_task(serve())
    async with running(driver, heard):
        yield driver, reader, heard, modem
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def test_frames_of_public_programs() -> None:
    """The bytes that other people's programs send to such heads, and an answer of the form that they take apart."""
    assert qr_tlv.question(qr_tlv.READ).hex() == "55aa300000cf"
    assert qr_tlv.question(qr_tlv.SHOW, bytes.fromhex("0f03505000")).hex() == "55aa0405000f03505000f2"
    (frame,) = qr_tlv.Frames().feed(bytes.fromhex("55aa30000400 05397fb2 3a".replace(" ", "")))
    assert (frame.command, frame.flag, frame.data.hex()) == (0x30, 0, "05397fb2")


@given(
    data=st.lists(st.binary(max_size=qr_tlv.MOST_DATA), min_size=1, max_size=4),
    noise=st.binary(max_size=60).filter(lambda noise: 0x55 not in noise),
    size=st.integers(1, 40),
)
def test_frames_are_whole_whatever_the_pieces(data: list[bytes], noise: bytes, size: int) -> None:
    """However they are cut and whatever lies between them."""
    frames, found = qr_tlv.Frames(), []
    wire = b"".join(noise + qr_tlv.Frame(0x30, 0, each).to_bytes() for each in data)
    for at in range(0, len(wire), size):
        found += frames.feed(wire[at : at + size])
    assert [frame.data for frame in found] == data


@given(noise=st.binary(max_size=900))
def test_noise_is_no_frame_and_its_own_bytes_are_bounded(noise: bytes) -> None:
    """Nothing escapes, a question that comes back is no answer, and what is kept is bounded."""
    frames = qr_tlv.Frames()
    frames.feed(noise)
    assert len(frames._bytes) <= qr_tlv.KEPT
    assert qr_tlv.Frames().feed(qr_tlv.question(qr_tlv.READ) + b"".join(map(qr_tlv.show, Signal))) == []


@pytest.mark.parametrize("habits", HABITS.values(), ids=HABITS)
async def test_codes_cards_and_answers_of_a_head(habits: dict[str, bool]) -> None:
    """Asked or by itself, a head tells codes and cards, each once, and shows what it is told to show."""
    async with head(**habits) as (driver, reader, heard, _):
        after = await heard.back()
        reader.present("7KQ29XBM")
        after = await heard.until(lambda reading: reading == CodeRead(1, "7KQ29XBM"), after=after)
        reader.present_card(bytes.fromhex("05397fb2"))
        after = await heard.until(lambda reading: reading == CardRead(1, 34, 0x05397FB2), after=after)
        for signal in Signal:
            assert await driver.send(Indicate(1, signal)) is Outcome.CONFIRMED
        assert [shown[0] for shown in reader.shown] == [0x0C, 0x0A, 0x18, 0x10]
        assert len(heard.readings) == after


@pytest.mark.parametrize(
    ("cards", "reading"),
    [("msb", CardRead(1, 34, 0x41424344)), ("lsb", CardRead(1, 34, 0x44434241)), ("none", CodeRead(1, "ABCD"))],
)
def test_four_bytes_are_a_card_where_cards_are_read(cards: str, reading: Reading) -> None:
    """In either order; a card of another length is a misread and no code."""
    assert card_or_code(b"ABCD", cards) == reading
    assert card_or_code(bytes.fromhex("04a1b2c3d4e5f6"), cards) == CardMisread(1, Misread.TEXT)
    assert card_or_code(b"7KQ29XBM\r\n", cards) == CodeRead(1, "7KQ29XBM")


async def test_a_head_that_falls_silent_is_lost() -> None:
    """It is asked whether it is there; what it keeps from the silence is not used."""
    async with head(keeps=True) as (driver, reader, heard, modem):
        after = await heard.back()
        reader.mute = True
        after = await heard.lost(after)
        with pytest.raises(LineLost):
            await driver.send(Indicate(1, Signal.OK))
        modem.unplug()
        reader.mute = False
        await eventually(lambda: reader._line is None)
        reader.present("7KQ29XBM")
        modem.plug()
        after = await heard.back(after)
        reader.present("another1")
        await heard.until(lambda reading: reading == CodeRead(1, "another1"), after=after)
        assert not [reading for reading in heard.readings if reading == CodeRead(1, "7KQ29XBM")]


async def test_a_reader_of_lines_is_no_head() -> None:
    """Something else at this port does not answer, and is lost."""
    modem = NullModem()
    heard = Heard()
    async with running(Controller(TLV, {}, timing=BRISK, dial=modem.dial), heard):
        (await modem.answer()).write(b"7KQ29XBM\r\n")
        await heard.lost()
        assert "does not answer" in str(heard.readings[-1])
