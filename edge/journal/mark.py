"""The sign of life: one small file beside the database that says where things stood when we were last known to record.

It tells a clean stop from a crash and a crash from a power cut, how long nobody recorded, and, where the database itself is
gone, which numbers of its epoch can no longer be sent. It has two slots of one block each, written in turn and in place, so that
a torn write spares the other slot and a full disk has room for it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge.access.events import rfc3339
from edge.clock import Leap

Holes = tuple[tuple[int, int], ...]
"""Numbers (first, last) of the current epoch that no event has, in order: starts left them out."""

MOST_HOLES = 32
"""Newest holes written down: a month of nights without power that no centre heard of, in a quarter of a slot."""

SLOT = 4096
"""Bytes of a slot: one block of the usual file systems, and room for sixty-four consumers."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where things stood. `alive_at` is the last time that the journal was known to take what it was given.

    `unwritten` events were in memory at that head and not on disk: unless they were written after all, they are lost with the process.
    """

    epoch: str
    head: int
    alive_at: datetime
    boot_id: str
    acked: Mapping[str, int] = field(default_factory=dict)
    clean: bool = False
    last_trusted: datetime | None = None
    certain: datetime | None = None
    leap: Leap | None = None
    unwritten: int = 0
    file: str = ""
    """Which file the database is, as `stamp` gives it: a copy that was put in its place is another one. Empty: not known."""
    holes: Holes = ()
    """The newest MOST_HOLES of the epoch."""


def which(path: Path) -> str:
    """Which file lies there, by its number on its disk, which no other has while this one is open; empty where there is none."""
    try:
        return str(path.stat().st_ino)
    except OSError:
        return ""


def stamp(path: Path) -> str:
    """Which file lies there, and when it was last changed by the kernel's word: no copy has that, whatever times it was given."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_ino} {stat.st_ctime_ns}"


def read_mark(folder: Path) -> Mark | None:
    """The newest whole mark of a journal's folder; None where there is none. Raises nothing: an unreadable mark is no mark."""
    found = _slots(folder)
    return max(found, key=lambda pair: pair[0])[1] if found else None


class MarkFile:
    """Writes marks. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "alive"
        self._count = max((count for count, _ in _slots(folder)), default=0)

    def write(self, mark: Mark) -> None:
        """Write the older slot and wait for the disk."""
        count = self._count + 1
        text = json.dumps(_plain(mark) | {"count": count}, sort_keys=True).encode()
        block = b"%08x %s\n" % (zlib.crc32(text), text)
        if len(block) > SLOT:
            raise ValueError(f"a mark of {len(block)} bytes does not fit {SLOT}")
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size < 2 * SLOT:
                os.posix_fallocate(file, 0, 2 * SLOT)
            os.pwrite(file, block.ljust(SLOT), count % 2 * SLOT)
            os.fdatasync(file)
        finally:
            os.close(file)
        self._count = count


def _slots(folder: Path) -> list[tuple[int, Mark]]:
    try:
        raw = (folder / "alive").read_bytes()
    except OSError:
        return []
    return [pair for start in (0, SLOT) if (pair := _parse(raw[start : start + SLOT])) is not None]


def _parse(block: bytes) -> tuple[int, Mark] | None:
    check, _, text = block.rstrip().partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(text):
            return None
        plain = json.loads(text)
        trusted, certain, leap = plain["last_trusted"], plain.get("certain"), plain.get("leap")  # 0.1.0 has only the first
        mark = Mark(
            epoch=plain["epoch"],
            head=plain["head"],
            alive_at=datetime.fromisoformat(plain["alive_at"]),
            boot_id=plain["boot_id"],
            acked=plain["acked"],
            clean=plain["clean"],
            last_trusted=datetime.fromisoformat(trusted) if trusted else None,
            certain=datetime.fromisoformat(certain) if certain else None,
            leap=Leap(datetime.fromisoformat(leap["at"]), float(leap["vouched_s"])) if leap else None,
            unwritten=plain["unwritten"],
            file=str(plain.get("file", "")),  # a mark of version 0.1.0 has none
            holes=tuple((int(first), int(last)) for first, last in plain.get("holes", ())),
        )
        return int(plain["count"]), mark
    except (ValueError, KeyError, TypeError):
        return None


def _plain(mark: Mark) -> dict[str, object]:
    return {
        "epoch": mark.epoch,
        "head": mark.head,
        "alive_at": rfc3339(mark.alive_at),
        "boot_id": mark.boot_id,
        "acked": dict(mark.acked),
        "clean": mark.clean,
        "last_trusted": rfc3339(mark.last_trusted) if mark.last_trusted else None,
        "certain": rfc3339(mark.certain) if mark.certain else None,
        "leap": {"at": rfc3339(mark.leap.at), "vouched_s": mark.leap.vouched_s} if mark.leap else None,
        "unwritten": mark.unwritten,
        "file": mark.file,
        "holes": mark.holes[-MOST_HOLES:],
    }
