"""The service: accepted by systemd without a word, as closed as promised, and in step with the daemon's own times."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from edge import daemon, process, supervisor
from edge.settings import Settings
from edge.vision import addresses, confinement, link

FOLDER = Path(__file__).parent.parent / "systemd"
UNIT = FOLDER / "anyu-edge.service"
VISION = FOLDER / "anyu-edge-vision.service"
MOST = {UNIT.name: 18, VISION.name: 15}
"""Exposure by systemd's own count, in tenths of 10; a bare unit has 96."""


@pytest.fixture(params=[UNIT, VISION], ids=lambda unit: unit.stem)
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit with an ExecStart that exists here."""
    path = tmp_path / request.param.name
    text = request.param.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE), encoding="utf-8")
    return path


def value(name: str, unit: Path = UNIT) -> str:
    """The last value of a setting of a unit."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)[-1]


@pytest.mark.peer("systemd-analyze")
def test_systemd_accepts_it_without_a_word(copy: Path) -> None:
    """`verify` only warns of misspelt settings and ends with 0, so any output is a failure."""
    run = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.peer("systemd-analyze")
def test_exposure(copy: Path) -> None:
    """No more exposed than promised; the figure is printed."""
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST[copy.name]}", "--no-pager", str(copy)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    print(run.stdout.splitlines()[-1])
    assert run.returncode == 0, run.stdout[-400:]


@pytest.mark.peer("systemd-analyze")
def test_accounts_and_folders_can_be_made(tmp_path: Path) -> None:
    """Sysusers and tmpfiles make what the unit names, in an empty root."""
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(FOLDER / "anyu-edge.sysusers")], check=True, capture_output=True)
    groups = {line.split(":")[0]: line.rstrip().rsplit(":", 1)[1] for line in (tmp_path / "etc/group").read_text().splitlines()}
    assert value("Group") in groups
    for group in value("SupplementaryGroups").split():
        assert value("User") in groups[group].split(",")
    if os.geteuid() == 0:
        command = ["systemd-tmpfiles", f"--root={tmp_path}", "--create", str(FOLDER / "anyu-edge.tmpfiles")]
        subprocess.run(command, check=True, capture_output=True)
        assert (tmp_path / "etc/anyu-edge/roster").stat().st_mode & 0o7777 == 0o2770


def test_the_recogniser_lives_apart() -> None:
    """Another account, in no group of the daemon's; no credentials, no state, no address but by a drop-in; killed whole and by itself."""
    text = VISION.read_text(encoding="utf-8")
    assert value("User", VISION) == link.ACCOUNT != value("User")
    assert value("SupplementaryGroups", VISION).split() == list(confinement.HARMLESS_GROUPS)
    assert not re.search(
        r"^(?:LoadCredential|SetCredential|StateDirectory|ConfigurationDirectory|EnvironmentFile|IPAddressAllow)", text, re.MULTILINE
    )
    assert value("IPAddressDeny", VISION) == "any"
    assert value("KillMode", VISION) == "control-group"
    assert f"/run/{value('RuntimeDirectory', VISION)}" == str(link.SOCKET.parent)
    assert "-m edge.vision.service" in value("ExecStart", VISION)
    assert value("OOMPolicy") == "continue"
    assert value("MemoryMax", VISION) == f"{addresses.FIRST_MB}M"
    # the daemon must be able to read /proc of another account, and to lay weights where the other account reads them
    assert value("ProtectProc") == "default"
    assert value("ReadWritePaths") == f"-{link.WEIGHTS}"


def test_times_fit_the_daemons() -> None:
    """Systemd is more patient than the daemon in everything that the daemon does by itself."""
    assert float(value("WatchdogSec")) >= 3 * supervisor.WATCH_EVERY_S
    assert float(value("WatchdogSec")) > supervisor.STALE_AFTER_S
    assert float(value("TimeoutStopSec")) > process.STOP_WITHIN_S
    assert float(value("TimeoutStartSec")) > daemon.DOORS_FIRST_S


def test_paths_are_those_of_the_settings() -> None:
    """The folders systemd makes are the defaults of the settings, and the credential is a setting."""
    fields = Settings.model_fields
    assert str(fields["state_dir"].default) == f"/var/lib/{value('StateDirectory')}"
    assert str(fields["run_dir"].default) == f"/run/{value('RuntimeDirectory')}"
    first, *_ = value("LoadCredential").split("__")
    assert first in fields
    assert value("Group") in fields["control"].default.groups


def test_doors_go_before_everything() -> None:
    """The service is never given up, waits for no network, and does not depend on the clock being right."""
    text = UNIT.read_text(encoding="utf-8")
    assert value("Restart") == "always"
    assert value("StartLimitIntervalSec") == "0"
    assert not re.search(r"^(?:After|Wants|Requires)=.*(?:network|time-sync)", text, re.MULTILINE)


@pytest.mark.parametrize("chapter", ["First visit", "Updating and going back"])
def test_the_runbook_installs_everything(chapter: str) -> None:
    """Each file of this folder is put in place at the first visit, and again by an update: what an update leaves out stays old."""
    runbook = (FOLDER.parent / "docs" / "runbook.md").read_text(encoding="utf-8")
    (text,) = (part for part in runbook.split("\n## ") if part.startswith(chapter))
    assert {file.name for file in FOLDER.iterdir()} <= set(re.findall(r"systemd/([\w.-]+)", text))
    for step in ("systemd-sysusers", "systemd-tmpfiles --create", "daemon-reload", "udevadm control --reload", "check --write-units"):
        assert step in text
