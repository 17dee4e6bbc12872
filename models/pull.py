"""Fetching weight files, when a person asks for it (`anyu-edge models pull`) and never otherwise."""

from __future__ import annotations

import http.client
import logging
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from models.weights import Weights, WrongHash, manifest

log = logging.getLogger(__name__)

PATIENCE_S = 30.0  # without a byte from a mirror
CHUNK = 1 << 20

Open = Callable[[str], BinaryIO]


class NoMirror(OSError):
    """No mirror gave the file. The caller imports it from a folder instead. `said` is what each mirror answered."""

    def __init__(self, name: str, said: Iterable[str]) -> None:
        self.name, self.said = name, tuple(said)
        super().__init__(f"{name}: {'; '.join(self.said) or 'no mirror is known for it'}")


def pull(weights: Weights, name: str, open_url: Open | None = None) -> Path:
    """Fetch one file of the manifest into our folder, from the first mirror that has it to the bit.

    Raises NoMirror, KeyError for an unknown name, OSError where it cannot be written. `open_url` is for tests.
    """
    entry = manifest()[name]
    said = []
    for mirror in entry.mirrors:
        try:
            with (open_url or _open)(mirror) as source:
                return weights.keep(name, _first(source, entry.bytes + 1))  # a byte more: enough to know that it is another file
        except (WrongHash, OSError, http.client.HTTPException) as failed:
            said.append(f"{mirror}: {failed}")
            log.warning("weights not pulled: %s", said[-1])
    raise NoMirror(name, said)


def _first(source: BinaryIO, most: int) -> bytes:
    """What a source gives, up to so many bytes; a network gives less at a time than it is asked for."""
    data = bytearray()
    while len(data) < most and (part := source.read(min(CHUNK, most - len(data)))):
        data += part
    return bytes(data)


def _open(url: str) -> BinaryIO:
    if not url.startswith("https://"):
        raise OSError("only https is fetched")
    opened: BinaryIO = urllib.request.urlopen(url, timeout=PATIENCE_S)  # noqa: S310  (https only, by the line above)
    return opened
