"""The kernel's slices: asked for, inherited by threads, and never a reason to fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import threading
from pathlib import Path
from edge.slices import SHORT_NS, ask_for
print(ask_for(SHORT_NS))
def look():
    print(Path("/proc/thread-self/sched").read_text())
thread = threading.Thread(target=look); thread.start(); thread.join()
"""


def test_a_slice_is_asked_for_and_threads_inherit_it() -> None:
    """Where the kernel knows slices, a thread started later runs in the one asked for; elsewhere the answer is no and all goes on."""
    if not Path("/proc/self/sched").exists():
        pytest.skip("this kernel shows no scheduling details")
    told = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True).stdout
    shown = re.search(r"^se\.slice\s*:\s*(\d+)", told, re.MULTILINE)
    if told.startswith("True") and shown is not None:
        assert int(shown[1]) == 100_000
    else:
        assert told.startswith(("True", "False"))


def test_an_impossible_slice_is_refused_without_an_error() -> None:
    """What the kernel will not take is an answer, not an exception: the daemon starts all the same."""
    run = [sys.executable, "-c", "import platform, edge.slices as s; s.platform.machine = lambda: 'vax'; print(s.ask_for(1))"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "False\n"
