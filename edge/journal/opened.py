"""What the previous run left, told once at the start (`gateway.started`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from edge.journal.mark import Mark, read_mark, stamp


@dataclass(frozen=True, slots=True)
class Opened:
    """How the last run ended. `blind_from`..`blind_to` is the time in which nobody recorded; None at the first start of all.

    `crash` is a daemon that ended while the machine ran on, `power_cut` a machine that started anew without a clean stop before.
    Where the folder cannot be read nothing is known, and `crash` stands for that.
    """

    cause: Literal["first", "restart", "crash", "power_cut"]
    clean: bool
    boot_id: str
    blind_from: datetime | None = None
    blind_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What lay in the folder before this run touched it. `virgin`: neither a mark nor a database.

    `stopped`: the last run stopped in order and left these very files.
    """

    mark: Mark | None
    virgin: bool
    stopped: bool = False

    @classmethod
    def look(cls, folder: Path, database: Path) -> Past:
        """Look. Raises nothing: what cannot be read is not known."""
        mark = read_mark(folder)
        try:
            empty = database not in folder.iterdir()
        except FileNotFoundError:
            empty = True
        except OSError:
            empty = False
        same = mark is not None and mark.file in {"", stamp(database)}
        return cls(mark, mark is None and empty, mark is not None and mark.clean and same)

    def judge(self, boot_id: str, now: datetime, last_record: datetime | None) -> Opened:
        """Judge how the last run ended; `last_record` is the time of the newest record, where one could be read."""
        mark = self.mark
        if self.virgin:
            return Opened("first", clean=True, boot_id=boot_id)
        if mark is None:
            return Opened("crash", clean=False, boot_id=boot_id, blind_from=last_record, blind_to=now)
        if mark.clean:
            return Opened("restart", clean=True, boot_id=boot_id, blind_from=mark.alive_at, blind_to=now)
        since = max(mark.alive_at, last_record) if last_record else mark.alive_at
        return Opened("crash" if mark.boot_id == boot_id else "power_cut", clean=False, boot_id=boot_id, blind_from=since, blind_to=now)
