"""What survives: refs, keys and rosters on disk, through kill -9, damage and full disks."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from edge import durable
from edge.access.terms import Book
from edge.custody.seal import Seal
from edge.roster.folder import read_folder
from edge.roster.identities import Identities
from edge.roster.kept import Kept
from edge.roster.load import load
from edge.roster.outcomes import Applied, Refused
from edge.roster.pins import PinHash, pin_hash
from edge.roster.roster import Roster
from edge.roster.settings import RosterSettings
from tests.clock import START, HandClock
from tests.roster.conftest import SHANGHAI
from tests.roster.people import counter, ids, make_roster, refs, write

KEY = PinHash(bytes(32))


def mode(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the daemon keeps its things."""
    return tmp_path / "state" / "roster"


@pytest.fixture
def book(folder: Path, settings: RosterSettings, tmp_path: Path) -> Book:
    """A roster with everything in it."""
    write(folder, "1,某甲,0013477100,730418,730419", "2,某乙,,615203,", heading="编号,姓名,卡号[dec],密码,胁迫密码")
    (folder / "visitors.csv").write_text("visit_id,name,host,access_points,from,until,card\nV1,N,2,north_in,2026-03-08,2026-03-08,dec:5\n")
    (folder / "houses.csv").write_text("house_code,rooms,verified_on\nH1,3,2026-02-20\n")
    return load(folder, settings, SHANGHAI, Identities(tmp_path / "ids.json", counter()), KEY, START, read=read_folder)


def test_refs_are_random_durable_and_one_per_tenancy(state: Path) -> None:
    """The same across restarts; somebody who left and came back is somebody new; only the owner may read the file."""
    first = Identities(state / "identities.json")
    (refs, visits) = first.assign(["a", "b"], ["v"])
    assert len({refs["a"], refs["b"], visits["v"]}) == 3
    assert Identities(state / "identities.json").assign(["a", "b"], ["v"]) == (refs, visits)
    first.settle({"a": refs["a"]}, {})
    again, _ = Identities(state / "identities.json").assign(["a", "b"])
    assert again["a"] == refs["a"]
    assert again["b"] != refs["b"]
    assert mode(state / "identities.json") == 0o600
    assert mode(state) == 0o700


def test_a_damaged_file_of_refs_is_put_aside(state: Path) -> None:
    """Nobody is kept out for it."""
    state.mkdir(parents=True)
    (state / "identities.json").write_text('{"tenants": [')
    assert Identities(state / "identities.json", counter()).assign(["a"])[0] == {"a": "p1"}
    assert (state / "identities.json.damaged").exists()


