"""What the previous run left, told once at the start (`gateway.started`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.journal.mark import Mark


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


def judge_end(mark: Mark | None, last_record: datetime | None, *, virgin: bool, boot_id: str, now: datetime) -> Opened:
    """Judge how the last run ended. `virgin`: there was neither a mark nor a database."""
    if virgin:
        return Opened("first", clean=True, boot_id=boot_id)
    if mark is None:
        return Opened("crash", clean=False, boot_id=boot_id, blind_from=last_record, blind_to=now)
    if mark.clean:
        return Opened("restart", clean=True, boot_id=boot_id, blind_from=mark.alive_at, blind_to=now)
    blind_from = max(mark.alive_at, last_record) if last_record else mark.alive_at
    return Opened("crash" if mark.boot_id == boot_id else "power_cut", clean=False, boot_id=boot_id, blind_from=blind_from, blind_to=now)
