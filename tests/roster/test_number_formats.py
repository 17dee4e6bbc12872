"""Cells that show something else than they hold, in workbooks of openpyxl."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from edge.roster.number_formats import ELSE, shown
from tests.roster.conftest import Read, codes

COLUMNS = ("编号", "房号", "房屋编码", "居住证号", "卡号[fc]", "电话")


@pytest.mark.parametrize(
    ("code", "odd"),
    [
        ("00000", 5),
        ("000;-000;0", 3),
        ("[Red]0000", 4),
        ("0000_ ;[Red]\\-0000\\ ", 4),
        ('"A"000', ELSE),
        ("\\A000", ELSE),
        ("0000-0000", ELSE),
        ('0"号"', ELSE),
        ("0%", ELSE),
        ("0,", ELSE),
        ("[>100]0;00000", 5),
        ("[$¥-804]0", ELSE),
        ('@"室"', ELSE),
        ("General", None),
        ("G/通用格式", None),
        ("0", None),
        ("0_ ", None),
        ("0_);[Red]\\(0\\)", None),
        ("0.00", None),
        ("#,##0", None),
        ("#", None),
        ("@", None),
        ("yyyy-mm-dd", None),
        ("[$-804]0", None),
        ("", None),
    ],
)
def test_what_a_format_shows(code: str, odd: int | None) -> None:
    """Zeros in front, signs of its own, or the number as it is."""
    assert shown(code) == odd


def save(folder: Path, heading: str, value: object, number_format: str) -> None:
    """A workbook with one cell of that format under the heading."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    headings = ["编号", "姓名"] if heading == "编号" else ["编号", "姓名", heading]
    sheet.append(headings)
    sheet.append(["T1", "甲", ""][: len(headings)])
    cell = sheet.cell(2, 1 if heading == "编号" else 3, value)
    cell.number_format = number_format
    book.save(folder / "roster.xlsx")


@pytest.mark.parametrize("heading", COLUMNS)
@pytest.mark.parametrize(("value", "number_format"), [(123, "00000"), (123, '"A"000'), (12340056, "0000-0000"), ("301", '@"室"')])
def test_a_cell_that_shows_something_else_is_a_fault(folder: Path, read: Read, heading: str, value: object, number_format: str) -> None:
    """Where a number of somebody belongs, by its cell."""
    save(folder, heading, value, number_format)
    sheets = read()
    assert codes(sheets) == ["card_number" if heading == "卡号[fc]" and isinstance(value, int) else "number_format"]
    assert sheets.faults[0].place.cell == ("A2" if heading == "编号" else "C2")


@pytest.mark.parametrize(
    ("value", "number_format"), [(123, "General"), (123, "000"), (12345, "00000"), (301, "0_ "), ("0301", "@"), (301, "@")]
)
def test_a_cell_that_shows_what_it_holds_is_taken(folder: Path, read: Read, value: object, number_format: str) -> None:
    """As many digits as the format wants are the number itself."""
    save(folder, "房号", value, number_format)
    sheets = read()
    assert not sheets.faults
    assert sheets.tenants[0].tenant.room == str(value)


def test_zeros_in_front_of_a_decimal_card_change_nothing(folder: Path, read: Read) -> None:
    """0013477100 as it is printed, held as a number; with a dash in it, it is a fault."""
    save(folder, "卡号[dec]", 13477100, "0000000000")
    assert [card.value for card in read().tenants[0].cards] == [13477100]
    save(folder, "卡号[dec]", 13477100, "0000-000000")
    assert codes(read()) == ["number_format"]
