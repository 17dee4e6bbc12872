"""The clip camera: a recording at its own speed, and garbage that is survived."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest

from drivers.camera import make, options
from drivers.camera.contract import Camera

pytestmark = pytest.mark.peer("av")


def record(path: Path, frames: int = 50) -> None:
    """Write a clip of two seconds whose brightness rises frame by frame."""
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for i in range(frames):
            image = np.full((192, 320, 3), 40 + i * 3, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def clip(path: Path) -> Camera:
    """A started clip camera."""
    camera = make("clip", options("clip").model_validate({"path": str(path)}))
    camera.start()
    return camera


def test_plays_at_its_own_speed_and_again(tmp_path: Path) -> None:
    """Two seconds of film last two seconds, and then it begins again."""
    record(tmp_path / "walk.mp4")
    camera = clip(tmp_path / "walk.mp4")
    first = camera.newest(0, 10)
    assert first is not None
    began, number, brightness = time.monotonic(), first.number, []
    while time.monotonic() - began < 3.5:
        frame = camera.newest(number, 10)
        assert frame is not None
        number = frame.number
        brightness.append(int(frame.picture.luma(32, 18).mean()))
    assert 50 < number < 120
    assert any(later < earlier - 50 for earlier, later in itertools.pairwise(brightness))
    assert camera.stop()


@pytest.mark.parametrize("seed", range(8))
def test_garbage_in_the_stream_is_survived(tmp_path: Path, seed: int) -> None:
    """A clip with bytes overwritten at random decodes what it can; no thread dies and stopping still works."""
    chance = random.Random(seed)
    record(tmp_path / "walk.mp4", 30)
    data = bytearray((tmp_path / "walk.mp4").read_bytes())
    for _ in range(40 if seed else 400):
        data[chance.randrange(64, len(data))] = chance.randrange(256)
    (tmp_path / "bad.mp4").write_bytes(data)
    camera = clip(tmp_path / "bad.mp4")
    camera.newest(0, 0.5)
    time.sleep(0.5)
    assert all(thread.is_alive() for thread in camera._threads)  # type: ignore[attr-defined]
    assert camera.stop()


def test_missing_file_is_said(tmp_path: Path) -> None:
    """A file that is not there is a camera that is down, with the reason."""
    camera = clip(tmp_path / "absent.mp4")
    assert camera.newest(0, 1.0) is None
    assert camera.state().why == "no such file or device"
    assert camera.stop()
