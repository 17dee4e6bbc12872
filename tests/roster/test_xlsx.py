"""Real .xlsx files: what Excel does to numbers and dates, exact cell names, and files built to exhaust the reader."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from edge.roster import xlsx_table
from edge.roster.drafts import Sheets
from tests.roster.conftest import Read, codes, save_xlsx

XML = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


def with_sheet(path: Path, rows: bytes) -> None:
    """Write a workbook whose sheet holds this XML."""
    save_xlsx(path, [["x"]])
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in source.namelist():
            sheet = name == "xl/worksheets/sheet1.xml"
            out.writestr(name, XML + rows + b"</sheetData></worksheet>" if sheet else source.read(name))


def headings(*words: str) -> bytes:
    """Cells of the first row."""
    return b"".join(f'<c r="{chr(65 + at)}1" t="inlineStr"><is><t>{word}</t></is></c>'.encode() for at, word in enumerate(words))


def test_reads_numbers_dates_and_text(xlsx_roster: Callable[..., Sheets]) -> None:
    """Whole numbers become digits, dates come as cells or text, a decimal card may be a number."""
    sheets = xlsx_roster(
        ["编号", "姓名", "房号", "起始日期", "截止日期", "卡号[十进制]", "人脸同意"],
        [1001, "甲", 301, date(2026, 3, 1), datetime(2027, 2, 28), 13477100, True],  # noqa: DTZ001 - Excel knows no zones
        ["1002", "乙", "302", "2026年3月1日", "2027/2/28", "0013477183", "否"],
    )
    assert not sheets.faults
    first, second = (draft.tenant for draft in sheets.tenants)
    assert (first.tenant_id, first.room, first.face_consent) == ("1001", "301", True)
    assert first.valid_from == second.valid_from == date(2026, 3, 1)
    assert first.valid_until == second.valid_until == date(2027, 2, 28)
    assert sheets.tenants[0].cards[0].value == 13477100


def test_lost_digits_are_a_fault(xlsx_roster: Callable[..., Sheets]) -> None:
    """An 18-digit number in a number cell is lost for ever: said at its cell, with what to do, and never repeated."""
    sheets = xlsx_roster(["编号", "姓名", "房屋编码", "居住证号"], ["1", "甲", 310114000101234567, 310114199001011234])
    assert [(fault.code, fault.place.cell) for fault in sheets.faults] == [("digits_lost", "C2"), ("digits_lost", "D2")]
    assert "文本" in sheets.faults[0].message("zh")
    assert "Text" in sheets.faults[0].message("en")
    assert not any(char.isdigit() for char in sheets.faults[1].message("zh"))


def test_scientific_text_is_a_fault(csv_roster: Callable[..., Sheets]) -> None:
    """1.23457E+17 is what Excel leaves in CSV of a long number."""
    assert codes(csv_roster("编号,姓名,居住证号", "1,甲,3.10114E+17")) == ["digits_lost"]


def test_numbers_where_zeros_matter_are_faults(xlsx_roster: Callable[..., Sheets]) -> None:
    """A PIN, or a card that is not decimal, in a number cell may have lost its zeros: refused, not guessed."""
    sheets = xlsx_roster(["编号", "姓名", "卡号[hex]", "密码"], ["1", "甲", 123456, 123456])
    assert codes(sheets) == ["card_number", "pin_number"]


def test_a_room_that_became_a_date_is_a_fault(xlsx_roster: Callable[..., Sheets]) -> None:
    """Room 3-12 turns into a day in March."""
    assert codes(xlsx_roster(["编号", "姓名", "房号"], ["1", "甲", date(2026, 3, 12)])) == ["became_date"]


def test_positions_are_exact_below_empty_rows_and_columns(folder: Path, read: Read) -> None:
    """Cell names hold when the list begins at C5."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cell, value in {"C5": "编号", "D5": "姓名", "E5": "类别", "C9": "1", "D9": "甲", "E9": "住户们住户"}.items():
        sheet[cell] = value
    book.save(folder / "roster.xlsx")
    sheets = read()
    assert [(fault.code, fault.place.cell) for fault in sheets.faults] == [("kind", "E9")]
    assert sheets.faults[0].text("zh").startswith("roster.xlsx E9（类别）：")


