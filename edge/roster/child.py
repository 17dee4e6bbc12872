"""The reading process: `python -m edge.roster.child`. One JSON request on stdin, JSON lines on stdout; knows no key and no person_ref.

It is bounded by the kernel: a file that makes a parser ask for too much kills this process and nothing else.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from edge import slices
from edge.roster import wire
from edge.roster.drafts import Sheets
from edge.roster.folder import Known, read_folder
from edge.roster.settings import RosterSettings

MEMORY = 1536 << 20
"""Bytes of address space: 100,000 rows of .xlsx need 700 MB (the unpacked sheet, calamine's rectangle, the drafts)."""
AT_A_TIME = 200
"""Drafts in a line. The daemon decodes a line in about 2 ms and lets others run in between."""
NICE = 10
"""Doors first: the same step back as the vision worker takes."""


def main() -> int:
    """Read what the request asks for and write it out."""
    request = json.loads(sys.stdin.buffer.readline())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seconds = int(request["cpu_s"])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the roster
    os.nice(NICE)
    slices.ask_for(slices.LONG_NS)
    settings = RosterSettings.model_validate(request["settings"])
    known = Known(*(None if names is None else frozenset(names) for names in request["known"]))
    write(sys.stdout.buffer, read_folder(Path(request["folder"]), settings, ZoneInfo(request["zone"]), known))
    return 0


def write(out: BinaryIO, sheets: Sheets) -> None:
    """The lines: t, h, v (drafts), f (faults and remarks), last of all end."""
    for kind, packed in (
        ("t", map(wire.pack_tenant, sheets.tenants if not sheets.faults else ())),
        ("h", map(wire.pack_house, sheets.houses)),
        ("v", map(wire.pack_visit, sheets.visits)),
        ("f", map(wire.pack_fault, (*sheets.faults, *sheets.remarks))),
    ):
        out.writelines(wire.line([kind, part]) + b"\n" for part in _parts(packed))
    counts = [sheets.people, sheets.more_faults, sheets.more_remarks]
    out.write(wire.line(["end", [counts, sheets.content, sheets.source, list(sheets.files)]]) + b"\n")
    out.flush()


def _parts(packed: Iterable[wire.Packed]) -> Iterable[list[wire.Packed]]:
    part: list[wire.Packed] = []
    for one in packed:
        part.append(one)
        if len(part) == AT_A_TIME:
            yield part
            part = []
    if part:
        yield part


if __name__ == "__main__":
    sys.exit(main())
