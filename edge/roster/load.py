"""A roster folder to a Book in one call, for whoever does not need the last good one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.access.terms import Book
from edge.roster import apart
from edge.roster.book import assemble, numbers
from edge.roster.drafts import Sheets
from edge.roster.folder import Known
from edge.roster.identities import Identities
from edge.roster.pins import PinHash
from edge.roster.settings import RosterSettings

Reader = Callable[[Path, RosterSettings, ZoneInfo, Known], Sheets]
"""edge.roster.apart.read in the daemon; edge.roster.folder.read_folder where nobody waits."""


def load(
    folder: Path,
    settings: RosterSettings,
    zone: ZoneInfo,
    identities: Identities,
    pin_hash: PinHash,
    loaded_at: datetime,
    known: Known | None = None,
    read: Reader = apart.read,
) -> Book:
    """The whole folder as a Book, or nothing. Blocks for seconds on a large roster: call it in a thread.

    Raises:
        RosterFaults: every fault there is.
    """
    sheets = read(folder, settings, zone, known or Known()).sound()
    return assemble(sheets, identities.assign(*numbers(sheets)), pin_hash, loaded_at)
