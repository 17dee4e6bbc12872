"""Starter sheets and exports: Excel opens them right, and they can be read back."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import openpyxl
import pytest
from rich.console import Console

from edge.roster.diff import compare
from edge.roster.folder import read_folder
from edge.roster.identities import Identities
from edge.roster.load import load
from edge.roster.outcomes import Applied
from edge.roster.pins import PinHash
from edge.roster.report import check, render_diff
from edge.roster.settings import Locale, RosterSettings
from edge.roster.template import export, template
from tests.clock import START
from tests.roster.conftest import SHANGHAI, codes, remarks
from tests.roster.people import make_roster, write

KEY = PinHash(bytes(32))


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("name", ["roster.csv", "roster.xlsx"])
async def test_the_people_of_a_template_never_come_into_force(
    folder: Path, settings: RosterSettings, tmp_path: Path, name: str, locale: Locale
) -> None:
    """Saved as it is it opens nothing, its printed cards included; the manager's real sheet comes in without a question."""
    template(folder / name, locale)
    sheets = read_folder(folder, settings, SHANGHAI)
    assert not sheets.faults
    assert sorted(remarks(sheets)) == ["example", "example", "no_people"]
    roster = make_roster(settings, tmp_path / "state")
    assert isinstance(await roster.reload(), Applied)
    assert not roster.book.cards
    with pytest.raises(FileExistsError):
        template(folder / name, locale)
    (folder / name).unlink()
    write(folder, *(str(number) for number in range(1, 31)))
    assert isinstance(await roster.reload(), Applied)


@pytest.mark.parametrize(("row", "left"), [("示例1,王小明,1,", "example_changed"), ("EXAMPLE-2,示例二,1,", "example_changed")])
def test_an_example_that_was_half_changed_is_a_fault(folder: Path, settings: RosterSettings, row: str, left: str) -> None:
    """A person entered over an example is not left out in silence."""
    write(folder, row)
    assert codes(read_folder(folder, settings, SHANGHAI)) == [left]


def test_a_manager_may_fill_in_what_root_has_written(folder: Path) -> None:
    """In a folder that hands its group on (the installed one, 2770), the sheet is the group's to write and nobody else's to read."""
    folder.chmod(0o2770)
    template(folder / "roster.xlsx")
    assert (folder / "roster.xlsx").stat().st_mode & 0o777 == 0o660


def test_csv_has_a_bom_and_xlsx_is_text(folder: Path) -> None:
    """Without the one Excel garbles Chinese; without the other it eats zeros and long numbers."""
    template(folder / "roster.csv")
    assert (folder / "roster.csv").read_bytes().startswith("\ufeff编号,姓名,".encode())
    template(folder / "roster.xlsx")
    sheet = openpyxl.load_workbook(folder / "roster.xlsx").active
    assert sheet is not None
    assert sheet["N2"].value == "0013477100"
    assert sheet["N2"].number_format == "@"
    assert sheet.column_dimensions["A"].number_format == "@"


def test_the_other_sheets_have_templates(folder: Path, settings: RosterSettings) -> None:
    """Houses and visitors have their own headings."""
    for name in ("roster.csv", "houses.csv", "visitors.xlsx"):
        template(folder / name)
    assert not read_folder(folder, settings, SHANGHAI).faults


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_an_export_reads_back_as_the_same(folder: Path, settings: RosterSettings, tmp_path: Path, name: str) -> None:
    """Everything but PINs comes back, a name like a formula included; the file is private."""
    identities = Identities(tmp_path / "ids.json")
    write(folder, "1,=甲+1,0013477100,730418,2026-03-01", "2,乙,,615203,", heading="编号,姓名,卡号[dec],密码,起始日期")
    book = load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder)
    out = tmp_path / name
    export(out, book, settings)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert b"730418" not in out.read_bytes()
    (folder / "roster.csv").unlink()
    out.rename(folder / f"roster{out.suffix}")
    again = load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder)
    assert again.tenants == book.tenants
    assert again.cards == book.cards
    assert {change.columns for change in compare(book, again).changed} == {("pin",)}


def test_reports_fit_the_screen(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """Wide characters do not break the table; the sum says what is in force; JSON has codes and places."""
    write(folder, "1,甲,0013477100,12345", "1,乙,x,")
    report = check(folder, settings, SHANGHAI, read=read_folder)
    out = io.StringIO()
    Console(file=out, width=80).print(report.render("zh"))
    assert all(_width(line) <= 80 for line in out.getvalue().splitlines())
    assert "目前仍使用上一份名册" in report.summary("zh")
    faults = report.as_json("en")["faults"]
    assert isinstance(faults, list)
    assert [(fault["code"], fault["row"]) for fault in faults] == [("pin_digits", 2), ("id_twice", 3), ("card_dec", 3)]


def _width(line: str) -> int:
    return sum(2 if ord(char) > 0x2E7F else 1 for char in line)


def test_a_diff_asks_for_a_yes(folder: Path, settings: RosterSettings, tmp_path: Path) -> None:
    """Counts, the first numbers, and the command to type; identity numbers used as tenant numbers are not shown whole."""
    identities = Identities(tmp_path / "ids.json")
    write(folder, "310114199001011234,甲,1,", *(str(number) for number in range(2, 30)))
    old = load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder)
    write(folder, "2")
    diff = compare(old, load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder))
    out = io.StringIO()
    Console(file=out, width=100).print(render_diff(diff, "zh"))
    assert "roster apply --yes" in out.getvalue().replace("\n", " ")
    assert "另有 8 条" in out.getvalue().replace("\n", "")
    assert "310114199001011234" not in out.getvalue()