@pytest.mark.parametrize(("value", "kind", "code"), [("#N/A", "e", "error_value"), ("=A1&1", "f", "formula_empty")])
def test_error_values_and_uncomputed_formulas_are_faults(folder: Path, read: Read, value: str, kind: str, code: str) -> None:
    """An empty cell is what calamine gives for both; a person would silently lose a card."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["编号", "姓名", "卡号[dec]"])
    sheet.append(["1", "甲", value])
    sheet["C2"].data_type = kind
    book.save(folder / "roster.xlsx")
    assert [(fault.code, fault.place.cell) for fault in read().faults] == [(code, "C2")]


def test_the_sheet_of_several(folder: Path, read: Read) -> None:
    """Empty and hidden sheets do not count; of two with something in them the one called 花名册 does, else it is a fault."""
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.append(["编号", "姓名"])
    first.append(["1", "甲"])
    book.create_sheet("Sheet2")
    hidden = book.create_sheet("旧")
    hidden.append(["x"])
    hidden.sheet_state = "hidden"
    book.save(folder / "roster.xlsx")
    assert len(read().tenants) == 1
    book.create_sheet("统计").append(["合计", 1])
    book.save(folder / "roster.xlsx")
    assert codes(read()) == ["several_sheets"]
    first.title = "花名册"
    book.save(folder / "roster.xlsx")
    assert len(read().tenants) == 1


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "too_wide"),
        (b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="B1048576"><v>1</v></c></row>', "too_many_rows"),
        (b"<row r='1'><c r='A1'><v>1</v></c><c r='ZZZZ99999999999'><v>1</v></c></row>", "too_wide"),
        (b'<row r="900000"><c><v>7</v></c></row>', "xlsx_nameless"),
        (b"<c " * 400_000, "xlsx_broken"),
        (b'<row r="1"><c r="1A"><v>1</v></c></row>', "xlsx_broken"),
        (b'<row r="1"><c r="A1"><v>1</v></c></row></sheetData></nonsense>', "xlsx_broken"),
    ],
)
def test_refuses_sheets_that_would_exhaust_the_reader(folder: Path, read: Read, rows: bytes, code: str) -> None:
    """Two far cells would make calamine ask for 550 GB and abort; they are found first."""
    with_sheet(folder / "roster.xlsx", rows)
    assert code in codes(read())


def test_formatting_far_away_is_no_content(folder: Path, read: Read) -> None:
    """Excel leaves formatted empty cells at the end of the sheet; they stop nobody."""
    text = "".join(f'<c r="{cell}" t="inlineStr"><is><t>{value}</t></is></c>' for cell, value in {"A1": "编号", "B1": "姓名"}.items())
    far = '<row r="1048576"><c r="XFD1048576" s="1"/></row>'
    with_sheet(folder / "roster.xlsx", f'<row r="1">{text}</row>{far}'.encode())
    assert not read().faults


def test_refuses_a_bomb(folder: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unpacked size is counted while unpacking, whatever the directory of the zip claims."""
    monkeypatch.setattr(xlsx_table, "MAX_XML_BYTES", 1 << 20)
    with_sheet(folder / "roster.xlsx", b'<row r="1"><c r="A1"><v>1</v></c></row>' * 50_000)
    assert codes(read()) == ["xlsx_too_large"]


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "not_xlsx"), (b"PK\x03\x04half", "not_xlsx"), (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "xls_or_password"), (b"a,b\n", "not_xlsx")],
)
def test_refuses_what_is_no_workbook(folder: Path, read: Read, data: bytes, code: str) -> None:
    """Half-written, old and protected files each say what to do."""
    (folder / "roster.xlsx").write_bytes(data)
    assert codes(read()) == [code]


