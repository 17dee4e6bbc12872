"""QR readers: a line is a code, whatever the cable does to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.door.qr import GAP_S, MOST_TEXT, Decoder, Options, Simulator
from drivers.errors import LineLost
from drivers.readings import CardMisread, CodeRead, Misread

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
