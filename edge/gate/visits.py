"""Entries of visitors: reserved when granted, given back when not taken, remembered over a restart. One for the site."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from edge.access.terms import Book
from edge.gate.recorder import Memory

NOTE = "visits"


class Visits:
    """How often each visit has entered. Bounded by the book: visits that it no longer has are forgotten at the next entry."""

    def __init__(self, memory: Memory, book: Callable[[], Book]) -> None:
        self._memory = memory
        self._book = book
        self._used: dict[str, int] = _read(memory.recall(NOTE))
        self._since: dict[str, int] = {}  # of these, since the start
        self.used: Mapping[str, int] = MappingProxyType(self._used)

    def recall(self) -> None:
        """What was remembered can be read only now: entries of before the start and since then are added up."""
        before = _read(self._memory.former(NOTE))
        for ref, count in before.items():
            self._used[ref] = self._since.get(ref, 0) + count
        if before:
            self._write()

    def reserve(self, ref: str) -> None:
        """One entry was granted."""
        for gone in self._used.keys() - self._book().visits.keys():
            del self._used[gone]
            self._since.pop(gone, None)
        self._used[ref] = self._used.get(ref, 0) + 1
        self._since[ref] = self._since.get(ref, 0) + 1
        self._write()

    def give_back(self, ref: str) -> None:
        """It was not taken."""
        if self._since.get(ref, 0) > 0:
            self._used[ref] -= 1
            self._since[ref] -= 1
            self._write()

    def _write(self) -> None:
        self._memory.remember(NOTE, json.dumps(self._used))


def _read(note: str | None) -> dict[str, int]:
    try:
        return {str(ref): int(count) for ref, count in json.loads(note or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}
