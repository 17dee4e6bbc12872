"""Prints docs/devices/README.md, the table of drivers and their grades, from drivers.KINDS.

python -m drivers.page            write it
python -m drivers.page --check    say what is stale or has no page of its own; exit code 1 if anything is
"""

from __future__ import annotations

import sys
from pathlib import Path

import drivers
from drivers.table import Grade, Locks

FOLDER = Path(__file__).parent.parent / "docs" / "devices"
GRADES = {
    Grade.GOLD: ("金", "proven against a peer that others wrote or recorded bytes; confirms what it did; ends a release by itself"),
    Grade.SILVER: ("银", "proven against a peer that others wrote, or against recorded bytes of real devices"),
    Grade.BRONZE: ("铜", "speaks the documented format, proven against its own simulator only"),
}
LOCKS = {
    Locks.NONE: "drives no lock",
    Locks.LATCHING: "stays released until the gateway is back, then is secured; the site accepts that by `accept_latching`",
    Locks.TIMED: "the device ends it",
}
HEAD = """\
# Devices 设备

Printed by `python -m drivers.page` from the table of drivers; do not edit. One page a driver: wiring, settings, what it can and cannot
sense, what happens on power or line loss, tested peers.

| kind | grade 等级 | why | senses 能感知 | a release when the gateway dies in it |
|---|---|---|---|---|
"""
TAIL = """
Modbus boards with `pulse`, and ONVIF relays that can be Monostable, end a release by themselves.

## Grades 等级
"""


def page() -> str:
    """The whole page."""
    order = {grade: place for place, grade in enumerate(GRADES)}
    rows = sorted(drivers.KINDS.items(), key=lambda item: (order[item[1].grade], item[0]))
    lines = [
        f"| [`{kind}`]({kind}.md) | {row.grade.value} {GRADES[row.grade][0]} | {row.why} | {row.senses} | {LOCKS[row.locks]} |"
        for kind, row in rows
    ]
    grades = [f"- **{grade.value}** {chinese}: {meaning}." for grade, (chinese, meaning) in GRADES.items()]
    return HEAD + "\n".join(lines) + "\n" + TAIL + "\n".join(grades) + "\n"


def stale(folder: Path = FOLDER) -> list[str]:
    """What is not as it should be, a sentence each."""
    readme = folder / "README.md"
    found = [f"docs/devices/{kind}.md is missing" for kind in drivers.KINDS if not (folder / f"{kind}.md").is_file()]
    if not readme.is_file() or readme.read_text(encoding="utf-8") != page():
        found.append("docs/devices/README.md is stale; print it anew with python -m drivers.page")
    return found


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        complaints = stale()
        for complaint in complaints:
            sys.stderr.write(complaint + "\n")
        sys.exit(1 if complaints else 0)
    (FOLDER / "README.md").write_text(page(), encoding="utf-8")
