"""The service: accepted by systemd without a word, as closed as promised, and in step with the daemon's own times."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from edge import daemon, process, supervisor
from edge.settings import Settings

FOLDER = Path(__file__).parent.parent / "systemd"
UNIT = FOLDER / "anyu-edge.service"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The unit with an ExecStart that exists here."""
    path = tmp_path / "anyu-edge.service"
    path.write_text(UNIT.read_text(encoding="utf-8").replace("/usr/bin/anyu-edge ", "/bin/true "), encoding="utf-8")
    return path


def value(name: str) -> str:
    """The last value of a setting of the unit."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)[-1]


@pytest.mark.peer("systemd-analyze")
def test_systemd_accepts_it_without_a_word(copy: Path) -> None:
    """`verify` only warns of misspelt settings and ends with 0, so any output is a failure."""
    run = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.peer("systemd-analyze")
def test_exposure(copy: Path) -> None:
    """At most 1.8 of 10 by systemd's own count (a bare unit has 9.6)."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=18", "--no-pager", str(copy)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
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
