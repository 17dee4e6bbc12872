"""The photos folder: one folder of pictures a tenant, put there by managers. Nothing in it is trusted.

Each name is opened below the folder that holds it, and no link is followed. A FIFO, a device, a huge file or one that grows while it is
read costs a refusal and no time.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from edge.roster.faces.examiner import MAX_PHOTO
from edge.roster.gallery import PHOTOS

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"})
NO_PHOTO = frozenset({".db", ".ini", ".txt", ".md", ".csv", ".xls", ".xlsx"})  # Thumbs.db, desktop.ini; notes and lists. The rest is told
MOST_FILES = 1000  # looked at in one tenant's folder: five are used, a phone's whole roll is a mistake
MOST_FOLDERS = 200_000  # twice the largest roster
_SYSTEMS = ("@", "#", ".", "__MACOSX")  # folders that a NAS, a share or an archive makes by itself: @eaDir, #recycle, .thumbnails
DEEPEST = 4  # folders inside a tenant's: an unpacked archive has two
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_INSIDE = os.O_NOFOLLOW | os.O_CLOEXEC
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo by the name of its file; `content` is read once.

    `why` it is refused without a look, a key of enrol.REFUSALS: `other_kind`, `too_large` or `empty`; its content is empty then.
    """

    name: str
    content: bytes = field(repr=False)
    why: str = ""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A plain file in a tenant's folder. `changed`: seconds since 1970; `identity` is another for every file that comes, and names nobody.

    A copied photo keeps the time it was taken at, so that `changed` is the time at which its file came here where that is later.
    """

    name: str = field(repr=False)
    changed: float
    identity: str

    @property
    def counts(self) -> bool:
        """Whether it may be meant as a photo: hidden files, and what systems lay beside pictures (`._1.jpg`, `~$1.jpg`), are not."""
        folder, _, name = self.name.rpartition("/")
        return not folder.startswith(_SYSTEMS) and not name.startswith((".", "~$")) and Path(name).suffix.lower() not in NO_PHOTO

    @property
    def picture(self) -> bool:
        """Whether it is looked at for a face."""
        return self.counts and Path(self.name).suffix.lower() in SUFFIXES

    @property
    def copy(self) -> bool:
        """Whether it may hold small copies of pictures: a Mac's `._NAME`, or the thumbnails of Windows."""
        return self.name.startswith("._") or self.name.lower().endswith("thumbs.db")

    def beside(self, served: Collection[str]) -> bool:
        """Whether it may hold a small copy of one of these pictures."""
        return self.copy and (not self.name.startswith("._") or self.name.removeprefix("._") in served)


class Photos:
    """The folder `photos` in the roster's folder. Every method raises OSError where that or a tenant's folder is a link or not readable."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the roster's; it is as the settings name it, a link too."""
        self._folder = folder

    def folders(self) -> list[str]:
        """The names of the folders in it; a link is none."""
        with self._top() as top:
            if top is None:
                return []
            with os.scandir(top) as entries:
                return [entry.name for entry in islice(entries, MOST_FOLDERS) if entry.is_dir(follow_symlinks=False)]

    def files(self, tenant_id: str) -> list[PhotoFile]:
        """The plain files of a tenant, by name."""
        with self._place(tenant_id) as place:
            return [] if place is None else sorted(_files(place), key=lambda file: file.name)

    def beside(self) -> list[PhotoFile]:
        """The plain files in the photos folder itself, of no tenant."""
        with self._top() as top:
            return [] if top is None else list(_files(top))

    def inside(self, tenant_id: str) -> list[PhotoFile]:
        """The plain files in folders inside a tenant's, named `folder/1.jpg`: none is looked at for a face."""
        with self._place(tenant_id) as place:
            return [] if place is None else list(_inside(place, "", DEEPEST))

    def pictures(self, tenant_id: str) -> list[str]:
        """The names of a tenant's pictures, sorted."""
        return [file.name for file in self.files(tenant_id) if file.picture]

    def laid(self, tenant_id: str) -> list[str]:
        """The names of what may be meant as a photo of a tenant, also of a kind that is not read, sorted."""
        return [file.name for file in self.files(tenant_id) if file.counts]

    def newest(self, tenant_id: str) -> float:
        """When a tenant's pictures last changed; -inf where there is none.

        Where there is none, other kinds count: they are told once. Beside pictures they do not, for a picture that was refused is looked at
        again only with another picture.
        """
        files = self.files(tenant_id)
        pictures = [file for file in files if file.picture]
        return max((file.changed for file in pictures or files if file.counts), default=float("-inf"))

    def read(self, tenant_id: str) -> list[Photo]:
        """The first PHOTOS pictures of a tenant by name, and beside them what is refused without a look, which takes no place."""
        found: list[Photo] = []
        looked_at = 0
        with self._place(tenant_id) as place:
            for file in sorted(_files(place), key=lambda file: file.name) if place is not None else ():
                if not file.counts:
                    continue
                if not file.picture:
                    found.append(Photo(file.name, b"", "other_kind"))
                elif looked_at < PHOTOS and place is not None and (photo := _read(place, file.name)) is not None:
                    looked_at += not photo.why
                    found.append(photo)
        return found

    def folders_in(self, tenant_id: str) -> int:
        """How many folders lie in a tenant's."""
        with self._place(tenant_id) as place:
            return 0 if place is None else len(_folders(place))

    def may_delete(self, tenant_id: str) -> bool:
        """Whether what lies in a tenant's folder could be deleted: found by making and deleting a file there."""
        with self._place(tenant_id) as place:
            if place is None:
                return True
            of = os.fstat(place)
            if of.st_mode & stat.S_ISVTX and os.geteuid() not in {0, of.st_uid} and not _all_ours(place):
                return False  # in a sticky folder everybody deletes their own files only
            probe = f".anyu-{secrets.token_hex(8)}"
            try:
                os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _INSIDE, 0o600, dir_fd=place))
                os.unlink(probe, dir_fd=place)
            except OSError:
                return False
            return True

    def delete(self, tenant_id: str | None, names: Iterable[str]) -> list[tuple[str, OSError]]:
        """Delete these files, by their names in `files`, `inside`, or (None) `beside`: what stayed, and why."""
        left: list[tuple[str, OSError]] = []
        with self._top() if tenant_id is None else self._place(tenant_id) as place:
            for name in names if place is not None else ():
                try:
                    with _folder_of(name, place) as folder:
                        if folder is not None:
                            os.unlink(name.rpartition("/")[2], dir_fd=folder)
                except FileNotFoundError:
                    continue
                except OSError as why:
                    left.append((name, why))
        return left

    def remove(self, tenant_id: str) -> None:
        """Remove a tenant's folder if nothing but empty folders is in it."""
        with self._place(tenant_id) as place, self._top() as top:
            if place is not None and top is not None:
                _remove_empty(place, DEEPEST)
                with suppress(OSError):
                    os.rmdir(tenant_id, dir_fd=top)

    @contextmanager
    def _top(self) -> Iterator[int | None]:
        try:
            roster = os.open(self._folder, _FOLDER)
        except FileNotFoundError:
            yield None
            return
        try:
            with _opened("photos", roster) as top:
                yield top
        finally:
            os.close(roster)

    @contextmanager
    def _place(self, tenant_id: str) -> Iterator[int | None]:
        if "/" in tenant_id or "\0" in tenant_id or tenant_id in {"", ".", ".."}:
            yield None  # no name of a folder, whoever asks
            return
        with self._top() as top:
            if top is None:
                yield None
                return
            with _opened(tenant_id, top) as place:
                yield place


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int | None]:
    """A folder in a folder; None where there is none. Raises OSError for a link."""
    try:
        opened = os.open(name, _FOLDER | _INSIDE, dir_fd=folder)
    except OSError as why:
        if why.errno not in _ABSENT or _is_link(name, folder):
            raise
        yield None
        return
    try:
        yield opened
    finally:
        os.close(opened)


