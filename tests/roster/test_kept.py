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
from edge.roster.folder import read_folder
from edge.roster.identities import Identities
from edge.roster.kept import Kept
from edge.roster.load import load
from edge.roster.pins import PinHash, pin_hash
from edge.roster.settings import RosterSettings
from tests.clock import START
from tests.roster.conftest import SHANGHAI
from tests.roster.people import counter, ids, write

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
