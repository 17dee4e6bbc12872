"""The demo's camera: a film made on the spot, or the camera, clip and photos of whoever tries it."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from edge.demo.house import HOPPER

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def possible() -> bool:
    """Whether the packages for a film and for recognition are installed."""
    return all(find_spec(name) is not None for name in ("cv2", "av", "matplotlib", "skimage"))


def prepare(camera: str, photos: Path | None, folder: Path, roster: Path) -> tuple[str, list[str]]:
    """The camera's entry for site.yaml, and the tenants whose photos were laid into the roster folder. Raises OSError."""
    people = _lay_photos(photos, roster) if photos else _lay_hopper(roster)
    return _entry(camera or str(_film(folder))), people


def _entry(camera: str) -> str:
    """`driver` and options of what was named: an rtsp URL, the number of a USB camera, or a file. A URL's password stays in this file."""
    if camera.startswith(("rtsp://", "rtsps://")):
        return f"driver: rtsp, url: {json.dumps(camera)}"
    if camera.isdecimal():
        return f"driver: usb, device: /dev/video{camera}"
    return f"driver: clip, path: {json.dumps(str(Path(camera).absolute()))}"


def _film(folder: Path) -> Path:
    """An empty gate, Hopper, an empty gate, Collins: and again from the start."""
    from edge.demo.film import Scene, collins, hopper, shoot

    return shoot(folder / "gate.mp4", [Scene(6), Scene(3, (hopper(),)), Scene(2), Scene(3, (collins(),)), Scene(4)])


def _lay_hopper(roster: Path) -> list[str]:
    from matplotlib.cbook import get_sample_data

    place = roster / "photos" / HOPPER
    place.mkdir(parents=True)
    shutil.copy(str(get_sample_data("grace_hopper.jpg", asfileobj=False)), place / "1.jpg")
    return [HOPPER]


def _lay_photos(photos: Path, roster: Path) -> list[str]:
    """One tenant for each picture, or for each folder of pictures."""
    people = []
    for i, one in enumerate(sorted(photos.iterdir())):
        pictures = sorted(one.iterdir()) if one.is_dir() else [one]
        pictures = [picture for picture in pictures if picture.suffix.lower() in SUFFIXES]
        if not pictures:
            continue
        name = f"G{i + 1:04d}"
        place = roster / "photos" / name
        place.mkdir(parents=True)
        for number, picture in enumerate(pictures[:5]):
            shutil.copy(picture, place / f"{number}{picture.suffix.lower()}")
        people.append(name)
    return people
