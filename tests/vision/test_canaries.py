"""The canaries themselves: what would slip out is found, in whatever form."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from models.contract import Embedding
from models.spaces import SFACE

from .face_house import canaries

pytestmark = pytest.mark.peer("opencv")

FACE = Embedding.of(SFACE, np.random.default_rng(1).normal(size=128))
PICTURE = b"\xff\xd8\xff" + np.random.default_rng(2).bytes(4000) + b"\xff\xd9"


@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize(
    "leak",
    [
        FACE.vector.tobytes(),
        FACE.vector.astype(">f4").tobytes(),
        json.dumps(FACE.vector.tolist()).encode(),
        json.dumps({"vector": [round(float(x), 6) for x in FACE.vector]}).encode(),
        PICTURE,
        PICTURE.hex().encode(),
    ],
    ids=["float32", "big endian", "JSON", "rounded", "JPEG", "hex"],
)
def test_a_leak_is_found(leak: bytes, before: int) -> None:
    """A vector or a picture inside something else, plain or as base64 behind any number of bytes, holds at least one canary."""
    for leaked in (bytes(before) + leak, base64.b64encode(bytes(before) + leak)):
        plain = leaked.startswith(bytes(before)) and leak in leaked
        binary = leak in {FACE.vector.tobytes(), PICTURE}
        if plain or binary:
            assert any(piece in leaked for piece in canaries(FACE, PICTURE).values())


def test_what_is_no_leak_is_none() -> None:
    """Random bytes of the same size hold none."""
    noise = np.random.default_rng(3).bytes(100_000)
    assert not any(piece in noise for piece in canaries(FACE, PICTURE).values())
