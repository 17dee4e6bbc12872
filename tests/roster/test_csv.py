"""CSV as managers save it: encodings, delimiters, quotes, and the line of every fault."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.roster import csv_table, table
from edge.roster.drafts import Sheets
from tests.roster.conftest import Read, codes

HEAD = "编号,姓名,卡号[十进制]"


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("gb18030", b""), ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)],
)
def test_reads_every_encoding(folder: Path, read: Read, encoding: str, bom: bytes) -> None:
    """The rule BOM, UTF-8, GB18030 reads a short sheet with a rare name (㐀, which GBK cannot hold)."""
    (folder / "roster.csv").write_bytes(bom + f"{HEAD}\n1,㐀明,0013477100\n".encode(encoding))
    sheets = read()
    assert not sheets.faults
    assert sheets.tenants[0].tenant.name == "㐀明"


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_reads_other_delimiters(folder: Path, read: Read, separator: str) -> None:
    """Tabs and semicolons, as some Excels save, are taken where the headings have no comma."""
    lines = [separator.join(row.split(",")) for row in (HEAD, "1,甲,13477100")]
    (folder / "roster.csv").write_text("\n".join(lines), encoding="utf-8")
    assert [draft.tenant.tenant_id for draft in read().tenants] == ["1"]


def test_line_numbers_count_breaks_inside_quotes(csv_roster: Callable[..., Sheets]) -> None:
    """A fault names the line of the file on which its row begins, quoted line breaks and empty lines counted."""
    sheets = csv_roster("编号,姓名,类别", '1,"甲\n\n乙",住户', "", "2,乙,住户啊")
    assert sheets.tenants[0].tenant.name == "甲 乙"
    assert [(fault.place.row, fault.place.column, fault.place.heading) for fault in sheets.faults] == [(6, 3, "类别")]


def test_headings_in_any_order_and_below_a_title(csv_roster: Callable[..., Sheets]) -> None:
    """A title above the headings is passed over; columns may stand in any order, in either language."""
    sheets = csv_roster("安亭一号公寓花名册,,", ",,", "姓名,cards[dec],Tenant ID", "甲,0013477100,A1")
    assert not sheets.faults
    assert sheets.tenants[0].tenant.tenant_id == "A1"
    assert sheets.tenants[0].cards[0].value == 13477100


@pytest.mark.parametrize(
    ("data", "code", "row"),
    [
        (b"\xef\xbb\xbf\xe7\xbc\n\xff\xff", "encoding", 1),
        ("编号,姓名\n1,甲\0\n".encode(), "nul", 2),
        ('编号,姓名\n1,甲\n2,"乙\n3,丙\n'.encode(), "csv_quote", 3),
        (b"PK\x03\x04 and more", "xlsx_called_csv", None),
        (f"编号,姓名\n1,{'长' * 3000}\n".encode(), "cell_too_long", 2),
        (("编号,姓名" + "," * 80 + "x\n1,甲\n").encode(), "too_wide", 1),
        (b"", "no_headings", 1),
        ("甲乙丙,13800000000\n".encode(), "no_headings", 1),
    ],
)
def test_refuses_what_is_no_table(folder: Path, read: Read, data: bytes, code: str, row: int | None) -> None:
    """Broken files are one clear fault with its line."""
    (folder / "roster.csv").write_bytes(data)
    sheets = read()
    assert codes(sheets) == [code]
    assert sheets.faults[0].place.row == row


def test_bounds_rows_and_bytes(folder: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet beyond the bounds is refused, with the bound in the message."""
    (folder / "roster.csv").write_text("编号,姓名\n1,甲\n2,乙\n3,丙\n", encoding="utf-8")
    monkeypatch.setattr(csv_table, "MAX_ROWS", 2)
    sheets = read()
    assert codes(sheets) == ["too_many_rows"]
    assert "2" in sheets.faults[0].message("en")
    monkeypatch.setattr(table, "MAX_FILE_BYTES", 10)
    assert codes(read()) == ["file_too_large"]


def test_cells_beyond_the_headings_are_a_fault(csv_roster: Callable[..., Sheets]) -> None:
    """An unquoted comma shifts a row: said, instead of losing the last cell."""
    assert codes(csv_roster("编号,姓名", "1,甲,乙", "2,丙,,")) == ["row_too_long"]


def test_wraps_that_keep_zeros_are_taken_off(csv_roster: Callable[..., Sheets]) -> None:
    """`="0012"` and a leading apostrophe are how people keep zeros through Excel."""
    sheets = csv_roster("编号,姓名,房号", '"=""0012""",甲,\'0301')
    assert (sheets.tenants[0].tenant.tenant_id, sheets.tenants[0].tenant.room) == ("0012", "0301")


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_title_of_one_cell_does_not_settle_the_separator(csv_roster: Callable[..., Sheets], sign: str) -> None:
    """The headings below it do."""
    sheets = csv_roster("某某公寓住户名单", *(sign.join(cells) for cells in (("编号", "姓名", "房号"), ("1", "甲", "301"))))
    assert not sheets.faults
    assert sheets.tenants[0].tenant.room == "301"