def _is_link(name: str, folder: int) -> bool:
    with suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False


def _files(place: int) -> Iterator[PhotoFile]:
    with os.scandir(place) as entries:
        for entry in islice(entries, MOST_FILES):
            with suppress(FileNotFoundError):  # gone meanwhile
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    identity = f"{state.st_dev}.{state.st_ino}.{state.st_ctime_ns}"
                    yield PhotoFile(entry.name, max(state.st_mtime, state.st_ctime), identity)


def _folders(place: int) -> list[str]:
    """The names of the folders in a folder; a link is none."""
    with os.scandir(place) as entries:
        return [entry.name for entry in islice(entries, MOST_FILES) if entry.is_dir(follow_symlinks=False)]


def _inside(place: int, path: str, deep: int) -> Iterator[PhotoFile]:
    """The plain files in the folders of a folder, so many levels down."""
    for name in _folders(place):
        with suppress(OSError), _opened(name, place) as folder:  # not to be read: the folder is seen, and nothing in it
            if folder is not None:
                yield from (replace(file, name=f"{path}{name}/{file.name}") for file in _files(folder))
                if deep > 1:
                    yield from _inside(folder, f"{path}{name}/", deep - 1)


@contextmanager
def _folder_of(name: str, place: int | None) -> Iterator[int | None]:
    """The folder that holds `folder/1.jpg`, below an open one; None where there is none. Raises OSError for a link."""
    first, _, rest = name.partition("/")
    if not rest or place is None:
        yield place
        return
    with _opened(first, place) as folder:
        if folder is None:
            yield None
            return
        with _folder_of(rest, folder) as last:
            yield last


def _remove_empty(place: int, deep: int) -> None:
    for name in _folders(place):
        with suppress(OSError):
            with _opened(name, place) as folder:
                if folder is not None and deep > 1:
                    _remove_empty(folder, deep - 1)
            os.rmdir(name, dir_fd=place)


def _all_ours(place: int) -> bool:
    with os.scandir(place) as entries:
        return all(entry.stat(follow_symlinks=False).st_uid == os.geteuid() for entry in islice(entries, MOST_FILES))


def _read(place: int, name: str) -> Photo | None:
    """None for what is no plain file any more: it was exchanged since the folder was listed. Opening a FIFO does not wait."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _INSIDE, dir_fd=place)
    except OSError as why:
        if why.errno in {errno.ELOOP, errno.ENOENT, errno.ENXIO}:
            return None
        raise
    with os.fdopen(opened, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return None
        content = bytearray()
        large = os.fstat(opened).st_size > MAX_PHOTO
        while not large and (part := file.read(MAX_PHOTO + 1 - len(content))):
            content += part
            large = len(content) > MAX_PHOTO
    if large:
        return Photo(name, b"", "too_large")
    return Photo(name, bytes(content), "" if content else "empty")
