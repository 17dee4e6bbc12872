"""Converter frames against the makers' vectors and captures, and everything a cable does to them."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.door.converter_frames import MOST_BYTES, Decoder, Frame, Framing
from drivers.door.wiegand_serial import Controller, Options, Simulator
from drivers.errors import LineLost
from drivers.line import NullModem
from drivers.readings import CardMisread, CardRead, Misread, PinEntered, Reading
from drivers.wiegand import FORMATS, read_notation
from tests.drivers.harness import BRISK, Heard, eventually, running

PORT = "/dev/null"
WIE232 = {"framing": "hex_cr", "format": "h10301"}
S4A = {"framing": "decimal_crlf", "format": "w26"}
RDM6300 = {"framing": "stx_etx", "format": "w34"}
RAW = {"framing": "fixed", "format": "h10301"}
KINDS = pytest.mark.parametrize("settings", [WIE232, S4A, RDM6300, RAW], ids=["wie232", "s4a", "rdm6300", "raw"])


def frame(settings: dict[str, object], **more: object) -> Frame:
    """The settled frame of some settings."""
    return Options.model_validate({"port": PORT, **settings, **more}).frame()


def decode(settings: dict[str, object], *chunks: bytes, **more: object) -> list[Reading]:
    """Everything a fresh decoder says to these chunks and the silence behind the last."""
    decoder = Decoder(frame(settings, **more))
    said = [reading for chunk in chunks for reading in decoder.feed(chunk, 0.0)]
    return said + (decoder.silence(1.0) if decoder.due() is not None else [])


@pytest.mark.parametrize(
    ("settings", "wire", "bits", "value"),
    [
        (WIE232, b"7B11D7\r", 26, 123 << 16 | 4567),
        (WIE232, b"7b11d7\r\n", 26, 123 << 16 | 4567),
        (S4A, b"0000123478\r\n", 26, 0x1E256),
        (RDM6300, b"\x0262E3086CED08\x03", 34, 0xE3086CED),
        (RDM6300, b"\x020100CDA4EC84\x03", 34, 13477100),
        (RDM6300 | {"format": "w26"}, b"\x020100CDA4EC84\x03", 26, 13477100),
        (RAW, bytes.fromhex("02F623AE"), 26, 123 << 16 | 4567),
        (WIE232 | {"content": "word"}, b"2F623AE\r", 26, 123 << 16 | 4567),
    ],
)
def test_published_frames(settings: dict[str, object], wire: bytes, bits: int, value: int) -> None:
    """The makers' examples, and a capture whose printed number is 0013477100."""
    assert decode(settings, wire) == [CardRead(1, bits, value)]


