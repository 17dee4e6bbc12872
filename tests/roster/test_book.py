"""From sheets to the book that doors decide by, and what a new one changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.access.terms import Card
from edge.roster.diff import compare
from edge.roster.faults import RosterFaults
from edge.roster.folder import read_folder
from edge.roster.identities import Identities
from edge.roster.load import load
from edge.roster.pins import PinHash
from edge.roster.settings import RosterSettings
from tests.clock import START
from tests.roster.conftest import SHANGHAI
from tests.roster.people import counter, refs, write

KEY = PinHash(bytes(32))


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    """Gives p1, p2 and so on."""
    return Identities(tmp_path / "state" / "identities.json", counter())


def test_a_book_leads_from_credentials_to_people(folder: Path, settings: RosterSettings, identities: Identities) -> None:
    """Cards and hashed PINs lead to refs; visits know their host by ref; nothing of it shows in a repr."""
    write(folder, "1,某甲,0013477100,730418,730419", "2,某乙,,615203,", heading="编号,姓名,卡号[dec],密码,胁迫密码")
    (folder / "visitors.csv").write_text("visit_id,name,host,access_points,from,until,card\nV1,N,2,north_in,2026-03-08,2026-03-08,dec:5\n")
    book = load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder)
    who = refs(book)
    assert book.cards[Card(26, 13477100)] == who["1"]
    assert book.pins == {KEY("730418"): who["1"], KEY("615203"): who["2"]}
    assert book.duress == {KEY("730419"): who["1"]}
    (visit,) = book.visits.values()
    assert (visit.host_ref, book.cards[Card(26, 5)]) == (who["2"], visit.ref)
    assert book.loaded_at == START
    assert not any(secret in repr(book) for secret in ("13477100", "730418", "某甲"))
    with pytest.raises(TypeError):
        book.tenants["x"] = next(iter(book.tenants.values()))  # type: ignore[index] - that is the point


def test_versions_follow_content_and_key(folder: Path, settings: RosterSettings, identities: Identities) -> None:
    """The order of rows does not matter, a changed PIN does; two gateways' versions cannot be compared."""
    write(folder, "1", "2")
    one = load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder)
    write(folder, "2", "1")
    assert load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder).version == one.version
    write(folder, "2", "1,某1,1,730418")
    assert load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder).version != one.version
    write(folder, "1", "2")
    assert load(folder, settings, SHANGHAI, identities, PinHash(b"k" * 32), START, read=read_folder).version != one.version


def test_faults_give_no_book(folder: Path, settings: RosterSettings, identities: Identities) -> None:
    """Whole or not at all; nobody gets a ref either."""
    write(folder, "1", "1")
    with pytest.raises(RosterFaults) as caught:
        load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder)
    assert caught.value.count == 2
    assert identities.peek(["1"])[0] == {"1": "p1"}


def test_the_diff_names_people_and_columns(folder: Path, settings: RosterSettings, identities: Identities) -> None:
    """Who comes, who goes, whose which column changed, who is left without card and PIN; never what stands in a cell."""
    heading = "编号,姓名,卡号[dec],密码,单位"
    write(folder, "1,甲,1,,A", "2,乙,2,615203,A", "3,丙,3,,A", "4,丁,4,,A", heading=heading)
    old = load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder)
    write(folder, "1,甲,1,,A", "2,乙乙,2,615204,B", "4,丁,,,A", "5,戊,5,,A", heading=heading)
    (folder / "houses.csv").write_text("house_code\nH1\n")
    diff = compare(old, load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder))
    assert (diff.before, diff.after, diff.added, diff.removed, diff.stripped) == (4, 4, ("5",), ("3",), ("4",))
    assert [(change.tenant_id, change.columns) for change in diff.changed] == [("2", ("name", "unit", "pin")), ("4", ("cards",))]
    assert (diff.houses_changed, diff.visits_changed) == (1, 0)
    assert diff.needs_yes
    assert compare(old, old).empty


@pytest.mark.parametrize(("before", "after", "needs"), [(10, 8, False), (10, 7, True), (5, 4, False), (4, 3, True), (0, 3, False)])
def test_more_than_a_fifth(folder: Path, settings: RosterSettings, identities: Identities, before: int, after: int, needs: bool) -> None:
    """Exactly a fifth may go without asking."""
    books = []
    for count in (before, after):
        write(folder, *(str(number) for number in range(1, count + 1)))
        books.append(load(folder, settings, SHANGHAI, identities, KEY, START, read=read_folder))
    assert compare(*books).needs_yes is needs
