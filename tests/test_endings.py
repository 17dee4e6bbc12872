"""Every verb, whoever gives it and whatever is missing, ends in a sentence and an exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path

import pytest

from edge.control.client import ask
from edge.control.peer import group_ids
from tests.premises import Premises
from tests.test_root import ASKS, READS, needs_root

STRANGER = 54321
"""An account of no name, in no group with a role."""
GROUPS = {"guard": "daemon", "manager": "bin", "installer": "sys", "inspector": "adm"}
"""Groups that every machine has, one a role."""
IMPORTS = """\
import concurrent.futures.thread, csv, importlib, importlib.readers, pkgutil, sqlite3, zoneinfo
import encodings.ascii, encodings.gb18030, encodings.latin_1, encodings.utf_16, encodings.utf_8_sig
import edge, drivers.door.simulated
for found in pkgutil.walk_packages(edge.__path__, "edge."):
    if not found.name.endswith((".__main__", ".child")) and not found.name.startswith(("edge.vision", "edge.demo")):
        importlib.import_module(found.name)
from edge.cli import app
"""
"""Before becoming another account: Python itself may lie in root's own folder."""
CHILD = f"""\
import json, os, sys
{IMPORTS}
groups, uid, python, stdout, lines = json.loads(sys.stdin.read())
for number, line in enumerate(lines):
    if (child := os.fork()) == 0:
        os.dup2(os.open(sys.argv[1] + f"/{{number}}.err", os.O_WRONLY | os.O_CREAT), 2)
        os.dup2(os.open(stdout or sys.argv[1] + f"/{{number}}.out", os.O_WRONLY | os.O_CREAT), 1)
        if uid:
            os.setgroups(groups); os.setgid(uid); os.setuid(uid)
        sys.executable = python or sys.executable
        try:
            app(line)
        except SystemExit as end:
            sys.stdout and sys.stdout.flush()
            os._exit(end.code or 0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(99)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Runs each command line in a process of its own, as another account if one is given, and prints the exit codes."""


MISSING = {verb for verb in READS | ASKS if not verb.startswith("simulate")} | {"simulate card"}
"""The verbs that are tried with each thing that may be missing; of those that do the same there, one."""


def ends(
    house: Premises, among: Container[str] = READS | ASKS, *, uid: int = 0, role: str = "", python: str = "", stdout: str = ""
) -> dict[str, tuple[int, str]]:
    """The exit code of every verb, and what it said on both channels."""
    lines = {verb: [*verb.split(), *given.format(folder=house.folder).split()] for verb, given in (READS | ASKS).items() if verb in among}
    for verb, line in lines.items():
        if not verb.startswith(("receive", "centre")):
            line += ["--config", str(house.config)]
    groups = sorted(group_ids([GROUPS[role]])) if role else []
    with tempfile.TemporaryDirectory() as said:
        told = subprocess.run(
            [sys.executable, "-c", CHILD, said],
            input=json.dumps([groups, uid, python, stdout, list(lines.values())]),
            capture_output=True,
            text=True,
            check=True,
            env={**{key: value for key, value in os.environ.items() if key != "LC_ALL"}, "LANG": "zh_CN.UTF-8"},
        )
        texts = ["".join(path.read_text() for path in sorted(Path(said).glob(f"{number}.*"))) for number in range(len(lines))]
    return dict(zip(lines, zip(map(int, told.stdout.split()), texts, strict=True), strict=True))


SENTENCE = re.compile(r"\b[a-z]{2,}[ ,]+[a-z]{2,}[ ,]+[a-z]{2,}\b")
NAMES = ("systemctl start anyu-edge", "roster check", "roster template", "models list", "service, roster_work")
"""English words in a row that are no sentence: commands and codes."""


def assert_said(found: dict[str, tuple[int, str]]) -> None:
    """Each has an exit code of the contract; what went wrong is said in words, and in the language of the place."""
    assert {verb: said for verb, (code, said) in found.items() if code not in {0, 1, 2} or "Traceback" in said} == {}
    assert [verb for verb, (code, said) in found.items() if code and not said.strip()] == []


def chinese(site: str) -> str:
    """The same site.yaml for people who read Chinese."""
    return site.replace("locale: en", "locale: zh")


@pytest.fixture
def house() -> Iterator[Premises]:
    """A house in a folder that every account can pass; its daemon does not run."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield Premises(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def alive() -> Iterator[Premises]:
    """A house whose daemon runs under our account, each role with a group of its own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    house = Premises(folder)
    house.write_site(f"control: {{roles: {{{', '.join(f'{role}: [{group}]' for role, group in GROUPS.items())}}}}}\n", chinese)
    house.start()
    house.wait_for("roster.applied")
    yield house
    house.kill()
    shutil.rmtree(folder)


def english(found: dict[str, tuple[int, str]]) -> dict[str, list[str]]:
    """What was said in English; not where a file's author speaks (`models list`), nor what Typer says of the command line."""
    lines = {verb: [line for line in said.splitlines() if not line.startswith(("Error:", "<"))] for verb, (_, said) in found.items()}
    for name in NAMES:
        lines = {verb: [line.replace(name, "") for line in given] for verb, given in lines.items() if verb != "models list"}
    return {verb: left for verb, given in lines.items() if (left := [line for line in given if SENTENCE.search(line)])}


