"""Photos that have served go; one that cannot be deleted is said once and tried again, for it is somebody's face."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)


class Disposal:
    """Deletes files, and remembers which would not go. One thread at a time."""

    def __init__(self) -> None:
        self._left: set[Path] = set()
        self._complained = False

    def __bool__(self) -> bool:
        """Whether something that should be gone is still there."""
        return bool(self._left)

    def delete(self, files: Iterable[Path]) -> tuple[int, int]:
        """Delete these: how many went, and how many stayed."""
        gone = [self._deleted(path) for path in files]
        return sum(gone), len(gone) - sum(gone)

    def again(self) -> None:
        """Try once more what would not go before."""
        self.delete(tuple(self._left))

    def _deleted(self, path: Path) -> bool:
        try:
            path.unlink(missing_ok=True)
        except OSError as why:
            self._left.add(path)
            if not self._complained:
                self._complained = True
                log.warning("photos could not be deleted after enrolment (%s): delete them by hand", why.strerror or type(why).__name__)
            return False
        self._left.discard(path)
        return True
