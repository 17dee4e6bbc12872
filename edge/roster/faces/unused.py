"""Photos that nobody uses go: refused ones, those of tenants who have not consented, and those of people who are not in the roster.

A file's own times say when a picture was taken or copied, and may lie: what counts is when it was first seen here, by a time that has
certainly come (edge/clock.py). `first_seen` holds that by inode and change time, with no name in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from edge import durable
from edge.roster.faces.photos import PhotoFile, Photos

NOBODYS = timedelta(hours=1)  # a manager copies the photos first and saves the sheet within the hour
_NOBODY = "nobody "


@dataclass(frozen=True, slots=True)
class Due:
    """Files of one folder to be deleted. `nobodys`: the folder is of nobody in the roster."""

    tenant_id: str = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    nobodys: bool


class Unused:
    """Says which files are due. One thread at a time."""

    def __init__(self, first_seen: Path, photos: Photos, days: int) -> None:
        self._path, self._photos, self._age = first_seen, photos, timedelta(days=days)
        self._seen: Mapping[str, str] = _read(first_seen)

    def due(self, now: datetime, *, lives_here: Callable[[str], bool], spared: Callable[[str], bool], in_step: bool) -> list[Due]:
        """What is to go now, in folders that are not spared. Raises OSError.

        A folder of nobody goes an hour after it was first seen so, but only while the roster in force is what the sheet says (`in_step`): a
        sheet that is refused, or held by a rollback, may name them.
        """
        seen: dict[str, str] = {}
        found = []
        for tenant_id in self._photos.folders():
            if spared(tenant_id):
                continue
            nobodys = not lives_here(tenant_id)
            names = []
            for file in self._files(tenant_id):
                old = self._since(file.identity, now, seen) >= self._age
                if nobodys and self._since(_NOBODY + file.identity, now, seen) >= NOBODYS and in_step:
                    old = True
                names += [file.name] if old else []
            if names:
                found.append(Due(tenant_id, tuple(names), nobodys))
        if seen != self._seen:
            durable.write(self._path, [json.dumps(seen).encode()])
            self._seen = seen
        return found

    def _since(self, key: str, now: datetime, seen: dict[str, str]) -> timedelta:
        seen[key] = self._seen.get(key, now.isoformat())
        return now - datetime.fromisoformat(seen[key])

    def _files(self, tenant_id: str) -> list[PhotoFile]:
        try:
            return self._photos.files(tenant_id)
        except OSError:  # not to be read: enrolment says so
            return []


def _read(path: Path) -> dict[str, str]:
    """Nothing where there is no such file or it is damaged: then the days begin anew."""
    try:
        body = json.loads(durable.read(path))
        return {str(key): datetime.fromisoformat(at).isoformat() for key, at in body.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
