"""The RTSP camera against GStreamer's server: codecs, digest, death, freezing and slow consumers."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera import make, options
from drivers.camera.contract import Camera, Frame
from drivers.camera.rtsp import Options, split_credentials

from .conftest import RtspServer
from .lossy import Lossy

Server = Callable[..., RtspServer]
HARD_PASSWORD = "p@ss:w/rd"  # the one that breaks URLs glued together by hand
PATIENCE_S = 30.0


@contextmanager
def watching(**chosen: object) -> Iterator[Camera]:
    """A started RTSP camera, stopped at the end."""
    camera = make("rtsp", options("rtsp").model_validate(chosen))
    camera.start()
    try:
        yield camera
    finally:
        assert camera.stop(15.0)


def wait_frame(camera: Camera, after: int = 0) -> Frame:
    """The next frame, patiently."""
    frame = camera.newest(after, PATIENCE_S)
    assert frame is not None, camera.state()
    return frame


def wait_until(told: Callable[[], bool]) -> None:
    """Wait for a state that a thread will reach."""
    deadline = time.monotonic() + PATIENCE_S
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.peer("rtsp", "av")
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_frames_arrive_as_arrays(rtsp_server: Server, codec: str) -> None:
    """Both codecs decode to BGR of the stream's size, and to brightness of the size asked for."""
    server = rtsp_server(codec)
    with watching(url=server.url) as camera:
        frame = wait_frame(camera)
        assert frame.picture.bgr().shape == (360, 640, 3)
        assert frame.picture.luma(320, 180).shape == (180, 320)
        assert frame.picture.bgr().max() > 200  # the ball is white


