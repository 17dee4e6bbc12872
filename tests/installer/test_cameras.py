"""The doctor's look through cameras: real RTSP servers, and an ONVIF camera with a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from drivers.examine import Mark
from drivers.onvif.simulator import Behaviour, Simulator, Stream
from edge.installer import words
from edge.installer.cameras import look_at
from edge.installer.doctor import Row
from edge.vision.settings import CameraSettings
from tests.drivers.camera.conftest import RtspServer, free_port, rtsp_server

__all__ = ["rtsp_server"]

pytestmark = pytest.mark.peer("av", "rtsp", "onvif")
PASSWORD = "p@ss:w/rd"  # of a server that lives as long as the test


def camera(**given: object) -> CameraSettings:
    """Settings of one camera."""
    return CameraSettings.model_validate(given)


def found(rows: list[Row]) -> dict[str, Mark]:
    """The findings by code."""
    return {row.code: row.mark for row in rows}


def said(rows: list[Row]) -> str:
    """Everything that is told of them."""
    return " ".join(words.sentence("en", row.code, row.values) + words.todo("en", row.code, row.values) for row in rows)


def test_a_stream(rtsp_server: Callable[..., RtspServer]) -> None:
    """Codec and size, how soon the first keyframe comes and how many frames a second; the password is in nothing that is told."""
    server = rtsp_server("h265", (320, 240), 15, "gate", PASSWORD)
    rows = look_at("cam", camera(driver="rtsp", url=server.url, username="gate", password=PASSWORD))
    assert found(rows) == {"codec": Mark.GOOD, "first_keyframe": Mark.GOOD, "fps": Mark.GOOD}
    assert {"codec": "hevc", "size": "320x240"}.items() <= rows[0].values.items()
    assert PASSWORD not in said(rows)


def test_a_wrong_password(rtsp_server: Callable[..., RtspServer]) -> None:
    """The account is refused, with the warning that cameras lock accounts."""
    server = rtsp_server("h264", (320, 240), 15, "gate", PASSWORD)
    rows = look_at("cam", camera(driver="rtsp", url=server.url, username="gate", password="wrong"))
    assert found(rows) == {"auth_refused": Mark.BAD}
    assert "wrong" not in said(rows)


def test_nobody_there(rtsp_server: Callable[..., RtspServer]) -> None:
    """A camera that is off is unreachable, told in a moment; a path that is none is no stream."""
    assert found(look_at("cam", camera(driver="rtsp", url=f"rtsp://127.0.0.1:{free_port()}/live"))) == {"camera_unreachable": Mark.BAD}
    server = rtsp_server("h264", (320, 240), 15)
    assert found(look_at("cam", camera(driver="rtsp", url=server.url + "/none"))) == {"no_stream": Mark.BAD}


@pytest.mark.parametrize("url", ["rtsp://camera:99999/s", "rtsp://2001:db8::5/s", "rtsp://a..b/s"])
def test_an_address_that_is_none(url: str) -> None:
    """It is said of this camera, and the doctor goes on to the next."""
    assert found(look_at("cam", camera(driver="rtsp", url=url))) == {"camera_unreachable": Mark.BAD}


async def test_an_onvif_camera(rtsp_server: Callable[..., RtspServer]) -> None:
    """Who it is, its firmware, its clock two hours off, the stream that is taken, and the picture behind it."""
    server = await asyncio.to_thread(rtsp_server, "h264", (320, 240), 15)
    settings = camera(driver="onvif", host="127.0.0.1", username="gate", password=PASSWORD)
    far = Simulator(settings.options, behaviour=Behaviour(skew_s=-7200), streams=[Stream("sub", "H264", 640, 360, 15, server.url)])  # type: ignore[arg-type]
    await far.start()
    try:
        settings = camera(driver="onvif", host="127.0.0.1", port=far.port, username="gate", password=PASSWORD)
        rows = await asyncio.to_thread(look_at, "cam", settings)
        marks = found(rows)
        assert marks["clock"] is Mark.WARN
        assert {"identity", "firmware", "profile", "codec", "first_keyframe", "fps"} <= marks.keys()
        assert "SIM-0001" in said(rows)
        assert PASSWORD not in said(rows)
        beside = await asyncio.to_thread(lambda: look_at("cam", settings, stream=False))
        assert "codec" not in found(beside)
        wrong = camera(driver="onvif", host="127.0.0.1", port=far.port, username="gate", password="wrong")
        assert found(await asyncio.to_thread(look_at, "cam", wrong)) == {"auth_refused": Mark.BAD}
    finally:
        await far.stop()
