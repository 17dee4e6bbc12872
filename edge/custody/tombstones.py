"""Who was forgotten, and stays so: one small file for each, on disk before anything of them is destroyed.

    key        32 random bytes, made with the first tombstone
    <name>     {"v": 1, "times": how often they were forgotten, "papers": the papers that ended with it, "at": the last time}

Names and papers are HMAC-SHA256 under that key, so that the folder does not read as a list of people; whoever has the key beside it can
try numbers. The key is not the master key: the forgotten stay forgotten when that is replaced, and a backup may carry this folder.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge import durable
from edge.errors import EdgeError

FORM = 1
KEY_BYTES = 32
DAMAGED = 1 << 31  # times, where a file does not say: more than anybody is forgotten
_NAME = re.compile(r"[0-9a-f]{64}")


class TombstonesUnusable(EdgeError):
    """There are tombstones whose key is missing: nobody can tell who was forgotten. A backup of the folder has it."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """How often somebody was forgotten (0: never), and the papers that ended with it (None: every paper)."""

    times: int = 0
    papers: frozenset[str] | None = frozenset()


class Tombstones:
    """The tombstones of one folder. One owner lays them; reading is safe from any thread."""

    def __init__(self, folder: Path) -> None:
        """Read them all. Raises TombstonesUnusable, OSError."""
        self._folder = folder
        self._key = b""
        self._laid: dict[str, Tombstone] = {}
        durable.sweep(folder)
        names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
        with contextlib.suppress(FileNotFoundError):
            self._key = durable.read(folder / "key")
        if names and len(self._key) != KEY_BYTES:
            raise TombstonesUnusable(f"{folder / 'key'} is missing or damaged: nobody can tell who was forgotten")
        self._laid = {name: _read(folder / name) for name in names}

    def of(self, number: str) -> Tombstone:
        """Somebody's tombstone, by their tenant_id."""
        return self._laid.get(self._hashed("number", number), Tombstone()) if self._laid else Tombstone()

    def ended(self, number: str, paper: str) -> bool:
        """Whether a paper was given before this person was forgotten, and so allows nothing any more."""
        papers = self.of(number).papers
        return papers is None or self._hashed("paper", _same(paper)) in papers

    def lay(self, number: str, papers: Iterable[str], at: datetime) -> None:
        """Forget somebody once more, with every paper they are known to have given. Durable when it returns. Raises OSError."""
        if len(self._key) != KEY_BYTES:
            key = os.urandom(KEY_BYTES)
            durable.write(self._folder / "key", [key])
            self._key = key
        before = self.of(number)
        ended = None if before.papers is None else before.papers | {self._hashed("paper", _same(paper)) for paper in papers}
        stone = Tombstone(before.times + 1, ended)
        name = self._hashed("number", number)
        body = {"v": FORM, "times": stone.times, "papers": None if ended is None else sorted(ended), "at": at.isoformat()}
        durable.write(self._folder / name, [json.dumps(body).encode()])
        self._laid = {**self._laid, name: stone}

    def _hashed(self, what: str, text: str) -> str:
        return hmac.digest(self._key, f"{what}\0{text}".encode(), "sha256").hex() if self._key else ""


def _same(paper: str) -> str:
    """A paper's number without what does not make another paper: width, case, spaces, dashes and dots."""
    return "".join(one for one in unicodedata.normalize("NFKC", paper).casefold() if one.isalnum())


def _read(path: Path) -> Tombstone:
    """A damaged one is still a tombstone: then no paper of before counts, whichever it was."""
    try:
        body = json.loads(durable.read(path))
        papers = body["papers"]
        return Tombstone(int(body["times"]), None if papers is None else frozenset(map(str, papers)))
    except (OSError, ValueError, KeyError, TypeError):
        return Tombstone(DAMAGED, None)
