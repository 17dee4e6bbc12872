"""Our client against ipycam, a virtual camera that others wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.peer("onvif"), pytest.mark.peer("av"), pytest.mark.peer("ipycam")]

SLACK_S = 20.0  # a clock with whole seconds, read on a machine that pauses
PATIENCE_S = 120.0  # three cameras import OpenCV


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """What the walk in a network of its own found."""
    walk = ["unshare", "-rn", sys.executable, "-W", "error", "-m", "tests.drivers.onvif.ipycam_walk"]
    done = subprocess.run(walk, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_found(facts: dict[str, Any]) -> None:
    """Our probe finds it, once, by the address it answers from; of its name what stands before the blank that it does not escape."""
    assert facts["found"] == [["127.0.0.1", 8080, "Virtual"]]


@pytest.mark.parametrize(("port", "skew"), [("8080", 0), ("8090", 7200), ("8091", -86_400)])
def test_asked(facts: dict[str, Any], port: str, skew: int) -> None:
    """It signs in to each, though each wants even its clock signed for and two are hours off; the sub-stream is chosen."""
    told = facts[port]
    assert abs(told["skew"] - skew) < SLACK_S
    assert told["source"] == "device"
    assert told["serial"] == "PY-000001"
    assert told["chosen"] == ["H264", 640, 360]
    assert told["snapshot"] == f"http://127.0.0.1:{port}/snapshot.jpg"


def test_what_it_cannot(facts: dict[str, Any]) -> None:
    """Relays and events it does not have, a wrong password and a camera that is gone are errors with their names."""
    assert [facts["8080"][what] for what in ("relays", "events")] == ["Refused", "Refused"]
    assert (facts["wrong password"], facts["gone"]) == ("NotAllowed", "LineLost")


def test_resolved(facts: dict[str, Any]) -> None:
    """The camera driver gets an RTSP address without credentials in it, and the account beside it."""
    assert facts["stream"] == ["rtsp://127.0.0.1:8554/video_sub", "gate"]
