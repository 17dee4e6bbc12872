"""CSV as managers save it: with a BOM, in UTF-8 or in GB18030; commas, tabs or semicolons; line breaks inside quotes."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator

from edge.roster.faults import Place
from edge.roster.table import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Row, Unreadable, cell_name

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_csv(file: str, data: bytes) -> list[Row]:
    """Rows with the line each begins at; empty rows are left out.

    Raises:
        Unreadable: not text, an open quote, or beyond a bound; the place names the line.
    """
    text = decode(file, data)
    if "\0" in text:
        raise Unreadable("nul", Place(file, text.count("\n", 0, text.index("\0")) + 1))
    if data.startswith(b"PK\x03\x04"):
        raise Unreadable("xlsx_called_csv", Place(file))
    rows: list[Row] = []
    for number, cells in _records(file, text):
        if len(cells) > MAX_COLUMNS and any(cell.strip() for cell in cells[MAX_COLUMNS:]):
            raise Unreadable("too_wide", Place(file, number), limit=MAX_COLUMNS)
        if max(map(len, cells), default=0) > MAX_CELL:
            column = next(index for index, cell in enumerate(cells) if len(cell) > MAX_CELL)
            raise Unreadable("cell_too_long", Place(file, number, column + 1), limit=MAX_CELL, column=cell_name(number, column))
        if not any(cells) or not any(cell.strip() for cell in cells):
            continue
        if len(rows) > MAX_ROWS:
            raise Unreadable("too_many_rows", Place(file, number), limit=MAX_ROWS)
        rows.append(Row(number, cells[:MAX_COLUMNS]))
    return rows


def decode(file: str, data: bytes) -> str:
    """Bytes to text by the rule BOM, else UTF-8, else GB18030 (a detector takes a short Chinese sheet for Korean)."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decode(file, data[len(bom) :], encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode(file, data, "gb18030")


def _decode(file: str, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise Unreadable("encoding", Place(file, line)) from None


def _delimiter(text: str) -> str:
    """Comma, unless the first line of several cells has none and uses tabs or semicolons instead (some Excels save so).

    A title of one cell above the headings says nothing.
    """
    lines = (line for line in text.splitlines() if line.strip("\ufeff ,;\t"))
    first = next((line for line in lines if any(sign in line for sign in ",;\t")), "")
    if "," in first:
        return ","
    return max("\t;", key=first.count) if "\t" in first or ";" in first else ","


def _records(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text[:65_536]), strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # strict: an open quote, text behind a closing quote, or a field beyond the reader's own limit
            raise Unreadable("csv_quote", Place(file, begins)) from None
        yield begins, cells
        begins = reader.line_num + 1
