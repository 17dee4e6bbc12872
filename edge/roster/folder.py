"""The roster folder: which files count, and everything they say in one go."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.access.terms import House
from edge.durable import no_link
from edge.roster import wire
from edge.roster.columns import SHEETS
from edge.roster.drafts import Sheets, TenantDraft, VisitDraft
from edge.roster.faults import Fault, Notes, Place
from edge.roster.leaving import leaving
from edge.roster.others import read_houses, read_visits
from edge.roster.rows import Taken, read_tenants
from edge.roster.settings import RosterSettings
from edge.roster.sheet import Sheet, open_sheet
from edge.roster.table import MAX_FILE_BYTES, Unreadable, read_table

READER = 3
"""Goes up whenever the same bytes would be read differently, so that a roster kept by an older version is read anew."""

REPORT = "roster.report"
"""Begins the names of what edge.roster.report_file writes here."""

_SUFFIXES = (".csv", ".xlsx")
_CONFIRMED = re.compile(r"(?:确认|confirm)[-_ 码]*(\d{4})(?:\.\w+)?", re.IGNORECASE)
_OLD = (".xls", ".xlsm", ".xlsb", ".et", ".ods", ".numbers", ".txt")


@dataclass(frozen=True, slots=True)
class Known:
    """What site.yaml knows that a sheet may name; None = not known, so not checked."""

    groups: frozenset[str] | None = None
    access_points: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """The bytes of the files that count, by sheet name (roster, houses, visitors)."""

    found: Mapping[str, tuple[str, bytes]] = field(repr=False)

    def source(self, settings: RosterSettings, zone: ZoneInfo) -> str:
        """A digest of these bytes and of all that decides how they are read."""
        digest = hashlib.sha256(f"{READER}|{zone.key}|".encode())
        reading = settings.model_dump(mode="json", include={"card_format", "card_notation", "groups", "default_groups"})
        digest.update(json.dumps(reading, sort_keys=True, ensure_ascii=False).encode())
        for name, (file, data) in sorted(self.found.items()):
            digest.update(f"|{name}|{file.lower().rsplit('.', 1)[-1]}|{len(data)}|".encode())
            digest.update(data)
        return digest.hexdigest()


def is_sheet(name: str) -> bool:
    """Whether a file of this name in the folder counts. Excel's own (`~$roster.xlsx`) and hidden files do not."""
    stem, dot, suffix = name.lower().rpartition(".")
    return stem in SHEETS and dot + suffix in _SUFFIXES


def is_old(name: str) -> bool:
    """Whether a file was meant as the roster, of a kind that cannot be read: the report says how to save it."""
    return name.lower().startswith("roster.") and name.lower().endswith(_OLD) and not name.startswith(REPORT)


def confirmed(name: str) -> str:
    """The four digits of a file called 确认-1234, whatever its suffix; empty for any other name."""
    found = _CONFIRMED.fullmatch(unicodedata.normalize("NFKC", name))
    return found[1] if found else ""


def confirmations(folder: Path) -> dict[str, Path]:
    """The files that confirm a change, by their code."""
    try:
        return {code: path for path in folder.iterdir() if (code := confirmed(path.name))}
    except OSError:
        return {}


