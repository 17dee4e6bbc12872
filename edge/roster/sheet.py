"""A table whose columns are known: finds the row of headings, then gives every cell by its column's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from edge.roster import footers
from edge.roster.cells import Wrong
from edge.roster.columns import CONFIRM, LIKE, MOVE_IN, UNREAD, Column, Heading, fold, nearest, recognise
from edge.roster.faults import Notes, Place, Shown
from edge.roster.masks import Cell
from edge.roster.table import Row, Table

T = TypeVar("T")

HEADINGS_WITHIN = 10
"""Rows searched for the headings: managers put a title and a date above them."""

LONG_RUN = re.compile(r"\d{5}")
_DATES = re.compile(r"(?:19|20|21)\d\d\s*[-/.年]\s*\d{1,2}\s*(?:[-/.月]|$)|(?:19|20|21)\d\d[01]\d[0-3]\d")
_CARDS = re.compile(r"(?:dec|hex|fc):.*|\d{8,10}|\d{1,5}[,-]\d{4,5}", re.IGNORECASE)
_DATE_WORD = re.compile("[日期]|时间|date|day", re.IGNORECASE)
MOST_CODES = 20
"""Codes taken from a sheet: one answers a question, older ones may stand beside it."""


class Sheet:
    """The rows below the headings. Cells of a column that the file lacks are empty."""

    def __init__(
        self,
        table: Table,
        headings: Sequence[Heading],
        rows: Sequence[Row],
        notes: Notes,
        codes: Sequence[str] = (),
        unread: Sequence[tuple[int, str]] = (),
    ) -> None:
        """`codes` are those that the manager has entered to confirm a change, `unread` the columns (index, text) that nothing reads."""
        self.table = table
        self.codes = codes
        self.unread = unread
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
    codes = [code for above in table.rows[:at] for code in footers.codes(above.cells)]
    rows: Sequence[Row] = _people(table, row, table.rows[at + 1 :], columns, found, codes, notes)
    numbers = {kept.number for kept in rows}
    for merged in table.merged:
        # a title above the headings may be as wide as it likes, and so may a footer
        if merged.last >= row.number and (merged.first <= row.number or not numbers.isdisjoint(range(merged.first, merged.last + 1))):
            notes.fault("merged_cells", table.place(merged.first, merged.index), rows=f"{merged.first}-{merged.last}")
    width = 1 + max(index for index, cell in enumerate(row.cells) if cell != "")
    rows = _not_longer(table, rows, width, notes)
    _unknown(table, row, rows, columns, found, unknown, notes)
    _nameless(table, row, rows, width, notes)
    confirmed = [index for index, cell in enumerate(row.cells) if isinstance(cell, str) and fold(cell) in CONFIRM]
    codes += [code for each in rows for index in confirmed if (code := footers.as_code(_cell(each, index)))]
    return Sheet(table, _once(table, row, found, notes), rows, notes, codes[:MOST_CODES], unknown)


def _cell(row: Row, index: int) -> Cell:
    return row.cells[index] if index < len(row.cells) else ""


def _filled(cell: Cell) -> bool:
    return not isinstance(cell, str) or bool(cell.strip())


def _people(
    table: Table, headings: Row, rows: Sequence[Row], columns: Sequence[Column], found: Sequence[Heading], codes: list[str], notes: Notes
) -> list[Row]:
    """The rows without those that are nobody; each of them is noted, and a code in one goes into `codes`."""
    where = {heading.key: heading.index for heading in reversed(found)}
    number, name = where.get(columns[0].key), where.get("name")
    opens = [heading.index for heading in found if heading.key in ("cards", "card", "pin")]
    if number is None:
        return list(rows)
    # beside these a list of rooms, or of numbered lines, has nothing where nobody lives yet
    persons = {heading.index for heading in found if heading.key not in {"room", "house_code", "unit", "kind", "groups"}}
    kept: list[Row] = []
    empty: list[int] = []
    for row in rows:
        own = _cell(row, number)
        called = _cell(row, name) if name is not None else ""
        filled = [cell for cell in row.cells if _filled(cell)]
        begins = filled[0]
        first = own if own != "" else begins
        may_open = any(_filled(_cell(row, index)) for index in opens)
        named = _filled(called) and not footers.is_footer(called) and (may_open or not footers.is_count(called))
        staff = named and footers.is_word(own) and may_open
        # 合计 in a column before the number, and how many there are below the number
        total = footers.is_total(begins) and footers.is_count(own) and not may_open
        if (
            (footers.is_footer(first) and not staff and (own != "" or not named))
            or (total and name is not None and not named)
            or (len(filled) == 1 and (footers.is_date(begins) or footers.is_group(begins)))
        ):
            codes += footers.codes(row.cells)
            notes.remark("footer", table.place(row.number))
        elif (example := footers.EXAMPLES.get(str(own).strip())) is not None:
            if str(called).strip() == example:
                notes.remark("example", table.place(row.number))
            else:
                notes.fault("example_changed", table.place(row.number, number))
        elif own == _cell(headings, number) and (name is None or called == _cell(headings, name)):
            notes.remark("headings_again", table.place(row.number))
        elif name is not None and not any(_filled(_cell(row, index)) for index in persons):
            empty.append(row.number)
        else:
            kept.append(row)
    if empty:
        notes.remark("nobody", table.place(empty[0]), rows=len(empty))
    return kept


def _once(table: Table, row: Row, found: list[Heading], notes: Notes) -> list[Heading]:
    kept: list[Heading] = []
    begins = next((one for one in found if one.key == "valid_from" and fold(one.text) not in MOVE_IN), None)
    for heading in found:
        if begins is not None and heading.key == "valid_from" and fold(heading.text) in MOVE_IN:
            notes.remark("move_in_beside", table.at(row, heading), other=begins.text)
            continue
        other = next((other for other in kept if other.key == heading.key), None)
        if heading.key != "cards" and other is not None:
            notes.fault("heading_twice", table.at(row, heading), heading=heading.text, other=other.text)
        else:
            kept.append(heading)
    return kept


def _unknown(
    table: Table,
    row: Row,
    rows: Sequence[Row],
    columns: Sequence[Column],
    found: Sequence[Heading],
    unknown: list[tuple[int, str]],
    notes: Notes,
) -> None:
    keys = {column.key for column in columns} - {heading.key for heading in found}
    for index, text in unknown:
        meant = nearest(columns, text)
        if meant is not None and not LONG_RUN.search(text):
            people = sum(_filled(_cell(each, index)) for each in rows)
            notes.fault("heading_unknown", table.place(row.number, index), Shown("text", text[:40]), nearest=meant, people=people)
        elif (sure := _may_be(text, index, rows, keys)) is not None:
            key, people = sure
            shown = LIKE[key].search(text) or _DATE_WORD.search(text)
            read = Shown("text", text[:20]) if shown and not LONG_RUN.search(text) else Shown("characters", len(text))
            notes.fault("end_unsure" if key == "valid_until" else "card_unsure", table.place(row.number, index), read, people=people)
        else:
            notes.remark("heading_ignored", table.place(row.number, index))


def _may_be(text: str, index: int, rows: Sequence[Row], keys: set[str]) -> tuple[str, int] | None:
    """Which of the columns that the file lacks an unread one may be, by its heading or by what stands in it, and for how many people."""
    if fold(text) in UNREAD:
        return None
    filled = [cell for row in rows if _filled(cell := _cell(row, index))]
    for key in sorted(keys & LIKE.keys(), reverse=True):  # the end first: 20260831 may be a card as well
        looks = sum(map(_is_date if key == "valid_until" else _is_card, filled))
        if filled and (LIKE[key].search(text) or looks * 2 > len(filled)):
            return key, len(filled)
    return None


def _is_date(cell: Cell) -> bool:
    return isinstance(cell, date) or (isinstance(cell, str) and _DATES.match(cell.strip()) is not None)


def _is_card(cell: Cell) -> bool:
    text = f"{cell:.0f}" if isinstance(cell, float) else cell.strip() if isinstance(cell, str) else ""
    return _CARDS.fullmatch(text) is not None


def _nameless(table: Table, row: Row, rows: Sequence[Row], width: int, notes: Notes) -> None:
    """A column that people fill in and no heading names: what they see in it would count for nothing."""
    for index in range(width):
        if not _filled(_cell(row, index)) and (people := sum(_filled(_cell(each, index)) for each in rows)):
            notes.fault("no_heading", table.place(row.number, index), people=people)


def _not_longer(table: Table, rows: Sequence[Row], width: int, notes: Notes) -> Sequence[Row]:
    for row in rows:
        if len(row.cells) > width:
            extra = sum(1 for cell in row.cells[width:] if not (isinstance(cell, str) and not cell.strip()))
            if extra:
                notes.fault("row_too_long", table.place(row.number, width), extra=extra)
    return rows