def test_a_disk_that_refuses_keeps_refs_in_memory(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk stops nobody; the next change tries again."""
    identities = Identities(state / "identities.json", counter())
    with monkeypatch.context() as broken:
        broken.setattr(durable, "write", _refuse)
        refs, _ = identities.assign(["a"])
        assert not identities.kept
    assert identities.assign(["a"])[0] == refs
    assert identities.kept
    assert Identities(state / "identities.json").peek(["a"])[0] == refs


def _refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_pin_key_is_made_once_and_private(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One key for ever, 0600; one of the wrong length is put aside; without a disk there is one all the same."""
    hashed = pin_hash(state / "pin.key")("730418")
    assert len(hashed) == 32
    assert mode(state / "pin.key") == 0o600
    (state / "pin.key").chmod(0o644)
    assert pin_hash(state / "pin.key")("730418") == hashed
    assert mode(state / "pin.key") == 0o600
    (state / "pin.key").write_bytes(b"short")
    assert pin_hash(state / "pin.key")("730418") != hashed
    assert (state / "pin.key.damaged").exists()
    monkeypatch.setattr(durable, "write", _refuse)
    assert pin_hash(state / "elsewhere.key")("730418")


def test_a_kept_book_is_the_same_book(state: Path, book: Book) -> None:
    """Everything comes back; PINs lie there as hashes only; the files are private."""
    kept = Kept(state, KEY)
    assert kept.load() is None
    kept.save(book, "source", keep=3)
    found = Kept(state, KEY).load()
    assert found is not None
    assert found[0] == book
    assert found[1].source == "source"
    body = (state / "000001.roster").read_bytes()
    assert not any(pin in body for pin in (b"730418", b"730419", b"615203"))
    assert all(mode(path) == 0o600 for path in state.iterdir())


def test_under_another_key_pins_are_left_out(state: Path, book: Book) -> None:
    """Their hashes mean nothing then; the folder is read anew, cards work meanwhile."""
    Kept(state, KEY).save(book, "source", keep=3)
    found = Kept(state, PinHash(b"k" * 32)).load()
    assert found is not None
    assert found[0].cards == book.cards
    assert not found[0].pins
    assert not found[0].duress
    assert found[1].source == ""


def test_keeps_so_many_and_goes_back_to_the_newest_sound_one(state: Path, book: Book) -> None:
    """Old ones are removed; a damaged one is put aside and the one before it counts."""
    kept = Kept(state, KEY)
    for number in range(6):
        kept.save(Book(version=f"v{number}", loaded_at=START + timedelta(days=number)), f"s{number}", keep=3)
    assert sorted(path.name for path in state.glob("*.roster")) == [f"{number:06d}.roster" for number in (3, 4, 5, 6)]
    body = (state / "000006.roster").read_bytes()
    (state / "000006.roster").write_bytes(body[:-20])
    found = Kept(state, KEY).load()
    assert found is not None
    assert (found[0].version, found[1].source) == ("v4", "")
    (state / "in_force.json").write_text("{")
    found = Kept(state, KEY).load()
    assert found is not None
    assert found[0].version == "v4"


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from edge.access.terms import Book, Tenant
from edge.roster.identities import Identities
from edge.roster.kept import Kept
from edge.roster.pins import PinHash
state = Path(sys.argv[1])
number = int(sys.argv[2])
kept, who = Kept(state, PinHash(bytes(32))), Identities(state / "identities.json")
while True:
    number += 1
    ids = [f"t{n}" for n in range(number, number + 40)]
    refs, _ = who.assign(ids)
    kept.save(Book(f"{number}", datetime.now(UTC), {ref: Tenant(ref, i, "N" * 50) for i, ref in refs.items() if i in ids}), f"{number}", 2)
    who.settle({i: refs[i] for i in ids}, {})
    print(number, refs[ids[-1]], flush=True)
"""


def test_kill_at_any_moment_leaves_a_whole_roster(state: Path) -> None:
    """After kill -9 while rosters are kept one after the other: the last one told, or the next, whole, with the refs it was told with."""
    dice = random.Random(7)
    last = 0
    for _ in range(15):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(state), str(last)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            told = [child.stdout.readline() for _ in range(dice.randint(1, 6))]
            os.kill(child.pid, signal.SIGKILL)
            told += child.stdout.readlines()
        number, ref = (line := [text for text in told if text.endswith("\n")][-1].split())[0], line[1]
        found = Kept(state, KEY).load()
        assert found is not None
        assert found[0].version in {number, str(int(number) + 1)}
        assert found[0].version == found[1].source
        assert len(ids(found[0])) == 40
        known, _ = Identities(state / "identities.json").peek([f"t{int(number) + 39}"])
        assert known == {f"t{int(number) + 39}": ref}
        assert not list(state.glob("*.new-*"))
        last = int(found[0].version)
    assert json.loads((state / "in_force.json").read_bytes())["now"]


# --- sealed, for a while, and without the forgotten ---

PRIVATE = ("某甲".encode(), "某乙".encode(), b"310114198012094321", b"13912345678")
HEADING = "编号,姓名,卡号[dec],居住证号,电话"
MASTER = bytes(range(32))


def clear(state: Path) -> set[str]:
    """Files with something of somebody in the clear."""
    return {path.name for path in state.rglob("*") if path.is_file() and any(word in path.read_bytes() for word in PRIVATE)}


async def two_rosters(settings: RosterSettings, folder: Path, state: Path, master: bytes | None) -> Roster:
    """Two residents, then one of them with another card."""
    roster = make_roster(settings, state, master=master)
    for card in ("0013477100", "0013477101"):
        write(folder, f"1,某甲,{card},310114198012094321,13912345678", "2,某乙,0013477103,,", heading=HEADING)
        assert isinstance(await roster.reload(), Applied)
    return roster


async def test_nothing_of_anybody_lies_in_the_clear(settings: RosterSettings, folder: Path, tmp_path: Path) -> None:
    """Kept rosters and person refs are sealed; after a restart they are the same, and one under another name or key does not open."""
    state = tmp_path / "state"
    roster = await two_rosters(settings, folder, state, MASTER)
    assert clear(state) == set()
    assert roster.view().sealed
    assert make_roster(settings, state, master=MASTER).book == roster.book
    files = sorted((state / "roster").glob("*.roster"))
    files[1].write_bytes(files[0].read_bytes())
    assert Kept(state / "roster", roster.pin_hash, seal=Seal(MASTER, "roster")).read(2) is None
    assert Kept(state / "roster", roster.pin_hash, seal=Seal(bytes(32), "roster")).read(1) is None


async def test_what_a_version_before_left_in_the_clear_is_sealed_once(settings: RosterSettings, folder: Path, tmp_path: Path) -> None:
    """At the first start with a key, with nobody's ref changed."""
    state = tmp_path / "state"
    before = await two_rosters(settings, folder, state, None)
    assert clear(state) == {"000001.roster", "000002.roster"}
    assert not before.view().sealed
    after = make_roster(settings, state, master=MASTER)
    assert (after.book, after.view().sealed, clear(state)) == (before.book, True, set())
    assert b'"tenants"' not in (state / "roster" / "identities.json").read_bytes()


async def test_without_the_key_the_gate_starts_all_the_same(settings: RosterSettings, folder: Path, tmp_path: Path) -> None:
    """The folder is read, kept in the clear beside what is sealed, and said; with the key everybody has their ref again and it is gone."""
    state = tmp_path / "state"
    first = await two_rosters(settings, folder, state, MASTER)
    lost = make_roster(settings, state)
    assert isinstance(await lost.reload(), Applied)
    assert (len(lost.book.tenants), lost.view().sealed) == (2, False)
    assert make_roster(settings, state).book == lost.book
    back = make_roster(settings, state, master=MASTER)
    assert (refs(back.book), clear(state)) == (refs(first.book), set())


@pytest.mark.parametrize("key", [None, bytes(range(32, 64))], ids=["no key", "another key"])
async def test_doors_go_on_without_the_key_and_nothing_is_lost(
    settings: RosterSettings, folder: Path, tmp_path: Path, key: bytes | None
) -> None:
    """With a faulty sheet that day too: every card is known, under the same ref. With the right key all is as it was."""
    state = tmp_path / "state"
    first = await two_rosters(settings, folder, state, MASTER)
    write(folder, "1,某甲,12345,,", "1,某乙,0013477103,,", heading=HEADING)
    sealed = {path.name: path.read_bytes() for path in (state / "roster").glob("*.*")}
    for _ in range(2):
        lost = make_roster(settings, state, master=key)
        assert isinstance(await lost.reload(), Refused)
        assert (lost.book.cards, refs(lost.book), lost.view().sealed) == (first.book.cards, refs(first.book), False)
        one, before = (next(one for one in book.tenants.values() if one.tenant_id == "1") for book in (lost.book, first.book))
        assert (one.groups, one.valid_until, one.kind) == (before.groups, before.valid_until, before.kind)
        assert (one.name, one.permit_no, one.phone) == ("", "", "")
    assert clear(state) == set()
    assert {path.name: path.read_bytes() for path in (state / "roster").glob("*.*")} == sealed
    back = make_roster(settings, state, master=MASTER)
    assert (back.book, refs(back.book)) == (first.book, refs(first.book))


@pytest.mark.parametrize("lives_here", [True, False])
async def test_the_forgotten_are_in_no_earlier_roster(settings: RosterSettings, folder: Path, tmp_path: Path, lives_here: bool) -> None:
    """Who moved out is gone from them. Who lives here keeps card and dates in them, so that a rollback keeps nobody outside."""
    state = tmp_path / "state"
    roster = await two_rosters(settings, folder, state, MASTER)
    if not lives_here:
        write(folder, "2,某乙,0013477103,,", heading=HEADING)
        assert isinstance(await roster.reload(yes=True), Applied)
    assert {one.phone for one in await roster.rows_of("1")} == {"13912345678"}
    assert await roster.forget("1") == (1 if lives_here else 2, 0)
    kept = Kept(state / "roster", roster.pin_hash, seal=Seal(MASTER, "roster"))
    for number in kept.in_force().back:
        book, _ = kept.read(number) or pytest.fail("a roster is gone")
        (other,) = (one for one in book.tenants.values() if one.tenant_id == "2")
        assert other.name == "某乙"
        left = [one for one in book.tenants.values() if one.tenant_id == "1"]
        assert [(one.name, one.permit_no, one.phone) for one in left] == ([("", "", "")] if lives_here else [])
        assert len(book.cards) == (2 if lives_here else 1)
    applied = await roster.roll_back()
    assert applied is not None
    assert isinstance(await roster.reload(asked=True), Applied)  # the sheet says something else than the rewritten one


async def test_earlier_rosters_go_after_thirty_certain_days(settings: RosterSettings, folder: Path, tmp_path: Path) -> None:
    """By the time that certainly passed, since they were last in force; that in force stays."""
    state, clock = tmp_path / "state", HandClock(START)
    roster = make_roster(settings, state, clock=clock, master=MASTER)
    for number in range(3):
        write(folder, f"1,某甲,001347710{number}", heading="编号,姓名,卡号[dec]")
        await roster.reload()
        clock.set_wall(START + timedelta(days=20 * (number + 1)))
    await roster.tidy()
    assert sorted(path.name for path in (state / "roster").glob("*.roster")) == ["000002.roster", "000003.roster"]
    clock.set_wall(START + timedelta(days=400))
    await roster.tidy()
    assert [path.name for path in (state / "roster").glob("*.roster")] == ["000003.roster"]
    assert make_roster(settings, state, clock=clock, master=MASTER).book == roster.book


async def test_a_roster_that_cannot_be_sealed_is_said(
    settings: RosterSettings, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in force all the same."""
    state = tmp_path / "state"
    before = await two_rosters(settings, folder, state, None)
    with monkeypatch.context() as broken:
        broken.setattr(durable, "write", _refuse)
        full = make_roster(settings, state, master=MASTER)
    assert (full.book, full.view().sealed) == (before.book, False)