def read_files(folder: Path, notes: Notes) -> Files:
    """The bytes of the sheets in the folder; what is missing or double is noted."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as why:
        notes.fault("folder_closed" if isinstance(why, PermissionError) else "no_folder", Place())
        return Files({})
    found: dict[str, tuple[str, bytes]] = {}
    for sheet in SHEETS:
        files = [name for name in names if is_sheet(name) and name.lower().rpartition(".")[0] == sheet]
        if len(files) > 1:
            notes.fault("two_files", Place(files[1]), other=files[0])
        elif files:
            data = _bytes(folder / files[0], notes)
            if data is not None:
                found[sheet] = (files[0], data)
    if not any(is_sheet(name) and name.lower().startswith("roster.") for name in names):
        _miss(names, notes)
    return Files(found)


def _miss(names: Iterable[str], notes: Notes) -> None:
    old = [name for name in names if is_old(name)]
    if old:
        notes.fault("old_excel", Place(old[0]))
    else:
        notes.fault("no_roster", Place())


def _bytes(path: Path, notes: Notes) -> bytes | None:
    """The bytes of a plain file; what is none is noted.

    Links are refused, hard ones too: managers write into this folder, and would have the daemon read for them what they may not.
    """
    try:
        with open(path, "rb", opener=no_link) as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
                return file.read(MAX_FILE_BYTES + 1)
        code = "sheet_is_link" if stat.S_ISREG(found.st_mode) and found.st_nlink > 1 else "unreadable"
    except OSError as why:
        code = "sheet_is_link" if why.errno == errno.ELOOP else "unreadable"
    notes.fault(code, Place(path.name))
    return None


def read_folder(folder: Path, settings: RosterSettings, zone: ZoneInfo, known: Known | None = None) -> Sheets:
    """Read all sheets of a folder. Never raises for what stands in it: every fault is in the result.

    May take seconds and hold the interpreter: the daemon calls edge.roster.apart.read instead.
    """
    notes = Notes()
    files = read_files(folder, notes)
    return read_sheets(files, settings, zone, known or Known(), notes)


def read_sheets(files: Files, settings: RosterSettings, zone: ZoneInfo, known: Known, notes: Notes) -> Sheets:
    """Read the bytes of all sheets, houses first: tenants are checked against them, visits against tenants."""
    sheets = {name: sheet for name in SHEETS if (sheet := _open(files, name, notes)) is not None}
    taken = Taken()
    houses: list[House] = []
    tenants: list[TenantDraft] = []
    visits: list[VisitDraft] = []
    by_code: dict[str, House] | None = None
    if "houses" in sheets:
        houses = read_houses(sheets["houses"], notes)
        by_code = {house.house_code: house for house in houses}
    if "roster" in sheets:
        tenants = read_tenants(sheets["roster"], settings, by_code, known.groups, taken, notes)
        if "visitors" in sheets:
            visits = read_visits(sheets["visitors"], settings, zone, known.access_points, taken, notes)
    return Sheets(
        people=len(tenants),
        tenants=tuple(tenants),
        houses=tuple(houses),
        visits=tuple(visits),
        faults=tuple(sorted(notes.faults, key=_where)),
        remarks=tuple(sorted(notes.remarks, key=_where)),
        more_faults=notes.more_faults,
        more_remarks=notes.more_remarks,
        content=_content(tenants, houses, visits) if not notes.faults else "",
        source=files.source(settings, zone),
        files=tuple(file for file, _ in files.found.values()),
        codes=tuple(sheets["roster"].codes) if "roster" in sheets else (),
        leaving=leaving(sheets["roster"], tenants) if "roster" in sheets else (),
        headings={name: {key: heading.text for key, heading in sheet.headings.items()} for name, sheet in sheets.items()},
    )


def _where(fault: Fault) -> tuple[str, int, int]:
    return fault.place.file, fault.place.row or 0, fault.place.column or 0


def _open(files: Files, name: str, notes: Notes) -> Sheet | None:
    if name not in files.found:
        return None
    try:
        table = read_table(*files.found[name])
    except Unreadable as fault:
        notes.fault(fault.code, fault.place, None, **fault.values)
        return None
    return open_sheet(table, SHEETS[name], notes)


def _content(tenants: Collection[TenantDraft], houses: Collection[House], visits: Collection[VisitDraft]) -> str:
    lines = [
        *(wire.line(wire.pack_tenant(draft)) for draft in tenants),
        *(wire.line(wire.pack_house(house)) for house in houses),
        *(wire.line(wire.pack_visit(draft)) for draft in visits),
    ]
    digest = hashlib.sha256()
    for line in sorted(lines):
        digest.update(line)
        digest.update(b"\n")
    return digest.hexdigest()