def test_csv_and_xlsx_say_the_same(folder: Path, read: Read) -> None:
    """One list, whatever file and order it comes in, has one content digest."""
    rows = [["编号", "姓名", "卡号[dec]", "截止日期"], ["1", "甲", "0013477100", "2026-03-01"], ["2", "乙", "", ""]]
    save_xlsx(folder / "roster.xlsx", rows)
    one = read()
    (folder / "roster.xlsx").unlink()
    (folder / "roster.csv").write_text("\n".join(",".join(row) for row in (rows[0], rows[2], rows[1])), encoding="gb18030")
    other = read()
    assert one.content == other.content
    assert one.source != other.source


@pytest.mark.parametrize("part", ["xl/Worksheets/Sheet1.xml", "xl/WORKSHEETS/sheet1.XML", "xl/worksheets/sheet1.xml"])
def test_a_part_is_looked_at_whatever_its_case(folder: Path, read: Read, part: str) -> None:
    """Names of parts do not heed case: an error in the end date is never read as no end."""
    head = headings("编号", "姓名", "截止日期")
    row = b'<c r="A2"><v>1</v></c><c r="B2" t="inlineStr"><is><t>n</t></is></c><c r="C2" t="e"><v>#N/A</v></c>'
    with_sheet(folder / "roster.xlsx", b'<row r="1">' + head + b'</row><row r="2">' + row + b"</row>")
    source = zipfile.ZipFile(io.BytesIO((folder / "roster.xlsx").read_bytes()))
    with zipfile.ZipFile(folder / "roster.xlsx", "w") as out:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith(".rels") or name == "[Content_Types].xml":
                data = data.replace(b"worksheets/sheet1.xml", part.removeprefix("xl/").encode())
            out.writestr(part if name == "xl/worksheets/sheet1.xml" else name, data)
    assert codes(read()) == ["error_value"]


@pytest.mark.parametrize(
    ("cell", "faults"),
    [
        (b'<c r="C2" t="str"><f>IF(A2="","",A2)</f><v></v></c>', []),
        (b'<c r="C2" t="str"><f>IF(A2="","",A2)</f><v/></c>', []),
        (b'<c r="C2" t="str"><f>A2</f></c>', ["formula_empty"]),
        (b'<c r="C2"><f>A2</f><v></v></c>', ["formula_empty"]),
    ],
)
def test_a_formula_that_gave_the_empty_text_is_an_empty_cell(folder: Path, read: Read, cell: bytes, faults: list[str]) -> None:
    """As Excel writes it; one that was never worked out is a fault."""
    head = headings("编号", "姓名", "房号")
    row = b'<c r="A2"><v>1</v></c><c r="B2" t="inlineStr"><is><t>n</t></is></c>' + cell
    with_sheet(folder / "roster.xlsx", b'<row r="1">' + head + b'</row><row r="2">' + row + b"</row>")
    assert codes(read()) == faults


@pytest.mark.parametrize(("merged", "place"), [("C3:C5", "C3"), ("A4:B4", "A4"), ("B2:C2", "B2"), ("A1:C1", None)])
def test_merged_cells_in_the_list_are_a_fault(folder: Path, read: Read, merged: str, place: str | None) -> None:
    """A person sees one end date for three people, and the file holds it for one; a title over the list may be merged."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["住户名单", "", ""], ["编号", "姓名", "截止日期"], ["1", "甲", "2027-01-13"], ["2", "乙", "2027-01-13"], ["3", "丙", ""]):
        sheet.append(row)
    sheet.merge_cells(merged)
    book.save(folder / "roster.xlsx")
    found = [fault.place.cell for fault in read().faults if fault.code == "merged_cells"]
    assert found == ([place] if place else [])
