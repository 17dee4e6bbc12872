"""The reading process: `python -m edge.roster.child`. One JSON request on stdin, JSON lines on stdout; knows no key and no person_ref.

It takes the files' bytes, gives up files, sockets and every other process (edge/vision/confine.py), and only then parses. Its memory is
bounded by the kernel: a file that makes a parser ask for too much kills this process and nothing else.
"""

from __future__ import annotations

import codecs
import json
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from edge import slices
from edge.roster import csv_table, wire, xlsx_table  # noqa: F401 (the parsers are loaded before the sandbox closes)
from edge.roster.drafts import Sheets
from edge.roster.faults import Notes
from edge.roster.folder import Known, read_files, read_sheets
from edge.roster.settings import RosterSettings
from edge.vision.confine import confine, confine_files

MORE_MB = 370
"""MB of heap a parser may take: 100,000 rows of 21 columns are read with 341 MB resident in all (30,000 rows 126)."""
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "cp437", "ascii", "latin-1")
"""Of sheets, and of the names inside an .xlsx."""
AT_A_TIME = 200
"""Drafts in a line. The daemon decodes a line in about 2 ms and lets others run in between."""
NICE = 10
"""Doors first: the same step back as the vision worker takes."""


def main() -> int:
    """Read what the request asks for and write it out."""
    request = json.loads(sys.stdin.buffer.readline())
    seconds = int(request["cpu_s"])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    os.nice(NICE)
    slices.ask_for(slices.LONG_NS)
    settings = RosterSettings.model_validate(request["settings"])
    known = Known(*(None if names is None else frozenset(names) for names in request["known"]))
    zone, folder, notes = ZoneInfo(request["zone"]), Path(request["folder"]), Notes()
    for encoding in ENCODINGS:
        codecs.lookup(encoding)  # inside the sandbox no module can be loaded
    confine_files([folder])
    files = read_files(folder, notes)
    confine(more_mb=MORE_MB)
    write(sys.stdout.buffer, read_sheets(files, settings, zone, known, notes))
    return 0


def write(out: BinaryIO, sheets: Sheets) -> None:
    """The lines: t, h, v (drafts), l (unread columns), f (faults and remarks), last of all end."""
    for kind, packed in (
        ("t", map(wire.pack_tenant, sheets.tenants if not sheets.faults else ())),
        ("h", map(wire.pack_house, sheets.houses)),
        ("v", map(wire.pack_visit, sheets.visits)),
        ("l", map(wire.pack_leaving, sheets.leaving)),
        ("f", map(wire.pack_fault, (*sheets.faults, *sheets.remarks))),
    ):
        out.writelines(wire.line([kind, part]) + b"\n" for part in _parts(packed))
    counts = [sheets.people, sheets.more_faults, sheets.more_remarks]
    end = [counts, sheets.content, sheets.source, list(sheets.files), list(sheets.codes), sheets.headings]
    out.write(wire.line(["end", end]) + b"\n")
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
