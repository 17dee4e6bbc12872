"""OpenVINO, imported so that it stays at home.

Importing `openvino` imports its converter (openvino.tools.ovc), which counts every import with openvino_telemetry and sends it to a
statistics server unless the user has opted out. Neither is needed to run a network. Both are barred before the first import; openvino takes
a missing converter for granted (its own import is inside try/except ImportError). That also saves 60 ms and 8 MB.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import Options

BARRED = ("openvino_telemetry", "openvino.tools.ovc")


def openvino() -> Any:  # noqa: ANN401  (the package has no complete types)
    """The package, with its converter and telemetry barred for the life of this process. Raises ImportError where it is not installed."""
    for name in BARRED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is the documented way to make an import fail
    import openvino as package

    return package


class Model:
    """A model read into memory once, to be compiled for as many shapes as are met: later, in a confined process, no file can be read."""

    def __init__(self, path: Path) -> None:
        self._core = openvino().Core()
        self._read = self._core.read_model(str(path))

    def compiled(self, options: Options, shape: tuple[int, ...] | None = None) -> Network:
        """The network for one shape of its input; None keeps the model's own."""
        model = self._read.clone()
        if shape is not None:
            model.reshape(list(shape))
        settings: dict[str, object] = {
            "INFERENCE_NUM_THREADS": options.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # A pinned thread would sit on the core that serves the doors.
            "ENABLE_CPU_PINNING": False,
        }
        if options.exact:
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        names = [next(iter(output.get_names())) for output in model.outputs]
        network = Network(self._core.compile_model(model, "CPU", settings), names)
        # The plugin packs weights at the first run, and lets go of the unpacked ones after it: not while somebody waits at the gate.
        network(np.zeros(tuple(model.inputs[0].shape), np.float32))
        give_back()
        return network


class Network:
    """A network with one input, compiled for the CPU."""

    def __init__(self, compiled: Any, names: list[str]) -> None:  # noqa: ANN401  (the package has no complete types)
        self._request = compiled.create_infer_request()
        self._names = names

    def __call__(self, blob: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name. They are views that the next call overwrites."""
        self._request.infer({0: blob}, share_inputs=True)
        return {name: self._request.get_output_tensor(i).data for i, name in enumerate(self._names)}


def give_back() -> None:
    """Return what reading and compiling left over to the system (50 MB of 250), where the C library knows how."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
