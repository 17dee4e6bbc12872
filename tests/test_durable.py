"""Files of our own: written whole, and never through somebody's link."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import durable
from edge.journal.ballast import Ballast
from edge.journal.lock import FolderLock
from edge.journal.mark import Mark, MarkFile

SECRET = b"somebody's own"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A file that a link leads to."""
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "file").write_bytes(SECRET)
    return path


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "too long"])
def test_only_a_plain_file_is_read(tmp_path: Path, elsewhere: Path, kind: str) -> None:
    """Anything else is an OSError at once: nobody waits for a pipe, and no file fills the memory."""
    path = tmp_path / "file"
    match kind:
        case "link":
            path.symlink_to(elsewhere / "file")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "too long":
            path.touch()
            os.truncate(path, durable.MOST_BYTES + 1)
    with pytest.raises(OSError, match=r"symbolic|plain|directory|large"):
        durable.read(path)


def test_what_is_written_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path, elsewhere: Path) -> None:
    """The new file stands in the link's place, for its owner alone."""
    path = tmp_path / "file"
    path.symlink_to(elsewhere / "file")
    durable.write(path, [b"ne", b"w"])
    assert (durable.read(path), path.lstat().st_mode & 0o7777, (elsewhere / "file").read_bytes()) == (b"new", 0o600, SECRET)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere", "file"]


def test_nothing_is_written_into_the_folder_of_somebodys_link(tmp_path: Path, elsewhere: Path) -> None:
    """A link in the folder's place counts where root has made it, and only there."""
    folder = tmp_path / "folder"
    folder.symlink_to(elsewhere)
    if os.geteuid() == 0:
        durable.write(folder / "new", [b"new"])
        (elsewhere / "new").unlink()
        os.chown(folder, 12345, 12345, follow_symlinks=False)
    with pytest.raises(NotADirectoryError):
        durable.write(folder / "new", [b"new"])
    with pytest.raises(NotADirectoryError):
        durable.flush_folder(folder)
    assert [path.name for path in elsewhere.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "touch"),
    [
        ("lock", lambda folder: FolderLock(folder).take()),
        ("alive", lambda folder: MarkFile(folder).write(Mark("e", 1, datetime(2026, 3, 2, tzinfo=UTC), "boot"))),
        ("ballast", lambda folder: Ballast(folder, 1).restore()),
    ],
    ids=["lock", "alive", "ballast"],
)
def test_the_journals_small_files_are_no_links(tmp_path: Path, elsewhere: Path, name: str, touch: Callable[[Path], None]) -> None:
    """Lock, mark and ballast open their file and write into it: never into another's."""
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / name).symlink_to(elsewhere / "file")
    with pytest.raises(OSError, match="symbolic"):
        touch(folder)
    assert (elsewhere / "file").read_bytes() == SECRET
