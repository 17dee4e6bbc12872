"""Nobody is kept because recognition is off: forgetting, withdrawal and the ends of templates and crops, by the daemon and the command."""

from __future__ import annotations

import json
import os
import pty
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.cli import talk
from edge.custody.master import master_key
from edge.custody.tombstones import Tombstones
from edge.custody.vault import Vault
from edge.roster.faces.templates import Template, Templates
from models.contract import Embedding
from models.spaces import SFACE
from tests.premises import PATIENCE_S, Premises, running
from tests.premises import until as so

CAMERA = "cameras:\n  eye: {driver: clip, path: /nowhere/gate.mp4, access_points: [north_in]}\n"
ROSTER = """\
tenant_id,name,kind,room,valid_from,valid_until,cards,birth_date,face_consent,consent_ref
1001,Example One,resident,301,2026-01-01,2099-12-31,"fc:205,42220",1990-01-01,Y,P-16
1002,Example Two,resident,302,2026-01-01,2099-12-31,"fc:205,42221",1990-01-01,Y,P-17
"""
WITHOUT_PACKAGES = """\
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {"cv2", "av"} else find(name, package)
from edge.cli import app
app(sys.argv[1:])
"""


class House(Premises):
    """A gate that recognised two residents until now."""

    without_packages = False

    @property
    def custody(self) -> Path:
        """The folder of keys and sealed files."""
        return self.settings().state_dir / "custody"

    def run(self) -> None:
        """Start the daemon, without the packages of recognition where the test asks for that."""
        program = (sys.executable, "-c", WITHOUT_PACKAGES, "run", "--config", str(self.config))
        self.start(*(program if self.without_packages else ()))

    def vault(self, purpose: str) -> Vault:
        """Sealed files of a purpose, under this gateway's key."""
        return Vault(self.custody / purpose, master_key(self.custody, {}), purpose)

    def has(self, ref: str) -> bool:
        """Whether anything of this template is left."""
        return any((self.custody / "faces" / f"{ref}.{kind}").exists() for kind in ("key", "sealed"))

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until the daemon has come so far."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def until_gone(self, *paths: Path) -> None:
        """Wait until the daemon has destroyed these."""
        self.until(lambda: not any(path.exists() for path in paths))

    def photo(self, tenant_id: str) -> Path:
        """Lay a photo."""
        place = self.folder / "roster" / "photos" / tenant_id
        place.mkdir(parents=True, exist_ok=True)
        (place / "1.jpg").write_bytes(b"a photo")
        return place / "1.jpg"


async def enrolled(house: House) -> dict[str, str]:
    """Put the roster in force and seal a template for each tenant, as an enrolment does; their refs by tenant_id."""
    house.write_roster(ROSTER)
    async with running(house.settings()) as daemon:
        await so(lambda: len(daemon.roster.book.tenants) == 2)
        refs = {tenant.tenant_id: ref for ref, tenant in daemon.roster.book.tenants.items()}
    faces = Templates(house.vault("faces"))
    for number, ref in enumerate(refs.values()):
        face = Embedding.of(SFACE, np.random.default_rng(number).normal(size=128))
        faces.save(Template(ref, (face,), datetime.now(UTC)))
    return refs


def no_key(house: House) -> None:
    """A key that others could have read is not used."""
    (house.custody / "master_key").chmod(0o644)


OFF = {
    "no engine": lambda house: house.write_site(CAMERA + "recognition: {engine: none}\n"),
    "no cameras": lambda house: house.write_site(),
    "no packages": lambda house: (house.write_site(CAMERA), setattr(house, "without_packages", True)),
    "no key": lambda house: (house.write_site(CAMERA), no_key(house)),
}
"""The ways in which recognition is off."""
SAID = {
    "no packages": "Recognition is off here: recognition.not_installed;",
    "no key": "Recognition is off here: recognition.no_key;",
}
"""What is said of those that nobody chose."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house whose daemon is ended whatever happens."""
    made = House(tmp_path)
    yield made
    made.kill()


@pytest.mark.parametrize("off", OFF)
async def test_a_resident_is_forgotten_while_recognition_is_off(house: House, off: str) -> None:
    """Template, photos and the consent of before are gone; the other resident's are not; enrolling and calibrating say that it is off."""
    refs = await enrolled(house)
    OFF[off](house)
    photo, other = house.photo("1001"), house.photo("1002")
    before = len(house.events())
    house.run()
    if off == "no key":  # the sheet is read anew then, for what is kept in the clear names no paper
        house.until(lambda: any(event["type"] == "anyu.roster.applied.v1" for event in house.events()[before:]))
    told = house.command("roster", "forget", "1001", "--yes", "--json")
    assert told.returncode == 0 or off == "no key", told.stderr
    done = json.loads(told.stdout)
    assert (done["template"], done["photos"], done["left"], done["ended"]) == (True, 1, 0, True)
    assert (house.has(refs["1001"]), photo.exists()) == (False, False)
    assert (house.has(refs["1002"]), other.exists()) == (True, True)
    told_of = house.wait_for("custody.forgotten")["data"]
    assert (told_of["template"], told_of["photos"], told_of["actor"]["name"]) == (True, 1, pwd.getpwuid(os.geteuid()).pw_name)
    laid = Tombstones(house.custody / "forgotten")
    assert laid.ended("1001", "P-16")
    assert laid.of("1002").times == 0
    for verb in (("calibrate",), ("roster", "enrol", "1002")):
        told = house.command(*verb)
        assert told.returncode == talk.BAD_NEWS
        assert told.stderr.startswith(SAID.get(off, "Recognition is off on this gateway."))


