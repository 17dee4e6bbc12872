"""Recognition: arrays in, arrays out.

The table of engines is here, one row an engine. Nothing heavy is imported before an engine is made.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.contract import Engine, Options
    from models.weights import Weights

RUNTIMES = ("openvino", "opencv")  # the faster first; both give the same vectors


@dataclass(frozen=True, slots=True)
class Row:
    """An engine: the modules it imports beyond numpy (with the extra that brings them), the weights it needs, and a line about it."""

    name: str
    needs: tuple[str, ...]
    extra: str
    weights: tuple[str, ...]
    what: str


ENGINES: Mapping[str, Row] = MappingProxyType(
    {
        row.name: row
        for row in (
            Row("standard", ("cv2",), "face", ("yunet_int8bq", "sface_int8bq"), "YuNet and SFace of OpenCV Zoo"),
            Row("dlib", ("cv2", "dlib"), "dlib", ("dlib_five_points", "dlib_resnet"), "the network of face_recognition, for comparison"),
            Row("none", (), "", (), "no recognition: cards, PINs and the guard"),
        )
    }
)


def runtimes() -> tuple[str, ...]:
    """The runtimes installed here, the faster first."""
    modules = {"openvino": "openvino", "opencv": "cv2"}
    return tuple(name for name in RUNTIMES if importlib.util.find_spec(modules[name]) is not None)


def missing(engine: str) -> tuple[str, ...]:
    """The modules that an engine needs and that are not installed here. Raises KeyError for an unknown engine."""
    return tuple(name for name in ENGINES[engine].needs if importlib.util.find_spec(name) is None)


def make(engine: str, weights: Weights, options: Options, runtime: str = "") -> Engine | None:
    """Make an engine; None for `none`. Without a runtime the fastest installed one is taken.

    Raises KeyError for an unknown engine or runtime, ImportError where a package is missing and WeightsMissing where a file is.
    """
    row = ENGINES[engine]
    if row.name == "none":
        return None
    chosen = runtime or next(iter(runtimes()), "opencv")
    if chosen not in RUNTIMES:
        raise KeyError(runtime)
    if row.name == "dlib":
        from models.dlib_face import make as make_dlib

        return make_dlib(weights, options, chosen)
    made: Engine = importlib.import_module(f"models.{chosen}_face").make(weights, options)
    return made


def prepare(engine: str, weights: Weights, runtime: str = "") -> None:
    """Make the files that an engine reads from others, so that a confined worker need not write. Raises WeightsMissing.

    Takes a second or so the first time, and a few milliseconds later.
    """
    from models.weights import manifest

    openvino = (runtime or next(iter(runtimes()), "opencv")) == "openvino"
    for name in ENGINES[engine].weights:
        if manifest()[name].made is not None and (openvino or engine == "dlib"):
            weights.made(name)
        else:
            weights.find(name)


def manifest_of(engine: str) -> tuple[str, ...]:
    """The sha256 of every file that an engine reads: what its embeddings depend on. Raises KeyError."""
    from models.weights import manifest

    return tuple(manifest()[name].sha256 for name in ENGINES[engine].weights)