PAGE = Path(__file__).parents[3] / "docs" / "devices" / "wiegand_serial.md"
ON_THE_WIRE = re.findall(r"^\| `(\w+)` \| `([0-9A-F ]+)` \|.*\| `(\w+)` \| `([^`]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_frames_of_the_page() -> None:
    """An installer with a serial monitor compares with these: each framing has one, and it is the card that it is said to be."""
    assert [framing for framing, *_ in ON_THE_WIRE] == list(Framing)
    for framing, wire, name, card in ON_THE_WIRE:
        bits, value = read_notation(card, FORMATS[name])
        assert decode({"framing": framing, "format": name}, bytes.fromhex(wire)) == [CardRead(1, bits, value)]


@pytest.mark.parametrize(
    ("settings", "wire", "fault"),
    [
        (WIE232, b"B11D7\r", Misread.LENGTH),
        (WIE232, b"77B11D7\r", Misread.LENGTH),
        (WIE232, b"7B\xff11D7\r", Misread.LENGTH),
        (WIE232, b"1" * 100 + b"7B11D7\r", Misread.LENGTH),
        (S4A, b"0016777216\r\n", Misread.LENGTH),
        (RDM6300, b"\x0262E3086CEE08\x03", Misread.CHECKSUM),
        (RDM6300, b"\x0262E3086C08\x03", Misread.LENGTH),
        (RAW, bytes.fromhex("02F623AF"), Misread.PARITY),
        (RAW, bytes.fromhex("0109DC51"), Misread.SWAPPED),
        (RAW, bytes.fromhex("02F623AE02F623AE"), Misread.LENGTH),
        (RAW, bytes.fromhex("06F623AE"), Misread.LENGTH),
    ],
)
def test_damaged_frames_are_misread_not_guessed(settings: dict[str, object], wire: bytes, fault: Misread) -> None:
    """Too short, too long, out of range, a wrong checksum or parity, swapped wires: said as such, and never as a card."""
    assert decode(settings, wire) == [CardMisread(1, fault)]


@pytest.mark.parametrize(
    ("settings", "wire"),
    [
        (WIE232, b"\x00\xfe7B11D7\r"),
        (WIE232, b"7B1\xff7B11D7\r"),
        (RDM6300, b"\x0262E3\x0262E3086CED08\x03"),
        (RDM6300, b"62E308\x03\x0262E3086CED08\x03\r\n"),
        (S4A, b"12\xff0000123478\r\n"),
    ],
)
def test_resynchronises_in_front_of_a_whole_frame(settings: dict[str, object], wire: bytes) -> None:
    """Noise or half a frame in front of a whole one costs nothing."""
    said = decode(settings, wire)
    assert len(said) == 1
    assert isinstance(said[0], CardRead)


def test_half_a_frame_ends_with_silence() -> None:
    """A frame that stops half way does not lengthen the next."""
    decoder = Decoder(frame(WIE232))
    assert decoder.feed(b"7B1", 0.0) == []
    assert decoder.due() == frame(WIE232).gap_s
    assert decoder.silence(1.0) == []
    assert decoder.due() is None
    assert decoder.feed(b"7B11D7\r", 1.1) == [CardRead(1, 26, 0x7B11D7)]


def test_swapped_wires_put_right_by_settings() -> None:
    """With `invert` the complement is the card, and a right word is then the swapped one."""
    assert decode(RAW, bytes.fromhex("0109DC51"), invert=True) == [CardRead(1, 26, 0x7B11D7)]
    assert decode(RAW, bytes.fromhex("02F623AE"), invert=True) == [CardMisread(1, Misread.SWAPPED)]


def test_a_held_card_is_one_reading() -> None:
    """A reader that repeats the card each half second says it once, and again when it was away for two seconds."""
    decoder = Decoder(frame(WIE232))
    times = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 4.5]
    said = [len(decoder.feed(b"7B11D7\r", at)) for at in times]
    assert said == [1, 0, 0, 0, 0, 0, 1]


def test_another_card_is_not_held_up() -> None:
    """Debouncing is per card: the next person need not wait."""
    decoder = Decoder(frame(WIE232))
    said = decoder.feed(b"000001\r000002\r000001\r000002\r", 0.0)
    assert said == [CardRead(1, 26, 1), CardRead(1, 26, 2)]
    for number in range(100):
        decoder.feed(f"{number:06X}\r".encode(), 0.0)
    assert len(decoder._seen) <= 16


@pytest.mark.parametrize(
    ("typed", "pins"),
    [
        (b"123456#", ["123456"]),
        (b"12*123456#", ["123456"]),
        (b"#*#", []),
        (b"1" * 16 + b"#", ["1" * 16]),
        (b"1" * 17 + b"#", []),
        (b"12\xff3456#", ["3456"]),
    ],
)
def test_pins_typed_at_once(typed: bytes, pins: list[str]) -> None:
    """# ends a PIN, * clears it, noise clears it, and one longer than sixteen digits is nobody's."""
    assert decode(S4A, typed) == [PinEntered(1, pin) for pin in pins]


def test_pins_typed_key_by_key() -> None:
    """Keys with pauses between them are one PIN; whoever pauses longer than ten seconds has walked away."""
    decoder = Decoder(frame(S4A))
    at, said = 0.0, []
    for pause, key in [(0, b"9"), (11, b"2"), (1, b"4"), (1, b"6"), (0.05, b"8"), (2, b"#")]:
        if decoder.due() is not None and pause > 0.1:
            said += decoder.silence(at + 0.1)
        at += pause
        said += decoder.feed(key, at)
    assert said == [PinEntered(1, "2468")]


BURSTS: dict[str, dict[str, object]] = {
    "4 bits, hex_cr": WIE232 | {"keys": "burst4"},
    "8 bits, hex_cr": WIE232 | {"keys": "burst8"},
    "4 bits, fixed": RAW | {"keys": "burst4"},
    "8 bits, fixed": RAW | {"keys": "burst8"},
}
bursts = pytest.mark.parametrize("settings", BURSTS.values(), ids=BURSTS)


