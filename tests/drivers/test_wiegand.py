"""Wiegand words against published vectors and captures with printed numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import Misread
from drivers.wiegand import FORMATS, BadNotation, Format, NotationFault, read_notation, write_notations

H10301, W26, C1K35, H10302, H10304 = (FORMATS[name] for name in ("h10301", "w26", "c1k35", "h10302", "h10304"))
layouts = pytest.mark.parametrize("layout", FORMATS.values(), ids=lambda layout: layout.name)

# Bits as an oscilloscope saw them on a reader with D0 and D1 swapped, beside the number printed on the card (a public forum thread).
SWAPPED_CAPTURE = ("00011001001011011000100110", 13477100)


def test_h10301_published_vector() -> None:
    """The well-known word 0x2006f623ae is facility 123, number 4567, after its leading sentinel bits."""
    word = 0x2006F623AE & (1 << 26) - 1
    value = H10301.decode(word)
    assert isinstance(value, int)
    assert H10301.split(value) == (123, 4567)
    assert H10301.encode(H10301.join(123, 4567)) == word


def test_capture_of_swapped_wires_is_recognised() -> None:
    """A real capture with D0 and D1 swapped is named as such, and its complement is the printed number."""
    bits, printed = SWAPPED_CAPTURE
    word = int(bits, 2)
    assert W26.decode(word) is Misread.SWAPPED
    assert W26.decode(word ^ (1 << 26) - 1) == printed


@pytest.mark.parametrize("printed", [1217496, 1217485, 13477100, 13477183, 14594826])
def test_printed_numbers_survive_the_wire(printed: int) -> None:
    """The printed numbers of five captured cards come back from a 26-bit word with both parities right."""
    assert W26.decode(W26.encode(printed)) == printed


def test_corporate_1000_masks() -> None:
    """The three parities of the 35-bit word cover the published masks, bit 0 last and over everything else."""
    groups = [parity.group for parity in C1K35.parities]
    own = [1 << 33, 1 << 0, 1 << 34]
    assert [group & ~bit for group, bit in zip(groups, own, strict=True)] == [0x1_B6DB6DB6, 0x3_6DB6DB6C, 0x3_FFFFFFFF]


def test_corporate_1000_by_hand() -> None:
    """Facility 1, number 1 by pencil: inner even parity 1, inner odd parity 0, outer odd parity over the rest."""
    word = C1K35.encode(C1K35.join(1, 1))
    payload = (1 << 20 | 1) << 1
    even = (payload & 0x1_B6DB6DB6).bit_count() % 2
    odd = 1 - ((payload | even << 33) & 0x3_6DB6DB6C).bit_count() % 2
    outer = 1 - (payload | even << 33 | odd).bit_count() % 2
    assert word == outer << 34 | even << 33 | payload | odd


def test_37_bits_do_not_tell_their_format() -> None:
    """Every valid H10302 word is a valid H10304 word and the other way round: only the settings can say which it is."""
    for value in (0, 1, 0x5_5555_5555, (1 << 35) - 1):
        assert H10304.decode(H10302.encode(value)) == value
        assert H10302.decode(H10304.encode(value)) == value


def test_flat_and_split_forms_share_their_bits() -> None:
    """26 and 34 bits split or flat are the same words; only the notation differs."""
    assert FORMATS["w26"].encode(0xCDA4EC) == H10301.encode(H10301.join(205, 42220))
    assert FORMATS["w34"].encode(0xCDA4ECAB) == FORMATS["h10306"].encode(0xCDA4ECAB)


@layouts
@given(data=st.data())
def test_round_trip_and_one_flipped_bit(layout: Format, data: st.DataObject) -> None:
    """Every value comes back; its complement is SWAPPED; a word with one flipped bit is never a card."""
    value = data.draw(st.integers(0, (1 << layout.payload) - 1))
    word = layout.encode(value)
    assert layout.decode(word) == value
    assert layout.decode(word ^ (1 << layout.bits) - 1) is Misread.SWAPPED
    flipped = word ^ 1 << data.draw(st.integers(0, layout.bits - 1))
    assert isinstance(layout.decode(flipped), Misread)


@layouts
def test_words_and_values_of_another_length(layout: Format) -> None:
    """A word or value that does not fit is refused, not cut."""
    assert layout.decode(1 << layout.bits) is Misread.LENGTH
    with pytest.raises(ValueError, match="bits"):
        layout.encode(1 << layout.payload)


@layouts
@given(data=st.data())
def test_every_notation_reads_back(layout: Format, data: st.DataObject) -> None:
    """Whatever is shown to a person can be typed back and is the same card."""
    value = data.draw(st.integers(0, (1 << layout.payload) - 1))
    for text in write_notations(value, layout):
        assert read_notation(text, layout) == (layout.bits, value)


def test_three_notations_of_one_card() -> None:
    """205,42220 and 0013477100 and 00CDA4EC are one 26-bit card."""
    same = {read_notation(text, H10301) for text in ("fc:205,42220", "dec:0013477100", " HEX:00cda4ec ")}
    assert same == {(26, 13477100)}
    assert write_notations(13477100, H10301) == ("fc:205,42220", "dec:0013477100", "hex:00CDA4EC")


@pytest.mark.parametrize(
    ("text", "layout", "fault"),
    [
        ("0013477100", H10301, NotationFault.FORM),
        ("fc:205", H10301, NotationFault.FORM),
        ("dec:１２", H10301, NotationFault.FORM),
        ("hex:XYZ", H10301, NotationFault.FORM),
        ("", H10301, NotationFault.FORM),
        ("fc:256,1", H10301, NotationFault.RANGE),
        ("dec:16777216", H10301, NotationFault.RANGE),
        ("fc:1,1", W26, NotationFault.FLAT),
    ],
)
def test_bad_notations_say_why_and_never_what(text: str, layout: Format, fault: NotationFault) -> None:
    """A number without notation is never guessed at, and the message does not repeat it."""
    with pytest.raises(BadNotation) as caught:
        read_notation(text, layout)
    assert caught.value.fault is fault
    assert not text or text not in str(caught.value)
