"""A roster folder that tests write into, and what they read it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from edge.roster.drafts import Sheets
from edge.roster.folder import Known, read_folder
from edge.roster.settings import RosterSettings

SHANGHAI = ZoneInfo("Asia/Shanghai")
Read = Callable[..., Sheets]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty roster folder."""
    made = tmp_path / "sheets"
    made.mkdir()
    return made


@pytest.fixture
def settings(folder: Path) -> RosterSettings:
    """Settings that point at it and wait for nothing."""
    return RosterSettings(folder=folder, settle_s=0.05, check_every_s=0.2)


@pytest.fixture
def read(folder: Path, settings: RosterSettings) -> Read:
    """Read the folder in this process; keywords replace settings, `known` says what site.yaml knows."""

    def _read(known: Known | None = None, **changes: object) -> Sheets:
        return read_folder(folder, settings.model_copy(update=changes), SHANGHAI, known)

    return _read


@pytest.fixture
def csv_roster(folder: Path, read: Read) -> Callable[..., Sheets]:
    """Write lines as roster.csv and read them; keywords as of `read`."""

    def _csv(*lines: str, **changes: object) -> Sheets:
        (folder / "roster.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read(**changes)

    return _csv


@pytest.fixture
def xlsx_roster(folder: Path, read: Read) -> Callable[..., Sheets]:
    """Write rows of values as roster.xlsx with openpyxl and read them; keywords as of `read`."""

    def _xlsx(*rows: Sequence[object], **changes: object) -> Sheets:
        save_xlsx(folder / "roster.xlsx", rows)
        return read(**changes)

    return _xlsx


def save_xlsx(path: Path, rows: Sequence[Sequence[object]], title: str = "Sheet1") -> None:
    """A real workbook of one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    book.save(path)


def codes(sheets: Sheets) -> list[str]:
    """The codes of all faults, in order."""
    return [fault.code for fault in sheets.faults]


def remarks(sheets: Sheets) -> list[str]:
    """The codes of all remarks, in order."""
    return [fault.code for fault in sheets.remarks]
