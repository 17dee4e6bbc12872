"""Journals that close themselves, and a disk so small that it can be filled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.clock import Clock
from edge.journal import Journal, JournalSettings
from tests.clock import HandClock

Make = Callable[..., Journal]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make journals without ballast, quick to try again; they are closed at the end of the test."""
    made: list[Journal] = []

    def one(folder: Path = tmp_path / "journal", clock: Clock | None = None, **more: Any) -> Journal:
        outside = {key: more.pop(key) for key in ("consumers", "boot_id", "new_epoch") if key in more}
        settings = JournalSettings(**{"ballast_mb": 0, "retry_s": 0.05, "alive_s": 0.2, "ack_delay_s": 0.0} | more)
        journal = Journal(folder, settings, clock or HandClock(), **outside)
        made.append(journal)
        return journal

    yield one
    for journal in made:
        journal.close()


@pytest.fixture
def journal(make: Make) -> Journal:
    """An open journal."""
    journal = make()
    journal.open()
    return journal


class SmallDisk:
    """A mounted file system of 8 MB: it can be filled, emptied and made read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def clear(self) -> None:
        """Make room again."""
        self._filler.unlink()

    def remount(self, how: str) -> None:
        """`ro` or `rw`; nothing may be open for writing."""
        subprocess.run(["mount", "-o", f"remount,{how}", self.path], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk of one's own, which takes the right to mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", path], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a small file system (run as root)")
    yield SmallDisk(path)
    subprocess.run(["umount", "--lazy", path], check=True)
