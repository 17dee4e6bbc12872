"""Reading the folder in a process of its own, so that no door waits for it and no file can take the daemon down.

Measured (bench/roster), 30,000 rows, lateness of the loop meanwhile: in a thread p99 14 to 53 ms, worst 58 to 156 (csv and calamine each
hold the interpreter for a whole result); in a process p99 2 to 7 ms, worst 14 to 43. And a two-cell .xlsx can make calamine abort its
process, which no `except` catches.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import edge
from edge.access.terms import House
from edge.roster import wire
from edge.roster.drafts import Leaving, Sheets, TenantDraft, VisitDraft
from edge.roster.faults import MAX_NOTED, Fault, Place
from edge.roster.folder import Known, is_sheet
from edge.roster.settings import RosterSettings
from edge.roster.sheet import MOST_CODES

BREATH_S = 0.0005
"""Pause after each line: a sleeping thread lets the loop run at once, not after the interpreter's 5 ms switch interval."""
LONGEST_ANSWER = 256 << 20
"""Bytes of all lines: 100,000 tenants with every cell at its limit would be ten times that, with ordinary ones they are 50 MB."""
LONGEST_LINE = 8 << 20
"""Bytes of one line: 200 tenants with every cell at its limit are 4 MB."""


def read(
    folder: Path, settings: RosterSettings, zone: ZoneInfo, known: Known | None = None, *, breathe: Callable[[float], None] = time.sleep
) -> Sheets:
    """What edge.roster.folder.read_folder gives, read in a process of its own. Blocks: call it in a thread.

    A reader that dies, or is not done within settings.read_timeout_s, is one fault (`reader_failed`) that names the sheets.
    """
    known = known or Known()
    request = {
        "folder": str(folder),
        "zone": zone.key,
        "settings": settings.model_dump(mode="json"),
        "known": [None if names is None else sorted(names) for names in (known.groups, known.access_points)],
        "cpu_s": settings.read_timeout_s,
    }
    environment = {"PATH": os.defpath, "PYTHONPATH": str(Path(edge.__file__).parents[1]), "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "edge.roster.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a parser's last words may quote the sheet
        env=environment,
        start_new_session=True,  # Ctrl-C is for the daemon
    ) as process:
        watchdog = threading.Timer(settings.read_timeout_s, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            return _exchange(process, json.dumps(request).encode() + b"\n", breathe) or Sheets(faults=(failed(folder),))
        finally:
            watchdog.cancel()
            process.kill()


def failed(folder: Path) -> Fault:
    """What is said of sheets that a reader died of. Which of several it was, nobody knows."""
    try:
        names = sorted(path.name for path in folder.iterdir() if is_sheet(path.name))
    except OSError:
        names = []
    return Fault("reader_failed", Place(", ".join(names)))


def _exchange(process: subprocess.Popen[bytes], request: bytes, breathe: Callable[[float], None]) -> Sheets | None:
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(request)
        process.stdin.close()
    tenants: list[TenantDraft] = []
    houses: list[House] = []
    visits: list[VisitDraft] = []
    leaving: list[Leaving] = []
    faults: list[Fault] = []
    left = LONGEST_ANSWER
    while line := process.stdout.readline(min(left, LONGEST_LINE)):
        left -= len(line)
        try:
            kind, body = json.loads(line)
            if kind == "t":
                tenants.extend(map(wire.unpack_tenant, body))
            elif kind == "h":
                houses.extend(map(wire.unpack_house, body))
            elif kind == "v":
                visits.extend(map(wire.unpack_visit, body))
            elif kind == "l":
                leaving.extend(map(wire.unpack_leaving, body))
            elif kind == "f":
                faults.extend(map(wire.unpack_fault, body))
                if len(faults) > 2 * MAX_NOTED:  # faults and remarks: Notes keeps no more of either
                    break
            else:
                (people, more_faults, more_remarks), content, source, files, codes, *rest = body
                return Sheets(
                    people=people,
                    tenants=tuple(tenants),
                    houses=tuple(houses),
                    visits=tuple(visits),
                    faults=tuple(fault for fault in faults if fault.grave),
                    remarks=tuple(fault for fault in faults if not fault.grave),
                    more_faults=more_faults,
                    more_remarks=more_remarks,
                    content=content,
                    source=source,
                    files=tuple(files),
                    codes=tuple(map(str, codes[:MOST_CODES])),
                    leaving=tuple(leaving),
                    headings={name: {key: str(text) for key, text in called.items()} for each in rest for name, called in each.items()},
                )
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            break  # cut off in mid-line, or a reader that was taken over
        breathe(BREATH_S)
    return None