def typed(settings: dict[str, object], keys: str, *, apart_s: float = 0.3) -> list[Reading]:
    """What a decoder says to keys that are pressed one after the other."""
    layout = frame(settings)
    decoder, said = Decoder(layout), []
    for turn, key in enumerate(keys):
        said += decoder.feed(layout.write_key(key), turn * apart_s)
        if decoder.due() is not None:
            said += decoder.silence(turn * apart_s + 0.06)
    return said


@pytest.mark.parametrize(
    ("settings", "key", "wire"),
    [
        ("4 bits, hex_cr", "5", b"5\r"),
        ("4 bits, hex_cr", "#", b"B\r"),
        ("8 bits, hex_cr", "1", b"E1\r"),
        ("8 bits, hex_cr", "*", b"5A\r"),
        ("4 bits, fixed", "9", b"\x09"),
        ("8 bits, fixed", "0", b"\xf0"),
        ("8 bits, fixed", "#", b"\x4b"),
    ],
)
def test_the_words_of_wiegand_keypads(settings: str, key: str, wire: bytes) -> None:
    """A key is its number, with its complement before it where it is sent as eight bits."""
    assert frame(BURSTS[settings]).write_key(key) == wire


@bursts
def test_pins_on_wiegand_keypads(settings: dict[str, object]) -> None:
    """# ends a PIN, * clears it, too long a one is nobody's, and whoever pauses for eleven seconds has walked away."""
    assert typed(settings, "12*246810#") == [PinEntered(1, "246810")]
    assert typed(settings, "1" * 17 + "#") == []
    assert typed(settings, "2468#", apart_s=11.0) == []
    assert typed(settings | {"invert": True}, "246810#") == [PinEntered(1, "246810")]


@bursts
def test_a_card_between_wiegand_keys(settings: dict[str, object]) -> None:
    """A card is read as ever, and what was typed before it is forgotten."""
    layout = frame(settings)
    decoder, said = Decoder(layout), []
    for turn, wire in enumerate((layout.write_key("1"), layout.write(0x7B11D7), *(layout.write_key(key) for key in "46#"))):
        said += decoder.feed(wire, float(turn))
        if decoder.due() is not None:
            said += decoder.silence(turn + 0.1)
    assert said == [CardRead(1, 26, 0x7B11D7), PinEntered(1, "46")]


@pytest.mark.parametrize("damaged", [b"E2\r", b"2C\r", b"FF\r"])
def test_a_damaged_key_takes_the_pin_with_it(damaged: bytes) -> None:
    """A key that is not its own complement, or that no keypad has, makes no other PIN of what was typed."""
    layout = frame(BURSTS["8 bits, hex_cr"])
    decoder = Decoder(layout)
    wire = b"".join([layout.write_key("1"), damaged, *(layout.write_key(key) for key in "246810#")])
    assert decoder.feed(wire, 0.0) == [PinEntered(1, "246810")]


@bursts
def test_keys_of_swapped_wires_are_said(settings: dict[str, object]) -> None:
    """0, 1, 2 and 3 are keys only when complemented: D0 and D1 are swapped, and no PIN comes of what was typed."""
    wrong = settings | {"debounce_s": 0}
    layout = frame(wrong | {"invert": True})
    decoder, said = Decoder(frame(wrong)), []
    for turn, key in enumerate("7012345*#7#"):
        said += decoder.feed(layout.write_key(key), float(turn))
        if decoder.due() is not None:
            said += decoder.silence(turn + 0.06)
    assert said[:4] == [CardMisread(1, Misread.SWAPPED)] * 4
    assert all(isinstance(reading, PinEntered) for reading in said[4:])  # the other keys are keys both ways


def test_keys_in_one_packet() -> None:
    """A device server may put two keys into one packet; without marks they are still two keys."""
    layout = frame(BURSTS["8 bits, fixed"])
    decoder = Decoder(layout)
    decoder.feed(layout.write_key("7") + layout.write_key("3"), 0.0)
    assert decoder.silence(0.1) == []
    decoder.feed(layout.write_key("#"), 0.2)
    assert decoder.silence(0.3) == [PinEntered(1, "73")]


def test_a_card_between_keys_clears_them() -> None:
    """What was typed before a card belongs to nobody's PIN."""
    decoder = Decoder(frame(S4A))
    decoder.feed(b"12", 0.0)
    decoder.silence(0.2)
    assert decoder.feed(b"0000123478\r\n", 0.3) == [CardRead(1, 26, 0x1E256)]
    assert decoder.feed(b"3456#", 1.0) == [PinEntered(1, "3456")]


