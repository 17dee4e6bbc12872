"""A gate with a camera in front of it: the walks' house, with a film for a camera and residents who agreed to be recognised, or did not."""

from __future__ import annotations

import base64
import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from edge.custody.master import master_key
from edge.custody.vault import Vault
from edge.roster.faces.enrol import Examiner, enrol
from edge.roster.faces.photos import Photo
from edge.roster.faces.templates import Templates
from models.contract import Embedding
from tests.walks.harness import HEADINGS, Person, Site

from .film import hopper

HOPPER = Person("F3001", 42230, {"birth_date": "1906-12-09", "face_consent": "Y", "consent_ref": "P-001"})
"""Agreed on paper."""
WANG = Person("A1001", 42220)
"""Never asked for a face."""
ALONE = {"face_alone": "always"}
"""The films show pictures, so that liveness cannot be asked for."""
FACES = (*HEADINGS, "birth_date", "face_consent", "consent_ref")


def save_roster(folder: Path, people: Iterable[Person]) -> None:
    """Save the sheet with its columns about faces, as Excel does: written beside it, then renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "~roster.tmp").open("w", encoding="utf-8-sig", newline="") as sheet:
        writer = csv.DictWriter(sheet, FACES, restval="")
        writer.writeheader()
        writer.writerows(person.row() for person in people)
    (folder / "~roster.tmp").replace(folder / "roster.csv")


def lay_photo(site: Site, person: Person) -> bytes:
    """Put Hopper's portrait into a resident's folder; gives the file's bytes."""
    place = site.roster / "photos" / person.tenant_id
    place.mkdir(parents=True, exist_ok=True)
    photo = bytes(cv2.imencode(".jpg", hopper())[1].tobytes())
    (place / "portrait.jpg").write_bytes(photo)
    return photo


def camera(film: Path, **more: object) -> dict[str, object]:
    """The settings of a camera that plays this film."""
    return {"driver": "clip", "path": str(film), **more}


def sealed(site: Site) -> list[Path]:
    """Every file of a template."""
    place = site.folder / "state" / "custody" / "faces"
    return [path for path in place.iterdir() if path.suffix in {".key", ".sealed"}] if place.is_dir() else []


def crops(site: Site) -> dict[str, bytes]:
    """Every evidence crop, opened with the gateway's own key."""
    custody = site.folder / "state" / "custody"
    vault = Vault(custody / "crops", master_key(custody, {}), "crops")
    return {name: vault.get(name) or b"" for name in vault.names()}


def templates(site: Site) -> list[np.ndarray]:
    """The vectors of every template, opened with the gateway's own key."""
    custody = site.folder / "state" / "custody"
    kept = Templates(Vault(custody / "faces", master_key(custody, {}), "faces"))
    return [photo.vector for ref in kept.refs() if (one := kept.load(ref)) is not None for photo in one.photos]


def examined(site: Site, photo: bytes) -> Embedding:
    """The embedding that enrolling this photo makes: the same in every process, for it is computed exactly."""
    (face,) = enrol([Photo("canary.jpg", photo)], Examiner("standard", "", str(site.folder / "state" / "weights")), []).taken
    return face


def canaries(face: Embedding, *pictures: bytes) -> Mapping[str, bytes]:
    """Pieces of a face and of pictures in every form in which they might slip out, by a word for the form."""
    raw = face.vector.astype("<f4").tobytes()
    found = {"vector": raw[64:80], "vector, network order": face.vector.astype(">f4").tobytes()[64:80]}
    found |= {f"number {i}": json.dumps(float(face.vector[i])).encode() for i in (7, 70)}
    found |= {f"rounded {i}": f"{float(face.vector[i]):.6f}".encode() for i in (7, 70)}
    found |= {f"vector, base64 {shift}": _base64(raw, shift) for shift in range(3)}
    for number, picture in enumerate(pictures):
        found[f"picture {number}"] = picture[len(picture) // 2 :][:24]
        found |= {f"picture {number}, base64 {shift}": _base64(picture, shift) for shift in range(3)}
        found[f"picture {number}, hex"] = picture[len(picture) // 2 :][:12].hex().encode()
    return found


def _base64(content: bytes, shift: int) -> bytes:
    """A piece from the middle as base64 has it, for one of the three ways in which it may be aligned."""
    middle = len(content) // 2 // 3 * 3 + shift
    return base64.b64encode(content[middle : middle + 24])


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file under a folder with its content; what goes away meanwhile is no longer there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "weights" not in path.parts:
            yield str(path.relative_to(folder)), path.read_bytes()


def worker_of(daemon: int) -> int | None:
    """The vision worker among a daemon's children."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat[1]) == daemon and b"edge.vision.worker" in line and stat[0] != "Z":
                return int(entry.name)
    return None


def garbled(film: Path, to: Path) -> Path:
    """The film with bytes overwritten at random."""
    data = np.frombuffer(film.read_bytes(), np.uint8).copy()
    chance = np.random.default_rng(3)
    places = chance.integers(48, data.size, 3000)
    data[places] = chance.integers(0, 256, places.size)
    to.write_bytes(data.tobytes())
    return to


def resident_mb(pid: int) -> float:
    """What a process holds in memory now."""
    with Path(f"/proc/{pid}/status").open(encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def is_there(pid: int) -> bool:
    """Whether a process still is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
