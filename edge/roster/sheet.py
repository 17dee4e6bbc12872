"""A table whose columns are known: finds the row of headings, then gives every cell by its column's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from edge.roster.cells import Wrong
from edge.roster.columns import Column, Heading, nearest, recognise
from edge.roster.faults import Notes, Place, Shown
from edge.roster.masks import Cell
from edge.roster.table import Row, Table

T = TypeVar("T")

HEADINGS_WITHIN = 10
"""Rows searched for the headings: managers put a title and a date above them."""

_LONG_RUN = re.compile(r"\d{5}")


class Sheet:
    """The rows below the headings. Cells of a column that the file lacks are empty."""

    def __init__(self, table: Table, headings: Sequence[Heading], rows: Sequence[Row], notes: Notes) -> None:
        self.table = table
        self.headings = {heading.key: heading for heading in headings}
        self.card_columns = [heading for heading in headings if heading.key == "cards"]
        self._rows = rows
        self._notes = notes

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def value(self, row: Row, key: str, parse: Callable[[Cell], T], otherwise: T) -> T:
        """The value of a cell; a cell that cannot be used is noted and counts as `otherwise`, as does one of a missing column."""
        heading = self.headings.get(key)
        if heading is None:
            return otherwise
        return self.under(row, heading, parse, otherwise)

    def under(self, row: Row, heading: Heading, parse: Callable[[Cell], T], otherwise: T) -> T:
        """As `value`, for one heading of several with the same key."""
        try:
            return parse(row.cells[heading.index] if heading.index < len(row.cells) else "")
        except Wrong as wrong:
            self._notes.fault(wrong.code, self.table.at(row, heading), wrong.read, **wrong.values)
            return otherwise

    def place(self, row: Row, key: str) -> Place:
        """Where a cell stands; the row alone where the file lacks the column."""
        heading = self.headings.get(key)
        return self.table.at(row, heading) if heading else self.table.place(row.number)

    def where(self, row: Row) -> tuple[str, int]:
        """File and row number."""
        return self.table.file, row.number

    def heading(self, key: str) -> str:
        """How this file calls a column."""
        return self.headings[key].text if key in self.headings else key


def open_sheet(table: Table, columns: Sequence[Column], notes: Notes) -> Sheet | None:
    """Find the headings; every fault in them is noted. None where there are none, so that rows mean nothing."""
    best: tuple[int, list[Heading], list[tuple[int, str]]] = (0, [], [])
    for number, row in enumerate(table.rows[:HEADINGS_WITHIN]):
        found, unknown = recognise(columns, [cell if isinstance(cell, str) else "" for cell in row.cells])
        if len(found) > len(best[1]):
            best = (number, found, unknown)
    at, found, unknown = best
    needed = [column for column in columns if column.required]
    if len(found) < 2 and any(column.key not in {heading.key for heading in found} for column in needed):
        # one word may be a title; nothing of such a row is repeated, it may be somebody's data
        place = table.place(table.rows[0].number if table.rows else 1)
        notes.fault("no_headings", place, needed=", ".join(f"{column.key} {column.zh}" for column in needed))
        return None
    row = table.rows[at]
    chinese = any(not heading.text.isascii() for heading in found)
    for column in needed:
        if all(heading.key != column.key for heading in found):
            notes.fault("missing_heading", table.place(row.number), needed=column.zh if chinese else column.key)
    _unknown(table, row, columns, unknown, notes)
    for merged in table.merged:
        if merged.last >= row.number:  # a title above the headings may be as wide as it likes
            notes.fault("merged_cells", table.place(merged.first, merged.index), rows=f"{merged.first}-{merged.last}")
    rows = _not_longer(table, table.rows[at + 1 :], 1 + max(index for index, cell in enumerate(row.cells) if cell != ""), notes)
    return Sheet(table, _once(table, row, found, notes), rows, notes)


def _once(table: Table, row: Row, found: list[Heading], notes: Notes) -> list[Heading]:
    kept: list[Heading] = []
    for heading in found:
        if heading.key != "cards" and any(other.key == heading.key for other in kept):
            notes.fault("heading_twice", table.at(row, heading), heading=heading.text)
        else:
            kept.append(heading)
    return kept


def _unknown(table: Table, row: Row, columns: Sequence[Column], unknown: list[tuple[int, str]], notes: Notes) -> None:
    for index, text in unknown:
        meant = nearest(columns, text)
        if meant is None or _LONG_RUN.search(text):
            notes.remark("heading_ignored", table.place(row.number, index))
        else:
            notes.fault("heading_unknown", table.place(row.number, index), Shown("text", text[:40]), nearest=meant)


def _not_longer(table: Table, rows: Sequence[Row], width: int, notes: Notes) -> Sequence[Row]:
    for row in rows:
        if len(row.cells) > width:
            extra = sum(1 for cell in row.cells[width:] if not (isinstance(cell, str) and not cell.strip()))
            if extra:
                notes.fault("row_too_long", table.place(row.number, width), extra=extra)
    return rows
