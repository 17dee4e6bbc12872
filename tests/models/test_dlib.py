"""dlib's network without dlib's runtime, and what of its wheels is never touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from models import runtimes
from models.contract import Image, Layout, Options
from models.dlib_face import blob, network
from models.dlib_resnet import NotDlib, convert
from models.spaces import DLIB
from models.weights import Weights
from tests.models.conftest import Make

pytestmark = [pytest.mark.peer("opencv"), pytest.mark.peer("dlib")]
RUNTIMES = [pytest.param("openvino", marks=pytest.mark.peer("openvino")), "opencv"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_same_person_is_near_and_another_is_far(make_engine: Make, collins: Image, hopper: Image, runtime: str) -> None:
    """Through dlib's detector and points: one person within face_recognition's tolerance of herself, another beyond."""
    engine = make_engine("dlib", runtime)
    vectors = []
    for picture in (collins, np.ascontiguousarray(collins[:, ::-1]), hopper):
        face = engine.detector.detect(picture)[0]
        assert face.layout is Layout.EYE_CORNERS
        vectors.append(engine.embedder.embed(picture, face))
    assert vectors[0].space == DLIB
    assert vectors[0].likeness(vectors[1]) > 0.6
    assert vectors[0].likeness(vectors[2]) < 0.4


def test_face_of_another_detector_is_refused(make_engine: Make, collins: Image) -> None:
    """YuNet's points are not what dlib aligns by."""
    face = make_engine("standard", "opencv").detector.detect(collins)[0]
    with pytest.raises(ValueError, match="corners"):
        make_engine("dlib", "opencv").embedder.embed(collins, face)


@pytest.mark.peer("ANYU_FACES")
def test_a_hundred_faces_as_dlib_itself_has_them(weights: Weights, many: list[Path]) -> None:
    """The converted network against dlib's own on the same chips, on both runtimes: distance at most 1e-5."""
    import dlib

    theirs = dlib.face_recognition_model_v1(str(weights.find("dlib_resnet")))
    made = weights.made("dlib_resnet")
    runs = [network(made, "opencv", Options(exact=True))]
    if "openvino" in runtimes():
        runs.append(network(made, "openvino", Options(exact=True)))
    assert len(many) == 100
    for path in many:
        chip = np.ascontiguousarray(cv2.resize(np.asarray(cv2.imread(str(path)))[50:200, 50:200, ::-1], (150, 150)))
        expected = np.array(theirs.compute_face_descriptor(chip))
        for run in runs:
            assert np.linalg.norm(run(blob(chip)).reshape(-1) - expected) <= 1e-5


def test_made_file_is_sound_onnx(weights: Weights) -> None:
    """The file that our own writer makes passes the format's own checker."""
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(onnx.load(str(weights.made("dlib_resnet"))))


@pytest.mark.parametrize("data", [b"", b"\x01\x05con_4" * 3, bytes(range(256)) * 4])
def test_what_is_no_dlib_file_is_refused(data: bytes) -> None:
    """Garbage in, a typed error out."""
    with pytest.raises((NotDlib, IndexError)):
        convert(data)


def test_engine_touches_neither_face_recognition_nor_the_68_points(tmp_path: Path) -> None:
    """No import of the library or of the package that carries its weights, and no opening of the file that is not for commercial use."""
    asked = (
        "import sys\nfrom pathlib import Path\nopened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "import models, numpy\nfrom models.contract import Options\nfrom models.weights import Weights\n"
        f"engine = models.make('dlib', Weights(Path({str(tmp_path)!r})), Options(), 'opencv')\n"
        "engine.detector.detect(numpy.zeros((120, 160, 3), numpy.uint8))\n"
        "assert not [name for name in opened if '68' in Path(name).name and name.endswith('.dat')], opened\n"
        "assert not {'face_recognition', 'face_recognition_models'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)
