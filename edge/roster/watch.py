"""Hot reload: waits until somebody has saved a sheet and the folder lies still, then has the roster applied."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, awatch

from edge.clock import Clock
from edge.roster.folder import confirmed, is_old, is_sheet
from edge.roster.roster import Roster
from edge.roster.settings import RosterSettings

log = logging.getLogger(__name__)

STILL_TRIES = 40
"""Waits of settle_s for a folder that never lies still (a program writing in it all the time) before it is read all the same."""

TIDY_S = 3600.0  # kept rosters are counted in days

Look = tuple[tuple[str, int, int, int], ...]


class RosterWatch:
    """The unit that keeps the roster in step with its folder."""

    def __init__(self, roster: Roster, settings: RosterSettings, clock: Clock) -> None:
        self._roster = roster
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Apply the folder now, then after every change, for ever. Ends only by cancellation.

        With `hot_reload: false` only the first: what was saved while the daemon was away counts with `roster apply`, too.
        """
        if not self._settings.hot_reload:
            if not self._roster.book.version:
                await self._roster.reload()
            while True:
                await self._roster.tidy()
                await self._clock.sleep(TIDY_S)
        seen: Look | None = None
        tidied = float("-inf")
        async for _ in self._wakes():
            if (now := self._clock.now().mono) - tidied >= TIDY_S:
                tidied = now
                await self._roster.tidy()
            look = await self._look()
            if look == seen:
                continue
            seen = await self._still(look)
            await self._roster.reload()

    async def _wakes(self) -> AsyncIterator[None]:
        """Once at the start, then whenever something may have changed: told by the system, or every check_every_s."""
        folder = self._settings.folder
        yield
        while True:
            inode = await asyncio.to_thread(_inode, folder)
            if inode is not None:
                try:
                    async for _ in awatch(
                        folder,
                        watch_filter=_counts,
                        debounce=200,  # ms; the settling below does the real waiting
                        rust_timeout=int(self._settings.check_every_s * 1000),
                        yield_on_timeout=True,
                        recursive=False,
                        force_polling=False,
                    ):
                        yield
                        if await asyncio.to_thread(_inode, folder) != inode:
                            break  # the folder was swapped for another: watch that one
                    continue
                except (OSError, RuntimeError) as fault:  # no watches left, or the folder went away: looking now and then still works
                    log.debug("cannot watch the roster folder: %s", type(fault).__name__)
            await self._clock.sleep(self._settings.check_every_s)
            yield

    async def _still(self, look: Look) -> Look:
        """Wait until two looks, settle_s apart, are the same."""
        for _ in range(STILL_TRIES):
            await self._clock.sleep(self._settings.settle_s)
            before, look = look, await self._look()
            if look == before:
                break
        return look

    async def _look(self) -> Look:
        return await asyncio.to_thread(_look, self._settings.folder)


def _counts(_: Change, path: str) -> bool:
    name = Path(path).name
    return is_sheet(name) or is_old(name) or bool(confirmed(name))


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def _look(folder: Path) -> Look:
    """Name, inode, size and time of each sheet; changes with every save, however it is done."""
    found = []
    try:
        for path in sorted(folder.iterdir()):
            if _counts(Change.modified, path.name):
                try:
                    stat = path.lstat()
                except OSError:  # between two renames
                    found.append((path.name, 0, 0, 0))
                else:
                    found.append((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    except OSError:
        return ()
    return tuple(found)