async def test_a_pin_across_an_outage_is_nobodys() -> None:
    """Of a PIN that was begun before the line was lost the end is no PIN; the next whole one is."""
    made = Options.model_validate({"port": PORT, **S4A})
    modem, heard, reader = NullModem(), Heard(), Simulator(made)

    async def serve() -> None:
        while True:
            with suppress(LineLost):
                await reader.run(await modem.answer())

    serving = asyncio.create_task(serve())
    async with running(Controller(made, {}, timing=BRISK, dial=modem.dial), heard):
        after = await heard.back()
        await eventually(lambda: reader._line is not None)
        assert reader._line is not None
        reader._line.write(b"12")
        await eventually(lambda: modem.near is not None and not modem.near._inbox._bytes)
        modem.unplug()
        after = await heard.lost(after)
        modem.plug()
        after = await heard.back(after)
        await eventually(lambda: reader._line is not None)
        reader.type_pin("5678")
        reader.type_pin("246810")
        await heard.until(lambda told: told == PinEntered(1, "246810"), after=after)
        assert sum(isinstance(told, PinEntered) for told in heard.readings) == 1
    serving.cancel()


@KINDS
@given(data=st.data())
def test_any_chunking_says_the_same(settings: dict[str, object], data: st.DataObject) -> None:
    """Cards and noise cut anywhere say what they say in one piece."""
    layout = frame(settings)
    values = data.draw(st.lists(st.integers(0, (1 << layout.layout.payload) - 1) | st.binary(max_size=8), max_size=5))
    wire = b"".join(value if isinstance(value, bytes) else layout.write(value) for value in values)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    chunks = [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert decode(settings, *chunks) == decode(settings, wire)


@KINDS
@given(data=st.data())
def test_every_card_comes_back(settings: dict[str, object], data: st.DataObject) -> None:
    """What the simulator writes the decoder reads, for every value of the format."""
    layout = frame(settings)
    value = data.draw(st.integers(0, (1 << layout.layout.payload) - 1))
    assert decode(settings, layout.write(value)) == [CardRead(1, layout.layout.bits, value)]
    assert decode(settings, frame(settings, invert=True).write(value), invert=True) == [CardRead(1, layout.layout.bits, value)]


@KINDS
@given(dirt=st.binary(max_size=300))
def test_buffer_is_bounded(settings: dict[str, object], dirt: bytes) -> None:
    """Whatever comes, no more than one overlong frame is kept."""
    decoder = Decoder(frame(settings))
    for _ in range(3):
        decoder.feed(dirt, 0.0)
        assert len(decoder._body) <= MOST_BYTES + 1


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (RAW | {"base": "hex"}, "converter_fixed"),
        (RAW | {"digits": 4}, "converter_fixed"),
        (S4A | {"checksum": "xor"}, "converter_checksum"),
        (WIE232 | {"checksum": "xor", "digits": 7}, "converter_checksum"),
        (WIE232 | {"keypad": True}, "converter_keypad"),
        (WIE232 | {"digits": 5}, "converter_digits"),
        (S4A | {"keys": "burst4"}, "converter_keys"),
        (RDM6300 | {"keys": "burst8"}, "converter_keys"),
        (S4A | {"format": "h10302"}, "converter_digits"),
    ],
)
def test_settings_that_contradict_themselves(settings: dict[str, object], fault: str) -> None:
    """Each contradiction is refused by a type of its own, so that it can be said in the person's language."""
    with pytest.raises(ValidationError) as caught:
        frame(settings)
    assert [error["type"] for error in caught.value.errors()] == [fault]


def test_simulator_refuses_what_it_cannot_be() -> None:
    """A card of another length, a PIN without keypad, a card while unplugged."""
    reader = Simulator(Options.model_validate({"port": PORT, **WIE232}))
    with pytest.raises(ValueError, match="26 bits"):
        reader.present(34, 1)
    with pytest.raises(ValueError, match="keys"):
        reader.type_pin("1")
    with pytest.raises(LineLost):
        reader.present(26, 1)


def test_card_values_stay_out_of_every_repr() -> None:
    """A reading in a log line or traceback shows no card number and no PIN."""
    text = repr(decode(S4A, b"0000123478\r\n") + decode(S4A, b"246810#"))
    assert "123478" not in text
    assert "246810" not in text
