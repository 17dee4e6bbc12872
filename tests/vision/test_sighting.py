"""The pipe between daemon and worker: everything said arrives, and nothing else is believed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.vision.sighting import PREFIX, Beat, CameraSaid, Ended, Garbled, Message, Sighting, Started, lengths
from models.spaces import SFACE


def unit(seed: int = 0) -> np.ndarray:
    """A unit vector."""
    vector = np.random.default_rng(seed).normal(size=128).astype(np.float32)
    return vector / np.linalg.norm(vector)


def face(**changed: object) -> Sighting:
    """A sighting."""
    given_: dict[str, object] = {
        "camera": "north_in", "track": 7, "at": 12.5, "began": 11.0, "box": (0.1, 0.2, 0.3, 0.4), "frames": 9,
        "quality": 0.8, "space": str(SFACE),
    }  # fmt: skip
    return Sighting(**(given_ | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "message",
    [
        Message(header=face(liveness=0.9), vector=unit(), crop=b"\xff\xd8abc\xff\xd9"),
        Message(header=face(space="", poor=("too_small", "blurred"))),
        Message(header=Ended(camera="north_in", track=7, at=13.0, began=11.0, frames=12)),
        Message(header=CameraSaid(camera="north_in", up=False, why="no answer")),
        Message(header=Started(engine="standard", runtime="openvino", space=str(SFACE), missing=("seccomp",))),
        Message(header=Beat(frames=10, faces=2, rss_mb=211.5)),
    ],
)
def test_round_trip(message: Message) -> None:
    """Every message arrives as it was sent."""
    data = message.encode()
    back = Message.decode(data[: PREFIX.size], data[PREFIX.size :])
    assert back.header == message.header
    assert back.crop == message.crop
    assert (back.vector is None) == (message.vector is None)
    if message.vector is not None and back.vector is not None:
        assert np.array_equal(back.vector, message.vector)


@pytest.mark.parametrize(
    "message",
    [
        Message(header=face(), vector=unit() * 2),  # longer than one: would win every comparison
        Message(header=face(), vector=np.full(128, np.nan, np.float32)),
        Message(header=face(space=""), vector=unit()),
        Message(header=face()),  # a space and no vector
        Message(header=face(space=""), crop=b"GIF89a"),
        Message(header=Beat(frames=1, faces=0, rss_mb=1.0), crop=b"\xff\xd8\xff\xd9"),
    ],
)
def test_what_a_worker_must_not_say(message: Message) -> None:
    """A vector that is not of length one or has no space, a crop that is no JPEG, and payload on other messages are garbled."""
    data = message.encode()
    with pytest.raises(Garbled):
        Message.decode(data[: PREFIX.size], data[PREFIX.size :])


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera": "../x"},
        {"track": -1},
        {"quality": 1.5},
        {"box": [0, 0, 2, 1]},
        {"name": "x"},
        {"kind": "open"},
        {"poor": ["too_small", "of her face"]},
        {"poor": ["blurred"] * 9},
        {"space": "sface/2"},
    ],
)
def test_headers_are_strict(wrong: dict[str, object]) -> None:
    """A header with a value out of range, an unknown key or kind is garbled."""
    header = json.dumps(face(space="").model_dump() | wrong).encode()
    with pytest.raises(Garbled):
        Message.decode(PREFIX.pack(len(header), 0, 0), header)


@settings(max_examples=500)
@given(st.binary(max_size=400))
def test_random_bytes_are_garbled_or_a_message(data: bytes) -> None:
    """Random bytes never raise anything but Garbled, and never ask the reader for more than the bounds."""
    try:
        head, vec, crop = lengths(data[: PREFIX.size])
        assert head + vec + crop < 80_000
        Message.decode(data[: PREFIX.size], data[PREFIX.size :])
    except Garbled:
        pass
