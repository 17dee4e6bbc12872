"""One writer a folder, whoever starts a second daemon."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edge.journal.faults import JournalInUse
from edge.journal.mark import which


class FolderLock:
    """An flock on the file `lock`; the kernel lets it go with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._file: int | None = None

    def take(self) -> None:
        """Take it, or keep it; anew where its file was deleted. Raises JournalInUse, and OSError where the folder cannot be written."""
        if self._file is not None:
            if which(self._path) == str(os.fstat(self._file).st_ino):
                return
            self.release()
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise JournalInUse(f"another process writes the journal in {self._path.parent}") from None
        self._file = file

    def release(self) -> None:
        """Let it go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
