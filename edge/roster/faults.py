"""What is wrong with a roster file: where, what was read (never a secret), what was expected, what to do. In Chinese or English."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.roster.settings import Locale
from edge.roster.words import say

MAX_NOTED = 500
"""Faults kept word for word. A manager mends a column, not 30,000 lines; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the roster folder. `row` is the line of a CSV file (from 1) or the row of a sheet; `cell` is Excel's name, as D7."""

    file: str = ""
    row: int | None = None
    column: int | None = None
    cell: str = ""
    heading: str = ""

    def text(self, locale: Locale) -> str:
        """As a person would say it."""
        heading = say(locale, "at_heading", heading=self.heading) if self.heading else ""
        if self.cell:
            return f"{self.file} {self.cell}{heading}"
        if self.row is None:
            return self.file + heading
        if self.column is None:
            return say(locale, "at_line", file=self.file, row=self.row) + heading
        return say(locale, "at_line_column", file=self.file, row=self.row, column=self.column) + heading


@dataclass(frozen=True, slots=True)
class Shown:
    """What was read, fit to be shown: `kind` is a key of the catalogue (`shown_text`, `shown_digits`, …), `value` its text or length."""

    kind: str
    value: str | int = ""

    def text(self, locale: Locale) -> str:
        """The words for it."""
        return say(locale, f"shown_{self.kind}", value=self.value)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong (`grave`), or one thing worth a look (not grave: a remark, which stops nothing)."""

    code: str
    place: Place = field(default_factory=Place)
    read: Shown | None = None
    values: tuple[tuple[str, str | int], ...] = ()
    grave: bool = True

    def text(self, locale: Locale = "zh") -> str:
        """Place and message in one line."""
        where = self.place.text(locale)
        return f"{where}{say(locale, 'colon')}{self.message(locale)}" if where else self.message(locale)

    def message(self, locale: Locale = "zh") -> str:
        """What was wrong, what was expected, what to do."""
        read = self.read.text(locale) if self.read else ""
        return say(locale, self.code, read=read, **dict(self.values))


class RosterFaults(Exception):
    """The roster cannot be applied: mend the files and save again. The last good roster stays in force."""

    def __init__(self, faults: Iterable[Fault], more: int = 0) -> None:
        self.faults = tuple(faults)
        self.more = more
        super().__init__(f"{len(self.faults) + more} faults in the roster")

    @property
    def count(self) -> int:
        """How many faults there are, those not kept word for word included."""
        return len(self.faults) + self.more

    @property
    def unreadable(self) -> bool:
        """Whether a file could not be read at all (half-written, perhaps), so that trying again soon is worth it."""
        return any(fault.code in TRANSIENT for fault in self.faults)


TRANSIENT = frozenset(
    {
        *("no_roster", "no_folder", "folder_closed", "not_xlsx", "xlsx_broken", "csv_quote", "unreadable", "changed_meanwhile"),
        *("reader_failed", "sheet_gone"),
    }
)
"""Faults that a file still being written may show."""


class Notes:
    """Collects faults and remarks, bounded."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.remarks: list[Fault] = []
        self.more_faults = 0
        self.more_remarks = 0

    def fault(self, code: str, place: Place, read: Shown | None = None, **values: str | int) -> None:
        """Note something that forbids applying the roster."""
        if len(self.faults) < MAX_NOTED:
            self.faults.append(Fault(code, place, read, tuple(values.items())))
        else:
            self.more_faults += 1

    def remark(self, code: str, place: Place, read: Shown | None = None, **values: str | int) -> None:
        """Note something worth a look."""
        if len(self.remarks) < MAX_NOTED:
            self.remarks.append(Fault(code, place, read, tuple(values.items()), grave=False))
        else:
            self.more_remarks += 1
