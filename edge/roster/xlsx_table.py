""".xlsx by python-calamine, after a look inside that keeps it from being asked for the impossible.

calamine holds a sheet as one dense rectangle: two cells, A1 and XFD1048576, make it ask for 550 GB and abort the process. It also reads an
error value (#N/A) or a formula that was never worked out as an empty cell. Both are found in the XML first.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from xml.etree import ElementTree as ET

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from edge.roster.faults import Place
from edge.roster.masks import Cell, Formatted, FormattedText
from edge.roster.number_formats import ELSE, odd_styles
from edge.roster.table import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Merged, Row, Unreadable, cell_name

MAX_XML_BYTES = 256 << 20
"""Unpacked XML in a workbook: 100,000 rows of 21 columns are 120 MB."""
MAX_MEMBERS = 500
"""Files in the zip: a workbook with a hundred sheets and pictures has fewer."""
MAX_SHEETS = 20
"""Sheets looked at; each is read whole."""
MAX_STYLES_BYTES = 32 << 20
"""Of styles.xml; one bloated by years of copying between workbooks has about 10 MB."""
MAX_FORMATTED = 8 * MAX_ROWS
"""Cells looked at for their format: those of eight columns in the largest roster."""
TITLE_ROWS = 20
"""Rows a manager may put above the headings, beyond MAX_ROWS."""

_NAMES = ("roster", "花名册", "名册", "住户", "houses", "房屋", "visitors", "访客")
_CHUNK = 1 << 20
_LONGEST = 64 << 10  # bytes of the longest cell worth joining over two chunks: MAX_CELL characters, escaped, and a formula
# [^<>] and not [^>]: a file full of "<c " without an end would else be searched through once for each of them
_FAR = re.compile(rb"""<(?:\w+:)?c\b[^<>]*?\br=["']([A-Z]{2,}\d+|[A-Z]\d{6,})["'][^<>]*?>(?!\s*</)""")
_NAMELESS = re.compile(rb"<(?:\w+:)?c(?=[\s/>])(?![^<>]*\sr=)")
_ERROR = re.compile(rb"""<(?:\w+:)?c\b(?=[^<>]*\bt=["']e["'])[^<>]*?\br=["']([A-Z]+\d+)["']""")
_FORMULA = rb"""[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*"""
_NOTHING = rb"""(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?"""
_END = rb"</(?:\w+:)?c>"
_CELL = rb"""[^<>]*?\br=["']([A-Z]+\d+)["']"""
# A cell that holds a formula and no value. One of type str whose value is there and empty was worked out: to the empty text.
_UNCOMPUTED = re.compile(rb"""<(?:\w+:)?c\b(?![^<>]*\bt=["']str["'])""" + _CELL + _FORMULA + _NOTHING + _END)
_UNCOMPUTED_TEXT = re.compile(rb"""<(?:\w+:)?c\b(?=[^<>]*\bt=["']str["'])""" + _CELL + _FORMULA + _END)
_STYLED = rb"""<(?:\w+:)?c\b(?=[^<>]*?\ss=["'](%b)["'])[^<>]*?\br=["']([A-Z]+\d+)["']"""
_REF = re.compile(r"([A-Z]+)(\d+)")

Formats = dict[tuple[int, int], int]
"""Row from 1 and column from 0 of a cell that shows something else than it holds: see number_formats.odd_styles."""


def read_xlsx(file: str, data: bytes) -> tuple[list[Row], list[Merged]]:
    """Rows of the one sheet that holds the list, and its merged cells; empty rows are left out.

    Raises:
        Unreadable: not a workbook, several sheets it might be, an error value in a cell, or beyond a bound.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # an OLE file: the old .xls, or a workbook with a password
        raise Unreadable("xls_or_password", Place(file))
    problems, formats = _look_inside(file, data)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            sheet = _choose(file, book)
            if sheet is None:
                return [], []
            if problem := problems.get(sheet.name):
                code, ref = problem.split()
                column, row = _position(ref)
                raise Unreadable(code, Place(file, row, column + 1, ref))
            merged = [Merged(first[0] + 1, last[0] + 1, first[1]) for first, last in sheet.merged_cell_ranges or ()]
            return _rows(file, sheet, formats.get(sheet.name, {})), merged
    except CalamineError as fault:
        raise Unreadable("xlsx_broken", Place(file)) from fault


def _look_inside(file: str, data: bytes) -> tuple[dict[str, str], dict[str, Formats]]:
    """Read every XML member once, keeping nothing but what is found.

    By the sheet's name: its first problem (as "code cell"), and the cells that show something else than they hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_MEMBERS or len({info.filename for info in infos}) < len(infos):
                raise Unreadable("xlsx_broken", Place(file))
            if any(info.flag_bits & 1 for info in infos):
                raise Unreadable("xls_or_password", Place(file))
            budget = MAX_XML_BYTES
            problems: dict[str, str] = {}
            formats: dict[str, Formats] = {}
            odd = _odd_styles(archive, infos)
            for info in infos:
                if info.filename.lower().endswith((".xml", ".rels")):
                    found: Formats = {}
                    size, problem = _look(file, archive, info, budget, odd, found)
                    budget -= size
                    if problem:
                        problems[_part(info.filename)] = problem
                    if found:
                        formats[_part(info.filename)] = found
            parts = _parts(archive) if problems or formats else {}
            return (
                {name: problems[part] for name, part in parts.items() if part in problems},
                {name: formats[part] for name, part in parts.items() if part in formats},
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, KeyError, ET.ParseError) as fault:
        raise Unreadable("not_xlsx", Place(file)) from fault


def _odd_styles(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> dict[bytes, int]:
    """The styles that show something else than a cell holds, by their number as it stands in a cell."""
    for info in infos:
        if _part(info.filename) == "xl/styles.xml":
            with archive.open(info) as member:
                odd = odd_styles(member.read(MAX_STYLES_BYTES))
            return {str(style).encode(): shown for style, shown in odd.items()}
    return {}


def _look(
    file: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: int, odd: dict[bytes, int], formats: Formats
) -> tuple[int, str]:
    """Unpack one member bit by bit: its true size and, of a sheet, its first problem. Its cells of `odd` styles go into `formats`."""
    size, problem, rest = 0, "", b""
    styled = re.compile(_STYLED % b"|".join(odd)) if odd else None
    with archive.open(info) as member:
        while chunk := member.read(_CHUNK):
            size += len(chunk)
            if size > budget:
                raise Unreadable("xlsx_too_large", Place(file), limit=MAX_XML_BYTES >> 20)
            if _part(info.filename).startswith("xl/worksheets/"):
                text = rest + chunk
                cut = max(text.rfind(b"</c>") + 4, text.rfind(b":c>") + 3)
                if len(text) - cut > _LONGEST:  # cells without content end in />, and a sheet may hold millions of them
                    cut = max(cut, text.rfind(b"/>") + 2, len(text) - _LONGEST)
                whole, rest = text[:cut], text[cut:]
                _refuse_far(file, whole)
                problem = problem or _problem(whole)
                for found in styled.finditer(whole) if styled else ():
                    column, row = _position(found[2].decode())
                    if len(formats) < MAX_FORMATTED and column < MAX_COLUMNS:
                        formats[row, column] = odd[found[1]]
    return size, problem


def _part(name: str) -> str:
    """A part's name as programs compare it: case does not matter (ECMA-376 part 2, 6.2.2.3), and some writers turn the slashes round."""
    return name.replace("\\", "/").lower()


def _refuse_far(file: str, text: bytes) -> None:
    for found in _FAR.finditer(text):
        if found[0].endswith(b"/>"):
            continue  # formatting without content, which Excel leaves behind by the million
        ref = found[1].decode()
        column, row = _position(ref)
        if column >= MAX_COLUMNS:
            raise Unreadable("too_wide", Place(file, row, column + 1, ref), limit=MAX_COLUMNS)
        if row > MAX_ROWS + TITLE_ROWS:
            raise Unreadable("too_many_rows", Place(file, row, column + 1, ref), limit=MAX_ROWS)


def _problem(text: bytes) -> str:
    errors = b't="e"' in text or b"t='e'" in text
    if errors and (found := _ERROR.search(text)):
        return f"error_value {found[1].decode()}"
    if (b"<f" in text or b":f" in text) and (found := _UNCOMPUTED.search(text) or _UNCOMPUTED_TEXT.search(text)):
        return f"formula_empty {found[1].decode()}"
    if _NAMELESS.search(text):
        return "xlsx_nameless A1"
    return ""


def _formatted(cell: Cell, shown: int) -> Cell:
    if isinstance(cell, float):
        return Formatted(cell, shown)
    return FormattedText(cell) if isinstance(cell, str) and cell and shown == ELSE else cell


def _position(ref: str) -> tuple[int, int]:
    """Column index from 0 and row from 1 of a cell name; far beyond any bound for absurd ones."""
    found = _REF.fullmatch(ref)
    if not found or len(found[1]) > 3 or len(found[2]) > 7:
        return MAX_COLUMNS, MAX_ROWS
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column - 1, int(found[2])


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """The member of each sheet, by the sheet's name, through the workbook's relations."""
    sheets, relations = archive.read("xl/workbook.xml"), archive.read("xl/_rels/workbook.xml.rels")
    if b"<!DOCTYPE" in sheets + relations:
        raise ValueError("a workbook has no document type")
    targets = {node.get("Id", ""): node.get("Target", "") for node in ET.fromstring(relations)}  # noqa: S314 - no document type, so no entities
    parts: dict[str, str] = {}
    for node in ET.fromstring(sheets).iter():  # noqa: S314 - as above
        if node.tag.endswith("}sheet"):
            relation = next((value for key, value in node.attrib.items() if key.endswith("}id")), "")
            target = targets.get(relation, "")
            parts[node.get("name", "")] = _part(target.removeprefix("/") if target.startswith("/") else f"xl/{target}")
    return parts


def _choose(file: str, book: CalamineWorkbook) -> CalamineSheet | None:
    """The visible sheet that holds the list: the only one with anything in it, else the one called roster or 花名册."""
    visible = [
        book.get_sheet_by_name(meta.name)
        for meta in book.sheets_metadata[:MAX_SHEETS]
        if meta.typ == SheetTypeEnum.WorkSheet and meta.visible == SheetVisibleEnum.Visible
    ]
    filled = [sheet for sheet in visible if sheet.start is not None]
    if len(filled) > 1:
        filled = [sheet for sheet in filled if sheet.name.strip().casefold() in _NAMES] or filled
    if len(filled) > 1:
        raise Unreadable("several_sheets", Place(file), count=len(filled))
    return filled[0] if filled else None


def _rows(file: str, sheet: CalamineSheet, formats: Formats) -> list[Row]:
    if sheet.start is None:
        return []
    left = [""] * sheet.start[1]
    rows: list[Row] = []
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        for index, cell in enumerate(cells):
            if isinstance(cell, str) and len(cell) > MAX_CELL:
                ref = cell_name(number, len(left) + index)
                raise Unreadable("cell_too_long", Place(file, number, len(left) + index + 1, ref), limit=MAX_CELL)
            if isinstance(cell, int) and not isinstance(cell, bool):
                cells[index] = float(cell)
            if formats and (shown := formats.get((number, len(left) + index))) is not None:
                cells[index] = _formatted(cells[index], shown)
        if any(cell != "" and not (isinstance(cell, str) and not cell.strip()) for cell in cells):
            rows.append(Row(number, [*left, *cells]))
    return rows