@pytest.mark.peer("rtsp", "av")
def test_digest_with_a_hard_password(rtsp_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A password with @ : and / authenticates by digest, pasted or given apart, and appears in no log line."""
    caplog.set_level(logging.DEBUG)
    server = rtsp_server(user="admin", password=HARD_PASSWORD)
    with watching(url=server.url, username="admin", password=HARD_PASSWORD) as camera:
        wait_frame(camera)
    pasted = server.url.replace("rtsp://", f"rtsp://admin:{HARD_PASSWORD}@")
    with watching(url=pasted) as camera:
        wait_frame(camera)
    with watching(url=server.url, username="admin", password="wrong") as camera:
        wait_until(lambda: camera.state().why == "wrong user or password")
    said = caplog.text + repr(options("rtsp").model_validate({"url": pasted}))
    assert HARD_PASSWORD not in said
    assert "p%40ss" not in said


@pytest.mark.peer("rtsp", "av")
def test_killed_server_comes_back(rtsp_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A killed server is noticed, said once, and the camera returns by itself when the server does."""
    caplog.set_level(logging.INFO)
    server = rtsp_server()
    with watching(url=server.url) as camera:
        wait_frame(camera)
        server.kill()
        wait_until(lambda: not camera.state().up)
        time.sleep(2)  # several attempts
        server.start()
        wait_until(lambda: camera.state().up)
        wait_frame(camera, camera.state().frames)
    words = [record.getMessage() for record in caplog.records if record.name.startswith("drivers.camera")]
    assert [word.split()[2] for word in words] == ["up", "down:", "up"]


@pytest.mark.peer("rtsp", "av")
def test_frozen_server_shows_by_packet_age(rtsp_server: Server) -> None:
    """A frozen server shows at once by the packet's age, the read ends by its own time-out, and thawing brings frames back."""
    server = rtsp_server()
    with watching(url=server.url) as camera:
        wait_frame(camera)
        server.signal(signal.SIGSTOP)
        wait_until(lambda: (camera.state().packet_age_s or 0) > 2)
        wait_until(lambda: not camera.state().up)
        server.signal(signal.SIGCONT)
        wait_until(lambda: camera.state().up)
        wait_frame(camera, camera.state().frames)


@pytest.mark.peer("rtsp", "av")
def test_slow_consumer_sees_the_present(rtsp_server: Server) -> None:
    """A consumer that looks once a second gets a frame that is fresh, not one from a queue."""
    server = rtsp_server()
    with watching(url=server.url) as camera:
        number = wait_frame(camera).number
        for _ in range(4):
            time.sleep(1)
            frame = wait_frame(camera, number)
            assert time.monotonic() - frame.at < 1.0
            assert frame.number - number > 5
            number = frame.number


@pytest.mark.peer("rtsp", "av")
def test_idle_decodes_keyframes_only_and_wakes_at_once(rtsp_server: Server) -> None:
    """Idle shows about one frame a keyframe interval; waking catches up without waiting for the next keyframe."""
    server = rtsp_server(gop=25)
    with watching(url=server.url) as camera:
        wait_frame(camera)
        camera.idle(True)
        before = camera.state().frames
        time.sleep(5)
        assert camera.state().frames - before <= 8
        camera.idle(False)
        after = camera.state().frames
        time.sleep(1)
        assert camera.state().frames - after > 10


def test_keyframes_far_apart_blind_nobody(rtsp_server: Server) -> None:
    """With ten seconds between keyframes the first one shows at once, and an idle camera still shows who comes."""
    server = rtsp_server(gop=250)
    with watching(url=server.url) as camera:
        frame = camera.newest(0, 5.0)
        assert frame is not None
        time.sleep(2)
        camera.idle(True)
        for _ in range(3):
            frame = camera.newest(frame.number, 4.0)
            assert frame is not None
            time.sleep(1.5)


@pytest.mark.peer("rtsp", "av")
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_smeared_pictures_are_not_given_out(rtsp_server: Server, codec: str) -> None:
    """A camera that leaves packets out smears the ball until the next keyframe: nobody is shown that, and whole pictures still come."""
    lossy = Lossy(rtsp_server(codec, size=(1280, 720)).port)
    with watching(url=f"rtsp://127.0.0.1:{lossy.port}/live") as camera:
        number = 0

        def bright(count: int) -> list[int]:
            """How many points of each picture are bright: as many as the ball has."""
            nonlocal number
            found = []
            for _ in range(count):
                frame = wait_frame(camera, number)
                number = frame.number
                found.append(int((frame.picture.luma(1280, 720) > 128).sum()))
            return found

        ball = max(bright(30))
        lossy.share = 0.05
        assert max(bright(60)) < 1.05 * ball
        assert lossy.lost
        assert camera.state().dropped
    lossy.close()


@pytest.mark.peer("rtsp", "av")
def test_a_camera_that_counts_otherwise_is_seen(rtsp_server: Server) -> None:
    """Packet numbers that never follow each other tell of nothing missing."""
    lossy = Lossy(rtsp_server(size=(1280, 720)).port)
    lossy.counts_by = 3
    with watching(url=f"rtsp://127.0.0.1:{lossy.port}/live") as camera:
        number = 0
        for _ in range(60):
            number = wait_frame(camera, number).number
    lossy.close()


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("rtsp://cam/live", ("rtsp://cam/live", "", "")),
        ("rtsp://cam:554/a@b", ("rtsp://cam:554/a@b", "", "")),
        ("rtsp://u:p@cam/a@b", ("rtsp://cam/a@b", "u", "p")),
        ("rtsp://u:p%40ss@cam:554/live", ("rtsp://cam:554/live", "u", "p@ss")),
        ("rtsp://u:p@ss:w/rd@cam:554/live", ("rtsp://cam:554/live", "u", "p@ss:w/rd")),
        ("rtsp://u:p@[::1]:554/live", ("rtsp://[::1]:554/live", "u", "p")),
    ],
)
def test_credentials_are_taken_out_of_a_url(url: str, parts: tuple[str, str, str]) -> None:
    """What people paste is taken apart as they meant it."""
    assert split_credentials(url) == parts


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])),
)
def test_credentials_survive_the_round_trip(username: str, password: str) -> None:
    """Whatever the user and password, encoding them into a URL and taking it apart gives them back."""
    pasted = f"rtsp://{quote(username, safe='')}:{quote(password, safe='')}@cam:554/live"
    assert split_credentials(pasted) == ("rtsp://cam:554/live", username, password)


@pytest.mark.parametrize("url", ["http://cam/live", "rtsp:///live", "cam/live", ""])
def test_other_urls_are_refused(url: str) -> None:
    """Only an rtsp URL with a host is a camera."""
    with pytest.raises(ValueError, match="rtsp"):
        Options(url=url)


@pytest.mark.parametrize(
    ("url", "number", "there"),
    [
        ("rtsp://Cam-North.lan:8554/s", "10.1.3.20", "rtsp://10.1.3.20:8554/s"),
        ("rtsp://cam/s?a=b", "2001:db8::5", "rtsp://[2001:db8::5]/s?a=b"),
        ("rtsp://s/rtsp", "10.0.0.1", "rtsp://10.0.0.1/rtsp"),
        ("rtsps://u:p%40ss@cam:322/live", "fe80::1", "rtsps://[fe80::1]:322/live"),
    ],
)
def test_a_camera_at_another_address_is_the_same_camera(url: str, number: str, there: str) -> None:
    """Whatever its name looks like; the name stays for its certificate, user and password stay theirs."""
    options = Options(url=url)
    moved = options.at(number)
    assert (moved.url, moved.tls_name, moved.username) == (there, options.address()[0], options.username)
    assert moved.address()[0] == number
