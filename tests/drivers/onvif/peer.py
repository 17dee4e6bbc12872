"""ipycam 1.3.0, a virtual ONVIF camera that others wrote, installed once into a folder of its own.

It is installed without what it asks for: numpy and OpenCV are here already, in the one form that may be, and it would bring the other.
It listens on every interface, so it runs only where there is none but loopback: in a network namespace of its own.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

RELEASE = "1.3.0"
INSTALL_S = 120.0  # one small wheel, from wherever pip gets its packages


def folder() -> Path:
    """Where it is or will be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "anyu-test-peers" / f"ipycam-{RELEASE}"


def here() -> bool:
    """Whether it can be run: it is installed if it is not yet, and this machine lets us have a network of our own."""
    if shutil.which("unshare") is None or importlib.util.find_spec("cv2") is None:
        return False
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
        return False
    return (folder() / "ipycam").is_dir() or _install()


def _install() -> bool:
    target = folder()
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--retries",
        "1",
        "--timeout",
        "15",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--target",
        str(fresh),
    ]
    try:
        done = subprocess.run([*command, f"ipycam=={RELEASE}"], capture_output=True, check=False, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode:
        return False
    try:
        fresh.rename(target)
    except OSError:  # another run was faster
        shutil.rmtree(fresh, ignore_errors=True)
    return (target / "ipycam").is_dir()
