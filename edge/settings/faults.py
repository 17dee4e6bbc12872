"""What is wrong with the settings, and where. The words are in edge/settings/words.py, in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from edge.errors import EdgeError
from edge.settings.words import say

Locale = Literal["zh", "en"]
Path = tuple[str | int, ...]
"""The way to a value: keys, and positions in lists from 0."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written: a file with line and column (from 1, 0 = the file as a whole), or an environment variable by name."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """As editors and compilers write it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong (`grave`), or one thing worth a look (a warning, which stops nothing).

    `near` is the valid word that comes closest to what was written; `read` what was written, never a secret.
    `word`: `run` goes on in spite of this fault and `degraded` says this word; empty: a grave fault stops `run`. `left_out` is the part of
    the settings that it goes on without; empty where all of them are used. A value `right` is what could stand there instead.
    """

    place: Place
    code: str
    values: tuple[tuple[str, str], ...] = ()
    near: str = ""
    grave: bool = True
    path: Path = field(default=(), compare=False)
    word: str = ""
    left_out: Path = field(default=(), compare=False)

    def message(self, locale: Locale) -> str:
        """What was wrong, what was expected, what to do."""
        values = dict(self.values)
        text = say(locale, self.code, **values)
        if "right" in values:
            text += say(locale, "there_is" if values["right"] else "there_is_none", right=values["right"])
        return text + (say(locale, "near", near=self.near) if self.near else "")

    def text(self, locale: Locale) -> str:
        """Place and message in one line."""
        return f"{self.place}: {self.message(locale)}"


class SettingsRefused(EdgeError):
    """The settings cannot be used: show every fault, change nothing, end with a non-zero code."""

    def __init__(self, faults: Iterable[Fault], locale: Locale) -> None:
        self.faults = tuple(faults)
        self.locale = locale
        super().__init__("\n".join(fault.text(locale) for fault in self.faults))


def nearest(word: str, valid: Iterable[str]) -> str:
    """The valid word that `word` was probably meant to be, or nothing. 0.6 accepts two slips in a short word and no more."""
    found = get_close_matches(word.lower(), list(valid), n=1, cutoff=0.6)
    return found[0] if found else ""