@needs_root
@pytest.mark.parametrize("role", ["", *GROUPS])
def test_beside_a_daemon_of_another_account(alive: Premises, role: str) -> None:
    """Without a role and with each: what is not allowed is refused in words, those of the site's language."""
    found = ends(alive, uid=STRANGER, role=role)
    assert_said(found)
    assert english(found) == {}


def test_without_a_daemon(house: Premises) -> None:
    """Each says what can still be done, in the site's language."""
    house.write_site(change=chinese)
    found = ends(house)
    assert_said(found)
    assert english(found) == {}


@needs_root
@pytest.mark.parametrize("part", ["site.yaml", "state", "run", "roster", "roster/roster.csv", "state/journal", "."])
def test_what_may_not_be_read(house: Premises, part: str) -> None:
    """The settings or a folder are closed to the account that asks."""
    for folder in ("state/journal", "run"):
        (house.folder / folder).mkdir(parents=True, exist_ok=True)
    (house.folder / part).chmod(0)
    assert_said(ends(house, MISSING, uid=STRANGER))


@pytest.mark.parametrize(
    ("part", "what"),
    [
        *(("site.yaml", what) for what in ("nothing", "folder", "file", "link to itself")),
        *(("state", what) for what in ("file", "link to itself")),
        *(("run", what) for what in ("file", "link to itself")),
        *(("roster", what) for what in ("nothing", "file", "link to itself")),
        *(("state/journal/journal.db", what) for what in ("folder", "file")),
    ],
)
def test_what_is_not_as_it_should_be(house: Premises, part: str, what: str) -> None:
    """The settings or a folder are missing, or are something else."""
    path = house.folder / part
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    match what:
        case "folder":
            path.mkdir()
        case "file":
            path.write_bytes(b"\x00\xff nothing")
        case "link to itself":
            path.symlink_to(path)
    assert_said(ends(house, MISSING))


def test_python_that_the_account_may_not_execute(house: Premises) -> None:
    """Sheets are read in a process of their own, which cannot be started; `check` says so and goes on with the settings."""
    found = ends(house, MISSING, python="/etc/passwd")
    assert_said(found)
    assert "2 doors" in found["check"][1]
    assert "cannot read or execute" in found["check"][1]


def test_output_that_nobody_takes(house: Premises) -> None:
    """A full disk behind stdout; no stdout at all, as cron and service managers may have it."""
    found = ends(house, MISSING, stdout="/dev/full")
    assert_said(found)
    assert "the disk is full" in found["check"][1]
    line = ["sh", "-c", '"$@" >&- 2>&-', "sh", sys.executable, "-m", "edge", "check", "--config", str(house.config)]
    assert subprocess.run(line, check=False).returncode == 0


RUN = f"""\
import os, sys
{IMPORTS}
os.setgroups([]); os.setgid({STRANGER}); os.setuid({STRANGER})
app(["run", "--config", sys.argv[1]])
"""


@needs_root
@pytest.mark.parametrize(
    "closed", ["state", "state/journal", "state/roster", "state/custody", "roster", "state/roster/identities.json", "credentials"]
)
def test_run_where_something_is_closed(house: Premises, closed: str) -> None:
    """As after root ran the gateway by hand: doors go on, the end is in order, and what may not be read is not taken for damaged."""
    house.environ = {"CREDENTIALS_DIRECTORY": str(house.folder / "credentials")}
    for folder in ("state/journal", "state/roster", "state/custody", "run", "credentials"):
        (house.folder / folder).mkdir(parents=True, exist_ok=True)
    (house.folder / "state/roster/identities.json").write_bytes(b"sealed by whoever owns it")
    for path in house.folder.rglob("*"):
        os.chown(path, STRANGER, STRANGER)
    os.chown(house.folder / closed, 0, 0)
    (house.folder / closed).chmod(0o600)
    house.start(sys.executable, "-c", RUN, str(house.config))
    try:
        assert ask(house.socket, "unlock", access_point="north_in", reason="service")
        assert house.stop()[0] == (1 if closed in {"state", "state/journal"} else 0), house.log
    finally:
        house.kill()
    assert "Traceback" not in house.log
    if closed == "state/roster/identities.json":
        assert (house.folder / closed).read_bytes() == b"sealed by whoever owns it"


def test_ctrl_c_while_it_loads(house: Premises) -> None:
    """The interrupt comes between two imports: the command is gone, and nothing is said."""
    line = [sys.executable, "-X", "importtime", "-m", "edge", "check", "--config", str(house.config)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as command:
        assert command.stderr is not None
        for text in command.stderr:
            if text.rstrip().endswith("pydantic"):  # an early one of the many
                break
        command.send_signal(signal.SIGINT)
        rest = command.stderr.read()
    assert command.returncode == -signal.SIGINT
    assert "Traceback" not in rest
