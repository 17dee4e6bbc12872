"""Rosters in a line or two, for tests that care about people and not about cells."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.access.terms import Book
from edge.clock import Clock
from edge.roster.folder import Known, read_folder
from edge.roster.load import Reader
from edge.roster.outcomes import Applied, Refused
from edge.roster.roster import Roster
from edge.roster.settings import RosterSettings
from tests.clock import HandClock
from tests.roster.conftest import SHANGHAI


def write(folder: Path, *rows: str, heading: str = "编号,姓名,卡号[dec],密码") -> None:
    """Replace roster.csv by these rows; a row may be a number alone and then is somebody with a card of that number."""
    lines = [row if "," in row else f"{row},某{row},{row}," for row in rows]
    (folder / "roster.csv").write_text("\n".join([heading, *lines]) + "\n", encoding="utf-8")


def counter() -> Callable[[], str]:
    """Refs p1, p2, … in order."""
    numbers = itertools.count(1)
    return lambda: f"p{next(numbers)}"


def make_roster(
    settings: RosterSettings,
    state: Path,
    told: list[Applied | Refused] | None = None,
    *,
    clock: Clock | None = None,
    read: Reader = read_folder,
    new_ref: Callable[[], str] | None = None,
    master: bytes | None = None,
    known: Known | None = None,
) -> Roster:
    """A roster as the daemon makes it, started; it reads in this process."""
    heard = told if told is not None else []
    more = {"master": master, "known": known} | ({"new_ref": new_ref} if new_ref else {})
    roster = Roster(settings, state_dir=state, zone=SHANGHAI, clock=clock or HandClock(), told=heard.append, read=read, **more)  # type: ignore[arg-type] - one optional keyword
    roster.start()
    return roster


def ids(book: Book) -> Sequence[str]:
    """The numbers of all tenants, sorted."""
    return sorted(tenant.tenant_id for tenant in book.tenants.values())


def refs(book: Book) -> dict[str, str]:
    """tenant_id -> person_ref."""
    return {tenant.tenant_id: ref for ref, tenant in book.tenants.items()}