async def test_rosters_that_nobody_can_open_are_not_told_as_rewritten(house: House) -> None:
    """Without the key nobody can tell who is in the kept rosters: the command says so, and is bad news."""
    await enrolled(house)
    no_key(house)
    house.run()
    told = house.command("roster", "forget", "1001", "--yes")
    assert told.returncode == talk.BAD_NEWS
    assert "earlier rosters could not be rewritten" in told.stderr


@pytest.mark.parametrize("off", OFF)
async def test_withdrawal_and_the_end_of_a_tenancy_need_no_engine(house: House, off: str) -> None:
    """Consent taken back in the sheet, and a tenant who left it: their templates go with the roster; a crop goes after its week."""
    refs = await enrolled(house)
    crops = house.vault("crops")
    for name, days in (("old", 8), ("new", 6)):
        crops.put(name, b"a picture")
        os.utime(house.custody / "crops" / f"{name}.key", (time.time() - days * 86_400,) * 2)
    OFF[off](house)
    house.run()
    house.until_gone(house.custody / "crops" / "old.key")
    assert (house.custody / "crops" / "new.sealed").exists()
    assert house.has(refs["1001"])
    assert house.has(refs["1002"])
    rows = ROSTER.splitlines()
    house.write_roster("\n".join((rows[0], rows[1].replace(",Y,", ",N,"), rows[2])) + "\n")
    house.until_gone(*(house.custody / "faces" / f"{refs['1001']}.{kind}" for kind in ("key", "sealed")))
    assert house.has(refs["1002"])
    house.write_roster("\n".join(rows[:2]) + "\n")
    if house.command("roster", "apply", "--yes").returncode:
        house.wait_for("roster.applied")
    house.until_gone(*(house.custody / "faces" / f"{refs['1002']}.{kind}" for kind in ("key", "sealed")))


def at_a_terminal(house: House, answer: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Give a command as somebody at a terminal, who answers its question."""
    line = [sys.executable, "-m", "edge", *words[:2], "--config", str(house.config), *words[2:]]
    theirs, ours = pty.openpty()
    try:
        os.write(theirs, f"{answer}\n".encode())
        return subprocess.run(line, stdin=ours, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    finally:
        os.close(theirs)
        os.close(ours)


async def test_forgetting_asks_first(house: House) -> None:
    """At a terminal it says whom and what goes. Who says no has destroyed nothing; who says yes has, and so has a script."""
    refs = await enrolled(house)
    photo = house.photo("1001")
    house.run()
    no = at_a_terminal(house, "n", "roster", "forget", "1001")
    assert no.returncode == talk.BAD_NEWS
    assert f"1001 ({refs['1001']}): face template: yes; files of photos: 1; earlier rosters" in no.stderr
    assert "Nothing was deleted." in no.stderr
    assert (house.has(refs["1001"]), photo.exists()) == (True, True)
    nobody = house.command("roster", "forget", "9999")
    assert (nobody.returncode, "Nobody in the roster" in nobody.stderr) == (talk.BAD_NEWS, True)
    yes = at_a_terminal(house, "y", "roster", "forget", "1001")
    assert yes.returncode == 0, yes.stderr
    assert (house.has(refs["1001"]), photo.exists()) == (False, False)
    assert house.command("roster", "forget", "1002").returncode == 0
    assert not house.has(refs["1002"])


async def test_a_rollback_after_forgetting_says_what_comes_back(house: House) -> None:
    """Of who is in the sheet the card, without a name, and both commands say so; of who is out of it nothing."""
    await enrolled(house)
    house.run()
    house.write_roster(ROSTER.replace("301", "303"))
    house.wait_for("roster.applied", changed=1)
    told = house.command("roster", "forget", "1001", "--yes")
    assert "card and PIN go on, also after a rollback" in told.stdout
    back = house.command("roster", "rollback", "--yes")
    assert "1 people have no name (roster forget takes it out of earlier rosters)" in back.stdout
    rows = json.loads(house.command("who-may", "north_in", "--json").stdout)
    assert {row["id"]: (row["name"], row["may"]) for row in rows} == {"1001": ("", True), "1002": ("Example Two", True)}
    house.write_roster("\n".join(line for line in ROSTER.splitlines() if not line.startswith("1001")) + "\n")
    house.command("roster", "apply", "--yes")
    told = house.command("roster", "forget", "1001", "--yes")
    assert "rollback" not in told.stdout
    house.command("roster", "rollback", "--yes")
    assert [row["id"] for row in json.loads(house.command("who-may", "north_in", "--json").stdout)] == ["1002"]


async def test_without_readable_tombstones_everything_goes_but_the_consent(house: House) -> None:
    """What can be destroyed is; that the paper still counts is said, and the command is given again once the key is back."""
    refs = await enrolled(house)
    forgotten = house.custody / "forgotten"
    Tombstones(forgotten).lay("9999", [], datetime.now(UTC))
    shutil.move(forgotten / "key", house.folder / "key")
    photo = house.photo("1001")
    house.run()
    told = house.command("roster", "forget", "1001", "--yes")
    assert told.returncode == talk.BAD_NEWS
    assert "consent given before could not be ended" in told.stdout
    assert (house.has(refs["1001"]), photo.exists(), house.has(refs["1002"])) == (False, False, True)
    house.until(lambda: "recognition.no_tombstones" in house.command("status").stdout)
    house.stop()
    shutil.move(house.folder / "key", forgotten / "key")
    house.run()
    told = house.command("roster", "forget", "1001", "--yes")
    assert (told.returncode, "Consent given before has ended" in told.stdout) == (0, True), told.stderr
    assert Tombstones(forgotten).ended("1001", "P-16")
