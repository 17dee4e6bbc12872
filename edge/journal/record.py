"""One event as the journal keeps it, and how each is chained to the one before.

    chain(n) = sha256(chain(n-1) + canonical(n))
    canonical(n) = JSON array [epoch, seq, at, class, name] without spaces, a line feed, and the bytes of `data`

`data` is JSON with sorted keys, no spaces, UTF-8, as written at append: it is stored, chained and sent without being written anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

from edge.access.events import Event, body, rfc3339

ALG = "sha256"
NO_CHAIN = bytes(32)
"""What the first record of the first epoch is chained to."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event written out, before it has a number."""

    at: str
    cls: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """A committed event. `at` is RFC 3339 UTC with milliseconds, `data` canonical JSON, `chain` the 32 bytes that end with it."""

    seq: int
    epoch: str
    at: str
    cls: str
    name: str
    data: bytes
    chain: bytes

    @property
    def draft(self) -> Draft:
        """The event without its number."""
        return Draft(self.at, self.cls, self.name, self.data)


def draft(event: Event) -> Draft:
    """Write an event out. Raises TypeError or ValueError for a value that JSON does not know: a fault of the program, not of a disk."""
    data = json.dumps(body(event), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return Draft(rfc3339(event.at), event.CLASS, event.NAME, data.encode())


def link(before: bytes, epoch: str, seq: int, event: Draft) -> bytes:
    """Chain one record to the chain value before it."""
    head = json.dumps([epoch, seq, event.at, event.cls, event.name], ensure_ascii=False, separators=(",", ":"))
    return sha256(before + head.encode() + b"\n" + event.data).digest()


def try_link(before: bytes, epoch: str, seq: int, event: Draft) -> bytes:
    """The same for a record as it was read back: one whose values are not even of their kind links to nothing (empty)."""
    try:
        return link(before, epoch, seq, event)
    except (TypeError, ValueError):
        return b""


def names_hole(event: Draft, epoch: str, first: int, last: int) -> bool:
    """Whether this is the record of loss for exactly these numbers."""
    if (event.cls, event.name) != ("gateway", "loss"):
        return False
    try:
        said = json.loads(event.data)
        return (said["epoch"], said["from"], said["to"]) == (epoch, str(first), str(last))
    except (TypeError, ValueError, LookupError):
        return False
