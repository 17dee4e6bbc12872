"""What of a cell may be repeated in a message: misspelt words and dates. All that may be a number of a person is described only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Self

from edge.roster.faults import Shown

Cell = str | float | bool | date | datetime | time | timedelta
"""One cell as the file holds it: CSV has text only; Excel also numbers (always float), truth values, dates and times."""


class Formatted(float):
    """A number that its cell shows otherwise: with zeros in front up to `digits`, or (0) with signs of its own."""

    __slots__ = ("digits",)

    def __new__(cls, value: float, digits: int) -> Self:
        """Of this value, shown so."""
        self = super().__new__(cls, value)
        self.digits = digits
        return self

    digits: int

    @property
    def as_held(self) -> bool:
        """Whether what is shown is what is held: there are as many digits already."""
        return self.digits > 0 and self.is_integer() and len(str(int(self))) >= self.digits


class FormattedText(str):
    """A text that its cell shows with signs of its own around it."""

    __slots__ = ()


_DATE_LIKE = re.compile(r"[\d年月日/.:\- T]{1,19}")
_LONG_RUN = re.compile(r"\d{5,}")
_ID_LIKE = re.compile(r"\d{6}")


def shape(cell: Cell) -> Shown:
    """Describe a cell without repeating any of it."""
    if isinstance(cell, bool):
        return Shown("truth")
    if isinstance(cell, float):
        return Shown("number")
    if isinstance(cell, (date, time, timedelta)):
        return Shown("date_cell")
    text = cell.strip()
    if not text:
        return Shown("empty")
    if text.isdecimal():
        return Shown("digits", len(text))
    return Shown("characters", len(text))


def shown_word(cell: Cell, known: Iterable[str]) -> Shown:
    """Repeat a cell only where it is a misspelling of a known word (more than half of its characters are of one); else its shape.

    A column that slipped by one puts a name or a card number where a word belongs: that must not be repeated.
    """
    if not isinstance(cell, str):
        return shape(cell)
    text = unicodedata.normalize("NFKC", cell).strip()
    if not 0 < len(text) <= 32 or _LONG_RUN.search(text):
        return shape(cell)
    folded = text.casefold()
    for word in known:
        shared = sum(min(folded.count(char), word.count(char)) for char in set(folded))
        if shared * 2 > max(len(folded), len(word)):
            return Shown("text", text)
    return shape(cell)


def shown_date(cell: Cell) -> Shown:
    """Repeat a cell that consists of what dates are made of, with at most four digits in a row; else its shape."""
    if not isinstance(cell, str):
        return shape(cell)
    text = unicodedata.normalize("NFKC", cell).strip()
    if _DATE_LIKE.fullmatch(text) and not _LONG_RUN.search(text):
        return Shown("text", text)
    return shape(cell)


def shown_id(tenant_id: str) -> str:
    """A tenant's number as lists show it: whole, unless it looks like an identity number or a telephone (6 digits in a row or more)."""
    if _ID_LIKE.search(tenant_id):
        return f"{tenant_id[:2]}…{tenant_id[-2:]}"
    return tenant_id
