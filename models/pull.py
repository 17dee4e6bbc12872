"""Fetching weight files, when a person asks for it (`anyu-edge models pull`) and never otherwise."""

from __future__ import annotations

import http.client
import logging
import tempfile
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
            with tempfile.NamedTemporaryFile(prefix=entry.file) as part:
                _copy((open_url or _open)(mirror), part, entry.bytes)  # type: ignore[arg-type]  # a named file is a BinaryIO in all but name
                return weights.keep(name, Path(part.name))
        except (WrongHash, OSError, http.client.HTTPException) as failed:
            said.append(f"{mirror}: {failed}")
            log.warning("weights not pulled: %s", said[-1])
    raise NoMirror(name, said)


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy at most one byte more than the file has: enough to know that it is another."""
    left = size + 1
    with source:
        while left > 0 and (data := source.read(min(CHUNK, left))):
            target.write(data)
            left -= len(data)
    target.flush()


def _open(url: str) -> BinaryIO:
    if not url.startswith("https://"):
        raise OSError("only https is fetched")
    opened: BinaryIO = urllib.request.urlopen(url, timeout=PATIENCE_S)  # noqa: S310  (https only, by the line above)
    return opened
