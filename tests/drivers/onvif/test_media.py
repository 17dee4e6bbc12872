"""Which stream of a camera is taken, and what becomes of the address that the camera gives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from drivers.errors import Garbled, LineLost, Refused
from drivers.onvif import connect
from drivers.onvif.media import Profile, choose, profiles, snapshot_address, stream_address
from drivers.onvif.simulator import Stream
from tests.drivers.onvif.conftest import Start
from tests.drivers.onvif.rig import ACCOUNT

with contextlib.suppress(ModuleNotFoundError):  # without the `face` extra the peer marks skip what needs it
    from drivers.camera import onvif as camera_kind

pytestmark = pytest.mark.peer("onvif")


def profile(token: str, codec: str, width: int, height: int, fps: float = 25) -> Profile:
    """A profile named like its token in capitals."""
    return Profile(token, token.upper(), codec, width, height, fps)


MAIN, SUB, TINY = profile("main", "H265", 2560, 1440), profile("sub", "H264", 704, 576), profile("tiny", "H264", 352, 288)
MJPEG, SOUND = profile("mjpeg", "JPEG", 640, 360), profile("sound", "", 0, 0)


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        ([MAIN, SUB, TINY, MJPEG], "", SUB),
        ([MAIN, TINY], "", MAIN),
        ([TINY, MJPEG, SOUND], "", TINY),
        ([MAIN, profile("a", "H264", 640, 360, 25), profile("b", "H264", 640, 360, 12)], "", profile("b", "H264", 640, 360, 12)),
        ([MAIN, SUB, TINY], "tiny", TINY),
        ([MAIN, SUB, TINY], "MAIN", MAIN),
        ([MJPEG], "mjpeg", MJPEG),
    ],
)
def test_choice(offered: list[Profile], wanted: str, chosen: Profile) -> None:
    """The smallest H.264 or H.265 stream at least 640 across; else the largest below; or the one that was named, whatever it is."""
    assert choose(offered, wanted) == chosen


@pytest.mark.parametrize(("offered", "wanted"), [([], ""), ([MJPEG, SOUND], ""), ([MAIN], "other")])
def test_no_choice(offered: list[Profile], wanted: str) -> None:
    """A refusal says what there is."""
    with pytest.raises(Refused) as refused:
        choose(offered, wanted)
    assert all(one.name in str(refused.value) for one in offered)


async def test_addresses(start: Start) -> None:
    """Profiles, stream and snapshot of a camera, as it says them; the snapshot on its own host."""
    camera, options = await start()
    device = await connect(options)
    try:
        offered = await profiles(device)
        assert [(one.token, one.codec, one.width) for one in offered] == [
            ("main", "H264", 1920),
            ("sub", "H264", 640),
            ("thumb", "JPEG", 320),
        ]
        assert await stream_address(device, choose(offered)) == "rtsp://127.0.0.1:554/live"
        assert await snapshot_address(device, choose(offered)) == f"http://127.0.0.1:{camera.port}/snapshot/sub"
        with pytest.raises(Refused):
            await stream_address(device, profile("none", "H264", 1, 1))
    finally:
        await device.close()


@pytest.mark.peer("av")
@pytest.mark.parametrize(
    ("told", "url"),
    [
        (
            "rtsp://127.0.0.1:8554/Streaming/Channels/102?transportmode=unicast",
            "rtsp://127.0.0.1:8554/Streaming/Channels/102?transportmode=unicast",
        ),
        ("rtsp://10.99.99.99/live", "rtsp://127.0.0.1:554/live"),
        ("rtsp://admin:12345@127.0.0.1/live", "rtsp://127.0.0.1:554/live"),
        ("rtsp://camera.lan:10554/a b", "rtsp://127.0.0.1:10554/a b"),
    ],
)
async def test_resolved(start: Start, told: str, url: str) -> None:
    """The stream is on the host and with the account that the site gave, never where or as whom the camera says."""
    _, options = await start(streams=[Stream("sub", "H264", 640, 360, uri=told)])
    given = camera_kind.Options(host=options.host, port=options.port, **ACCOUNT)
    stream = await camera_kind.resolve(given)
    assert (stream.url, stream.username, stream.password.get_secret_value()) == (url, ACCOUNT["username"], ACCOUNT["password"])
    assert "p@ss" not in repr(stream)


@pytest.mark.peer("av")
@pytest.mark.parametrize("told", ["http://127.0.0.1/live", "rtsp://127.0.0.1:99999/live", "rtsp://[::1/live", "file:///etc/passwd", "live"])
async def test_no_stream(start: Start, told: str) -> None:
    """An address that is no RTSP is Garbled."""
    _, options = await start(streams=[Stream("sub", "H264", 640, 360, uri=told)])
    with pytest.raises(Garbled):
        await camera_kind.resolve(camera_kind.Options(host=options.host, port=options.port, **ACCOUNT))


@pytest.mark.peer("av")
async def test_another_camera(start: Start) -> None:
    """A camera with another serial number is not looked at; one that is away is LineLost."""
    camera, options = await start()
    given = camera_kind.Options(host=options.host, port=options.port, serial="SIM-0002", **ACCOUNT)
    with pytest.raises(Refused, match="another camera"):
        await camera_kind.resolve(given)
    await camera.stop()
    with pytest.raises(LineLost):
        await camera_kind.resolve(given)


@pytest.mark.peer("av")
@pytest.mark.peer("rtsp")
async def test_frames(start: Start, rtsp_server: Callable[..., Any]) -> None:
    """Outside the worker the camera resolves by itself: frames of a real RTSP server with a digest account arrive."""
    server = await asyncio.to_thread(rtsp_server, user=ACCOUNT["username"], password=ACCOUNT["password"])
    _, options = await start(streams=[Stream("sub", "H264", 640, 360, uri=f"rtsp://127.0.0.1:{server.port}/live")])
    camera = camera_kind.make(camera_kind.Options(host=options.host, port=options.port, **ACCOUNT))
    camera.start()
    try:
        frame = await asyncio.to_thread(camera.newest, 0, 20.0)
        assert frame is not None
        assert frame.picture.bgr().shape == (360, 640, 3)
    finally:
        await asyncio.to_thread(camera.stop)


@pytest.mark.peer("av")
async def test_a_camera_that_is_away() -> None:
    """A camera that cannot be resolved is down with a reason, and its thread goes on."""
    camera = camera_kind.make(camera_kind.Options(host="127.0.0.1", port=1, **ACCOUNT))
    camera.start()
    try:
        async with asyncio.timeout(20):
            while camera.state().why == "starting":  # noqa: ASYNC110 - a thread's state
                await asyncio.sleep(0.01)
        assert not camera.state().up
    finally:
        assert await asyncio.to_thread(camera.stop)
