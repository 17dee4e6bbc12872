"""Photos that nobody uses go.

That is: refused ones, those of tenants who have not consented, those of people who are not in the roster, and those that lie where no
photo is looked at. A file's own times say when a picture was taken or copied, and may lie: what counts is when it was first seen here, by
a time that has certainly come (edge/clock.py). `first_seen` holds that by inode and change time, with no name in it.
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
    """Files of one folder to be deleted. `nobodys`: it is of nobody in the roster. `tenant_id` None: it is the photos folder itself."""

    tenant_id: str | None = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    nobodys: bool


class Unused:
    """Says which files are due. One thread at a time."""

    def __init__(self, first_seen: Path, photos: Photos, days: int) -> None:
        self._path, self._photos, self._age = first_seen, photos, timedelta(days=days)
        self._seen: Mapping[str, str] = _read(first_seen)
        self.astray = self.nobodys = False
        """Whether files lie where no photo is looked at, and whether folders are of nobody in the roster; after `due`."""

    def due(self, now: datetime | None, *, lives_here: Callable[[str], bool], spared: Callable[[str], bool], in_step: bool) -> list[Due]:
        """What is to go now, in folders that are not spared; nothing where no time is certain (`now` None). Raises OSError.

        A folder of nobody goes an hour after it was first seen so, but only while the roster in force is what the sheet says (`in_step`): a
        sheet that is refused, or held by a rollback, may name them.
        """
        seen: dict[str, str] = {}
        beside = [file for file in self._photos.beside() if file.counts or file.copy]
        names = [file.name for file in beside if self._old(file.identity, self._age, now, seen)]
        found = [Due(None, tuple(names), nobodys=False)] if names else []
        astray, of_nobody = any(file.counts for file in beside), False
        for tenant_id in self._photos.folders():
            if spared(tenant_id):
                continue
            nobodys = not lives_here(tenant_id)
            names = []
            files, inside = self._files(tenant_id)
            astray = astray or any(file.counts for file in inside)
            of_nobody = of_nobody or (nobodys and any(file.counts for file in files))
            for file in (*files, *inside):
                old = self._old(file.identity, self._age, now, seen)
                if nobodys and self._old(_NOBODY + file.identity, NOBODYS, now, seen) and in_step:
                    old = True
                names += [file.name] if old else []
            if names:
                found.append(Due(tenant_id, tuple(names), nobodys))
        self.astray, self.nobodys = astray, of_nobody and in_step
        if seen != self._seen:
            durable.write(self._path, [json.dumps(seen).encode()])
            self._seen = seen
        return found

    def _old(self, key: str, age: timedelta, now: datetime | None, seen: dict[str, str]) -> bool:
        if now is None:
            seen |= {key: self._seen[key]} if key in self._seen else {}
            return False
        seen[key] = self._seen.get(key, now.isoformat())
        return now - datetime.fromisoformat(seen[key]) >= age

    def _files(self, tenant_id: str) -> tuple[list[PhotoFile], list[PhotoFile]]:
        """Those in the folder, and those in folders inside it."""
        try:
            return self._photos.files(tenant_id), self._photos.inside(tenant_id)
        except OSError:  # not to be read: enrolment says so
            return [], []


def _read(path: Path) -> dict[str, str]:
    """Nothing where there is no such file or it is damaged: then the days begin anew."""
    try:
        body = json.loads(durable.read(path))
        return {str(key): datetime.fromisoformat(at).isoformat() for key, at in body.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
