"""Disks that fail under a running gateway: a small file system of its own, and a kernel that gives the errors of a dying one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journal.conftest import SmallDisk
from tests.walks.hardware import PATIENCE_S

FILES = ("journal.db", "journal.db-wal", "alive", "ballast", "lock")
FSYNC = "fsync,fdatasync"
WRITE = "pwrite64,write,ftruncate,fallocate"
READ = "pread64,read"


@contextmanager
def mounted(path: Path) -> Iterator[SmallDisk]:
    """A file system of 8 MB at this folder while the block runs; skips where nobody may mount one."""
    path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", path], check=False, capture_output=True)
    if os.geteuid() or done.returncode:
        pytest.skip("needs the right to mount a small file system (run as root)")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def failing(pid: int, journal: Path, calls: str, how: str) -> Iterator[None]:
    """While the block runs, the kernel answers these calls of a process on the journal's files as `how` says (strace's `inject`)."""
    paths = [word for name in FILES for word in ("-P", str(journal / name))]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", *paths, "-e", f"inject={calls}:{how}", "-p", str(pid)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as tracer:
        try:
            _attached(pid, tracer)
            yield
        finally:
            tracer.send_signal(signal.SIGINT)


def _attached(pid: int, tracer: subprocess.Popen[bytes]) -> None:
    """Wait until every thread is traced."""
    until = time.monotonic() + PATIENCE_S
    while not all(_traced(task) for task in Path(f"/proc/{pid}/task").iterdir()):
        if tracer.poll() is not None or time.monotonic() > until:
            assert tracer.stderr is not None
            pytest.skip(f"strace may not trace here: {tracer.stderr.read().decode()[:200]}")
        time.sleep(0.02)


def _traced(task: Path) -> bool:
    return "TracerPid:\t0\n" not in (task / "status").read_text("ascii")
