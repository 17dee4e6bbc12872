"""Two faces that come with packages, the evaluation faces, and weight files."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.contract import Engine, Image, Options
from models.weights import Weights

# Without OpenCV there is no recognition to test; what reads weights is tested all the same.
collect_ignore = [] if importlib.util.find_spec("cv2") else ["test_arithmetic.py", "test_dlib.py", "test_engines.py", "test_quality.py"]

Make = Callable[..., Engine]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Weight files of ANYU_MODELS or of installed packages; what is made from them lands in a folder of this run."""
    return Weights.of(tmp_path_factory.mktemp("state"), os.environ)


@pytest.fixture(scope="session")
def make_engine(weights: Weights) -> Make:
    """An engine by name and runtime, each made once."""
    import models

    made: dict[tuple[str, str, bool], Engine] = {}

    def make(name: str, runtime: str, *, exact: bool = True) -> Engine:
        key = name, runtime, exact
        if key not in made:
            engine = models.make(name, weights, Options(exact=exact), runtime)
            assert engine is not None
            made[key] = engine
        return made[key]

    return make


@pytest.fixture(scope="session")
def collins() -> Image:
    """Eileen Collins (NASA, public domain), as scikit-image brings her."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


@pytest.fixture(scope="session")
def hopper() -> Image:
    """Grace Hopper (US Navy, public domain), as matplotlib brings her."""
    import cv2

    cbook = pytest.importorskip("matplotlib.cbook")
    return np.asarray(cv2.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))), np.uint8)


@pytest.fixture(scope="session")
def many() -> list[Path]:
    """A hundred pictures of the evaluation set, one a person."""
    base = Path(os.environ.get("ANYU_FACES", "/nonexistent"))
    found = sorted({path.parent: path for path in base.glob("*/*/*.jpg")}.values())
    return found[:: max(1, len(found) // 100)][:100]
