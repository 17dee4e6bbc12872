"""The photos folder as somebody hostile would leave it: links, FIFOs, huge files, files that are swapped, names that are no text."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from edge.roster.faces.examiner import MAX_PHOTO
from edge.roster.faces.photos import Photos
from tests.roster.faces.powerless import powerless


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A tenant's folder."""
    made = tmp_path / "roster" / "photos" / "A1"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def photos(place: Path) -> Photos:
    """The photos folder."""
    return Photos(place.parents[1])


def test_photos_are_found_by_tenant(place: Path, photos: Photos) -> None:
    """Up to five pictures of a tenant's folder by name, nothing else in it; no folder is no photo."""
    for name in ("3.jpg", "1.JPG", "2.png", "4.jpeg", "6.jpg", "5.webp", "notes.txt"):
        (place / name).write_bytes(b"x")
    assert [photo.name for photo in photos.read("A1")] == ["1.JPG", "2.png", "3.jpg", "4.jpeg", "5.webp"]
    assert len(photos.files("A1")) == 7
    assert photos.folders() == ["A1"]
    assert (photos.read("A2"), photos.pictures("A2"), photos.newest("A2")) == ([], [], float("-inf"))
    assert Photos(place / "nowhere").folders() == []


@pytest.mark.parametrize("name", ["1.jpg", "1.JPG", "1.jpeg", "1.jpe", "1.jfif", "1.JFIF", "1.png", "1.webp"])
def test_the_names_of_pictures(place: Path, photos: Photos, name: str) -> None:
    """A browser's .jfif and a scanner's .jpe are JPEG, in capitals too."""
    (place / name).write_bytes(b"x")
    assert (photos.pictures("A1"), [photo.why for photo in photos.read("A1")]) == ([name], [""])


@pytest.mark.parametrize(
    "name",
    [
        "1.HEIC",
        "1.heif",
        "1.hif",
        "1.avif",
        "1.bmp",
        "1.tif",
        "1.TIFF",
        "1.gif",
        "1.jxl",
        "1.dng",
        "1.pdf",
        "1.mov",
        "1.jpg.part",
        "照片",
        "1.",
    ],
)
def test_another_kind_is_named_as_refused(place: Path, photos: Photos, name: str) -> None:
    """Whatever it is, seen it is; it takes no place of a picture."""
    for other in (name, *(f"{number}.jpg" for number in range(5))):
        (place / other).write_bytes(b"x")
    said = {photo.name: photo.why for photo in photos.read("A1")}
    assert said == {name: "other_kind"} | {f"{number}.jpg": "" for number in range(5)}


@pytest.mark.parametrize(
    "name", ["._1.jpg", "~$1.jpg", ".1.jpg", ".DS_Store", "Thumbs.db", "THUMBS.DB", "ehthumbs.db", "desktop.ini", "notes.txt", "._1.HEIC"]
)
def test_what_is_no_photo_is_never_seen(place: Path, photos: Photos, name: str) -> None:
    """Neither as a picture nor as a refused one, and it makes nothing new; `forget` deletes it all the same."""
    (place / name).write_bytes(b"x")
    assert (photos.laid("A1"), photos.read("A1"), photos.newest("A1")) == ([], [], float("-inf"))
    assert [file.name for file in photos.files("A1")] == [name]


def test_empty_and_too_large_are_two_things(place: Path, photos: Photos) -> None:
    """Each has its own word, and neither takes a place."""
    (place / "0.jpg").touch()
    with (place / "1.jpg").open("wb") as file:
        file.truncate(MAX_PHOTO + 1)
    for number in range(2, 8):
        (place / f"{number}.jpg").write_bytes(b"x")
    assert [photo.why for photo in photos.read("A1")] == ["empty", "too_large", "", "", "", "", ""]


def test_no_link_is_followed(tmp_path: Path, place: Path, photos: Photos) -> None:
    """Not a picture that is a link, nor a tenant's folder, nor the folder of all; what it leads to is neither read nor deleted."""
    secret = tmp_path / "elsewhere" / "1.jpg"
    secret.parent.mkdir()
    secret.write_bytes(b"somebody else's")
    (place / "1.jpg").symlink_to(secret)
    assert photos.files("A1") == photos.read("A1") == []
    (place.parent / "A2").symlink_to(secret.parent)
    assert photos.folders() == ["A1"]
    for ask in (photos.files, photos.read, photos.may_delete, photos.newest):
        with pytest.raises(OSError, match="A2"):
            ask("A2")
    with pytest.raises(OSError, match="A2"):
        photos.delete("A2", ["1.jpg"])
    assert photos.delete("A1", ["1.jpg"]) == []
    assert list(place.iterdir()) == []
    place.parent.rename(tmp_path / "moved")
    place.parent.symlink_to(tmp_path / "moved")
    for again in (photos.folders, lambda: photos.read("A1")):
        with pytest.raises(OSError, match="photos"):
            again()
    assert secret.read_bytes() == b"somebody else's"


@pytest.mark.parametrize("name", ["..", ".", "", "../photos/A1", "A1/../A1", "/etc", "A1\0"], ids=repr)
def test_a_number_that_is_no_name_of_a_folder_has_none(place: Path, photos: Photos, name: str) -> None:
    """Whoever asks: nothing is read, deleted or removed by way of it."""
    (place / "1.jpg").write_bytes(b"x")
    assert photos.files(name) == photos.read(name) == photos.delete(name, ["1.jpg", "A1"]) == []
    photos.remove(name)
    assert (place / "1.jpg").exists()


def test_what_is_no_plain_file_hangs_nobody(place: Path, photos: Photos) -> None:
    """A FIFO that nobody writes to, a socket's name, a folder called like a picture."""
    os.mkfifo(place / "1.jpg")
    os.mknod(place / "2.jpg", stat.S_IFSOCK | 0o600)
    (place / "3.jpg").mkdir()
    (place / "4.jpg").write_bytes(b"x")
    done: list[list[str]] = []
    reader = threading.Thread(target=lambda: done.append([photo.name for photo in photos.read("A1")]), daemon=True)
    reader.start()
    reader.join(20)
    assert done == [["4.jpg"]]


def test_a_photo_swapped_since_it_was_listed(place: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a FIFO, a link or a huge file: it is read with a bound, or not at all."""
    from edge.roster.faces import photos as module

    listed = module._files

    def swap(opened: int) -> list[object]:
        found = list(listed(opened))
        for name in ("1.jpg", "2.jpg", "3.jpg"):
            (place / name).unlink()
        os.mkfifo(place / "1.jpg")
        (place / "2.jpg").symlink_to("4.jpg")
        with (place / "3.jpg").open("wb") as file:
            file.truncate(50 * MAX_PHOTO)
        return found  # type: ignore[return-value]

    for number in range(1, 5):
        (place / f"{number}.jpg").write_bytes(b"x")
    monkeypatch.setattr(module, "_files", swap)
    assert [(photo.name, len(photo.content)) for photo in photos.read("A1")] == [("3.jpg", 0), ("4.jpg", 1)]


def test_a_folder_in_which_deleting_fails_is_known_before(place: Path, photos: Photos) -> None:
    """As a manager with the usual umask makes it; the probe leaves nothing behind, and nothing is touched."""
    photo = place / "1.jpg"
    photo.write_bytes(b"x")
    assert photos.may_delete("A1")
    place.chmod(0o555)
    with powerless():
        assert not photos.may_delete("A1")
        ((name, _why),) = photos.delete("A1", ["1.jpg"])
    place.chmod(0o755)
    assert (name, list(place.iterdir())) == ("1.jpg", [photo])
    assert photos.may_delete("A9")
