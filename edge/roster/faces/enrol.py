"""From photos to a template: each photo examined, all of one person, nobody else's twin unnoticed. Refusals in words for the manager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

import edge
from edge.printable import printable
from edge.roster.faces.photos import Photo, Photos
from edge.roster.gallery import Enrolled, Gallery
from edge.roster.settings import Locale
from models.contract import Embedding
from models.spaces import CARDS

EXAMINE_S = 120.0  # five photos of 12 megapixels on a busy small computer take 20 s
_SPACES = {str(space): space for space in CARDS}

REFUSALS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "unreadable": ("照片损坏，读不出来：请重新导出为 JPG", "damaged, it cannot be read: save it anew as JPG"),
        "other_kind": (
            "不是 JPG、PNG 或 WebP：请另存为 JPG（iPhone：设置 → 相机 → 格式 → 兼容性最佳）",
            "not JPG, PNG or WebP: save it as JPG (iPhone: Settings, Camera, Formats, Most Compatible)",
        ),
        "empty": ("文件是空的：请重新复制", "the file is empty: copy it again"),
        "too_large": ("照片超过 16 MB，请缩小", "larger than 16 MB: make it smaller"),
        "too_many_pixels": (
            "像素太多（JPG 每边最多 8200，其他最多 1600 万像素）：请缩小",
            "too many pixels (JPG: 8,200 on a side; other kinds: 16 megapixels): make it smaller",
        ),
        "no_face": ("照片中没有找到人脸", "no face was found"),
        "several_faces": ("照片中有多张人脸，请只拍本人", "several faces: only this person may be in the picture"),
        "too_small": ("人脸太小，请靠近拍摄", "the face is too small: come closer"),
        "cut_off": ("人脸不完整，请把整张脸拍进去", "the face is cut off: show all of it"),
        "turned": ("脸没有正对镜头", "the face is turned away: look into the camera"),
        "tilted": ("头歪得太多，或照片方向不对", "the head is tilted too far, or the photo is not the right way up"),
        "unsure": (
            "人脸看不清：有遮挡、太歪或照片方向不对",
            "the face is not seen clearly: covered, tilted, or the photo is not the right way up",
        ),
        "too_dark": ("光线太暗", "too dark"),
        "too_bright": ("光线太亮", "too bright"),
        "flat": ("照片对比度太低", "too little contrast"),
        "blurred": ("照片模糊", "blurred"),
        "another_person": ("与其他几张照片不像同一个人", "does not look like the person in the other photos"),
        "examiner_failed": ("照片无法检查，请换一张", "could not be examined: use another picture"),
    }
)
"""Why a photo was refused, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class PhotoRefused:
    """One photo that was not taken, and why (a key of REFUSALS)."""

    photo: str
    why: str

    def sentence(self, locale: Locale) -> str:
        """For the manager."""
        return f"{printable(self.photo)}: {REFUSALS[self.why][locale == 'en']}"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What came of it: the embeddings taken, the photos refused, and tenants who look like this one (twins, or one person twice)."""

    taken: tuple[Embedding, ...] = field(default=(), repr=False)
    refused: tuple[PhotoRefused, ...] = ()
    twins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examiner:
    """Which engine looks at photos, and where its weights lie."""

    engine: str
    runtime: str
    weights: str
    others: tuple[str, ...] = ()


def enrol(photos: Sequence[Photo], examiner: Examiner, others: Sequence[Enrolled]) -> Enrolment:
    """Examine photos and put them together. Blocks for seconds: call it in a thread."""
    found = _examined(photos, examiner, embed=True)
    taken: list[tuple[str, Embedding]] = []
    refused: list[PhotoRefused] = []
    for photo, answer in zip(photos, found, strict=True):
        if isinstance(answer, str):
            refused.append(PhotoRefused(photo.name, answer))
        elif answer is not None:
            taken.append((photo.name, answer))
    taken, strangers = _one_person(taken)
    refused += [PhotoRefused(name, "another_person") for name in strangers]
    embeddings = tuple(embedding for _, embedding in taken)
    return Enrolment(embeddings, tuple(refused), _twins(embeddings, others))


def judge(photos: Sequence[Photo], examiner: Examiner) -> tuple[PhotoRefused, ...]:
    """Which photos would be refused, each by itself. No face becomes a vector. Blocks for seconds: call it in a thread."""
    found = _examined(photos, examiner, embed=False)
    return tuple(PhotoRefused(photo.name, answer) for photo, answer in zip(photos, found, strict=True) if isinstance(answer, str))


def files_of(folder: Path, tenant_id: str) -> list[str]:
    """The names in a tenant's folder that an enrolment takes or names as refused; `folder` is the roster's. Raises OSError."""
    return Photos(folder).laid(tenant_id)


def photos_of(folder: Path, tenant_id: str) -> list[Photo]:
    """What an enrolment of this tenant would look at. Raises OSError."""
    return Photos(folder).read(tenant_id)


def _one_person(taken: list[tuple[str, Embedding]]) -> tuple[list[tuple[str, Embedding]], list[str]]:
    """Keep the photos that look like the one most others look like; the rest show somebody else."""
    if len(taken) < 2:
        return taken, []
    same = CARDS[taken[0][1].space].verify_floor
    likeness = [[one.likeness(other) for _, other in taken] for _, one in taken]
    heart = max(range(len(taken)), key=lambda i: (sum(score >= same for score in likeness[i]), sum(likeness[i])))
    kept = [pair for i, pair in enumerate(taken) if likeness[heart][i] >= same]
    return kept, [name for i, (name, _) in enumerate(taken) if likeness[heart][i] < same]


def _twins(embeddings: tuple[Embedding, ...], others: Sequence[Enrolled]) -> tuple[str, ...]:
    if not embeddings or not others:
        return ()
    space = embeddings[0].space
    gallery = Gallery.of(space, [one for one in others if one.photos[0].space == space])
    near = [gallery.search(embedding) for embedding in embeddings]
    return tuple(sorted({match.ref for match in near if match.ref is not None and match.score >= CARDS[space].same}))


def _examined(photos: Sequence[Photo], examiner: Examiner, *, embed: bool) -> list[Embedding | str | None]:
    """For each photo its embedding, or why there is none; None for a good one where none is asked for."""
    readable = [photo for photo in photos if photo.content and not photo.why]
    if not readable:
        return [photo.why or "empty" for photo in photos]
    asked = {
        "engine": examiner.engine,
        "runtime": examiner.runtime,
        "weights": examiner.weights,
        "others": list(examiner.others),
        "embed": embed,
        "photos": [len(photo.content) for photo in readable],
    }
    answers = iter(_ask(json.dumps(asked).encode() + b"\n" + b"".join(photo.content for photo in readable), len(readable)))
    return [next(answers) if photo.content and not photo.why else photo.why or "empty" for photo in photos]


def _ask(request: bytes, photos: int) -> list[Embedding | str | None]:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(Path(edge.__file__).parents[1]), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "edge.roster.faces.examiner"]
    try:
        done = subprocess.run(command, input=request, capture_output=True, env=environment, timeout=EXAMINE_S, check=True)  # noqa: S603 (ourselves)
        return [_answer(said) for said in json.loads(done.stdout)]
    except (subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return ["examiner_failed"] * photos


def _answer(said: Mapping[str, object]) -> Embedding | str | None:
    """The examiner parsed a stranger's file: what it says is checked like anything from outside."""
    why = said.get("poor")
    if why is not None:
        return str(why) if why in REFUSALS else "examiner_failed"
    if said.get("good") is True:
        return None
    return Embedding.of(_SPACES[str(said["space"])], np.array(said["vector"], dtype=np.float32))
