"""The demo, as a newcomer runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.peer("amqtt")
def test_nothing_but_the_story_is_told() -> None:
    """A whole short evening: everything arrives, and no log of the daemon or the receiver stands between the lines."""
    line = (sys.executable, "-m", "edge", "demo", "--english", "--no-faces", "--seconds", "5")
    told = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "PYTHONUTF8": "1"})
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[-1] == "Everything that happened arrived."
