"""A roster of 30,000 people from file to force: how long, and how late the loop runs meanwhile.

`python -m bench.roster [--people N] [--json]`. Sheets have all 21 columns; .xlsx is written by openpyxl in its own time, not counted.
Figures: `parse_30000_s` and `load_30000_s` are of the .xlsx, the slower file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import openpyxl
from rich.console import Console
from rich.table import Table

from edge.clock import PlainClock
from edge.roster.book import EMPTY
from edge.roster.columns import ROSTER
from edge.roster.diff import compare
from edge.roster.folder import read_folder
from edge.roster.outcomes import Applied
from edge.roster.roster import Roster
from edge.roster.settings import RosterSettings
from edge.roster.template import csv_bytes

T = TypeVar("T")
ZONE = ZoneInfo("Asia/Shanghai")
TICK_S = 0.001


def rows(people: int) -> list[list[str]]:
    """Headings and one row a person, every column filled."""
    headings = ["卡号[十进制]" if column.key == "cards" else column.zh for column in ROSTER]
    return [headings, *(row(number) for number in range(people))]


def row(number: int) -> list[str]:
    """One person."""
    return [
        *(f"T{number:06d}", f"示例{number}", "住户", f"3101140{number // 60:05d}", f"{number % 60 + 101}", "示例电子有限公司"),
        *("有", f"P{number:017d}", "2027-06-30", f"{1970 + number % 35}-05-0{number % 9 + 1}", "2026-03-01", "2027-02-28", "住户"),
        *(f"{number + 1:010d}", f"{200_000 + number * 7}", "", "N", "", "", f"138{number:08d}", "N"),
    ]


def write(folder: Path, kind: str, content: list[list[str]]) -> int:
    """Put one roster file in the folder; its size."""
    folder.mkdir()
    path = folder / f"roster.{kind}"
    if kind == "csv":
        path.write_bytes(csv_bytes(content))
    else:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("花名册")
        for row in content:
            sheet.append(row)
        book.save(path)
    return path.stat().st_size


async def with_lateness(work: Callable[[], Awaitable[T]]) -> tuple[T, float, list[float]]:
    """The result of some work, its seconds, and how late a 1 ms tick of the loop was meanwhile, in sorted ms."""
    late: list[float] = []
    done = asyncio.Event()

    async def tick() -> None:
        while not done.is_set():
            begun = time.perf_counter()
            await asyncio.sleep(TICK_S)
            late.append((time.perf_counter() - begun - TICK_S) * 1000)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    late.clear()
    begun = time.perf_counter()
    result = await work()
    took = time.perf_counter() - begun
    done.set()
    await ticking
    return result, took, sorted(late)


async def measure(people: int) -> tuple[Table, dict[str, float]]:
    """Every way of reading, in one run."""
    table = Table("", "size", "s", "loop late p99 ms", "max ms", title=f"{people} people, 21 columns")
    figures: dict[str, float] = {}
    content = rows(people)
    with tempfile.TemporaryDirectory() as place:
        for kind in ("csv", "xlsx"):
            folder = Path(place, kind)
            size = f"{write(folder, kind, content) / 1e6:.1f} MB"
            settings = RosterSettings(folder=folder)

            def line(what: str, took: float, late: list[float], size: str = size) -> None:
                worst = (f"{late[int(len(late) * 0.99)]:.1f}", f"{late[-1]:.1f}") if late else ("", "")
                table.add_row(what, size, f"{took:.2f}", *worst)

            begun = time.perf_counter()
            sheets = read_folder(folder, settings, ZONE)
            parse = time.perf_counter() - begun
            assert len(sheets.tenants) == people, [fault.text("en") for fault in sheets.faults[:3]]
            line(f"{kind}: parse and check, nobody waiting", parse, [])
            del sheets
            in_thread, took, late = await with_lateness(lambda: asyncio.to_thread(read_folder, folder, settings, ZONE))  # noqa: B023 - awaited here
            del in_thread
            line(f"{kind}: the same in a thread (what we do not do)", took, late)
            state = Path(place, f"state_{kind}")
            roster = Roster(settings, state_dir=state, zone=ZONE, clock=PlainClock())
            outcome, load, late = await with_lateness(roster.reload)
            assert isinstance(outcome, Applied)
            line(f"{kind}: folder to force, in a process of its own", load, late)
            again = Roster(settings, state_dir=state, zone=ZONE, clock=PlainClock())
            begun = time.perf_counter()
            again.start()
            line(f"{kind}: start with the last good one", time.perf_counter() - begun, [])
            _, took, idle = await with_lateness(again.reload)
            line(f"{kind}: folder unchanged", took, idle)
            begun = time.perf_counter()
            compare(EMPTY, again.book)
            figures |= {
                "parse_30000_s": round(parse, 3),
                "load_30000_s": round(load, 3),
                "late_p99_ms": round(late[int(len(late) * 0.99)], 2),
            }
    return table, figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=30_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    table, figures = asyncio.run(measure(asked.people))
    Console(width=120).print(table)
    if asked.json:
        print(json.dumps({"bench": "roster", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
