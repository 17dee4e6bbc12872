"""A sheet as rows of cells with exact positions, whatever the file was: CSV in three encodings, or .xlsx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge.roster.columns import Heading
from edge.roster.faults import Place
from edge.roster.masks import Cell

MAX_FILE_BYTES = 32 << 20
"""A roster of 100,000 people is 18 MB of CSV or 9 MB of .xlsx."""
MAX_ROWS = 100_000
"""The largest roster a gateway is meant for (three times the town's 30,000)."""
MAX_COLUMNS = 64
"""Three times the columns there are: room for a manager's own."""
MAX_CELL = 2_000
"""Characters in a cell: a hundred cards of twenty."""


class Unreadable(Exception):
    """The file is no table at all: tell the person `code` (a key of the catalogue) at `place`."""

    def __init__(self, code: str, place: Place, **values: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.place = place
        self.values = values


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file (CSV: where it begins) or row of the sheet, from 1, and its cells from the first column on."""

    number: int
    cells: Sequence[Cell] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Merged:
    """Cells that show as one: rows `first` to `last` from 1, from column `index` (from 0) on. Only the first of them holds the value."""

    first: int
    last: int
    index: int


@dataclass(frozen=True, slots=True)
class Table:
    """A whole sheet: no row is empty, none is longer than MAX_COLUMNS, no cell longer than MAX_CELL."""

    file: str
    kind: Literal["csv", "xlsx"]
    rows: Sequence[Row] = field(repr=False)
    merged: Sequence[Merged] = ()

    def place(self, row: int | None = None, index: int | None = None, heading: str = "") -> Place:
        """Where a cell stands; `index` counts from 0."""
        if row is None or index is None:
            return Place(self.file, row, heading=heading)
        if self.kind == "xlsx":
            return Place(self.file, row, index + 1, cell_name(row, index), heading)
        return Place(self.file, row, index + 1, heading=heading)

    def at(self, row: Row, heading: Heading) -> Place:
        """Where the cell under `heading` stands."""
        return self.place(row.number, heading.index, heading.text)


def cell_name(row: int, index: int) -> str:
    """Excel's name of a cell: row from 1, column index from 0."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def read_table(file: str, data: bytes) -> Table:
    """Read the bytes of a .csv or .xlsx file called `file`.

    Raises:
        Unreadable: it is no such file, it is too large, or it is built to exhaust the machine.
    """
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable("file_too_large", Place(file), limit=MAX_FILE_BYTES >> 20)
    if file.lower().endswith(".xlsx"):
        from edge.roster.xlsx_table import read_xlsx

        return Table(file, "xlsx", *read_xlsx(file, data))
    from edge.roster.csv_table import read_csv

    return Table(file, "csv", read_csv(file, data))
